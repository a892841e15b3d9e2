/* fuzz_pull.c - what is made of all that GitHub says of pull requests: listing, reviews, comments,
 * comments on lines, changed files and a filter, one after the other, NUL between them. */
#include <stdint.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/ghfilter.h"
#include "spawner/ghissue.h"
#include "spawner/ghitem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the input. */
struct rest {
    const char *at;
    size_t size;
};

/* Its next part, up to a NUL. */
static struct rest
next(struct rest *r)
{
    const char *end = r->size > 0 ? memchr(r->at, 0, r->size) : NULL;
    size_t n = end != NULL ? (size_t)(end - r->at) : r->size;
    struct rest part = {r->at, n};

    if (end != NULL)
        n++;
    r->at += n;
    r->size -= n;
    return part;
}

/* Who may give commands depends on the login alone, and is not always known. */
static enum gh_may
may(void *arg, const struct ghpolicy *p, const char *login)
{
    enum gh_may said = ghpolicy_may(p, login);

    (void)arg;
    if (said != GH_ASK)
        return said;
    return login[0] % 4 == 0   ? GH_MAY
           : login[0] % 4 == 1 ? GH_MAY_NOT
           : login[0] % 4 == 2 ? GH_ASK
                               : GH_FAIL;
}

static void
judge(const struct ghfilter *f, const json_t *issue, const struct gh_parts *parts)
{
    static const struct ghquery here = {false, false, false};
    SCOPED(items) struct items *set = items_new();
    SCOPED(buf) struct buf why = BUF_INIT;
    struct gh_found found = {.issue = issue, .parts = *parts};
    struct gh_found again = found;
    char digest[DIGEST_SIZE];
    enum gh_verdict v;

    if (ghfilter_excludes(f, issue, here, NULL))
        return;
    v = ghitem_judge(f, &found, may, NULL, NULL);
    /* To be asked why changes nothing, and an excluded one has a reason. */
    if (ghitem_judge(f, &again, may, NULL, &why) != v ||
        again.trigger_ms != found.trigger_ms || (v == GH_EXCLUDED && why.size == 0))
        __builtin_trap();
    if (v != GH_PASSES)
        return;
    ghitem_add(set, f, &found);
    items_digest(set, digest);
}

/* What of the parts is there: an answer that cannot be read is one that is not there. */
struct pull {
    json_t *issues, *lists[N_PARTS], *when;
};

static void
pull_read(struct pull *p, struct rest rest)
{
    static int (*const readers[N_PARTS])(const char *, size_t, json_t *, struct err *) = {
        [PART_FILES] = ghfiles_read,
        [PART_REVIEWS] = ghreviews_read,
        [PART_COMMENTS] = ghcomments_read,
        [PART_LINE_COMMENTS] = ghline_comments_read};
    struct rest part = next(&rest);
    struct err e = ERR_INIT;

    p->when = json_parse(part.at, part.size, 0, &e);
    part = next(&rest);
    p->issues = ghissues_read(part.at, part.size, &e);
    for (size_t i = 0; i < N_PARTS; i++) {
        part = next(&rest);
        p->lists[i] = json_array();
        if (part.size == 0 || readers[i](part.at, part.size, p->lists[i], &e) < 0) {
            json_decref(p->lists[i]);
            p->lists[i] = NULL;
        }
    }
}

static void
pull_clear(struct pull *p)
{
    json_decref(p->issues);
    json_decref(p->when);
    for (size_t i = 0; i < N_PARTS; i++)
        json_decref(p->lists[i]);
}

/* What the comments on lines become is bounded, whatever they say. */
static void
join(const json_t *issue, const json_t *line_comments)
{
    SCOPED(buf) struct buf joined = BUF_INIT;

    (void)ghreview_join(line_comments, json_str_or(issue, "sha", ""), &joined);
    if (joined.size > LIMIT_COMMENTS_BYTES)
        __builtin_trap();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pull p = {.issues = NULL};
    struct err e = ERR_INIT;
    size_t i;
    json_t *issue;

    pull_read(&p, (struct rest){(const char *)data, size});
    SCOPED(ghfilter)
    struct ghfilter *f = p.when != NULL ? ghfilter_read(p.when, &e) : NULL;
    json_array_foreach(p.issues, i, issue)
    {
        struct gh_parts parts = {.files_cut = size % 2 == 1};

        for (size_t k = 0; k < N_PARTS; k++)
            parts.lists[k] = p.lists[k];
        if (f != NULL)
            judge(f, issue, &parts);
        if (p.lists[PART_LINE_COMMENTS] != NULL)
            join(issue, p.lists[PART_LINE_COMMENTS]);
    }
    pull_clear(&p);
    return 0;
}
