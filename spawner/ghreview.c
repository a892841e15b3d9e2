#include "spawner/ghreview.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/limits.h"
#include "common/macros.h"
#include "common/scoped.h"

#define SEPARATOR "\n---\n"

static bool
is_verdict(const json_t *review, const char *sha)
{
    const char *state = json_str_or(review, "state", "");

    return strcmp(json_str_or(review, "sha", ""), sha) == 0 &&
           (strcasecmp(state, "APPROVED") == 0 ||
            strcasecmp(state, "CHANGES_REQUESTED") == 0);
}

static int64_t
time_of(const json_t *review)
{
    int64_t ms = 0;

    (void)rfc3339_parse(json_str_or(review, "created_at", ""), &ms);
    return ms;
}

/* One review that counts. */
struct verdict {
    const char *user;
    int64_t ms;
    size_t index;
    bool changes;
};

/* Each reviewer's reviews stand together, the latest at their end. */
static int
verdict_compare(const void *a, const void *b)
{
    const struct verdict *x = a, *y = b;
    int order = strcasecmp(x->user, y->user);

    if (order != 0)
        return order;
    if (x->ms != y->ms)
        return x->ms < y->ms ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static struct verdict *
collect_verdicts(const json_t *reviews, const char *sha, size_t *n)
{
    struct verdict *all = calloc(json_array_size(reviews) + 1, sizeof(*all));

    if (all == NULL)
        abort();
    *n = 0;
    for (size_t i = 0; i < json_array_size(reviews); i++) {
        const json_t *r = json_array_get(reviews, i);

        if (is_verdict(r, sha))
            all[(*n)++] =
                (struct verdict){.user = json_str_or(r, "user", ""),
                                 .ms = time_of(r),
                                 .index = i,
                                 .changes = strcasecmp(json_str_or(r, "state", ""),
                                                       "CHANGES_REQUESTED") == 0};
    }
    qsort(all, *n, sizeof(*all), verdict_compare);
    return all;
}

const char *
ghreview_state(const json_t *reviews, const char *sha, int64_t *at_ms)
{
    size_t n;
    struct verdict *all = collect_verdicts(reviews, sha, &n);
    struct {
        bool any;
        int64_t ms;
    } found[2] = {{false, 0}, {false, 0}}; /* approvals, wishes for changes */

    for (size_t i = 0; i < n; i++) {
        bool latest = i + 1 == n || strcasecmp(all[i].user, all[i + 1].user) != 0;

        if (!latest)
            continue;
        found[all[i].changes].any = true;
        if (all[i].ms > found[all[i].changes].ms)
            found[all[i].changes].ms = all[i].ms;
    }
    free(all);
    *at_ms = found[found[1].any].ms;
    return found[1].any ? "changes_requested" : found[0].any ? "approved" : "";
}

/* "path:line\nbody" of a comment of that commit; nothing for any other, or an empty one. */
static void
add_line_comment(const json_t *c, const char *sha, struct buf *out)
{
    const char *body = json_str_or(c, "body", "");
    size_t from = strspn(body, " \t\r\n"), to = strlen(body);

    while (to > from && strchr(" \t\r\n", body[to - 1]) != NULL)
        to--;
    if (to == from || strcmp(json_str_or(c, "sha", ""), sha) != 0 ||
        json_bool_or(c, "cut", false))
        return;
    buf_add_str(out, json_str_or(c, "path", ""));
    if (json_int_or(c, "line", 0) > 0)
        buf_printf(out, ":%lld", (long long)json_int_or(c, "line", 0));
    buf_printf(out, "\n%.*s", (int)(to - from), body + from);
}

int
ghreview_join(const json_t *line_comments, const char *sha, struct buf *out)
{
    size_t first = json_array_size(line_comments), sum = 0;

    for (; first > 0; first--) {
        SCOPED(buf) struct buf one = BUF_INIT;

        add_line_comment(json_array_get(line_comments, first - 1), sha, &one);
        if (sum + one.size > LIMIT_COMMENTS_BYTES)
            break;
        sum += one.size;
    }
    for (size_t i = first; i < json_array_size(line_comments); i++) {
        SCOPED(buf) struct buf one = BUF_INIT;

        add_line_comment(json_array_get(line_comments, i), sha, &one);
        if (one.size > 0 && out->size > 0)
            buf_add_str(out, SEPARATOR);
        buf_add(out, buf_str(&one), one.size);
    }
    return out->failed ? -1 : 0;
}

json_t *
ghreview_said(const struct gh_parts *parts)
{
    static const enum gh_part order[] = {PART_COMMENTS, PART_LINE_COMMENTS, PART_REVIEWS};
    json_t *out = json_array();

    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        if (parts->lists[order[i]] != NULL)
            json_array_extend(out, (json_t *)parts->lists[order[i]]);
    return out;
}

/* ---- which are wanted ---- */

static enum gh_wanted
because_of(enum gh_part which, enum gh_wanted answer, enum gh_part *part)
{
    *part = which;
    return answer;
}

static bool
files_fit(const struct ghfilter *f, const json_t *files)
{
    size_t n = json_array_size(files);
    const char **paths = calloc(n + 1, sizeof(*paths));
    bool fit;

    if (paths == NULL)
        abort();
    for (size_t i = 0; i < n; i++)
        paths[i] = json_string_value(json_array_get(files, i));
    fit = glob_wants(&f->include_files, &f->exclude_files, paths, n);
    free(paths);
    return fit;
}

static void
explain_files(const struct gh_parts *parts, struct buf *why)
{
    if (parts->files_cut)
        buf_printf(why,
                   "filePatterns: none of its first %zu files fits, and there are more",
                   json_array_size(parts->lists[PART_FILES]));
    else
        buf_add_str(why, "filePatterns: none of its files fits");
}

enum gh_wanted
ghreview_wanted(const struct ghfilter *f, const json_t *issue,
                const struct gh_parts *parts, enum gh_part *part, struct buf *why)
{
    const json_t *files = parts->lists[PART_FILES], *reviews = parts->lists[PART_REVIEWS];
    const char *state;
    int64_t at_ms;

    if (f->include_files.n + f->exclude_files.n > 0) {
        if (files == NULL)
            return because_of(PART_FILES, GH_LACKS, part);
        if (!files_fit(f, files)) {
            if (why != NULL)
                explain_files(parts, why);
            return because_of(PART_FILES, GH_UNWANTED, part);
        }
    }
    if (f->pull_source && reviews == NULL)
        return because_of(PART_REVIEWS, GH_LACKS, part);
    if (f->pull_source && strcmp(f->review_state, "any") != 0) {
        state = ghreview_state(reviews, json_str_or(issue, "sha", ""), &at_ms);
        if (strcmp(state, f->review_state) != 0) {
            if (why != NULL)
                buf_printf(why, "reviewState: is \"%s\", not \"%s\"", state,
                           f->review_state);
            return because_of(PART_REVIEWS, GH_UNWANTED, part);
        }
    }
    if (parts->lists[PART_COMMENTS] == NULL)
        return because_of(PART_COMMENTS, GH_LACKS, part);
    if (f->pull_source && parts->lists[PART_LINE_COMMENTS] == NULL)
        return because_of(PART_LINE_COMMENTS, GH_LACKS, part);
    return GH_WANTED;
}
