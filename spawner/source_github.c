/* source_github.c - issues and pull requests of GitHub repositories (when.githubIssues).
 *
 * Spawns on one repository with the same state share one listing: the server filters what
 * all of them want alike, the rest is filtered here. Where that common listing would be
 * longer than LIMIT_SOURCE_PAGES, each filter gets a listing of its own. */
#include "spawner/source_github.h"

#include <ctype.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/ghcomments.h"
#include "spawner/ghfilter.h"
#include "spawner/ghlisting.h"

struct repo_poll {
    struct group *group;
    struct ghlisting *listing;
    struct ghcomments *comments;
    struct ghquery query;  /* what the server filters */
    json_t *candidates;    /* issues that some member matches before comments; owned */
    const char **commands; /* of all members, NULL-terminated; owned */
    bool merged;           /* members differ in their filters */
};

/* ---- spawns and groups ---- */

static void *
gh_read(const struct spawn *s, const json_t *when, struct err *e)
{
    if (*s->owner == '\0' || *s->repo == '\0') {
        err_set(e, ERR_INVALID,
                "githubIssues: the repository's owner and name are not known");
        return NULL;
    }
    return ghfilter_read(when, e);
}

static void
gh_spec_free(void *spec)
{
    ghfilter_free(spec);
}

static void
add_lower(struct buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        buf_add_char(out, (char)tolower((unsigned char)*p));
}

static bool
is_wide(const struct source *src, const char *key)
{
    for (size_t i = 0; i < src->n_wide; i++)
        if (strcmp(src->wide[i], key) == 0)
            return true;
    return false;
}

static int
gh_group_key(const struct source *src, const struct spawn *s, struct buf *out)
{
    const struct ghfilter *f = s->spec;
    const struct ghquery all = {true, true, true};

    add_lower(out, s->owner);
    buf_add_char(out, '/');
    add_lower(out, s->repo);
    buf_printf(out, " %s", f->state);
    if (is_wide(src, buf_str(out))) {
        buf_add_char(out, ' ');
        ghfilter_query(f, all, out);
    }
    return out->failed ? -1 : 0;
}

static bool
same_texts(const struct texts *a, const struct texts *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

/* What all members want alike is left to the server. */
static void
choose_query(struct repo_poll *p)
{
    const struct ghfilter *first = p->group->members[0]->spec;

    p->merged = false;
    if (p->group->source->explain != NULL) { /* what a rule excludes is wanted, too */
        p->query = (struct ghquery){false, false, false};
        return;
    }
    p->query = (struct ghquery){true, true, true};
    for (size_t i = 1; i < p->group->n; i++) {
        const struct ghfilter *f = p->group->members[i]->spec;

        p->query.labels &= same_texts(&first->labels, &f->labels);
        p->query.assignee &= strcmp(first->assignee, f->assignee) == 0;
        p->query.author &= strcmp(first->author, f->author) == 0;
    }
    p->merged = !p->query.labels || !p->query.assignee || !p->query.author;
}

static int
collect_commands(struct repo_poll *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->group->n; i++)
        n +=
            1 + ((const struct ghfilter *)p->group->members[i]->spec)->exclude_comments.n;
    free(p->commands);
    if ((p->commands = calloc(n + 1, sizeof(*p->commands))) == NULL)
        return -1;
    n = 0;
    for (size_t i = 0; i < p->group->n; i++) {
        const struct ghfilter *f = p->group->members[i]->spec;

        if (*f->trigger != '\0')
            p->commands[n++] = f->trigger;
        for (size_t k = 0; k < f->exclude_comments.n; k++)
            p->commands[n++] = f->exclude_comments.items[k];
    }
    return 0;
}

static void
gh_forget(struct group *g)
{
    struct repo_poll *p = g->state;

    if (p == NULL)
        return;
    ghlisting_free(p->listing);
    ghcomments_free(p->comments);
    json_decref(p->candidates);
    free(p->commands);
    free(p);
    g->state = NULL;
}

static void
gh_changed(struct group *g)
{
    struct repo_poll *p = g->state;

    /* Old comments were cut down to the commands of the old members. */
    if (p != NULL)
        ghcomments_forget(p->comments);
}

static struct repo_poll *
state_of(struct group *g)
{
    struct repo_poll *p = g->state;

    if (p == NULL && (p = calloc(1, sizeof(*p))) != NULL) {
        p->group = g;
        p->listing = ghlisting_new(g);
        p->comments = ghcomments_new(g);
        g->state = p;
        if (p->listing == NULL || p->comments == NULL)
            gh_forget(g);
    }
    return g->state;
}

/* ---- the result ---- */

static void
add_item(struct items *set, const struct ghfilter *f, const json_t *issue,
         const json_t *comments)
{
    SCOPED(buf) struct buf joined = BUF_INIT;
    const char *labels[256];
    char id[24];
    struct msg_item item = {.number = json_int_or(issue, "number", 0)};
    size_t i;
    json_t *v;

    snprintf(id, sizeof(id), "%lld", (long long)item.number);
    comments_join(comments, &joined);
    item.id = id;
    item.title = json_str_or(issue, "title", "");
    item.body = json_str_or(issue, "body", "");
    item.url = json_str_or(issue, "url", "");
    item.author = json_str_or(issue, "user", "");
    item.kind = json_bool_or(issue, "pull", false) ? "PR" : "Issue";
    item.comments = buf_str(&joined);
    item.trigger_time = ghfilter_trigger_time(f, comments);
    json_array_foreach(json_object_get(issue, "labels"), i, v) if (i < ARRAY_LEN(labels))
        labels[item.labels.count++] = json_string_value(v);
    item.labels.items = labels;
    (void)items_add(set, &item);
}

static void
explain(const struct repo_poll *p, const json_t *issue, const struct buf *why)
{
    json_t *out = p->group->source->explain->excluded;

    json_array_append_new(out,
                          json_pack("{s:O, s:O, s:O, s:s, s:s}", "number",
                                    json_object_get(issue, "number"), "title",
                                    json_object_get(issue, "title"), "url",
                                    json_object_get(issue, "url"), "kind",
                                    json_bool_or(issue, "pull", false) ? "PR" : "Issue",
                                    "rule", buf_str(why)));
}

/* Whether a rule excludes it; a simulation notes which. */
static bool
excludes(const struct repo_poll *p, const struct ghfilter *f, const json_t *issue)
{
    SCOPED(buf) struct buf why = BUF_INIT;
    bool noted = p->group->source->explain != NULL;
    bool out = ghfilter_excludes(f, issue, p->query, noted ? &why : NULL);

    if (out && noted)
        explain(p, issue, &why);
    return out;
}

static bool
comments_exclude(const struct repo_poll *p, const struct ghfilter *f, const json_t *issue,
                 const json_t *comments)
{
    SCOPED(buf) struct buf why = BUF_INIT;
    bool noted = p->group->source->explain != NULL;
    bool out = ghfilter_comments_exclude(f, comments, noted ? &why : NULL);

    if (out && noted)
        explain(p, issue, &why);
    return out;
}

/* Filters for one spawn. Returns how many items lack their comments. */
static size_t
fill_set(const struct repo_poll *p, const struct ghfilter *f, struct items *set)
{
    size_t i, missing = 0;
    json_t *issue;

    json_array_foreach(p->candidates, i, issue)
    {
        const json_t *comments;

        if (ghfilter_excludes(f, issue, p->query, NULL))
            continue;
        if ((comments = ghcomments_of(p->comments, issue)) == NULL) {
            missing++;
            continue;
        }
        if (!comments_exclude(p, f, issue, comments))
            add_item(set, f, issue, comments);
    }
    return missing;
}

static void
describe(const struct repo_poll *p, const struct items *set, size_t missing,
         const struct failure *f, struct buf *out)
{
    if (ghlisting_truncated(p->listing))
        buf_printf(
            out,
            "more than %d issues match (SOURCE_PAGES); the rest is not looked at: narrow "
            "the labels. ",
            LIMIT_SOURCE_PAGES * 100);
    if (set->left_out > 0)
        buf_printf(out, "%zu items do not fit (SOURCE_SET_BYTES, SOURCE_SET_ITEMS). ",
                   set->left_out);
    if (missing > 0 && f != NULL)
        buf_printf(out, "%zu items are left out for now: %s", missing, f->message);
}

/* Hands one spawn its set; or its failure, when nothing could be looked at. */
static void
give(struct repo_poll *p, struct spawn *s, const char *pages, const struct failure *f)
{
    SCOPED(items) struct items *set = items_new();
    SCOPED(buf) struct buf warning = BUF_INIT;
    SCOPED(buf) struct buf cache = BUF_INIT;
    size_t missing = set != NULL ? fill_set(p, s->spec, set) : 0;

    if (set == NULL)
        return;
    if (missing > 0 && set->n == 0 && f != NULL) {
        source_failed(s, f);
        return;
    }
    describe(p, set, missing, f, &warning);
    if (*pages != '\0' && missing == 0)
        buf_printf(&cache, "%.16s%s", s->when_digest, pages);
    source_items(s, &set, buf_str(&cache), 0, buf_str(&warning));
}

/* Listings and comments are kept for the next poll as long as there is room for them. */
static void
keep_or_drop(struct repo_poll *p)
{
    ghcomments_keep_only(p->comments, p->candidates);
    if (ghlisting_bytes(p->listing) + ghcomments_bytes(p->comments) >
        LIMIT_SOURCE_KEEP_BYTES) {
        ghlisting_drop_issues(p->listing);
        ghcomments_forget(p->comments);
    }
}

static void
note_wide(struct repo_poll *p)
{
    struct source *src = p->group->source;

    if (p->merged && ghlisting_truncated(p->listing) && src->n_wide < SOURCE_WIDE_MAX &&
        !is_wide(src, p->group->key))
        src->wide[src->n_wide++] = strdup(p->group->key);
}

static void
on_comments(void *arg, const struct failure *f, size_t failed, bool fatal)
{
    struct repo_poll *p = arg;
    struct group *g = p->group;
    SCOPED(buf) struct buf pages = BUF_INIT;

    (void)failed;
    if (fatal) {
        ghlisting_forget(p->listing);
        source_done(g, f, 0);
        return;
    }
    ghlisting_cache(p->listing, &pages);
    for (size_t i = 0; i < g->n; i++)
        give(p, g->members[i], buf_str(&pages), f);
    note_wide(p);
    keep_or_drop(p);
    /* What could not be read is asked for again: no 304 may hide it. */
    if (f != NULL)
        ghlisting_forget(p->listing);
    source_done(g, NULL, 0);
}

/* ---- the poll ---- */

static void
repo_url(const struct group *g, struct buf *out)
{
    buf_printf(out, "%s/repos/", g->source->base);
    http_escape(out, g->members[0]->owner);
    buf_add_char(out, '/');
    http_escape(out, g->members[0]->repo);
}

/* The issues that some member wants, as far as can be told without comments. */
static void
choose_candidates(struct repo_poll *p, const json_t *issues)
{
    size_t i;
    json_t *issue;

    json_decref(p->candidates);
    p->candidates = json_array();
    json_array_foreach((json_t *)issues, i, issue)
    {
        size_t k = 0;

        while (k < p->group->n && excludes(p, p->group->members[k]->spec, issue))
            k++;
        if (k < p->group->n)
            json_array_append(p->candidates, issue);
    }
}

static void
on_listing(void *arg, enum ghlisting_end end, const struct failure *f)
{
    struct repo_poll *p = arg;
    struct group *g = p->group;
    SCOPED(buf) struct buf url = BUF_INIT;

    if (end == LISTING_FAILED) {
        source_done(g, f, 0);
        return;
    }
    if (end == LISTING_SAME) {
        for (size_t i = 0; i < g->n; i++)
            source_unchanged(g->members[i]);
        source_done(g, NULL, 0);
        return;
    }
    if (g->source->explain != NULL)
        g->source->explain->truncated = ghlisting_truncated(p->listing);
    choose_candidates(p, ghlisting_issues(p->listing));
    repo_url(g, &url);
    ghcomments_get(p->comments, buf_str(&url), p->candidates, p->commands, on_comments,
                   p);
}

/* The cache text that all members brought along; NULL when they differ or one has none. */
static const char *
common_cache(const struct group *g)
{
    const char *pages = NULL;

    for (size_t i = 0; i < g->n; i++) {
        const struct spawn *s = g->members[i];

        if (strncmp(s->cache, s->when_digest, 16) != 0)
            return NULL;
        if (pages != NULL && strcmp(pages, s->cache + 16) != 0)
            return NULL;
        pages = s->cache + 16;
    }
    return pages;
}

static void
gh_poll(struct group *g)
{
    struct repo_poll *p = state_of(g);
    SCOPED(buf) struct buf url = BUF_INIT;
    struct failure f = {0};
    const char *pages;
    bool whole = false;

    if (p == NULL || collect_commands(p) < 0) {
        failure_set(&f, "Unavailable", "out of memory");
        source_done(g, &f, 0);
        return;
    }
    choose_query(p);
    repo_url(g, &url);
    buf_add_str(&url, "/issues?");
    ghfilter_query(g->members[0]->spec, p->query, &url);
    /* A spawn whose set the shard does not hold needs the issues themselves. */
    for (size_t i = 0; i < g->n; i++)
        whole |= g->members[i]->force || g->members[i]->digest[0] == '\0';
    if (!ghlisting_known(p->listing) && (pages = common_cache(g)) != NULL)
        (void)ghlisting_restore(p->listing, buf_str(&url), pages);
    ghlisting_read(p->listing, buf_str(&url), whole, on_listing, p);
}

const struct source_type source_github = {
    .name = "github",
    .who = "GitHub",
    .default_base = "https://api.github.com",
    .read = gh_read,
    .spec_free = gh_spec_free,
    .group_key = gh_group_key,
    .poll = gh_poll,
    .forget = gh_forget,
    .changed = gh_changed,
};
