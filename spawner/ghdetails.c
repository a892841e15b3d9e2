#include "spawner/ghdetails.h"

#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/fetch.h"
#include "spawner/ghheaders.h"
#include "spawner/ghissue.h"
#include "spawner/link.h"

enum {
    ETAG_MAX = 256,
    /* GitHub's times have seconds: what changed later in the same one looks the same. The rest
     * is for clocks that differ. */
    UNSURE_MS = 3000
};

static const struct {
    const char *key, *of, *path, *what;
    int (*read)(const char *bytes, size_t size, json_t *out, struct err *e);
} parts[N_PARTS] = {
    [PART_FILES] = {"files", "pulls", "files", "files", ghfiles_read},
    [PART_REVIEWS] = {"reviews", "pulls", "reviews", "reviews", ghreviews_read},
    [PART_COMMENTS] = {"comments", "issues", "comments", "comments", ghcomments_read},
    [PART_LINE_COMMENTS] = {"lines", "pulls", "comments", "review comments",
                            ghline_comments_read},
};

struct slot {
    struct ghdetails *all;
    struct fetch *fetch; /* NULL: free */
    const json_t *issue; /* borrowed */
    enum gh_part part;
    json_t *list; /* so far; owned */
    unsigned pages;
    char etag[ETAG_MAX]; /* of the first page */
};

/* known: "number" -> {"stamp", "unsure", "<part>": {"list", "etag", "cut", "stale"}} */
struct ghdetails {
    struct group *group;
    json_t *known;
    bool unsure;
    /* a run */
    struct ghdetails_ask ask;
    char *repo_url;
    size_t next;
    struct slot slots[LIMIT_SOURCE_CALLS];
    struct failure failure;
    bool running, failed, fatal, pumping;
};

struct ghdetails *
ghdetails_new(struct group *g)
{
    struct ghdetails *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->group = g;
    d->known = json_object();
    for (size_t i = 0; i < ARRAY_LEN(d->slots); i++)
        d->slots[i].all = d;
    return d;
}

static void
slot_clear(struct slot *s)
{
    json_decref(s->list);
    s->list = NULL;
    s->fetch = NULL;
    s->pages = 0;
    s->etag[0] = '\0';
}

void
ghdetails_cancel(struct ghdetails *d)
{
    for (size_t i = 0; i < ARRAY_LEN(d->slots); i++) {
        fetch_cancel(d->slots[i].fetch);
        slot_clear(&d->slots[i]);
        d->slots[i].issue = NULL;
    }
    free(d->repo_url);
    d->repo_url = NULL;
    d->running = false;
}

void
ghdetails_free(struct ghdetails *d)
{
    if (d == NULL)
        return;
    ghdetails_cancel(d);
    json_decref(d->known);
    free(d);
}

void
ghdetails_forget(struct ghdetails *d)
{
    json_object_clear(d->known);
    d->unsure = false;
}

size_t
ghdetails_bytes(const struct ghdetails *d)
{
    return ghtree_bytes(d->known);
}

bool
ghdetails_unsure(const struct ghdetails *d)
{
    return d->unsure;
}

/* ---- what is known ---- */

static void
key_of(const json_t *issue, char out[24])
{
    snprintf(out, 24, "%lld", (long long)json_int_or(issue, "number", 0));
}

/* What must be equal for the known lists to be the right ones. */
static void
stamp_of(const json_t *issue, char out[192])
{
    snprintf(out, 192, "%lld %.90s %.64s", (long long)json_int_or(issue, "comments", 0),
             json_str_or(issue, "updated", ""), json_str_or(issue, "sha", ""));
}

static json_t *
entry_of(const struct ghdetails *d, const json_t *issue)
{
    char key[24];

    key_of(issue, key);
    return json_object_get(d->known, key);
}

struct gh_parts
ghdetails_of(const struct ghdetails *d, const json_t *issue)
{
    struct gh_parts out = {.files_cut = false};
    json_t *entry = entry_of(d, issue);
    char stamp[192];

    stamp_of(issue, stamp);
    if (entry == NULL || strcmp(json_str_or(entry, "stamp", ""), stamp) != 0)
        return out;
    for (size_t i = 0; i < N_PARTS; i++) {
        const json_t *part = json_object_get(entry, parts[i].key);

        if (part != NULL && json_object_get(part, "stale") == NULL)
            out.lists[i] = json_object_get(part, "list");
    }
    out.files_cut =
        json_is_true(json_at(json_object_get(entry, parts[PART_FILES].key), "cut"));
    return out;
}

static void
make_stale(json_t *entry)
{
    for (size_t i = 0; i < N_PARTS; i++) {
        json_t *part = json_object_get(entry, parts[i].key);

        if (part != NULL)
            json_object_set_new(part, "stale", json_true());
    }
}

/* Gives each issue its entry; what is of another version of it is stale. */
static void
refresh(struct ghdetails *d)
{
    char stamp[192];
    size_t i;
    json_t *issue;

    json_array_foreach((json_t *)d->ask.issues, i, issue)
    {
        char key[24];
        json_t *entry = entry_of(d, issue);

        key_of(issue, key);
        stamp_of(issue, stamp);
        if (entry == NULL)
            json_object_set_new(d->known, key, entry = json_object());
        if (strcmp(json_str_or(entry, "stamp", ""), stamp) != 0 ||
            json_bool_or(entry, "unsure", false))
            make_stale(entry);
        json_object_del(entry, "unsure");
        json_object_set_new(entry, "stamp", json_string(stamp));
    }
    d->unsure = false;
}

void
ghdetails_keep_only(struct ghdetails *d, const json_t *issues)
{
    json_t *kept = json_object(), *issue;
    char key[24];
    size_t i;

    json_array_foreach((json_t *)issues, i, issue)
    {
        json_t *entry;

        key_of(issue, key);
        if ((entry = json_object_get(d->known, key)) != NULL)
            json_object_set(kept, key, entry);
    }
    json_decref(d->known);
    d->known = kept;
}

/* Issues say how many comments they have, so that no change of theirs goes unseen. */
static void
note_unsure(struct ghdetails *d, const json_t *issue, json_t *entry)
{
    int64_t at;

    if (json_object_get(issue, "sha") == NULL ||
        rfc3339_parse(json_str_or(issue, "updated", ""), &at) < 0 ||
        clock_wall_ms() - at >= UNSURE_MS)
        return;
    json_object_set_new(entry, "unsure", json_true());
    d->unsure = true;
}

static void
learn(struct ghdetails *d, const json_t *issue, enum gh_part part, json_t *list,
      const char *etag, bool cut)
{
    json_t *entry = entry_of(d, issue);

    if (part != PART_FILES)
        ghcomments_shrink(list, d->ask.commands);
    json_object_set_new(
        entry, parts[part].key,
        json_pack("{s:O, s:s, s:b}", "list", list, "etag", etag, "cut", cut));
    note_unsure(d, issue, entry);
}

/* ---- a run ---- */

static void pump(struct ghdetails *d);

static void
fail(struct slot *s, const struct failure *f, bool fatal)
{
    struct ghdetails *d = s->all;

    if (!d->failed || (fatal && !d->fatal)) {
        d->failure = *f;
        failure_set(&d->failure, f->reason, "%s of #%lld: %s", parts[s->part].what,
                    (long long)json_int_or(s->issue, "number", 0), f->message);
    }
    d->failed = true;
    d->fatal |= fatal;
    slot_clear(s);
    s->issue = NULL; /* its other parts are of no use */
}

static void on_page(void *arg, const struct fetch_result *r);

static void
ask(struct slot *s, const char *url, const char *etag)
{
    SCOPED(ghheaders) struct ghheaders h = {0};
    struct failure f = {0};
    struct err e = ERR_INIT;

    ghheaders_fill(&h, s->all->group->source, etag);
    s->pages++;
    if ((s->fetch = fetch_start(s->all->group, url, h.lines, on_page, s, &e)) == NULL) {
        failure_set(&f, "Refused", "%s", e.text);
        fail(s, &f, false);
    }
}

static json_t *
part_of(const struct slot *s)
{
    return json_object_get(entry_of(s->all, s->issue), parts[s->part].key);
}

/* A 304: what was known is still right. */
static void
confirm(struct slot *s)
{
    struct ghdetails *d = s->all;

    json_object_del(part_of(s), "stale");
    note_unsure(d, s->issue, entry_of(d, s->issue));
    slot_clear(s);
}

/* A page was taken: on to the next one, or to the end of the list. */
static void
go_on(struct slot *s, const struct fetch_result *r)
{
    char link[4096], next[2048];
    bool more = http_header(r->headers, "Link", link, sizeof(link)) &&
                link_next(link, next, sizeof(next));

    if (s->pages == 1 && !more &&
        !http_header(r->headers, "ETag", s->etag, sizeof(s->etag)))
        s->etag[0] = '\0';
    if (more && s->pages < LIMIT_SOURCE_PAGES) {
        ask(s, next, "");
        return;
    }
    learn(s->all, s->issue, s->part, s->list, s->etag, more);
    slot_clear(s);
}

static void
on_page(void *arg, const struct fetch_result *r)
{
    struct slot *s = arg;
    struct ghdetails *d = s->all;
    struct failure f = {0};
    struct err e = ERR_INIT;

    s->fetch = NULL;
    if (r->err.code == ERR_NONE && r->status == 304 && s->pages == 1 &&
        part_of(s) != NULL) {
        confirm(s);
    } else if (r->err.code != ERR_NONE || r->status != 200) {
        fetch_failure(d->group->source, r, &f);
        fail(s, &f, r->limited_until > 0 || r->status == 401);
    } else if (parts[s->part].read(r->body, r->body_size, s->list, &e) < 0) {
        failure_set(&f, "Malformed", "GitHub API: %s: %s", parts[s->part].what, e.text);
        fail(s, &f, false);
    } else {
        go_on(s, r);
    }
    pump(d);
}

/* Comments come oldest first: of very many, the newest pages are read. */
static void
first_url(const struct slot *s, struct buf *url)
{
    int64_t number = json_int_or(s->issue, "number", 0);
    int64_t pages = (json_int_or(s->issue, "comments", 0) + 99) / 100;

    buf_printf(url, "%s/%s/%lld/%s?per_page=100", s->all->repo_url, parts[s->part].of,
               (long long)number, parts[s->part].path);
    if (s->part == PART_COMMENTS && pages > LIMIT_SOURCE_PAGES)
        buf_printf(url, "&page=%lld", (long long)(pages - LIMIT_SOURCE_PAGES + 1));
}

/* One that says that it has no comments needs no request. */
static bool
is_empty(const json_t *issue, enum gh_part part)
{
    return part == PART_COMMENTS && json_object_get(issue, "sha") == NULL &&
           json_int_or(issue, "comments", 0) == 0;
}

/* Starts what the slot's issue lacks. False: nothing. */
static bool
start_part(struct slot *s)
{
    struct ghdetails *d = s->all;

    while (!d->fatal && (s->part = d->ask.next(d->ask.arg, s->issue)) != N_PARTS) {
        SCOPED(buf) struct buf url = BUF_INIT;

        if (is_empty(s->issue, s->part)) {
            SCOPED(json) json_t *none = json_array();

            learn(d, s->issue, s->part, none, "", false);
            continue;
        }
        s->list = json_array();
        first_url(s, &url);
        ask(s, buf_str(&url), json_str_or(part_of(s), "etag", ""));
        return s->fetch != NULL;
    }
    return false;
}

static void
fill_slots(struct ghdetails *d)
{
    for (size_t i = 0; i < ARRAY_LEN(d->slots); i++) {
        struct slot *s = &d->slots[i];

        while (s->fetch == NULL) {
            if (s->issue != NULL && start_part(s))
                break;
            if (d->fatal || d->next >= json_array_size(d->ask.issues))
                break;
            s->issue = json_array_get(d->ask.issues, d->next++);
        }
    }
}

static bool
is_idle(const struct ghdetails *d)
{
    for (size_t i = 0; i < ARRAY_LEN(d->slots); i++)
        if (d->slots[i].fetch != NULL)
            return false;
    return true;
}

static void
pump(struct ghdetails *d)
{
    if (!d->running || d->pumping)
        return;
    d->pumping = true;
    fill_slots(d);
    d->pumping = false;
    if (!is_idle(d))
        return;
    d->running = false;
    free(d->repo_url);
    d->repo_url = NULL;
    for (size_t i = 0; i < ARRAY_LEN(d->slots); i++)
        d->slots[i].issue = NULL;
    d->ask.done(d->ask.arg, d->failed ? &d->failure : NULL, d->fatal);
}

void
ghdetails_get(struct ghdetails *d, const struct ghdetails_ask *asked)
{
    d->ask = *asked;
    d->repo_url = strdup(asked->repo_url);
    d->ask.repo_url = d->repo_url;
    d->next = 0;
    d->failed = d->fatal = false;
    d->failure = (struct failure){0};
    d->running = true;
    refresh(d);
    pump(d);
}
