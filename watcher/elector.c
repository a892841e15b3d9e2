/* elector.c - see elector.h. */
#include "watcher/elector.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/log.h"
#include "watcher/lease.h"

#define CALL_MS                                                                          \
    4000 /* less than the time until the deadline, so that a second try fits */

struct elector {
    struct worker *worker;
    struct kube *kube;
    struct loop *loop;
    const char *ns;
    elector_fn *fn;
    void *arg;
    struct lease lease;
    struct kube_call *call;
    int64_t sent_ms;
    int timer;
    bool decided, told; /* who leads is known; what was told last */
    bool releasing;
    void (*released)(void *arg);
    void *released_arg;
};

static void go_on(struct elector *x);

/* ---- who leads ---- */

static void
tell(struct elector *x, bool known)
{
    bool leader = x->lease.leader;

    /* Until it is known, what the watcher before this one wrote into the page holds. */
    if (known || x->decided)
        worker_lease(x->worker, leader ? x->lease.renewed_ms : 0);
    if (!known || (x->decided && x->told == leader))
        return;
    x->decided = true;
    x->told = leader;
    log_info(NULL, "lease %s/%s: %s%s", x->ns, ELECTOR_LEASE,
             leader ? "we lead" : "standing by behind ",
             leader || x->lease.holder[0] == '\0' ? "" : x->lease.holder);
    x->fn(x->arg, leader, leader ? x->lease.renewed_ms : 0);
}

bool
elector_decided(const struct elector *x)
{
    return x->decided;
}

bool
elector_leads(const struct elector *x)
{
    return x->lease.leader;
}

/* ---- requests ---- */

static struct lease_record
record_of(const json_t *o)
{
    return (struct lease_record){
        .there = o != NULL,
        .version = json_str_or(o, "metadata.resourceVersion", ""),
        .holder = json_str_or(o, "spec.holderIdentity", ""),
        .duration_s = json_int_or(o, "spec.leaseDurationSeconds", 0),
        .transitions = json_int_or(o, "spec.leaseTransitions", 0),
        .acquired = json_str_or(o, "spec.acquireTime", ""),
        .renewed = json_str_or(o, "spec.renewTime", ""),
    };
}

static void
on_read(void *arg, const struct kube_result *r)
{
    struct elector *x = arg;

    x->call = NULL;
    if (r->err.code == ERR_NONE || r->err.code == ERR_NOT_FOUND) {
        const struct lease_record seen =
            record_of(r->err.code == ERR_NONE ? r->body : NULL);
        bool taken = seen.there && *seen.holder != '\0' &&
                     strcmp(seen.holder, x->lease.identity) != 0;

        lease_seen(&x->lease, &seen, clock_boot_ms());
        tell(x, taken);
    } else
        log_warn(NULL, "reading lease %s/%s: %s", x->ns, ELECTOR_LEASE, r->err.text);
    go_on(x);
}

static void
on_written(void *arg, const struct kube_result *r)
{
    struct elector *x = arg;

    x->call = NULL;
    if (r->err.code == ERR_NONE) {
        const struct lease_record seen = record_of(r->body);

        lease_written(&x->lease, &seen, x->sent_ms);
        tell(x, true);
    } else {
        if (r->err.code != ERR_CONFLICT && r->err.code != ERR_EXISTS)
            log_warn(NULL, "writing lease %s/%s: %s", x->ns, ELECTOR_LEASE, r->err.text);
        /* Refused because it changed, or perhaps written: what stands is read. */
        if (r->err.code == ERR_CONFLICT || r->err.code == ERR_EXISTS || r->ambiguous ||
            r->err.code == ERR_NOT_FOUND)
            lease_conflict(&x->lease);
    }
    go_on(x);
}

static void
send(struct elector *x, enum kube_verb verb, json_t *body, kube_done_fn *done)
{
    const struct kube_request r = {.verb = verb,
                                   .res = kube_res(KUBE_LEASES),
                                   .ns = x->ns,
                                   .name = ELECTOR_LEASE,
                                   .body = body,
                                   .deadline_ms = CALL_MS,
                                   .repeat = KUBE_REPEAT_NAMED};
    struct err e = ERR_INIT;

    x->sent_ms = clock_boot_ms();
    lease_sent(&x->lease, x->sent_ms);
    if ((x->call = kube_call(x->kube, &r, done, x, &e)) == NULL)
        log_warn(NULL, "lease %s/%s: %s", x->ns, ELECTOR_LEASE, e.text);
    json_decref(body);
}

static json_t *
object(const struct elector *x, bool released)
{
    return lease_object(&x->lease, x->ns, ELECTOR_LEASE, clock_wall_ms() * 1000,
                        released);
}

static void
on_timer(void *arg)
{
    struct elector *x = arg;

    x->timer = 0;
    go_on(x);
}

static void
wait_until(struct elector *x, int64_t at_ms)
{
    struct err e = ERR_INIT;
    int64_t wait = at_ms - clock_boot_ms();

    loop_timer_stop(x->loop, x->timer);
    x->timer = loop_timer(x->loop, wait > 1 ? wait : 1, on_timer, x, &e);
}

static void send_release(struct elector *x);

static void
go_on(struct elector *x)
{
    if (x->call != NULL)
        return;
    if (x->releasing) {
        send_release(x);
        return;
    }
    struct lease_plan p = lease_next(&x->lease, clock_boot_ms());
    tell(x, x->decided); /* the deadline may have passed */
    switch (p.action) {
    case LEASE_READ:
        send(x, KUBE_GET, NULL, on_read);
        break;
    case LEASE_CREATE:
        send(x, KUBE_CREATE, object(x, false), on_written);
        break;
    case LEASE_TAKE:
    case LEASE_RENEW:
        send(x, KUBE_UPDATE, object(x, false), on_written);
        break;
    case LEASE_WAIT:
        break;
    }
    if (x->call == NULL)
        wait_until(x,
                   p.action == LEASE_WAIT ? p.at_ms : clock_boot_ms() + LEASE_RETRY_MS);
}

/* ---- giving it back ---- */

static void
finish(struct elector *x)
{
    worker_lease(x->worker, 0);
    if (x->released != NULL)
        x->released(x->released_arg);
    x->released = NULL;
}

static void
on_read_again(void *arg, const struct kube_result *r)
{
    struct elector *x = arg;
    const struct lease_record seen = record_of(r->err.code == ERR_NONE ? r->body : NULL);

    x->call = NULL;
    if (r->err.code == ERR_NONE)
        lease_seen(&x->lease, &seen, clock_boot_ms());
    if (r->err.code == ERR_NONE && lease_is_ours(&x->lease)) {
        send_release(x);
        return;
    }
    log_info(NULL, "lease %s/%s: not given back: %s", x->ns, ELECTOR_LEASE,
             r->err.code != ERR_NONE ? r->err.text : "another one holds it");
    x->lease.leader = false;
    finish(x);
}

static void
on_released(void *arg, const struct kube_result *r)
{
    struct elector *x = arg;

    x->call = NULL;
    if (r->err.code == ERR_CONFLICT) { /* somebody wrote into it: whose is it now? */
        send(x, KUBE_GET, NULL, on_read_again);
        if (x->call != NULL)
            return;
    }
    if (r->err.code == ERR_NONE)
        log_info(NULL, "lease %s/%s given back", x->ns, ELECTOR_LEASE);
    else
        log_warn(NULL, "giving lease %s/%s back: %s", x->ns, ELECTOR_LEASE, r->err.text);
    x->lease.leader = false;
    finish(x);
}

static void
send_release(struct elector *x)
{
    if (x->lease.leader && x->lease.known)
        send(x, KUBE_UPDATE, object(x, true), on_released);
    if (x->call == NULL)
        finish(x);
}

void
elector_release(struct elector *x, void (*done)(void *arg), void *arg)
{
    loop_timer_stop(x->loop, x->timer);
    x->timer = 0;
    x->releasing = true;
    x->released = done;
    x->released_arg = arg;
    go_on(x); /* at once, or when the renewal under way was answered */
}

/* ---- life ---- */

struct elector *
elector_new(struct worker *w, struct kube *k, struct loop *loop, const char *ns,
            elector_fn *fn, void *arg, struct err *e)
{
    struct elector *x = calloc(1, sizeof *x);

    if (x == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    *x = (struct elector){
        .worker = w, .kube = k, .loop = loop, .ns = ns, .fn = fn, .arg = arg};
    lease_init(&x->lease, worker_identity(w), (double)(clock_mono_ns() % 1000) / 1000.0);
    go_on(x);
    return x;
}

void
elector_free(struct elector *x)
{
    if (x == NULL)
        return;
    if (x->call != NULL)
        kube_cancel(x->call);
    loop_timer_stop(x->loop, x->timer);
    free(x);
}
