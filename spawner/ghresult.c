/* ghresult.c - see ghpoll.h: from what is known of a repository to one spawn's set. */
#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/ghpoll.h"

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
bool
gh_excludes(const struct repo_poll *p, const struct ghfilter *f, const json_t *issue)
{
    SCOPED(buf) struct buf why = BUF_INIT;
    bool noted = p->group->source->explain != NULL;
    bool out = ghfilter_excludes(f, issue, p->query, noted ? &why : NULL);

    if (out && noted)
        explain(p, issue, &why);
    return out;
}

/* What is known of the item, as the spawn's filter judges it now. */
enum gh_verdict
gh_judge(const struct repo_poll *p, const struct ghfilter *f, const json_t *issue,
         struct gh_found *found, struct buf *why)
{
    found->issue = issue;
    found->parts = ghdetails_of(p->details, issue);
    return ghitem_judge(f, found, ghaccess_may, p->access, why);
}

/* What a simulation shows as excluded; more than one of the poll's filters never is there. */
static enum gh_verdict
judge_and_explain(const struct repo_poll *p, const struct ghfilter *f,
                  const json_t *issue, struct gh_found *found)
{
    SCOPED(buf) struct buf why = BUF_INIT;
    bool noted = p->group->source->explain != NULL;
    enum gh_verdict v = gh_judge(p, f, issue, found, noted ? &why : NULL);

    if (v == GH_EXCLUDED && noted)
        explain(p, issue, &why);
    return v;
}

/* What a set lacks, for people. */
struct gaps {
    size_t missing; /* items that could not be judged */
    int64_t cut;    /* number of one that has more files than are looked at; 0: none */
};

/* Filters for one spawn. */
static struct gaps
fill_set(const struct repo_poll *p, const struct ghfilter *f, struct items *set)
{
    struct gaps g = {.missing = 0};
    size_t i;
    json_t *issue;

    json_array_foreach(p->candidates, i, issue)
    {
        struct gh_found found;
        enum gh_verdict v;

        if (ghfilter_excludes(f, issue, p->query, NULL))
            continue;
        v = judge_and_explain(p, f, issue, &found);
        if (v == GH_PASSES)
            ghitem_add(set, f, &found);
        else if (v != GH_EXCLUDED)
            g.missing++;
        else if (found.cut)
            g.cut = json_int_or(issue, "number", 0);
    }
    return g;
}

static void
describe(const struct repo_poll *p, const struct items *set, const struct gaps *g,
         struct buf *out)
{
    if (ghlisting_truncated(p->listing))
        buf_printf(
            out,
            "more than %d %s match (SOURCE_PAGES); the rest is not looked at: narrow "
            "the labels. ",
            LIMIT_SOURCE_PAGES * 100, gh_is_pulls(p->group) ? "pull requests" : "issues");
    if (set->left_out > 0)
        buf_printf(out, "%zu items do not fit (SOURCE_SET_BYTES, SOURCE_SET_ITEMS). ",
                   set->left_out);
    if (g->cut > 0)
        buf_printf(out,
                   "#%lld has more than %d files (SOURCE_PAGES) and none of the first "
                   "fits filePatterns: it is left out. ",
                   (long long)g->cut, LIMIT_SOURCE_PAGES * 100);
    if (g->missing > 0 && p->trouble.reason != NULL)
        buf_printf(out, "%zu items are left out for now: %s", g->missing,
                   p->trouble.message);
}

/* Hands one spawn its set; or its failure, when nothing could be looked at. */
void
gh_give(struct repo_poll *p, struct spawn *s, const char *pages)
{
    SCOPED(items) struct items *set = items_new();
    SCOPED(buf) struct buf warning = BUF_INIT;
    SCOPED(buf) struct buf cache = BUF_INIT;
    struct gaps g;

    if (set == NULL)
        return;
    g = fill_set(p, s->spec, set);
    if (g.missing > 0 && set->n == 0 && p->trouble.reason != NULL) {
        source_failed(s, &p->trouble);
        return;
    }
    describe(p, set, &g, &warning);
    if (*pages != '\0' && g.missing == 0)
        buf_printf(&cache, "%.16s%s", s->when_digest, pages);
    source_items(s, &set, buf_str(&cache), 0, buf_str(&warning));
}
