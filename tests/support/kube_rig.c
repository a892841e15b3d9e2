/* kube_rig.c - see kube_rig.h. */
#include "tests/support/kube_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kubeconfig *
rig_config(const char *url)
{
    struct kubeconfig *c = calloc(1, sizeof *c);

    c->source = strdup("test");
    c->context = strdup("test");
    c->server = strdup(url);
    c->namespace_ = strdup("d");
    c->token = secret_new("canary-token", 12);
    return c;
}

struct rig
rig_with(struct fault *f, struct kubeconfig *c, enum kube_actor actor)
{
    struct err e = ERR_INIT;
    struct rig r = {.fault = f, .loop = loop_poll_new(&e)};
    const struct kube_options o = {.actor = actor,
                                   .program = "kelos-test",
                                   .backoff_first_ms = 10,
                                   .backoff_cap_ms = 50};

    r.kube = kube_new(r.loop, &c, &o, &e);
    if (r.kube == NULL) {
        fprintf(stderr, "kube_rig: %s\n", e.text);
        abort();
    }
    return r;
}

struct rig
rig_up_as(const struct fault_rule *rules, size_t n, enum kube_actor actor)
{
    struct fault *f = fault_start(rules, n);

    return rig_with(f, rig_config(fault_url(f)), actor);
}

void
rig_down(struct rig *r)
{
    kube_free(r->kube);
    loop_free(r->loop);
    fault_stop(r->fault);
}

struct kube_request
get_pod(void)
{
    return (struct kube_request){
        .verb = KUBE_GET, .res = kube_res(KUBE_PODS), .ns = "d", .name = "p"};
}
