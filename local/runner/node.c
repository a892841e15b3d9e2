/* node.c - see node.h. */
#include "local/runner/node.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/log.h"

#define BEAT_MS 10000
#define LEASE_SECONDS 40
#define LEASE_NS "kube-node-lease"
#define PODS_MAX "250"

struct node {
    struct kube *kube;
    struct loop *loop;
    const char *name;
    int port, timer;
    struct kube_call *call;
    bool registered, leased;
};

/* ---- objects ---- */

json_t *
node_object(const char *name)
{
    return json_pack("{s:s, s:s, s:{s:s, s:{s:s, s:s}}}", "apiVersion", "v1", "kind",
                     "Node", "metadata", "name", name, "labels", "kubernetes.io/hostname",
                     name, "kubernetes.io/os", "linux");
}

json_t *
node_status(int port, int64_t wall_ms)
{
    char now[RFC3339_SIZE];
    json_t *status;

    rfc3339_format(wall_ms, now);
    status =
        json_pack("{s:[{s:s, s:s}], s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s, s:s, s:s}]}",
                  "addresses", "type", "InternalIP", "address", "127.0.0.1", "capacity",
                  "cpu", "64", "memory", "64Gi", "pods", PODS_MAX, "conditions", "type",
                  "Ready", "status", "True", "reason", "RunnerReady", "message",
                  "Pods run as processes", "lastHeartbeatTime", now);
    if (port > 0)
        json_put_int(status, "daemonEndpoints.kubeletEndpoint.Port", port);
    return json_pack("{s:o}", "status", status);
}

json_t *
node_lease(const char *name, int64_t wall_ms)
{
    char now[RFC3339_SIZE];

    rfc3339_format_micro(wall_ms * 1000, now);
    return json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:i, s:s}}", "apiVersion",
                     "coordination.k8s.io/v1", "kind", "Lease", "metadata", "name", name,
                     "spec", "holderIdentity", name, "leaseDurationSeconds",
                     LEASE_SECONDS, "renewTime", now);
}

/* ---- one step after the other: Node, its status, its Lease, and again ---- */

static void beat(struct node *n);

static void
on_timer(void *arg)
{
    struct node *n = arg;

    n->timer = 0;
    beat(n);
}

static void
later(struct node *n)
{
    struct err e = ERR_INIT;

    loop_timer_stop(n->loop, n->timer);
    n->timer = loop_timer(n->loop, BEAT_MS, on_timer, n, &e);
}

static void
ask(struct node *n, const struct kube_request *r, kube_done_fn *done, const char *doing)
{
    struct err e = ERR_INIT;

    if ((n->call = kube_call(n->kube, r, done, n, &e)) != NULL)
        return;
    log_warn(n->name, "%s: %s", doing, e.text);
    later(n);
}

static void
on_lease(void *arg, const struct kube_result *r)
{
    struct node *n = arg;

    n->call = NULL;
    n->leased = r->err.code == ERR_NONE || r->err.code == ERR_EXISTS;
    if (!n->leased)
        log_warn(n->name, "lease of the node: %s", r->err.text);
    later(n);
}

static void
renew(struct node *n)
{
    SCOPED(json) json_t *body = node_lease(n->name, clock_wall_ms());
    const struct kube_request r = {.verb = n->leased ? KUBE_PATCH_MERGE : KUBE_CREATE,
                                   .res = kube_res(KUBE_LEASES),
                                   .ns = LEASE_NS,
                                   .name = n->name,
                                   .body = body,
                                   .repeat = KUBE_REPEAT_NAMED};

    ask(n, &r, on_lease, "lease of the node");
}

static void
on_status(void *arg, const struct kube_result *r)
{
    struct node *n = arg;

    n->call = NULL;
    if (r->err.code != ERR_NONE) {
        log_warn(n->name, "status of the node: %s", r->err.text);
        n->registered = r->err.code != ERR_NOT_FOUND;
    }
    renew(n);
}

static void
say_ready(struct node *n)
{
    SCOPED(json) json_t *body = node_status(n->port, clock_wall_ms());
    const struct kube_request r = {.verb = KUBE_PATCH_MERGE,
                                   .res = kube_res(KUBE_NODES),
                                   .name = n->name,
                                   .subresource = "status",
                                   .body = body};

    ask(n, &r, on_status, "status of the node");
}

static void
on_registered(void *arg, const struct kube_result *r)
{
    struct node *n = arg;

    n->call = NULL;
    n->registered = r->err.code == ERR_NONE || r->err.code == ERR_EXISTS;
    if (n->registered) {
        say_ready(n);
        return;
    }
    log_warn(n->name, "registering the node: %s", r->err.text);
    later(n);
}

static void
beat(struct node *n)
{
    SCOPED(json) json_t *body = NULL;

    if (n->registered) {
        say_ready(n);
        return;
    }
    body = node_object(n->name);
    const struct kube_request r = {.verb = KUBE_CREATE,
                                   .res = kube_res(KUBE_NODES),
                                   .name = n->name,
                                   .body = body,
                                   .repeat = KUBE_REPEAT_NAMED};
    ask(n, &r, on_registered, "registering the node");
}

struct node *
node_new(struct kube *k, struct loop *loop, const char *name, int port, struct err *e)
{
    struct node *n = calloc(1, sizeof *n);

    if (n == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    *n = (struct node){.kube = k, .loop = loop, .name = name, .port = port};
    beat(n);
    return n;
}

void
node_free(struct node *n)
{
    if (n == NULL)
        return;
    if (n->call != NULL)
        kube_cancel(n->call);
    loop_timer_stop(n->loop, n->timer);
    free(n);
}
