/* kube.c - see kube.h: the queue, and the life of one call with its repeats. */
#include "common/kube/kube_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/kube/kube_send.h"
#include "common/limits.h"
#include "common/log.h"

enum { UNARY_MS = 32000, LIST_MS = 60000 };

struct kube_call {
    struct kube_call *next, *prev;    /* of all calls */
    struct kube_call *after, *before; /* of those that wait to be sent */
    struct kube *k;
    struct kube_wire wire;
    enum kube_verb verb;
    const struct kube_resource *res;
    char *name, *uid; /* asked for; the uid of a delete */
    bool versioned;   /* a delete with a version precondition */
    enum retry_class class;
    bool text, secret, ahead;
    size_t body_limit;
    int64_t deadline_ms; /* CLOCK_MONOTONIC */
    int64_t sent_ms;
    int deadline_timer, retry_timer;
    struct backoff backoff;
    int attempts;
    bool queued, renewed, ambiguous;
    unsigned generation;
    struct http_call *http;
    struct err last; /* why the last attempt failed */
    kube_done_fn *done;
    void *arg;
};

static void pump(struct kube *k);
static void enqueue(struct kube_call *c);

/* ---- a call's end ---- */

static void
leave_queue(struct kube_call *c)
{
    struct kube_lane *lane = &c->k->lanes[c->ahead];

    if (!c->queued)
        return;
    *(c->before != NULL ? &c->before->after : &lane->first) = c->after;
    *(c->after != NULL ? &c->after->before : &lane->last) = c->before;
    c->after = c->before = NULL;
    c->queued = false;
    c->k->waiting--;
}

static void
call_free(struct kube_call *c)
{
    struct kube *k = c->k;

    leave_queue(c);
    if (c->http != NULL) {
        http_cancel(c->http);
        k->in_flight--;
        k->lists_in_flight -= c->verb == KUBE_LIST;
    }
    loop_timer_stop(k->loop, c->deadline_timer);
    loop_timer_stop(k->loop, c->retry_timer);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        k->calls = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    k->pending--;
    kube_wire_free(&c->wire);
    free(c->name);
    free(c->uid);
    free(c);
}

/* Calls back and frees. What waited behind this call may go. */
static void
finish(struct kube_call *c, struct kube_result *r)
{
    struct kube *k = c->k;

    r->attempts = c->attempts;
    if (r->err.code != ERR_NONE) {
        r->ambiguous = r->ambiguous || c->ambiguous;
        err_wrap(&r->err, "%s %s%s%s", c->wire.method, c->res->plural,
                 c->name != NULL ? "/" : "", c->name != NULL ? c->name : "");
    }
    c->done(c->arg, r);
    call_free(c);
    pump(k);
}

static void
finish_error(struct kube_call *c, const struct err *why)
{
    struct kube_result r = {.err = *why};
    finish(c, &r);
}

static void
on_deadline(void *arg)
{
    struct kube_call *c = arg;
    struct kube_result r = {.ambiguous = c->http != NULL && c->class != RETRY_READ};

    c->deadline_timer = 0;
    err_set(&r.err, ERR_TIMEOUT, "no result in time%s%s",
            c->last.code != ERR_NONE ? "; last: " : "", c->last.text);
    finish(c, &r);
}

/* ---- repeating ---- */

static void
on_retry(void *arg)
{
    struct kube_call *c = arg;

    c->retry_timer = 0;
    enqueue(c);
    pump(c->k);
}

/* Arranges another attempt. False when the deadline comes first. */
static bool
try_again(struct kube_call *c, int64_t delay_ms)
{
    struct err ignored = ERR_INIT;

    if (clock_mono_ms() + delay_ms >= c->deadline_ms)
        return false;
    c->retry_timer = loop_timer(c->k->loop, delay_ms, on_retry, c, &ignored);
    return c->retry_timer > 0;
}

/* ---- answers ---- */

static void
read_success(struct kube_call *c, const struct http_response *h, struct kube_result *r)
{
    if (c->text) {
        r->text = h->body;
        r->text_size = h->body_size;
        return;
    }
    if (h->body_size == 0)
        return;
    r->body = json_parse(h->body, h->body_size, c->body_limit, &r->err);
    if (r->body == NULL) {
        r->err.code = r->err.code == ERR_INVALID ? ERR_PROTO : r->err.code;
        err_wrap(&r->err, "HTTP %d", h->status);
        return;
    }
    snprintf(r->version, sizeof r->version, "%s",
             json_str_or(r->body, "metadata.resourceVersion", ""));
    snprintf(r->uid, sizeof r->uid, "%s", json_str_or(r->body, "metadata.uid", ""));
}

/* A delete that asked for one uid: that object being gone is what was wanted. */
static bool
is_gone_already(const struct kube_call *c, const struct kube_status *s)
{
    return c->verb == KUBE_DELETE && c->uid != NULL &&
           (s->reason == KUBE_NOT_FOUND || (s->reason == KUBE_CONFLICT && !c->versioned));
}

static void
log_failure(const struct kube_call *c, const struct http_response *h,
            const struct kube_status *s)
{
    char audit[64] = "", schema[64] = "", level[64] = "";
    bool usual = s->reason == KUBE_NOT_FOUND || s->reason == KUBE_CONFLICT ||
                 s->reason == KUBE_ALREADY_EXISTS;

    http_header(h->headers, "Audit-Id", audit, sizeof audit);
    http_header(h->headers, "X-Kubernetes-PF-FlowSchema-UID", schema, sizeof schema);
    http_header(h->headers, "X-Kubernetes-PF-PriorityLevel-UID", level, sizeof level);
    if (c->k->actor != KUBE_AS_USER || log_level() == LEVEL_DEBUG)
        log_event(usual ? LEVEL_DEBUG : LEVEL_INFO, NULL,
                  "%s %s %s: %d %s audit-id=%s%s%s%s%s", c->wire.method, c->res->plural,
                  c->name != NULL ? c->name : "", h->status, kube_reason_name(s->reason),
                  audit, schema[0] != '\0' ? " flow-schema=" : "", schema,
                  level[0] != '\0' ? " priority-level=" : "", level);
}

/* How long to wait before the next attempt. */
static int64_t
retry_delay(struct kube_call *c, int64_t retry_after_ms)
{
    int64_t delay = backoff_next_ms(&c->backoff);
    return retry_after_ms > delay ? retry_after_ms : delay;
}

/* An expired token: read anew and once more. Returns true when the call goes on. */
static bool
renew_and_repeat(struct kube_call *c)
{
    struct err ignored = ERR_INIT;

    if (c->renewed || !kube_may_retry(c->class, RETRY_AMBIGUOUS, 1))
        return false;
    c->renewed = true;
    if (!kube_auth_renew(c->k->auth, c->generation, clock_mono_ms(), &ignored))
        return false;
    return try_again(c, 0);
}

static void
read_refusal(struct kube_call *c, const struct http_response *h, struct kube_result *r,
             int64_t *retry_after_ms)
{
    const char *asked = c->name != NULL && c->verb != KUBE_CREATE ? c->name : "";

    kube_status_decode(&r->status, h->status, h->body, h->body_size,
                       c->verb == KUBE_CREATE, asked);
    if (c->secret && !r->status.is_status) /* might quote what was sent */
        r->status.message[0] = '\0';
    *retry_after_ms = http_retry_after_ms(h->headers, clock_wall_ms());
    if (*retry_after_ms < 0)
        *retry_after_ms = r->status.retry_after_ms;
    kube_status_say(&r->status, &r->err);
    log_failure(c, h, &r->status);
}

/* Whether a failed attempt is repeated; then the call is taken care of. */
static bool
repeat(struct kube_call *c, const struct http_response *h, const struct kube_result *r,
       int64_t retry_after_ms)
{
    enum retry_event event;
    enum http_outcome outcome = h->outcome;

    if (outcome == HTTP_ANSWERED && h->status < 300)
        outcome = HTTP_AMBIGUOUS; /* done, but the answer cannot be read */
    if (!kube_retry_event(outcome, h->status, retry_after_ms >= 0, &event) ||
        r->status.reason == KUBE_TOO_LARGE)
        return false;
    if (event == RETRY_AMBIGUOUS || event == RETRY_SERVER)
        c->ambiguous = true;
    if (event == RETRY_WAIT)
        kube_hold(c->k, retry_after_ms > 0 ? retry_after_ms : 0);
    c->last = r->err;
    if (!kube_may_retry(c->class, event, c->attempts))
        return false;
    return try_again(c, retry_delay(c, retry_after_ms));
}

static void
on_answer(void *arg, const struct http_response *h)
{
    struct kube_call *c = arg;
    struct kube *k = c->k;
    struct kube_result r = {.http_status = h->status, .status = {.retry_after_ms = -1}};
    int64_t retry_after_ms = -1;

    c->http = NULL;
    k->in_flight--;
    k->lists_in_flight -= c->verb == KUBE_LIST;
    if (k->observe != NULL)
        k->observe(k->observe_arg, c->verb, c->res,
                   h->outcome == HTTP_ANSWERED ? h->status : 0, h->elapsed_ms);
    kube_show_warnings(k, h->headers);
    if (h->untrusted)
        kube_auth_doubt(k->auth, clock_mono_ms());
    if (h->outcome != HTTP_ANSWERED)
        r.err = h->err;
    else if (h->status >= 200 && h->status < 300)
        read_success(c, h, &r);
    else
        read_refusal(c, h, &r, &retry_after_ms);
    bool goes_on = false;
    if (r.err.code != ERR_NONE && h->outcome == HTTP_ANSWERED &&
        is_gone_already(c, &r.status))
        r.err.code = ERR_NONE;
    else if (r.status.reason == KUBE_UNAUTHORIZED && h->outcome == HTTP_ANSWERED &&
             h->status == 401)
        goes_on = renew_and_repeat(c);
    else if (r.err.code != ERR_NONE)
        goes_on = repeat(c, h, &r, retry_after_ms);
    if (goes_on) {
        json_decref(r.body);
        pump(k);
        return;
    }
    json_t *body = r.body;
    finish(c, &r);
    json_decref(body);
}

/* ---- the queue ---- */

static void
enqueue(struct kube_call *c)
{
    struct kube_lane *lane = &c->k->lanes[c->ahead];

    c->before = lane->last;
    *(lane->last != NULL ? &lane->last->after : &lane->first) = c;
    lane->last = c;
    c->queued = true;
    c->k->waiting++;
    c->k->was_full = c->k->was_full || kube_full(c->k);
}

/* The client-side limit, when one is set: 0, or how long until a token is there. */
static int64_t
take_token(struct kube *k, const struct kube_call *c)
{
    int64_t now = clock_mono_ms();

    if (k->qps <= 0 || strcmp(c->res->plural, "leases") == 0)
        return 0;
    k->tokens += (double)(now - k->refilled_ms) / 1000.0 * k->qps;
    if (k->tokens > k->burst)
        k->tokens = k->burst;
    k->refilled_ms = now;
    if (k->tokens < 1)
        return (int64_t)((1 - k->tokens) / k->qps * 1000) + 1;
    k->tokens -= 1;
    return 0;
}

static void
send_call(struct kube_call *c)
{
    struct kube *k = c->k;
    struct err why = ERR_INIT;
    int64_t left = c->deadline_ms - clock_mono_ms();
    int64_t attempt_ms = c->verb == KUBE_LIST ? LIST_MS : UNARY_MS;
    struct http_request r = {
        .body_limit = c->body_limit,
        .total_ms = left < 1            ? 1
                    : left < attempt_ms ? left
                                        : attempt_ms,
        .fresh_connect = kube_needs_fresh(c->class),
        .on_done = on_answer,
        .arg = c,
    };

    c->attempts++;
    c->sent_ms = clock_mono_ms();
    c->http = kube_send(k, &c->wire, &r, &c->generation, &why);
    if (c->http == NULL) {
        finish_error(c, &why);
        return;
    }
    k->in_flight++;
    k->lists_in_flight += c->verb == KUBE_LIST;
}

static void
on_pump(void *arg)
{
    struct kube *k = arg;

    k->pump_timer = 0;
    pump(k);
}

static void
pump_later(struct kube *k, int64_t ms)
{
    struct err ignored = ERR_INIT;

    if (k->pump_timer <= 0)
        k->pump_timer = loop_timer(k->loop, ms, on_pump, k, &ignored);
}

/* The first of a lane that may be sent now: list pages have a smaller share. */
static struct kube_call *
first_of(const struct kube *k, bool ahead)
{
    struct kube_call *c = k->lanes[ahead].first;

    while (c != NULL && c->verb == KUBE_LIST &&
           k->lists_in_flight >= LIST_PAGES_IN_FLIGHT)
        c = c->after;
    return c;
}

static struct kube_call *
next_call(struct kube *k)
{
    if (k->in_flight >= k->in_flight_max)
        return NULL;
    struct kube_call *ahead = first_of(k, true), *usual = first_of(k, false);
    bool turn = k->passed_by >= AHEAD_IN_A_ROW;

    return ahead == NULL || (usual != NULL && turn) ? usual : ahead;
}

static void
send_waiting(struct kube *k)
{
    struct kube_call *c;

    while ((c = next_call(k)) != NULL) {
        int64_t wait = kube_hold_left_ms(k);
        if (wait == 0)
            wait = take_token(k, c);
        if (wait > 0) {
            pump_later(k, wait);
            return;
        }
        leave_queue(c);
        k->passed_by = c->ahead ? k->passed_by + 1 : 0;
        send_call(c);
    }
}

static void
pump(struct kube *k)
{
    send_waiting(k);
    if (k->was_full && !kube_full(k)) {
        k->was_full = false;
        if (k->on_room != NULL)
            k->on_room(k->room_arg);
    }
}

/* ---- calls ---- */

static int
fill_call(struct kube_call *c, const struct kube_request *r, struct err *e)
{
    struct kube *k = c->k;
    int64_t deadline = r->deadline_ms > 0     ? r->deadline_ms
                       : r->verb == KUBE_LIST ? LIST_MS
                                              : UNARY_MS;

    if (kube_wire_build(k, r, &c->wire, e) < 0)
        return -1;
    c->verb = r->verb;
    c->res = r->res;
    c->class = kube_retry_class(r);
    c->text = r->text;
    c->secret = c->wire.secret;
    c->ahead = r->ahead;
    c->versioned = r->resource_version != NULL;
    c->body_limit = r->body_limit != 0 ? r->body_limit : LIMIT_HTTP_BODY_BYTES;
    c->backoff = (struct backoff){k->backoff_first_ms, k->backoff_cap_ms, 50, 0};
    c->deadline_ms = clock_mono_ms() + deadline;
    if ((r->name != NULL && (c->name = strdup(r->name)) == NULL) ||
        (r->uid != NULL && (c->uid = strdup(r->uid)) == NULL))
        return err_set(e, ERR_SYSTEM, "out of memory");
    c->deadline_timer = loop_timer(k->loop, deadline, on_deadline, c, e);
    return c->deadline_timer > 0 ? 0 : -1;
}

/* A name that the server makes up cannot be found again after a lost answer. */
static int
check_names(const struct kube *k, const struct kube_request *r, struct err *e)
{
    if (k->actor == KUBE_AS_USER || r->verb != KUBE_CREATE ||
        json_at(r->body, "metadata.generateName") == NULL)
        return 0;
    return err_set(e, ERR_INVALID,
                   "%s: controllers give names, they do not have them generated",
                   r->res->plural);
}

struct kube_call *
kube_call(struct kube *k, const struct kube_request *r, kube_done_fn *done, void *arg,
          struct err *e)
{
    if (kube_allowed(k->actor, r->verb, r->res, r->subresource, e) < 0 ||
        check_names(k, r, e) < 0)
        return NULL;
    struct kube_call *c = calloc(1, sizeof *c);
    if (c == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    *c = (struct kube_call){.k = k, .done = done, .arg = arg, .next = k->calls};
    if (k->calls != NULL)
        k->calls->prev = c;
    k->calls = c;
    k->pending++;
    if (fill_call(c, r, e) < 0) {
        call_free(c);
        return NULL;
    }
    enqueue(c);
    pump_later(k, 0); /* never calls back from inside kube_call */
    return c;
}

void
kube_cancel(struct kube_call *c)
{
    if (c == NULL)
        return;
    struct kube *k = c->k;
    call_free(c);
    pump_later(k, 0);
}

void
kube_calls_free(struct kube *k)
{
    while (k->calls != NULL)
        call_free(k->calls);
}
