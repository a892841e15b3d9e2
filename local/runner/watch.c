/* watch.c - see watch.h. */
#include "local/runner/watch.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/data/jsonframe.h"
#include "common/limits.h"
#include "common/log.h"

/* The server closes a quiet watch after this many seconds, and it is resumed. */
#define WATCH_SECONDS "3600"

struct watch {
    struct kube *kube;
    struct loop *loop;
    const struct kube_resource *res;
    struct watch_calls calls;
    struct kube_call *list;
    struct kube_stream *stream;
    struct jsonframe frame;
    struct backoff backoff;
    int timer;
    char version[129];
    char page[2048]; /* continue token */
    bool listed;     /* version is good to follow from */
    bool expired;    /* 410 came as an event */
};

static void start(struct watch *w);

static void
on_timer(void *arg)
{
    struct watch *w = arg;

    w->timer = 0;
    start(w);
}

static void
later(struct watch *w, int64_t ms)
{
    struct err e = ERR_INIT;

    w->timer = loop_timer(w->loop, ms, on_timer, w, &e);
}

static void
retry(struct watch *w, const char *doing, const struct err *why)
{
    int64_t ms = backoff_next_ms(&w->backoff);

    log_warn(w->res->plural, "%s: %s; again in %lld ms", doing, why->text, (long long)ms);
    later(w, ms);
}

/* ---- list ---- */

static void
on_list(void *arg, const struct kube_result *r)
{
    struct watch *w = arg;
    size_t i;
    json_t *object;

    w->list = NULL;
    if (r->err.code != ERR_NONE) {
        w->page[0] = '\0';
        retry(w, "list", &r->err);
        return;
    }
    json_array_foreach(json_object_get(r->body, "items"), i, object)
    {
        w->calls.seen(w->calls.arg, object);
    }
    snprintf(w->page, sizeof w->page, "%s",
             json_str_or(r->body, "metadata.continue", ""));
    if (w->page[0] == '\0') {
        snprintf(w->version, sizeof w->version, "%s", r->version);
        w->listed = true;
        backoff_reset(&w->backoff);
        w->calls.list_end(w->calls.arg);
    }
    start(w);
}

static void
start_list(struct watch *w)
{
    struct err e = ERR_INIT;
    char limit[16];

    snprintf(limit, sizeof limit, "%d", (int)LIMIT_LIST_PAGE_ITEMS);
    struct kube_param params[] = {{"limit", limit}, {"continue", w->page}, {NULL, NULL}};
    struct kube_request r = {.verb = KUBE_LIST,
                             .res = w->res,
                             .params = params,
                             .body_limit = LIMIT_LIST_PAGE_BYTES};
    if (w->page[0] == '\0') {
        params[1] = (struct kube_param){NULL, NULL};
        w->calls.list_begin(w->calls.arg);
    }
    if ((w->list = kube_call(w->kube, &r, on_list, w, &e)) == NULL)
        retry(w, "list", &e);
}

/* ---- watch ---- */

static int
on_event(void *arg, const char *doc, size_t size, struct err *e)
{
    struct watch *w = arg;
    SCOPED(json) json_t *event = json_parse(doc, size, LIMIT_OBJECT_BYTES + 4096, e);
    const char *type = json_str_or(event, "type", "");
    json_t *object = json_object_get(event, "object");

    if (event == NULL)
        return -1;
    if (strcmp(type, "ERROR") == 0) {
        w->expired = true;
        return err_set(e, ERR_GONE, "%s",
                       json_str_or(object, "message", "the watch has expired"));
    }
    snprintf(w->version, sizeof w->version, "%s",
             json_str_or(object, "metadata.resourceVersion", ""));
    if (strcmp(type, "DELETED") == 0)
        w->calls.gone(w->calls.arg, object);
    else if (strcmp(type, "BOOKMARK") != 0)
        w->calls.seen(w->calls.arg, object);
    return 0;
}

static int
on_data(void *arg, const char *bytes, size_t size)
{
    struct watch *w = arg;
    struct err e = ERR_INIT;

    if (jsonframe_feed(&w->frame, bytes, size, on_event, w, &e) == 0)
        return 0;
    log_warn(w->res->plural, "watch: %s", e.text);
    return -1;
}

static void
on_open(void *arg)
{
    struct watch *w = arg;

    backoff_reset(&w->backoff);
}

static void
on_end(void *arg, const struct kube_stream_end *end)
{
    struct watch *w = arg;

    w->stream = NULL;
    jsonframe_reset(&w->frame);
    w->frame = (struct jsonframe){.limit = LIMIT_OBJECT_BYTES + 4096};
    if (w->expired || end->http_status == 410) {
        w->listed = false;
        later(w, 0);
        return;
    }
    if (end->err.code == ERR_NONE && end->http_status / 100 == 2) {
        /* The server's time was over, or it went away: the version is still good. */
        later(w, end->lasted_ms < 1000 ? backoff_next_ms(&w->backoff) : 0);
        return;
    }
    retry(w, "watch", &end->err);
}

static void
start_watch(struct watch *w)
{
    const struct kube_param params[] = {{"watch", "1"},
                                        {"allowWatchBookmarks", "true"},
                                        {"timeoutSeconds", WATCH_SECONDS},
                                        {"resourceVersion", w->version},
                                        {NULL, NULL}};
    struct kube_stream_request r = {
        .req = {.verb = KUBE_WATCH, .res = w->res, .params = params},
        .on_data = on_data,
        .on_open = on_open,
        .on_end = on_end,
        .arg = w};
    struct err e = ERR_INIT;

    w->expired = false;
    if ((w->stream = kube_stream(w->kube, &r, &e)) == NULL)
        retry(w, "watch", &e);
}

static void
start(struct watch *w)
{
    if (w->listed)
        start_watch(w);
    else
        start_list(w);
}

struct watch *
watch_new(struct kube *k, struct loop *loop, enum kube_res res,
          const struct watch_calls *calls, struct err *e)
{
    struct watch *w = calloc(1, sizeof *w);

    if (w == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    *w = (struct watch){
        .kube = k,
        .loop = loop,
        .res = kube_res(res),
        .calls = *calls,
        .frame = {.limit = LIMIT_OBJECT_BYTES + 4096},
        .backoff = {.first_ms = 100, .cap_ms = 5000, .jitter_percent = 20}};
    start(w);
    return w;
}

void
watch_free(struct watch *w)
{
    if (w == NULL)
        return;
    if (w->list != NULL)
        kube_cancel(w->list);
    if (w->stream != NULL)
        kube_stream_cancel(w->stream);
    loop_timer_stop(w->loop, w->timer);
    jsonframe_reset(&w->frame);
    free(w);
}
