#include "statuswriter/events.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/utf8.h"
#include "statuswriter/eventrate.h"

#define COMPONENT "kelos-controller"

/* One Event on its way. */
struct pending {
    struct events *all;
    struct pending *next, *previous;
    char to[MESSAGE_ORIGIN_MAX + 1];
    uint64_t id;
    char uid[65];
    char *ns;
    char name[254];
    bool counting;  /* a patch of an existing one */
    json_t *create; /* the whole object; owned */
    json_t *patch;  /* owned */
    struct kube_call *call;
    int timer;
    unsigned tries;
    bool waits; /* for one of the calls */
};

struct events {
    const struct writer *w;
    struct eventrate *rate;
    struct pending *first; /* the newest */
    size_t n, calls;
};

static void start(struct pending *p);

struct events *
events_new(const struct writer *w)
{
    struct events *v = calloc(1, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->w = w;
    if ((v->rate = eventrate_new()) == NULL) {
        free(v);
        return NULL;
    }
    return v;
}

static void
pending_free(struct pending *p)
{
    struct events *v = p->all;

    if (p->call != NULL) {
        kube_cancel(p->call);
        v->calls--;
    }
    worker_cancel(v->w->worker, p->timer);
    if (p->previous != NULL)
        p->previous->next = p->next;
    else
        v->first = p->next;
    if (p->next != NULL)
        p->next->previous = p->previous;
    v->n--;
    json_decref(p->create);
    json_decref(p->patch);
    free(p->ns);
    free(p);
}

void
events_free(struct events *v)
{
    if (v == NULL)
        return;
    while (v->first != NULL)
        pending_free(v->first);
    eventrate_free(v->rate);
    free(v);
}

size_t
events_pending(const struct events *v)
{
    return v->n;
}

/* ---- the object ---- */

json_t *
event_doc(const struct msg_event *m, const char *name, const char *message,
          uint64_t count, int64_t first_ms, int64_t now_ms)
{
    const struct kube_resource *res = writer_resource(m->kind, m->profile);
    char version[128] = "", first[RFC3339_SIZE], last[RFC3339_SIZE];

    if (res != NULL)
        kube_api_version(res, version, sizeof(version));
    rfc3339_format(first_ms, first);
    rfc3339_format(now_ms, last);
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:s%, "
                     "s:s, s:{s:s}, s:s, s:s, "
                     "s:s, s:s, s:I}",
                     "apiVersion", "v1", "kind", "Event", "metadata", "name", name,
                     "namespace", m->ns, "involvedObject", "apiVersion", version, "kind",
                     res != NULL ? res->kind : "", "namespace", m->ns, "name", m->name,
                     "uid", m->uid, "reason", m->reason, "message", message,
                     utf8_cut(message, strlen(message), 1024), "type", m->type, "source",
                     "component", COMPONENT, "reportingComponent", COMPONENT,
                     "reportingInstance", "", "firstTimestamp", first, "lastTimestamp",
                     last, "count", (json_int_t)count);
}

/* ---- writing ---- */

static void
ack(struct events *v, const char *to, uint64_t id, const char *uid, unsigned code,
    const char *text)
{
    struct message m = {
        .kind = MSG_EVENT_ACK,
        .body.write_ack = {.id = id, .uid = uid, .code = code, .message = text}};
    struct err e = ERR_INIT;

    if (bus_send(v->w->bus, to, &m, &e) < 0 && e.code != ERR_GONE)
        log_warn(NULL, "event.ack to %s: %s", to, e.text);
}

static void
on_timer(void *arg, struct worker *w)
{
    struct pending *p = arg;

    (void)w;
    p->timer = 0;
    start(p);
}

int64_t
event_pause_ms(unsigned tries, uint32_t random)
{
    if (tries >= EVENTS_TRIES)
        return -1;
    return tries == 1 ? random % EVENTS_RETRY_MS : EVENTS_RETRY_MS;
}

static bool
is_final(const struct kube_result *r)
{
    return r->http_status >= 400 && r->http_status < 500 && r->http_status != 429;
}

static void
give_up(struct pending *p, const struct err *why)
{
    log_warn(NULL, "event %s/%s not written: %s", p->ns, p->name, why->text);
    ack(p->all, p->to, p->id, p->uid, ACK_REFUSED, why->text);
    pending_free(p);
}

/* May free p. */
static void
judge(struct pending *p, const struct kube_result *r)
{
    const char *type = json_str_or(p->create, "type", ""),
               *reason = json_str_or(p->create, "reason", "");

    if (r->err.code == ERR_NONE || (!p->counting && r->err.code == ERR_EXISTS)) {
        metric_add(worker_metrics(p->all->w->worker), METRIC_EVENTS, 1, type, reason);
        ack(p->all, p->to, p->id, p->uid, ACK_DONE, "");
        pending_free(p);
        return;
    }
    if (p->counting && r->err.code == ERR_NOT_FOUND) {
        /* Events live about an hour: this one is told anew, under its own name. */
        eventrate_forget(p->all->rate, p->name);
        p->counting = false;
        snprintf(p->name, sizeof(p->name), "%s",
                 json_str_or(p->create, "metadata.name", ""));
        start(p);
        return;
    }
    int64_t pause = is_final(r) ? -1 : event_pause_ms(p->tries, (uint32_t)random());
    if (pause < 0)
        give_up(p, &r->err);
    else
        p->timer = worker_after(p->all->w->worker, pause, on_timer, p);
}

/* The oldest that waits for a call. */
static struct pending *
next_waiting(const struct events *v)
{
    struct pending *oldest = NULL;

    for (struct pending *p = v->first; p != NULL; p = p->next)
        if (p->waits)
            oldest = p;
    return oldest;
}

static void
on_written(void *arg, const struct kube_result *r)
{
    struct pending *p = arg;
    struct events *v = p->all;

    p->call = NULL;
    v->calls--;
    judge(p, r);
    while (v->calls < EVENTS_AT_ONCE && (p = next_waiting(v)) != NULL)
        start(p);
}

static void
start(struct pending *p)
{
    struct kube_request q = {.res = kube_res(KUBE_EVENTS),
                             .ns = p->ns,
                             .name = p->name,
                             .field_manager = COMPONENT};
    struct err e = ERR_INIT;

    p->waits = p->all->calls >= EVENTS_AT_ONCE;
    if (p->waits)
        return;
    q.verb = p->counting ? KUBE_PATCH_MERGE : KUBE_CREATE;
    q.body = p->counting ? p->patch : p->create;
    q.repeat = p->counting ? KUBE_REPEAT_AUTO : KUBE_REPEAT_NAMED;
    p->tries++;
    if ((p->call = kube_call(p->all->w->kube, &q, on_written, p, &e)) == NULL)
        give_up(p, &e);
    else
        p->all->calls++;
}

/* ---- taking ---- */

/* The one on its way that this message is about once more. */
static struct pending *
pending_of(const struct events *v, const struct peer *from, uint64_t id)
{
    for (struct pending *p = v->first; p != NULL; p = p->next)
        if (p->id == id && strcmp(p->to, from->user_id) == 0)
            return p;
    return NULL;
}

static struct pending *
pending_new(struct events *v, const struct peer *from, const struct msg_event *m,
            const struct event_decision *d, int64_t now)
{
    struct pending *p = calloc(1, sizeof(*p));
    SCOPED(buf) struct buf text = BUF_INIT;
    char last[RFC3339_SIZE];

    if (p == NULL)
        return NULL;
    p->all = v;
    p->id = m->id;
    p->counting = d->verdict == EVENT_COUNT;
    snprintf(p->to, sizeof(p->to), "%s", from->user_id);
    snprintf(p->uid, sizeof(p->uid), "%s", m->uid);
    snprintf(p->name, sizeof(p->name), "%s", d->name);
    p->ns = strdup(m->ns);
    buf_printf(&text, "%s%s", d->combined ? EVENT_COMBINED : "", m->message);
    p->create = event_doc(m, m->event_name, buf_str(&text), 1, now, now);
    rfc3339_format(now, last);
    p->patch = json_pack("{s:I, s:s, s:s%}", "count", (json_int_t)d->count,
                         "lastTimestamp", last, "message", buf_str(&text),
                         utf8_cut(buf_str(&text), text.size, 1024));
    p->next = v->first;
    if (v->first != NULL)
        v->first->previous = p;
    v->first = p;
    v->n++;
    return p;
}

void
events_emit(struct events *v, const struct peer *from, const struct msg_event *m)
{
    char object[512];
    struct event_key key = {object, m->type, m->reason, m->message, m->event_name};
    struct event_decision d;
    struct pending *p;
    int64_t now = clock_wall_ms();

    if (writer_resource(m->kind, m->profile) == NULL || *m->ns == '\0' ||
        *m->event_name == '\0') {
        ack(v, from->user_id, m->id, m->uid, ACK_REFUSED,
            "kind, ns and event_name are needed");
        return;
    }
    if (pending_of(v, from, m->id) != NULL)
        return; /* sent again by one who waits for long: acknowledged when it is written */
    if (v->n >= EVENTS_QUEUE) {
        metric_add(worker_metrics(v->w->worker), METRIC_EVENTS, 1, m->type, "(dropped)");
        ack(v, from->user_id, m->id, m->uid, ACK_REFUSED,
            "too many events wait (EVENTS_QUEUE)");
        return;
    }
    snprintf(object, sizeof(object), "%llu/%s/%s/%s", (unsigned long long)m->kind, m->ns,
             m->name, m->uid);
    eventrate_decide(v->rate, &key, now, &d);
    if (d.verdict == EVENT_KNOWN || d.verdict == EVENT_DROP) {
        ack(v, from->user_id, m->id, m->uid, ACK_DONE,
            d.verdict == EVENT_DROP ? "over the rate" : "");
        return;
    }
    if ((p = pending_new(v, from, m, &d, now)) != NULL)
        start(p);
}
