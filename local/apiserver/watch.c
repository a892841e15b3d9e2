/* watch.c - see watch.h. */
#include "local/apiserver/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/metrics/metrics.h"
#include "local/apiserver/read.h"
#include "local/apiserver/selector.h"
#include "local/apiserver/view/table.h"

#define FILL_BYTES 65536 /* what is read ahead of the connection, besides one object */
#define BOOKMARK_MS 60000

enum phase { PHASE_INITIAL, PHASE_LIVE, PHASE_OVER };

struct watcher {
    struct stream stream; /* first: a watcher is a stream */
    struct server *s;
    struct watcher *next;
    char group[254], version[64], plural[64], key[320], ns[64];
    bool all;                  /* not of one namespace */
    struct selector *selector; /* owned */
    struct accept accept;
    enum include include;
    enum phase phase;
    bool told_end; /* sendInitialEvents: a bookmark ends the initial events */
    bool bookmarks, dirty, closing;
    int64_t cursor; /* everything up to here was told */
    int64_t at;     /* version of the initial events */
    char after_ns[64], after[254];
    int64_t bookmark_ms, end_ms; /* when due */
    int64_t told;                /* version of the last bookmark or event */
    struct buf out;
    size_t sent; /* bytes of out that are gone */
};

struct hub {
    struct watcher *first;
    size_t count;
    int64_t soonest; /* due time that hub_tick told of; 0: none */
    bool rearm;
};

struct hub *
hub_new(void)
{
    return calloc(1, sizeof(struct hub));
}

void
hub_free(struct hub *h)
{
    free(h);
}

size_t
hub_count(const struct hub *h)
{
    return h->count;
}

void
hub_mark(struct hub *h, const char *key)
{
    for (struct watcher *w = h->first; w != NULL; w = w->next)
        if (!w->dirty && strcmp(w->key, key) == 0)
            w->dirty = true;
}

static void
wake(struct watcher *w)
{
    w->dirty = false;
    if (w->stream.wake != NULL)
        w->stream.wake(&w->stream);
}

void
hub_flush(struct hub *h)
{
    for (struct watcher *w = h->first, *next; w != NULL; w = next) {
        next = w->next;
        if (w->dirty)
            wake(w);
    }
}

void
hub_close(struct hub *h)
{
    for (struct watcher *w = h->first, *next; w != NULL; w = next) {
        next = w->next;
        w->closing = true;
        wake(w);
    }
}

static int64_t
due(const struct watcher *w)
{
    return w->bookmarks && w->bookmark_ms < w->end_ms ? w->bookmark_ms : w->end_ms;
}

int64_t
hub_tick(struct hub *h, int64_t now_ms)
{
    int64_t soonest = -1;

    for (struct watcher *w = h->first, *next; w != NULL; w = next) {
        next = w->next;
        int64_t in = due(w) - now_ms;

        if (in <= 0) {
            wake(w);
            in = 1000; /* it is served meanwhile, or blocked */
        }
        if (soonest < 0 || in < soonest)
            soonest = in;
    }
    h->soonest = soonest < 0 ? 0 : now_ms + soonest;
    h->rearm = false;
    return soonest;
}

bool
hub_rearm(struct hub *h)
{
    return h->rearm;
}

/* ---- events ---- */

static struct resource *
type_of(struct watcher *w)
{
    return registry_find(w->s->registry, w->group, w->version, w->plural);
}

static void
add_event(struct watcher *w, const struct resource *r, const char *type,
          const json_t *obj, const char *body, size_t size)
{
    struct buf *out = &w->out;

    buf_printf(out, "{\"type\":\"%s\",\"object\":", type);
    if (w->accept.form == FORM_TABLE) {
        buf_printf(out,
                   "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/"
                   "%s\",\"metadata\":{\"resourceVersion\":\"%s\"},"
                   "\"columnDefinitions\":",
                   w->accept.version, json_str_or(obj, "metadata.resourceVersion", ""));
        table_columns(r, out);
        buf_add_str(out, ",\"rows\":[");
        table_row(r, obj, w->include, w->accept.version, w->s->now_ms(), out);
        buf_add_str(out, "]}");
    } else if (w->accept.form == FORM_PARTIAL) {
        SCOPED(json) json_t *part = partial_object(obj, w->accept.version);
        SCOPED(string) char *text = json_dumps(part, JSON_COMPACT);

        buf_add_str(out, text != NULL ? text : "null");
    } else if (body != NULL) {
        buf_add(out, body, size);
    } else {
        SCOPED(string) char *text = json_dumps(obj, JSON_COMPACT);

        buf_add_str(out, text != NULL ? text : "null");
    }
    buf_add_str(out, "}\n");
}

static void
add_bookmark(struct watcher *w, const struct resource *r, bool initial_end)
{
    char api[330];
    const char *mark =
        initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "";

    resource_api_version(r, api, sizeof api);
    if (w->accept.form == FORM_TABLE)
        buf_printf(&w->out,
                   "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Table\",\"apiVersion\":"
                   "\"meta.k8s.io/%s\","
                   "\"metadata\":{\"resourceVersion\":\"%lld\"},\"columnDefinitions\":"
                   "null,\"rows\":[{\"cells\":[],"
                   "\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta."
                   "k8s.io/%s\",\"metadata\":"
                   "{\"resourceVersion\":\"%lld\",\"creationTimestamp\":null%s}}}]}}\n",
                   w->accept.version, (long long)w->cursor, w->accept.version,
                   (long long)w->cursor, mark);
    else
        buf_printf(&w->out,
                   "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%"
                   "s\",\"metadata\":"
                   "{\"resourceVersion\":\"%lld\",\"creationTimestamp\":null%s}}}\n",
                   w->accept.form == FORM_PARTIAL ? "PartialObjectMetadata" : r->kind,
                   w->accept.form == FORM_PARTIAL ? "meta.k8s.io/v1" : api,
                   (long long)w->cursor, mark);
    w->told = w->cursor;
}

static void
add_expired(struct watcher *w)
{
    buf_printf(
        &w->out,
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\","
        "\"metadata\":{},"
        "\"status\":\"Failure\",\"message\":\"too old resource version: %lld (%lld)\","
        "\"reason\":\"Expired\",\"code\":410}}\n",
        (long long)w->cursor, (long long)store_compacted(w->s->store));
    w->phase = PHASE_OVER;
}

struct fill {
    struct watcher *w;
    const struct resource *r;
};

static int
initial_row(void *ctx, const struct row *row)
{
    struct fill *f = ctx;
    struct watcher *w = f->w;
    bool plain =
        w->accept.form == FORM_OBJECT && f->r->storage && selector_empty(w->selector);
    SCOPED(json) json_t *obj = plain ? NULL : json_loadb(row->body, row->size, 0, NULL);

    if (w->out.size >= FILL_BYTES)
        return 1;
    if (!plain && obj == NULL)
        return -1;
    if (plain || selector_match(w->selector, obj))
        add_event(w, f->r, "ADDED", obj, row->body, row->size);
    snprintf(w->after_ns, sizeof w->after_ns, "%s", row->ns);
    snprintf(w->after, sizeof w->after, "%s", row->name);
    return 0;
}

/* What a change means to a watcher with a selector; NULL for nothing. */
static const char *
event_type(const struct watcher *w, char type, const json_t *now, const json_t *before)
{
    bool matches = selector_match(w->selector, now);
    bool matched = before != NULL ? selector_match(w->selector, before) : matches;

    switch (type) {
    case 'A':
        return matches ? "ADDED" : NULL;
    case 'D':
        return matched ? "DELETED" : NULL;
    default:
        return matches ? (matched ? "MODIFIED" : "ADDED") : matched ? "DELETED" : NULL;
    }
}

static int
live_row(void *ctx, const struct row *row)
{
    struct fill *f = ctx;
    struct watcher *w = f->w;
    static const char *const plain_types[] = {"ADDED", "MODIFIED", "DELETED"};

    if (w->out.size >= FILL_BYTES)
        return 1;
    w->cursor = row->rv;
    if (selector_empty(w->selector) && w->accept.form == FORM_OBJECT && f->r->storage) {
        add_event(w, f->r,
                  plain_types[row->type == 'A'   ? 0
                              : row->type == 'M' ? 1
                                                 : 2],
                  NULL, row->body, row->size);
        w->told = row->rv;
        return 0;
    }
    SCOPED(json) json_t *now = json_loadb(row->body, row->size, 0, NULL);
    SCOPED(json)
    json_t *before =
        row->prev != NULL ? json_loadb(row->prev, row->prev_size, 0, NULL) : NULL;
    const char *type = now != NULL ? event_type(w, row->type, now, before) : NULL;

    if (now == NULL)
        return -1;
    if (type == NULL)
        return 0;
    /* What leaves the selection is told as it was while it matched, at the new version. */
    if (row->type == 'M' && strcmp(type, "DELETED") == 0 && before != NULL) {
        json_object_set(json_object_get(before, "metadata"), "resourceVersion",
                        json_at(now, "metadata.resourceVersion"));
        add_event(w, f->r, type, before, NULL, 0);
    } else {
        add_event(w, f->r, type, now, NULL, 0);
    }
    w->told = row->rv;
    return 0;
}

static int
fill_initial(struct watcher *w, const struct resource *r, struct err *e)
{
    struct fill f = {w, r};
    struct span span = {.resource = w->key,
                        .ns = w->all ? NULL : w->ns,
                        .at = w->at,
                        .after_ns = w->after[0] != '\0' ? w->after_ns : NULL,
                        .after = w->after[0] != '\0' ? w->after : NULL};
    int rc = w->at < store_compacted(w->s->store)
                 ? 2
                 : store_list(w->s->store, &span, initial_row, &f, e);

    if (rc == 2) {
        add_expired(w);
        return 0;
    }
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    w->cursor = w->told = w->at;
    w->phase = PHASE_LIVE;
    if (w->told_end)
        add_bookmark(w, r, true);
    return 0;
}

static int
fill_live(struct watcher *w, const struct resource *r, struct err *e)
{
    struct fill f = {w, r};
    int64_t newest = store_version(w->s->store);

    if (w->cursor < store_compacted(w->s->store)) {
        add_expired(w);
        return 0;
    }
    int rc = store_changes(w->s->store, w->key, w->all ? NULL : w->ns, w->cursor,
                           live_row, &f, e);
    if (rc == 0 && w->cursor < newest)
        w->cursor = newest;
    return rc < 0 ? -1 : 0;
}

/* Puts what there is to tell into out. */
static void
fill(struct watcher *w)
{
    const struct resource *r = type_of(w);
    struct err e = ERR_INIT;
    int64_t now = w->s->now_ms();

    if (r == NULL) { /* its CRD is gone */
        w->phase = PHASE_OVER;
        return;
    }
    if (w->phase == PHASE_INITIAL && fill_initial(w, r, &e) < 0)
        w->phase = PHASE_OVER;
    if (w->phase == PHASE_LIVE && fill_live(w, r, &e) < 0)
        w->phase = PHASE_OVER;
    if (w->phase == PHASE_LIVE && w->bookmarks && now >= w->bookmark_ms) {
        add_bookmark(w, r, false);
        w->bookmark_ms = now + BOOKMARK_MS - 5000 + rand() % 10000;
    }
    if ((now >= w->end_ms || w->closing) && w->out.size == 0)
        w->phase = PHASE_OVER;
    if (w->out.failed)
        w->phase = PHASE_OVER;
}

static long
watcher_read(struct stream *stream, char *out, size_t size)
{
    struct watcher *w = (struct watcher *)stream;

    if (w->sent == w->out.size) {
        w->sent = 0;
        buf_clear(&w->out);
        if (w->out.capacity > 4 * FILL_BYTES)
            buf_free(&w->out);
        if (w->phase != PHASE_OVER) {
            /* What is not committed yet is not told yet. */
            if (store_dirty(w->s->store)) {
                w->dirty = true;
                return 0;
            }
            fill(w);
        }
    }
    size_t n = w->out.size - w->sent;
    if (n == 0)
        return w->phase == PHASE_OVER ? -1 : 0;
    if (n > size)
        n = size;
    memcpy(out, w->out.data + w->sent, n);
    w->sent += n;
    return (long)n;
}

static void
count_watches(const struct server *s, const char *key)
{
    int n = 0;

    for (const struct watcher *w = s->hub->first; w != NULL; w = w->next)
        n += strcmp(w->key, key) == 0;
    metric_set(s->metrics, METRIC_APISERVER_WATCHES, n, key);
}

static void
watcher_free(struct stream *stream)
{
    struct watcher *w = (struct watcher *)stream;
    struct watcher **link = &w->s->hub->first;

    while (*link != NULL && *link != w)
        link = &(*link)->next;
    if (*link == w) {
        *link = w->next;
        w->s->hub->count--;
        count_watches(w->s, w->key);
    }
    selector_free(w->selector);
    buf_wipe(&w->out);
    free(w);
}

static struct watcher *
watcher_new(struct server *s, const struct target *t, const struct list_options *o)
{
    struct watcher *w = calloc(1, sizeof *w);
    int64_t now = s->now_ms();

    if (w == NULL)
        return NULL;
    w->stream = (struct stream){.read = watcher_read, .free = watcher_free};
    w->s = s;
    snprintf(w->group, sizeof w->group, "%s", t->group);
    snprintf(w->version, sizeof w->version, "%s", t->version);
    snprintf(w->plural, sizeof w->plural, "%s", t->plural);
    snprintf(w->key, sizeof w->key, "%s", t->resource->key);
    snprintf(w->ns, sizeof w->ns, "%s", t->ns);
    w->all = t->all || !t->resource->namespaced;
    w->include = o->rows == ROWS_NONE     ? INCLUDE_NONE
                 : o->rows == ROWS_OBJECT ? INCLUDE_OBJECT
                                          : INCLUDE_METADATA;
    w->bookmarks = o->bookmarks;
    w->told_end = o->initial_events && o->bookmarks;
    w->cursor = w->told = o->version;
    w->at = store_version(s->store);
    w->phase = o->initial_events || !o->has_version || o->version == 0 ? PHASE_INITIAL
                                                                       : PHASE_LIVE;
    w->bookmark_ms = now + BOOKMARK_MS - 5000 + rand() % 10000;
    w->end_ms =
        now + (o->timeout_s > 0 ? o->timeout_s * 1000 : 1800000 + rand() % 1800000);
    w->next = s->hub->first;
    s->hub->first = w;
    s->hub->count++;
    count_watches(s, w->key);
    if (s->hub->soonest == 0 || due(w) < s->hub->soonest)
        s->hub->rearm = true;
    return w;
}

static int
start(struct server *s, const struct call *c, const struct target *t, struct reply *r,
      struct fault *f)
{
    struct list_options o;
    struct accept accept;
    struct err e = ERR_INIT;
    char by_name[300];
    struct watcher *w;

    if (!accept_parse(c->accept, &accept))
        return fault_set(f, 406, "NotAcceptable",
                         "only the following media types are accepted: application/json");
    if (list_options_read(c, true, &o, f) < 0)
        return -1;
    if (t->name != NULL && o.fields == NULL) {
        snprintf(by_name, sizeof by_name, "metadata.name=%s", t->name);
        o.fields = by_name;
    }
    if (o.has_version && o.version > 0 && !o.initial_events &&
        o.version < store_compacted(s->store))
        return fault_set(f, 410, "Expired", "too old resource version: %lld (%lld)",
                         (long long)o.version, (long long)store_compacted(s->store));
    SCOPED(selector)
    struct selector *selector = selector_parse(o.labels, o.fields, t->resource, &e);
    if (selector == NULL)
        return fault_bad_request(f, "%s", e.text);
    if ((w = watcher_new(s, t, &o)) == NULL)
        return fault_set(f, 500, "InternalError", "out of memory");
    w->accept = accept;
    w->selector = TAKE(selector);
    r->stream = &w->stream;
    r->code = 200;
    r->content_type = "application/json";
    return 0;
}

void
watch_start(struct server *s, const struct call *c, const struct target *t,
            struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;

    if (start(s, c, t, r, &f) < 0)
        reply_fault(r, &f);
}
