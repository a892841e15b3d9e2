/* source_github.c - issues and pull requests of GitHub repositories (when.githubIssues,
 * when.githubPullRequests).
 *
 * Spawns on one repository with the same kind and state share one listing: the server filters
 * what all of them want alike, the rest is filtered here. Where that common listing would be
 * longer than LIMIT_SOURCE_PAGES, each filter gets a listing of its own; pull requests have no
 * filters at the server.
 *
 * A poll: the listing; of what somebody wants by it, comments, reviews and files
 * (ghdetails.h); of those who gave commands, whether they may (ghaccess.h); then the sets. */
#include "spawner/source_github.h"

#include <ctype.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/ghaccess.h"
#include "spawner/ghdetails.h"
#include "spawner/ghitem.h"
#include "spawner/ghlisting.h"

struct repo_poll {
    struct group *group;
    struct ghlisting *listing;
    struct ghdetails *details;
    struct ghaccess *access;
    struct ghquery query;  /* what the server filters */
    json_t *candidates;    /* issues that some member matches before comments; owned */
    const char **commands; /* of all members, NULL-terminated; owned */
    bool merged;           /* members differ in their filters */
    struct failure
        trouble; /* the first of this poll that left items out; .reason NULL: none */
};

/* ---- spawns and groups ---- */

static void *
gh_read(const struct spawn *s, const json_t *when, struct err *e)
{
    if (*s->owner == '\0' || *s->repo == '\0') {
        err_set(e, ERR_INVALID, "%s: the repository's owner and name are not known",
                json_object_get(when, "githubIssues") != NULL ? "githubIssues"
                                                              : "githubPullRequests");
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
    buf_printf(out, " %s%s", f->pull_source ? "pulls " : "", f->state);
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
    /* What a rule excludes is wanted in a simulation, too. */
    if (p->group->source->explain != NULL || first->pull_source) {
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

static size_t
put_commands(const struct ghfilter *f, const char **out)
{
    const struct texts *const lists[] = {&f->exclude_comments, &f->policy.exclude};
    const char *const triggers[] = {f->trigger, f->policy.trigger};
    size_t n = 0;

    for (size_t i = 0; i < 2; i++) {
        if (*triggers[i] != '\0')
            out[n++] = triggers[i];
        for (size_t k = 0; k < lists[i]->n; k++)
            out[n++] = lists[i]->items[k];
    }
    return n;
}

static int
collect_commands(struct repo_poll *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->group->n; i++) {
        const struct ghfilter *f = p->group->members[i]->spec;

        n += 2 + f->exclude_comments.n + f->policy.exclude.n;
    }
    free(p->commands);
    if ((p->commands = calloc(n + 1, sizeof(*p->commands))) == NULL)
        return -1;
    n = 0;
    for (size_t i = 0; i < p->group->n; i++)
        n += put_commands(p->group->members[i]->spec, p->commands + n);
    return 0;
}

static void
gh_forget(struct group *g)
{
    struct repo_poll *p = g->state;

    if (p == NULL)
        return;
    ghlisting_free(p->listing);
    ghdetails_free(p->details);
    ghaccess_free(p->access);
    json_decref(p->candidates);
    free(p->commands);
    free(p);
    g->state = NULL;
}

static bool
are_among(const char **these, const char **those)
{
    for (; *these != NULL; these++) {
        const char **one = those;
        while (*one != NULL && strcmp(*one, *these) != 0)
            one++;
        if (*one == NULL)
            return false;
    }
    return true;
}

static void
gh_changed(struct group *g)
{
    struct repo_poll *p = g->state;

    if (p == NULL)
        return;
    /* What is held was cut down to the commands of the old members. */
    const char **old = p->commands;
    p->commands = NULL;
    if (old == NULL || collect_commands(p) < 0 || !are_among(p->commands, old))
        ghdetails_forget(p->details);
    free(old);
}

static bool
is_pulls(const struct group *g)
{
    return ((const struct ghfilter *)g->members[0]->spec)->pull_source;
}

static struct repo_poll *
state_of(struct group *g)
{
    struct repo_poll *p = g->state;

    if (p == NULL && (p = calloc(1, sizeof(*p))) != NULL) {
        p->group = g;
        p->listing = ghlisting_new(g, is_pulls(g) ? "pull requests" : "issues");
        p->details = ghdetails_new(g);
        p->access = ghaccess_new(g);
        g->state = p;
        if (p->listing == NULL || p->details == NULL || p->access == NULL)
            gh_forget(g);
    }
    return g->state;
}

/* ---- the result ---- */

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

/* What is known of the item, as the spawn's filter judges it now. */
static enum gh_verdict
judge(const struct repo_poll *p, const struct ghfilter *f, const json_t *issue,
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
    enum gh_verdict v = judge(p, f, issue, found, noted ? &why : NULL);

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
            LIMIT_SOURCE_PAGES * 100, is_pulls(p->group) ? "pull requests" : "issues");
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
static void
give(struct repo_poll *p, struct spawn *s, const char *pages)
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

/* Listings and comments are kept for the next poll as long as there is room for them. */
static void
keep_or_drop(struct repo_poll *p)
{
    ghdetails_keep_only(p->details, p->candidates);
    if (ghlisting_bytes(p->listing) + ghdetails_bytes(p->details) >
        LIMIT_SOURCE_KEEP_BYTES) {
        ghlisting_drop_issues(p->listing);
        ghdetails_forget(p->details);
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
note_trouble(struct repo_poll *p, const struct failure *f)
{
    if (p->trouble.reason == NULL && f != NULL)
        p->trouble = *f;
}

/* All is known that can be known: the sets. */
static void
finish(struct repo_poll *p)
{
    struct group *g = p->group;
    SCOPED(buf) struct buf pages = BUF_INIT;

    note_trouble(p, ghaccess_failure(p->access));
    ghlisting_cache(p->listing, &pages);
    for (size_t i = 0; i < g->n; i++)
        give(p, g->members[i], buf_str(&pages));
    note_wide(p);
    keep_or_drop(p);
    /* What could not be read is asked for again: no 304 may hide it. */
    if (p->trouble.reason != NULL)
        ghlisting_forget(p->listing);
    source_done(g, NULL, 0);
}

static void
give_up(struct repo_poll *p, const struct failure *f)
{
    ghlisting_forget(p->listing);
    source_done(p->group, f, 0);
}

static void on_access(void *arg, const struct failure *fatal);

/* Judges everything once, so that all who must be asked about are known. */
static void
ask_who_may(struct repo_poll *p)
{
    size_t k;
    json_t *issue;

    for (size_t i = 0; i < p->group->n; i++) {
        const struct ghfilter *f = p->group->members[i]->spec;

        if (!ghpolicy_asks(&f->policy))
            continue;
        json_array_foreach(p->candidates, k, issue)
        {
            struct gh_found found;

            if (!ghfilter_excludes(f, issue, p->query, NULL))
                (void)judge(p, f, issue, &found, NULL);
        }
    }
    if (ghaccess_waits(p->access))
        ghaccess_run(p->access, on_access, p);
    else
        finish(p);
}

static void
on_access(void *arg, const struct failure *fatal)
{
    struct repo_poll *p = arg;

    if (fatal != NULL)
        give_up(p, fatal);
    else
        ask_who_may(p);
}

static void
on_details(void *arg, const struct failure *f, bool fatal)
{
    struct repo_poll *p = arg;

    note_trouble(p, f);
    if (fatal)
        give_up(p, f);
    else
        ask_who_may(p);
}

/* What of the item is needed next, by some member that may still want it. */
static enum gh_part
next_part(void *arg, const json_t *issue)
{
    const struct repo_poll *p = arg;
    const struct gh_parts parts = ghdetails_of(p->details, issue);
    enum gh_part part;

    for (size_t i = 0; i < p->group->n; i++) {
        const struct ghfilter *f = p->group->members[i]->spec;

        if (!ghfilter_excludes(f, issue, p->query, NULL) &&
            ghreview_wanted(f, issue, &parts, &part, NULL) == GH_LACKS)
            return part;
    }
    return N_PARTS;
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
    ghaccess_begin(p->access, buf_str(&url));
    ghdetails_get(p->details, &(struct ghdetails_ask){.repo_url = buf_str(&url),
                                                      .issues = p->candidates,
                                                      .commands = p->commands,
                                                      .next = next_part,
                                                      .done = on_details,
                                                      .arg = p});
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

/* Whether the items are looked at even when the listing has not changed. */
static bool
looks_again(const struct repo_poll *p)
{
    return ghdetails_unsure(p->details) || ghaccess_used(p->access);
}

static void
gh_poll(struct group *g)
{
    struct repo_poll *p = state_of(g);
    SCOPED(buf) struct buf url = BUF_INIT;
    struct failure f = {0};
    const char *pages;
    bool whole = p != NULL && looks_again(p);

    if (p == NULL || collect_commands(p) < 0) {
        failure_set(&f, "Unavailable", "out of memory");
        source_done(g, &f, 0);
        return;
    }
    choose_query(p);
    repo_url(g, &url);
    buf_add_str(&url, is_pulls(g) ? "/pulls?" : "/issues?");
    p->trouble = (struct failure){.reason = NULL};
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
