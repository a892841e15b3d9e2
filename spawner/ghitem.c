#include "spawner/ghitem.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"

static enum gh_verdict
by_policy(const struct ghfilter *f, struct gh_found *found, ghpolicy_may_fn *may,
          void *arg, struct buf *why)
{
    SCOPED(json) json_t *said = ghreview_said(&found->parts);

    return ghpolicy_judge(&f->policy, found->issue, said, may, arg, &found->trigger_ms,
                          why);
}

/* A review asks for the item as much as a comment does, when reviews are what counts. */
static void
add_review_time(const struct ghfilter *f, struct gh_found *found)
{
    int64_t at_ms = 0;

    if (!f->pull_source || strcmp(f->review_state, "any") == 0)
        return;
    (void)ghreview_state(found->parts.lists[PART_REVIEWS],
                         json_str_or(found->issue, "sha", ""), &at_ms);
    if (at_ms > found->trigger_ms)
        found->trigger_ms = at_ms;
}

enum gh_verdict
ghitem_judge(const struct ghfilter *f, struct gh_found *found, ghpolicy_may_fn *may,
             void *arg, struct buf *why)
{
    const json_t *comments = found->parts.lists[PART_COMMENTS];
    enum gh_part part = N_PARTS;
    enum gh_verdict v;

    found->trigger_ms = 0;
    found->cut = false;
    switch (ghreview_wanted(f, found->issue, &found->parts, &part, why)) {
    case GH_LACKS:
        return GH_UNKNOWN;
    case GH_UNWANTED:
        found->cut = part == PART_FILES && found->parts.files_cut;
        return GH_EXCLUDED;
    case GH_WANTED:
        break;
    }
    if (f->policy.given) {
        v = by_policy(f, found, may, arg, why);
    } else {
        v = ghfilter_comments_exclude(f, comments, why) ? GH_EXCLUDED : GH_PASSES;
        found->trigger_ms = ghfilter_trigger_time(f, comments);
    }
    if (v == GH_PASSES)
        add_review_time(f, found);
    return v;
}

void
ghitem_add(struct items *set, const struct ghfilter *f, const struct gh_found *found)
{
    SCOPED(buf) struct buf comments = BUF_INIT;
    SCOPED(buf) struct buf reviewed = BUF_INIT;
    const json_t *issue = found->issue;
    const char *labels[256], *sha = json_str_or(issue, "sha", "");
    char id[24];
    struct msg_item item = {.number = json_int_or(issue, "number", 0)};
    int64_t at_ms;
    size_t i;
    json_t *v;

    snprintf(id, sizeof(id), "%lld", (long long)item.number);
    comments_join(found->parts.lists[PART_COMMENTS], &comments);
    item.id = id;
    item.title = json_str_or(issue, "title", "");
    item.body = json_str_or(issue, "body", "");
    item.url = json_str_or(issue, "url", "");
    item.author = json_str_or(issue, "user", "");
    item.kind = json_bool_or(issue, "pull", false) ? "PR" : "Issue";
    item.comments = buf_str(&comments);
    item.trigger_time = found->trigger_ms;
    json_array_foreach(json_object_get(issue, "labels"), i, v) if (i < ARRAY_LEN(labels))
        labels[item.labels.count++] = json_string_value(v);
    item.labels.items = labels;
    if (f->pull_source) {
        ghreview_join(found->parts.lists[PART_LINE_COMMENTS], sha, &reviewed);
        item.branch = json_str_or(issue, "branch", "");
        item.sha = sha;
        item.review_state = ghreview_state(found->parts.lists[PART_REVIEWS], sha, &at_ms);
        item.review_comments = buf_str(&reviewed);
    }
    (void)items_add(set, &item);
}
