/* kube_stream.c - see kube.h: watches and followed logs. One attempt each; the table of what
 * to do when one ends belongs to who started it. */
#include "common/kube/kube_client.h"

#include <stdlib.h>
#include <string.h>

#include "common/kube/kube_send.h"
#include "common/log.h"

struct kube_stream {
    struct kube_stream *next, *prev;
    struct kube *k;
    struct kube_wire wire;
    enum kube_verb verb;
    const struct kube_resource *res;
    char *name;
    http_data_fn *on_data;
    void (*on_open)(void *arg);
    void (*on_end)(void *arg, const struct kube_stream_end *end);
    void *arg;
    int64_t total_ms, started_ms;
    struct http_call *http;
    int timer; /* until the server wants to hear from us again */
    unsigned generation;
    bool renewed;
};

static void
stream_free(struct kube_stream *s)
{
    struct kube *k = s->k;

    http_cancel(s->http);
    loop_timer_stop(k->loop, s->timer);
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        k->streams = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    kube_wire_free(&s->wire);
    free(s->name);
    free(s);
}

void
kube_streams_free(struct kube *k)
{
    while (k->streams != NULL)
        stream_free(k->streams);
}

static int start(struct kube_stream *s, struct err *e);

static int
on_status(void *arg, int status)
{
    struct kube_stream *s = arg;

    if (status >= 200 && status < 300 && s->on_open != NULL)
        s->on_open(s->arg);
    return 0;
}

static int
on_data(void *arg, const char *bytes, size_t size)
{
    struct kube_stream *s = arg;
    return s->on_data(s->arg, bytes, size);
}

/* A 401 is answered once with fresh credentials. */
static bool
renew(struct kube_stream *s)
{
    struct err why = ERR_INIT;

    if (s->renewed)
        return false;
    s->renewed = true;
    return kube_auth_renew(s->k->auth, s->generation, clock_mono_ms(), &why) &&
           start(s, &why) == 0;
}

static void
on_done(void *arg, const struct http_response *h)
{
    struct kube_stream *s = arg;
    struct kube *k = s->k;
    struct kube_stream_end end = {
        .http_status = h->status,
        .err = h->err,
        .ambiguous = h->outcome == HTTP_AMBIGUOUS,
        .aborted = h->outcome == HTTP_ABORTED,
        .retry_after_ms = -1,
        .lasted_ms = clock_mono_ms() - s->started_ms,
    };

    s->http = NULL;
    end.status.retry_after_ms = -1;
    if (k->observe != NULL)
        k->observe(k->observe_arg, s->verb, s->res,
                   h->outcome == HTTP_ANSWERED ? h->status : 0, h->elapsed_ms);
    kube_show_warnings(k, h->headers);
    if (h->untrusted)
        kube_auth_doubt(k->auth, clock_mono_ms());
    if (h->outcome == HTTP_ANSWERED && h->status >= 300) {
        if (h->status == 401 && renew(s))
            return;
        kube_status_decode(&end.status, h->status, h->body, h->body_size, false,
                           s->name != NULL ? s->name : "");
        kube_status_say(&end.status, &end.err);
        end.retry_after_ms = http_retry_after_ms(h->headers, clock_wall_ms());
        if (end.retry_after_ms < 0)
            end.retry_after_ms = end.status.retry_after_ms;
        if (h->status == 429 && end.retry_after_ms > 0)
            kube_hold(k, end.retry_after_ms);
    }
    if (end.err.code != ERR_NONE)
        err_wrap(&end.err, "%s%s", s->verb == KUBE_WATCH ? "watch of " : "",
                 s->res->plural);
    void (*on_end)(void *, const struct kube_stream_end *) = s->on_end;
    void *on_end_arg = s->arg;
    stream_free(s);
    on_end(on_end_arg, &end);
}

static int
start(struct kube_stream *s, struct err *e)
{
    struct http_request r = {
        .total_ms = s->total_ms > 0 ? s->total_ms : -1,
        .on_status = on_status,
        .on_data = on_data,
        .on_done = on_done,
        .arg = s,
    };

    s->http = kube_send(s->k, &s->wire, &r, &s->generation, e);
    return s->http != NULL ? 0 : -1;
}

static void
on_time(void *arg)
{
    struct kube_stream *s = arg;
    struct kube_stream_end end = {.retry_after_ms = -1, .status = {.retry_after_ms = -1}};

    s->timer = 0;
    if (start(s, &end.err) == 0)
        return;
    void (*on_end)(void *, const struct kube_stream_end *) = s->on_end;
    void *on_end_arg = s->arg;
    stream_free(s);
    on_end(on_end_arg, &end);
}

struct kube_stream *
kube_stream(struct kube *k, const struct kube_stream_request *r, struct err *e)
{
    if (kube_allowed(k->actor, r->req.verb, r->req.res, r->req.subresource, e) < 0)
        return NULL;
    struct kube_stream *s = calloc(1, sizeof *s);
    if (s == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    *s = (struct kube_stream){
        .k = k,
        .next = k->streams,
        .verb = r->req.verb,
        .res = r->req.res,
        .on_data = r->on_data,
        .on_open = r->on_open,
        .on_end = r->on_end,
        .arg = r->arg,
        .total_ms = r->total_ms,
        .started_ms = clock_mono_ms(),
    };
    if (k->streams != NULL)
        k->streams->prev = s;
    k->streams = s;
    int64_t hold = kube_hold_left_ms(k);
    if (kube_wire_build(k, &r->req, &s->wire, e) < 0 ||
        (r->req.name != NULL && (s->name = strdup(r->req.name)) == NULL) ||
        (hold > 0 ? (s->timer = loop_timer(k->loop, hold, on_time, s, e)) : start(s, e)) <
            0) {
        stream_free(s);
        return NULL;
    }
    return s;
}

void
kube_stream_cancel(struct kube_stream *s)
{
    if (s != NULL)
        stream_free(s);
}
