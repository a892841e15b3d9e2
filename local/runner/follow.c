/* follow.c - see follow.h. */
#include "local/runner/follow.h"

#include <czmq.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/data/jsonframe.h"
#include "common/limits.h"
#include "common/log.h"

/* The server closes a quiet watch after this many seconds, and it is opened again. */
#define WATCH_SECONDS "3600"
/* A watch that ended sooner is not opened again at once. */
#define SHORT_MS 1000

struct follow {
    struct follows *all; /* borrowed */
    enum ref_kind kind;
    char ns[64], name[254];
    unsigned users;
    struct kube_stream *stream;
    struct jsonframe frame;
    struct backoff backoff;
    int timer;
    char version[129]; /* that was told last */
};

struct follows {
    struct kube *kube;
    struct loop *loop;
    follow_fn *fn;
    void *arg;
    zhashx_t *items; /* "ns/secret/name" -> struct follow */
};

static void start(struct follow *w);

static void
follow_destroy(void **item)
{
    struct follow *w = *item;

    if (w->stream != NULL)
        kube_stream_cancel(w->stream);
    loop_timer_stop(w->all->loop, w->timer);
    jsonframe_reset(&w->frame);
    free(w);
    *item = NULL;
}

struct follows *
follows_new(struct kube *k, struct loop *loop, follow_fn *fn, void *arg)
{
    struct follows *f = calloc(1, sizeof *f);

    if (f == NULL || (f->items = zhashx_new()) == NULL) {
        free(f);
        return NULL;
    }
    zhashx_set_destructor(f->items, follow_destroy);
    f->kube = k;
    f->loop = loop;
    f->fn = fn;
    f->arg = arg;
    return f;
}

void
follows_free(struct follows *f)
{
    if (f == NULL)
        return;
    zhashx_destroy(&f->items);
    free(f);
}

/* ---- one watch ---- */

static void
on_timer(void *arg)
{
    struct follow *w = arg;

    w->timer = 0;
    start(w);
}

static void
later(struct follow *w, int64_t ms)
{
    struct err e = ERR_INIT;

    w->timer = loop_timer(w->all->loop, ms, on_timer, w, &e);
}

static int
on_event(void *arg, const char *doc, size_t size, struct err *e)
{
    struct follow *w = arg;
    SCOPED(json) json_t *event = json_parse(doc, size, LIMIT_OBJECT_BYTES + 4096, e);
    const char *type = json_str_or(event, "type", "");
    const char *version = json_str_or(event, "object.metadata.resourceVersion", "");

    if (event == NULL)
        return -1;
    if (strcmp(type, "ERROR") == 0)
        return err_set(e, ERR_GONE, "%s",
                       json_str_or(event, "object.message", "the watch has expired"));
    if (strcmp(type, "BOOKMARK") == 0 || strcmp(version, w->version) == 0)
        return 0;
    snprintf(w->version, sizeof w->version, "%s", version);
    w->all->fn(w->all->arg, w->ns, w->kind, w->name);
    return 0;
}

static int
on_data(void *arg, const char *bytes, size_t size)
{
    struct follow *w = arg;
    struct err e = ERR_INIT;

    if (jsonframe_feed(&w->frame, bytes, size, on_event, w, &e) == 0)
        return 0;
    log_warn(w->name, "following: %s", e.text);
    return -1;
}

static void
on_end(void *arg, const struct kube_stream_end *end)
{
    struct follow *w = arg;
    bool good = end->err.code == ERR_NONE && end->http_status / 100 == 2;

    w->stream = NULL;
    jsonframe_reset(&w->frame);
    w->frame = (struct jsonframe){.limit = LIMIT_OBJECT_BYTES + 4096};
    if (good && end->lasted_ms >= SHORT_MS) {
        backoff_reset(&w->backoff);
        later(w, 0);
        return;
    }
    if (!good)
        log_info(w->name, "following: %s", end->err.text);
    later(w, backoff_next_ms(&w->backoff));
}

/* Without a version the server begins with what there is. */
static void
start(struct follow *w)
{
    char selector[300];
    const struct kube_param params[] = {{"watch", "1"},
                                        {"fieldSelector", selector},
                                        {"timeoutSeconds", WATCH_SECONDS},
                                        {NULL, NULL}};
    struct kube_stream_request r = {
        .req = {.verb = KUBE_WATCH,
                .res = kube_res(w->kind == REF_SECRET ? KUBE_SECRETS : KUBE_CONFIG_MAPS),
                .ns = w->ns,
                .params = params,
                .secret = true},
        .on_data = on_data,
        .on_end = on_end,
        .arg = w};
    struct err e = ERR_INIT;

    snprintf(selector, sizeof selector, "metadata.name=%s", w->name);
    if ((w->stream = kube_stream(w->all->kube, &r, &e)) != NULL)
        return;
    log_warn(w->name, "following: %s", e.text);
    later(w, backoff_next_ms(&w->backoff));
}

/* ---- users ---- */

static const char *
key_of(const char *ns, const struct ref *ref, char *out, size_t room)
{
    char name[300];

    refs_key(ref->kind, ref->name, name, sizeof name);
    snprintf(out, room, "%s/%s", ns, name);
    return out;
}

static struct follow *
follow_new(struct follows *f, const char *ns, const struct ref *ref)
{
    struct follow *w = calloc(1, sizeof *w);

    if (w == NULL)
        abort();
    *w = (struct follow){
        .all = f,
        .kind = ref->kind,
        .frame = {.limit = LIMIT_OBJECT_BYTES + 4096},
        .backoff = {.first_ms = 100, .cap_ms = 30000, .jitter_percent = 20}};
    snprintf(w->ns, sizeof w->ns, "%s", ns);
    snprintf(w->name, sizeof w->name, "%s", ref->name);
    return w;
}

int
follows_use(struct follows *f, const char *ns, const struct refs *refs, struct err *e)
{
    char key[400];

    if (zhashx_size(f->items) + refs->count > FOLLOWS_MAX)
        return err_set(e, ERR_LIMIT, "FOLLOWS_MAX: %d mounted objects are followed",
                       FOLLOWS_MAX);
    for (size_t i = 0; i < refs->count; i++) {
        key_of(ns, &refs->items[i], key, sizeof key);
        struct follow *w = zhashx_lookup(f->items, key);
        if (w == NULL) {
            w = follow_new(f, ns, &refs->items[i]);
            zhashx_insert(f->items, key, w);
            start(w);
        }
        w->users++;
    }
    return 0;
}

void
follows_drop(struct follows *f, const char *ns, const struct refs *refs)
{
    char key[400];

    for (size_t i = 0; i < refs->count; i++) {
        key_of(ns, &refs->items[i], key, sizeof key);
        struct follow *w = zhashx_lookup(f->items, key);
        if (w != NULL && --w->users == 0)
            zhashx_delete(f->items, key);
    }
}
