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
    struct fetch *fetch;
    size_t at;
    bool whole; /* the issues are wanted */
    bool plain; /* without conditions */
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
    fetch_cancel(l->fetch);
    l->fetch = NULL;
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

/* ---- reading ---- */

static void ask(struct ghlisting *l);

static void
finish(struct ghlisting *l, enum ghlisting_end end, const struct failure *f)
{
    if (end == LISTING_FAILED)
        cut(l, 0);
    l->done(l->arg, end, f);
}

/* Some pages are held and some are not: all are read anew. */
static void
start_over(struct ghlisting *l)
{
    cut(l, 0);
    l->plain = true;
    l->at = 0;
    l->pages[0].url = NULL;
}

static void
finish_read(struct ghlisting *l)
{
    size_t n = l->at + 1;

    if (n != l->n_pages)
        l->changed = true;
    cut(l, n);
    l->n_pages = n;
    if (!l->changed && !l->whole) {
        finish(l, LISTING_SAME, NULL);
        return;
    }
    if (all_held(l)) {
        finish(l, LISTING_READ, NULL);
        return;
    }
    {
        SCOPED(string) char *first = strdup(l->pages[0].url);

        start_over(l);
        l->pages[0].url = TAKE(first);
        ask(l);
    }
}

/* A page is there; on to the next one, or to the end. */
static void
go_on(struct ghlisting *l)
{
    struct ghpage *p = &l->pages[l->at];

    if (p->next == NULL || l->at + 1 == LIMIT_SOURCE_PAGES) {
        l->truncated = p->next != NULL;
        finish_read(l);
        return;
    }
    l->at++;
    /* Where the pages moved, what is known of the old one is worth nothing. */
    if (l->pages[l->at].url == NULL || strcmp(l->pages[l->at].url, p->next) != 0) {
        page_clear(&l->pages[l->at]);
        l->pages[l->at].url = strdup(p->next);
    }
    ask(l);
}

static void
read_next_link(struct ghpage *p, const struct buf *headers)
{
    char link[4096], next[URL_MAX];

    if (!http_header(headers, "Link", link, sizeof(link)))
        link[0] = '\0';
    free(p->next);
    p->next = link_next(link, next, sizeof(next)) ? strdup(next) : NULL;
}

static int
take_page(struct ghpage *p, const struct fetch_result *r, struct err *e)
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
    read_next_link(p, r->headers);
    return 0;
}

static void
on_page(void *arg, const struct fetch_result *r)
{
    struct ghlisting *l = arg;
    struct ghpage *p = &l->pages[l->at];
    struct failure f = {0};
    struct err e = ERR_INIT;
    char link[4096];

    l->fetch = NULL;
    if (r->err.code == ERR_NONE && r->status == 304 && p->etag[0] != '\0') {
        /* A 304 may come without the header: then the link is the one that is known. */
        if (http_header(r->headers, "Link", link, sizeof(link)))
            read_next_link(p, r->headers);
        go_on(l);
        return;
    }
    if (r->err.code != ERR_NONE || r->status != 200) {
        fetch_failure(l->group->source, r, &f);
        finish(l, LISTING_FAILED, &f);
        return;
    }
    if (take_page(p, r, &e) < 0) {
        failure_set(&f, e.code == ERR_LIMIT ? "TooLarge" : "Malformed",
                    "GitHub API: %s: %s", l->what, e.text);
        finish(l, LISTING_FAILED, &f);
        return;
    }
    l->changed = true;
    json_decref(l->all);
    l->all = NULL;
    go_on(l);
}

static void
ask(struct ghlisting *l)
{
    struct ghpage *p = &l->pages[l->at];
    SCOPED(ghheaders) struct ghheaders h = {0};
    struct failure f = {0};
    struct err e = ERR_INIT;

    ghheaders_fill(&h, l->group->source, l->plain ? "" : p->etag);
    if ((l->fetch = fetch_start(l->group, p->url, h.lines, on_page, l, &e)) == NULL) {
        failure_set(&f, "Refused", "GitHub API: %s", e.text);
        finish(l, LISTING_FAILED, &f);
    }
}

void
ghlisting_read(struct ghlisting *l, const char *url, bool whole, ghlisting_fn *done,
               void *arg)
{
    l->done = done;
    l->arg = arg;
    l->whole = whole;
    l->changed = false;
    l->at = 0;
    if (l->n_pages == 0 || strcmp(l->pages[0].url, url) != 0) {
        cut(l, 0);
        l->pages[0].url = strdup(url);
    }
    /* Without the pages a 304 is of no use when they are wanted. */
    l->plain = whole && !all_held(l);
    ask(l);
}
