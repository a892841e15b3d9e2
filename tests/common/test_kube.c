/* test_kube.c - one call is one result, whatever the server does. */
#include "common/kube.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "common/json.h"
#include "tests/support/fault.h"
#include "tests/support/rows.h"

struct rig {
    struct fault *fault;
    struct loop *loop;
    struct kube *kube;
};

static struct kubeconfig *
config_for(const char *url)
{
    struct kubeconfig *c = calloc(1, sizeof *c);

    c->source = strdup("test");
    c->context = strdup("test");
    c->server = strdup(url);
    c->namespace_ = strdup("d");
    c->token = secret_new("canary-token", 12);
    return c;
}

static struct rig
rig_up_as(const struct fault_rule *rules, size_t n, enum kube_actor actor)
{
    struct rig r;
    struct err e = ERR_INIT;

    r.fault = fault_start(rules, n);
    r.loop = loop_poll_new(&e);
    struct kubeconfig *c = config_for(fault_url(r.fault));
    const struct kube_options o = {.actor = actor,
                                   .program = "kelos-test",
                                   .backoff_first_ms = 10,
                                   .backoff_cap_ms = 50};
    r.kube = kube_new(r.loop, &c, &o, &e);
    cr_assert(r.kube != NULL, "%s", e.text);
    return r;
}

static void
rig_down(struct rig *r)
{
    kube_free(r->kube);
    loop_free(r->loop);
    fault_stop(r->fault);
}

#define rig_up(rules) rig_up_as(rules, ARRAY_LEN(rules), KUBE_AS_USER)
#define POD                                                                              \
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"uid\":\"u1\",\"resourceVersion\":" \
    "\"7\"}}"

Test(kube, gets_an_object_after_dropped_and_refused_attempts)
{
    static const struct fault_rule rules[] = {
        {"GET /api/v1/namespaces/d/pods/p", 1, 1, "drop"},
        {"GET /api/v1/namespaces/d/pods/p", 2, 2, "status 500\njson {}"},
        {"GET /api/v1/namespaces/d/pods/p", 3, 3, "cut 10 " POD},
        {"GET /api/v1/namespaces/d/pods/p", 4, 0, "json " POD},
    };
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    SCOPED(json) json_t *body = NULL;
    const struct kube_request req = {
        .verb = KUBE_GET, .res = kube_res(KUBE_PODS), .ns = "d", .name = "p"};

    cr_assert_eq(kube_call_wait(r.kube, &req, &body, NULL, &e), 0, "%s", e.text);
    cr_assert_str_eq(json_str_or(body, "metadata.uid", ""), "u1");
    cr_assert_eq(fault_count(r.fault), 4);
    cr_assert(strstr(fault_request(r.fault, 0), "Authorization: Bearer canary-token") !=
              NULL);
    rig_down(&r);
}
