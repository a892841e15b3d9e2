#include "spawner/ghlisting.h"

#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/fetch.h"
#include "spawner/ghheaders.h"
#include "spawner/ghissue.h"
#include "spawner/link.h"

enum { ETAG_MAX = 256, URL_MAX = 2048, CACHE_MAX = 16000 };

struct ghpage {
    struct ghlisting *of;
    struct fetch *fetch; /* NULL: there is none under way */
    char *url;
    char etag[ETAG_MAX];
    char *next;     /* NULL: the last one */
    json_t *issues; /* NULL: not held */
};

struct ghlisting {
    struct group *group;
    const char *what;
    struct ghpage pages[LIMIT_SOURCE_PAGES];
    size_t n_pages;
    json_t *all; /* of all pages, made on demand */
    bool truncated;
    /* a read */
    size_t asked; /* pages that were asked for in this read */
    size_t want;  /* that are known to be there */
    bool whole;   /* the issues are wanted */
    bool plain;   /* without conditions */
    bool changed;
    ghlisting_fn *done;
    void *arg;
};

struct ghlisting *
ghlisting_new(struct group *g, const char *what)
{
    struct ghlisting *l = calloc(1, sizeof(*l));

    if (l != NULL) {
        l->group = g;
        l->what = what;
    }
    return l;
}

static void
page_clear(struct ghpage *p)
{
    fetch_cancel(p->fetch);
    free(p->url);
    free(p->next);
    json_decref(p->issues);
    *p = (struct ghpage){0};
}

/* Drops the pages from `from` on. */
static void
cut(struct ghlisting *l, size_t from)
{
    for (size_t i = from; i < LIMIT_SOURCE_PAGES; i++)
        page_clear(&l->pages[i]);
    if (l->n_pages > from)
        l->n_pages = from;
    json_decref(l->all);
    l->all = NULL;
}

void
ghlisting_cancel(struct ghlisting *l)
{
    for (size_t i = 0; i < LIMIT_SOURCE_PAGES; i++) {
        fetch_cancel(l->pages[i].fetch);
        l->pages[i].fetch = NULL;
    }
}

void
ghlisting_free(struct ghlisting *l)
{
    if (l == NULL)
        return;
    ghlisting_cancel(l);
    cut(l, 0);
    free(l);
}

void
ghlisting_forget(struct ghlisting *l)
{
    cut(l, 0);
}

bool
ghlisting_known(const struct ghlisting *l)
{
    return l->n_pages > 0;
}

bool
ghlisting_truncated(const struct ghlisting *l)
{
    return l->truncated;
}

void
ghlisting_drop_issues(struct ghlisting *l)
{
    for (size_t i = 0; i < l->n_pages; i++) {
        json_decref(l->pages[i].issues);
        l->pages[i].issues = NULL;
    }
    json_decref(l->all);
    l->all = NULL;
}

size_t
ghlisting_bytes(const struct ghlisting *l)
{
    size_t sum = 0;

    for (size_t i = 0; i < l->n_pages; i++)
        if (l->pages[i].issues != NULL)
            sum += ghtree_bytes(l->pages[i].issues);
    return sum;
}

static bool
all_held(const struct ghlisting *l)
{
    for (size_t i = 0; i < l->n_pages; i++)
        if (l->pages[i].issues == NULL)
            return false;
    return l->n_pages > 0;
}

static bool
is_known(const json_t *list, json_int_t number)
{
    size_t i;
    json_t *v;

    json_array_foreach(list, i, v) if (json_integer_value(json_object_get(v, "number")) ==
                                       number) return true;
    return false;
}

const json_t *
ghlisting_issues(struct ghlisting *l)
{
    if (l->all != NULL || !all_held(l))
        return l->all;
    l->all = json_array();
    for (size_t p = 0; p < l->n_pages; p++) {
        size_t i;
        json_t *v;

        /* An issue that moves while the pages are read shows up on two of them. */
        json_array_foreach(
            l->pages[p].issues, i,
            v) if (!is_known(l->all, json_integer_value(json_object_get(v, "number"))))
            json_array_append(l->all, v);
    }
    return l->all;
}

/* ---- the cache text ---- */

static bool
etag_fine(const char *etag)
{
    size_t n = strlen(etag);

    for (const unsigned char *p = (const unsigned char *)etag; *p != '\0'; p++)
        if (*p < 0x20 || *p >= 0x7f)
            return false;
    return n > 0 && n < ETAG_MAX;
}

bool
ghlisting_restore(struct ghlisting *l, const char *url, const char *cache)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *rows = NULL;
    size_t i;
    json_t *row;

    cut(l, 0);
    if (*cache == '\0' || (rows = json_parse(cache, strlen(cache), 0, &e)) == NULL ||
        !json_is_array(rows) || json_array_size(rows) > LIMIT_SOURCE_PAGES)
        return false;
    json_array_foreach(rows, i, row)
    {
        const char *where = json_string_value(json_array_get(row, 0));
        const char *etag = json_string_value(json_array_get(row, 1));

        if (where == NULL || etag == NULL || !etag_fine(etag) ||
            !url_same_origin(l->group->source->base, where) ||
            (i == 0 && strcmp(where, url) != 0)) {
            cut(l, 0);
            return false;
        }
        l->pages[i].url = strdup(where);
        strcpy(l->pages[i].etag, etag);
        l->n_pages = i + 1;
        if (i > 0)
            l->pages[i - 1].next = strdup(where);
    }
    return l->n_pages > 0;
}

void
ghlisting_cache(const struct ghlisting *l, struct buf *out)
{
    SCOPED(json) json_t *rows = json_array();
    char *text;

    for (size_t i = 0; i < l->n_pages; i++) {
        if (l->pages[i].etag[0] == '\0')
            return;
        json_array_append_new(rows,
                              json_pack("[s, s]", l->pages[i].url, l->pages[i].etag));
    }
    if (l->n_pages > 0 && !l->truncated && (text = json_dump_compact(rows)) != NULL) {
        if (strlen(text) < CACHE_MAX)
            buf_add_str(out, text);
        free(text);
    }
}

/* ---- reading ----
 *
 * The first page says how many there are, by its Link header or, unchanged, by what is known of
 * the others. Those are asked for together, LIMIT_SOURCE_CALLS at once; where the header does
 * not say it, or the listing grows meanwhile, each page names the next. */

static void pump(struct ghlisting *l);

static void
finish(struct ghlisting *l, enum ghlisting_end end, const struct failure *f)
{
    ghlisting_cancel(l);
    if (end == LISTING_FAILED)
        cut(l, 0);
    l->done(l->arg, end, f);
}

/* Some pages are held and some are not: all are read anew. */
static void
start_over(struct ghlisting *l)
{
    SCOPED(string) char *first = strdup(l->pages[0].url);

    cut(l, 0);
    l->plain = true;
    l->asked = 0;
    l->want = 1;
    l->pages[0].url = TAKE(first);
    pump(l);
}

static void
finish_read(struct ghlisting *l)
{
    l->truncated = l->pages[l->want - 1].next != NULL;
    if (l->want != l->n_pages)
        l->changed = true;
    cut(l, l->want);
    l->n_pages = l->want;
    if (!l->changed && !l->whole)
        finish(l, LISTING_SAME, NULL);
    else if (all_held(l))
        finish(l, LISTING_READ, NULL);
    else
        start_over(l);
}

/* Page i is wanted, too, and has this URL. Where the pages moved, what is known of the old one
 * is worth nothing. */
static void
want_page(struct ghlisting *l, size_t i, const char *url)
{
    if (l->pages[i].url == NULL || strcmp(l->pages[i].url, url) != 0) {
        page_clear(&l->pages[i]);
        l->pages[i].url = strdup(url);
    }
    l->want = i + 1;
}

/* The first page is there: those that it tells of. `pages` by its header, 0: not said. */
static void
want_others(struct ghlisting *l, unsigned pages)
{
    const char *second = l->pages[0].next;
    char url[URL_MAX];

    if (second == NULL)
        return;
    want_page(l, 1, second);
    if (pages == 0) /* what was there is likely to be there still */
        for (size_t i = 1; i + 1 < l->n_pages && l->pages[i].next != NULL &&
                           l->pages[i + 1].url != NULL &&
                           strcmp(l->pages[i].next, l->pages[i + 1].url) == 0;
             i++)
            l->want = i + 2;
    for (size_t i = 2; i < pages && i < LIMIT_SOURCE_PAGES; i++) {
        if (!link_page_url(second, (unsigned)i + 1, url, sizeof(url)))
            return;
        want_page(l, i, url);
    }
}

/* All that is wanted was read: what of it is in one chain. Returns whether more is wanted. */
static bool
follow_chain(struct ghlisting *l)
{
    for (size_t i = 0; i < l->want; i++) {
        const char *next = l->pages[i].next;

        if (next == NULL) { /* shorter than it was */
            l->want = i + 1;
            return false;
        }
        if (i + 1 == LIMIT_SOURCE_PAGES)
            return false;
        if (i + 1 == l->want || strcmp(next, l->pages[i + 1].url) != 0) {
            want_page(l, i + 1, next);
            l->asked = i + 1;
            return true;
        }
    }
    return false;
}

static void
read_next_link(struct ghpage *p, const char *link)
{
    char next[URL_MAX];

    free(p->next);
    p->next = link_next(link, next, sizeof(next)) ? strdup(next) : NULL;
}

static int
take_page(struct ghpage *p, const struct fetch_result *r, const char *link, struct err *e)
{
    json_t *issues = ghissues_read(r->body, r->body_size, e);
    char etag[ETAG_MAX];

    if (issues == NULL)
        return -1;
    json_decref(p->issues);
    p->issues = issues;
    p->etag[0] = '\0';
    if (http_header(r->headers, "ETag", etag, sizeof(etag)) && etag_fine(etag))
        strcpy(p->etag, etag);
    read_next_link(p, link);
    return 0;
}

/* Takes what the answer says. -1 with *f: it failed. */
static int
take_answer(struct ghpage *p, const struct fetch_result *r, const char *link,
            struct failure *f)
{
    struct ghlisting *l = p->of;
    struct err e = ERR_INIT;

    if (r->err.code == ERR_NONE && r->status == 304 && p->etag[0] != '\0') {
        /* A 304 may come without the header: then the link is the one that is known. */
        if (*link != '\0')
            read_next_link(p, link);
        return 0;
    }
    if (r->err.code != ERR_NONE || r->status != 200) {
        fetch_failure(l->group->source, r, f);
        return -1;
    }
    if (take_page(p, r, link, &e) < 0) {
        failure_set(f, e.code == ERR_LIMIT ? "TooLarge" : "Malformed",
                    "GitHub API: %s: %s", l->what, e.text);
        return -1;
    }
    l->changed = true;
    json_decref(l->all);
    l->all = NULL;
    return 0;
}

static void
on_page(void *arg, const struct fetch_result *r)
{
    struct ghpage *p = arg;
    struct ghlisting *l = p->of;
    struct failure f = {0};
    char link[4096];

    p->fetch = NULL;
    if (r->err.code != ERR_NONE || !http_header(r->headers, "Link", link, sizeof(link)))
        link[0] = '\0';
    if (take_answer(p, r, link, &f) < 0) {
        finish(l, LISTING_FAILED, &f);
        return;
    }
    if (p == &l->pages[0])
        want_others(l, link_pages(link));
    pump(l);
}

static bool
ask(struct ghlisting *l, struct ghpage *p)
{
    SCOPED(ghheaders) struct ghheaders h = {0};
    struct failure f = {0};
    struct err e = ERR_INIT;

    p->of = l;
    ghheaders_fill(&h, l->group->source, l->plain ? "" : p->etag);
    if ((p->fetch = fetch_start(l->group, p->url, h.lines, on_page, p, &e)) != NULL)
        return true;
    failure_set(&f, "Refused", "GitHub API: %s", e.text);
    finish(l, LISTING_FAILED, &f);
    return false;
}

static size_t
under_way(const struct ghlisting *l)
{
    size_t n = 0;

    for (size_t i = 0; i < LIMIT_SOURCE_PAGES; i++)
        n += l->pages[i].fetch != NULL;
    return n;
}

/* Asks for what is wanted, or ends the read. */
static void
pump(struct ghlisting *l)
{
    while (l->asked < l->want && under_way(l) < LIMIT_SOURCE_CALLS)
        if (!ask(l, &l->pages[l->asked++]))
            return;
    if (under_way(l) > 0)
        return;
    if (follow_chain(l))
        pump(l);
    else
        finish_read(l);
}

void
ghlisting_read(struct ghlisting *l, const char *url, bool whole, ghlisting_fn *done,
               void *arg)
{
    l->done = done;
    l->arg = arg;
    l->whole = whole;
    l->changed = false;
    if (l->n_pages == 0 || strcmp(l->pages[0].url, url) != 0) {
        cut(l, 0);
        l->pages[0].url = strdup(url);
    }
    /* Without the pages a 304 is of no use when they are wanted. */
    l->plain = whole && !all_held(l);
    l->asked = 0;
    l->want = 1;
    pump(l);
}
