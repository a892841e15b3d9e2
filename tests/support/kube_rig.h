/* kube_rig.h - a Kubernetes client in front of a scripted server, for tests of the client. */
#ifndef KELOS_TESTS_KUBE_RIG_H
#define KELOS_TESTS_KUBE_RIG_H

#include "common/kube/kube.h"
#include "common/macros.h"
#include "tests/support/fault.h"

struct rig {
    struct fault *fault;
    struct loop *loop;
    struct kube *kube;
};

/* A kubeconfig of that server, with a token and namespace "d"; the caller owns it. */
struct kubeconfig *rig_config(const char *url);

/* A client of the server with this configuration (taken over); it waits 10 to 50 ms where the
 * product waits longer. Aborts when it cannot be made. */
struct rig rig_with(struct fault *f, struct kubeconfig *c, enum kube_actor actor);
/* Starts a server with these rules, and its client. */
struct rig rig_up_as(const struct fault_rule *rules, size_t n, enum kube_actor actor);
#define rig_up(rules) rig_up_as(rules, ARRAY_LEN(rules), KUBE_AS_USER)
void rig_down(struct rig *r);

/* GET of Pod "p". */
struct kube_request get_pod(void);

#define POD                                                                              \
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"uid\":\"u1\",\"resourceVersion\":" \
    "\"7\"}}"

#endif
