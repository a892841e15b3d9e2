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

#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/ghpoll.h"

/* ---- a spawn's settings ---- */

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

/* ---- the parts of a poll, the last first ---- */

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
        !gh_is_wide(src, p->group->key))
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
        gh_give(p, g->members[i], buf_str(&pages));
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
                (void)gh_judge(p, f, issue, &found, NULL);
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

        while (k < p->group->n && gh_excludes(p, p->group->members[k]->spec, issue))
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
    struct repo_poll *p = gh_poll_of(g);
    SCOPED(buf) struct buf url = BUF_INIT;
    struct failure f = {0};
    const char *pages;
    bool whole = p != NULL && looks_again(p);

    if (p == NULL || gh_collect_commands(p) < 0) {
        failure_set(&f, "Unavailable", "out of memory");
        source_done(g, &f, 0);
        return;
    }
    gh_choose_query(p);
    repo_url(g, &url);
    buf_add_str(&url, gh_is_pulls(g) ? "/pulls?" : "/issues?");
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
