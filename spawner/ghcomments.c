#include "spawner/ghcomments.h"

#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/fetch.h"
#include "spawner/ghheaders.h"
#include "spawner/ghissue.h"
#include "spawner/link.h"

struct slot {
    struct ghcomments *all;
    struct fetch *fetch; /* NULL: free */
    const json_t *issue; /* borrowed */
    json_t *list;        /* so far; owned */
    unsigned pages;
};

struct ghcomments {
    struct group *group;
    json_t *known; /* "number" -> {"stamp": "...", "list": [...]} */
    /* a run */
    const json_t *issues;
    size_t next;
    const char *const *commands;
    char *repo_url;
    struct slot slots[LIMIT_SOURCE_CALLS];
    struct failure failure;
    size_t failed;
    bool running, fatal, pumping;
    ghcomments_fn *done;
    void *arg;
};

struct ghcomments *
ghcomments_new(struct group *g)
{
    struct ghcomments *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->group = g;
    c->known = json_object();
    for (size_t i = 0; i < ARRAY_LEN(c->slots); i++)
        c->slots[i].all = c;
    return c;
}

static void
slot_clear(struct slot *s)
{
    json_decref(s->list);
    s->list = NULL;
    s->issue = NULL;
    s->fetch = NULL;
    s->pages = 0;
}

void
ghcomments_cancel(struct ghcomments *c)
{
    for (size_t i = 0; i < ARRAY_LEN(c->slots); i++) {
        fetch_cancel(c->slots[i].fetch);
        slot_clear(&c->slots[i]);
    }
    free(c->repo_url);
    c->repo_url = NULL;
    c->running = false;
}

void
ghcomments_free(struct ghcomments *c)
{
    if (c == NULL)
        return;
    ghcomments_cancel(c);
    json_decref(c->known);
    free(c);
}

void
ghcomments_forget(struct ghcomments *c)
{
    json_object_clear(c->known);
}

size_t
ghcomments_bytes(const struct ghcomments *c)
{
    return ghtree_bytes(c->known);
}

static void
key_of(const json_t *issue, char out[24])
{
    snprintf(out, 24, "%lld", (long long)json_int_or(issue, "number", 0));
}

/* What must be equal for the known comments to be the right ones. */
static void
stamp_of(const json_t *issue, char out[128])
{
    snprintf(out, 128, "%lld %.90s", (long long)json_int_or(issue, "comments", 0),
             json_str_or(issue, "updated", ""));
}

const json_t *
ghcomments_of(const struct ghcomments *c, const json_t *issue)
{
    char key[24], stamp[128];
    json_t *entry;

    key_of(issue, key);
    stamp_of(issue, stamp);
    entry = json_object_get(c->known, key);
    if (entry == NULL || strcmp(json_str_or(entry, "stamp", ""), stamp) != 0)
        return NULL;
    return json_object_get(entry, "list");
}

void
ghcomments_keep_only(struct ghcomments *c, const json_t *issues)
{
    json_t *kept = json_object(), *issue;
    char key[24];
    size_t i;

    json_array_foreach(issues, i, issue)
    {
        json_t *entry;

        key_of(issue, key);
        if ((entry = json_object_get(c->known, key)) != NULL)
            json_object_set(kept, key, entry);
    }
    json_decref(c->known);
    c->known = kept;
}

static void
learn(struct ghcomments *c, const json_t *issue, json_t *list)
{
    char key[24], stamp[128];

    key_of(issue, key);
    stamp_of(issue, stamp);
    ghcomments_shrink(list, c->commands);
    json_object_set_new(c->known, key,
                        json_pack("{s:s, s:O}", "stamp", stamp, "list", list));
}

/* ---- a run ---- */

static void pump(struct ghcomments *c);

static void
fail(struct slot *s, const struct failure *f, bool fatal)
{
    struct ghcomments *c = s->all;

    if (c->failed++ == 0) {
        c->failure = *f;
        failure_set(&c->failure, f->reason, "comments of #%lld: %s",
                    (long long)json_int_or(s->issue, "number", 0), f->message);
    }
    c->fatal |= fatal;
    slot_clear(s);
}

static void on_page(void *arg, const struct fetch_result *r);

static void
ask(struct slot *s, const char *url)
{
    SCOPED(ghheaders) struct ghheaders h = {0};
    struct failure f = {0};
    struct err e = ERR_INIT;

    ghheaders_fill(&h, s->all->group->source, "");
    s->pages++;
    if ((s->fetch = fetch_start(s->all->group, url, h.lines, on_page, s, &e)) == NULL) {
        failure_set(&f, "Refused", "%s", e.text);
        fail(s, &f, false);
    }
}

static void
on_page(void *arg, const struct fetch_result *r)
{
    struct slot *s = arg;
    struct ghcomments *c = s->all;
    struct failure f = {0};
    struct err e = ERR_INIT;
    char link[4096], next[2048];

    s->fetch = NULL;
    if (r->err.code != ERR_NONE || r->status != 200) {
        fetch_failure(c->group->source, r, &f);
        fail(s, &f, r->limited_until > 0 || r->status == 401);
    } else if (ghcomments_read(r->body, r->body_size, s->list, &e) < 0) {
        failure_set(&f, "Malformed", "GitHub API: comments: %s", e.text);
        fail(s, &f, false);
    } else if (s->pages < LIMIT_SOURCE_PAGES &&
               http_header(r->headers, "Link", link, sizeof(link)) &&
               link_next(link, next, sizeof(next))) {
        ask(s, next);
    } else {
        learn(c, s->issue, s->list);
        slot_clear(s);
    }
    pump(c);
}

/* The next issue whose comments are not known; NULL: none. One without comments needs no
 * request. */
static const json_t *
next_unknown(struct ghcomments *c)
{
    while (!c->fatal && c->next < json_array_size(c->issues)) {
        const json_t *issue = json_array_get(c->issues, c->next++);

        if (ghcomments_of(c, issue) != NULL)
            continue;
        if (json_int_or(issue, "comments", 0) > 0)
            return issue;
        SCOPED(json) json_t *none = json_array();
        learn(c, issue, none);
    }
    return NULL;
}

/* Comments come oldest first: of very many, the newest pages are read. */
static void
first_url(const struct ghcomments *c, const json_t *issue, char *url, size_t room)
{
    int64_t pages = (json_int_or(issue, "comments", 0) + 99) / 100;
    int n = snprintf(url, room, "%s/issues/%lld/comments?per_page=100", c->repo_url,
                     (long long)json_int_or(issue, "number", 0));

    if (pages > LIMIT_SOURCE_PAGES && n > 0 && (size_t)n < room)
        snprintf(url + n, room - (size_t)n, "&page=%lld",
                 (long long)(pages - LIMIT_SOURCE_PAGES + 1));
}

static void
fill_slots(struct ghcomments *c)
{
    for (size_t i = 0; i < ARRAY_LEN(c->slots); i++) {
        struct slot *s = &c->slots[i];
        char url[4096];

        while (s->fetch == NULL) {
            if ((s->issue = next_unknown(c)) == NULL)
                return;
            s->list = json_array();
            first_url(c, s->issue, url, sizeof(url));
            ask(s, url);
        }
    }
}

static bool
is_idle(const struct ghcomments *c)
{
    for (size_t i = 0; i < ARRAY_LEN(c->slots); i++)
        if (c->slots[i].fetch != NULL)
            return false;
    return true;
}

static void
pump(struct ghcomments *c)
{
    if (!c->running || c->pumping)
        return;
    c->pumping = true;
    fill_slots(c);
    c->pumping = false;
    if (!is_idle(c))
        return;
    c->running = false;
    free(c->repo_url);
    c->repo_url = NULL;
    c->done(c->arg, c->failed > 0 ? &c->failure : NULL, c->failed, c->fatal);
}

void
ghcomments_get(struct ghcomments *c, const char *repo_url, const json_t *issues,
               const char *const *commands, ghcomments_fn *done, void *arg)
{
    c->issues = issues;
    c->next = 0;
    c->commands = commands;
    c->repo_url = strdup(repo_url);
    c->failed = 0;
    c->fatal = false;
    c->running = true;
    c->done = done;
    c->arg = arg;
    pump(c);
}
