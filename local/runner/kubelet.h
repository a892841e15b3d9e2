/* kubelet.h - the node's endpoint for the API server: GET /containerLogs over TLS.
 *
 * Listens on 127.0.0.1, any port. Only a peer with a certificate of the given CA is answered
 * (the API server's --kubelet-client-certificate): logs are not for everybody on the machine.
 * Follows like a kubelet: until the container has terminated and all was told.
 */
#ifndef KELOS_LOCAL_RUNNER_KUBELET_H
#define KELOS_LOCAL_RUNNER_KUBELET_H

#include <jansson.h>

#include "common/loop.h"
#include "common/scoped.h"

struct kubelet;

struct kubelet_options {
    const char *pods_dir;                       /* D/pods */
    const char *cert_file, *key_file, *ca_file; /* PEM */
};

/* Options are borrowed for the call, pods_dir for the life. The caller owns the result; NULL
 * with *e set. */
struct kubelet *kubelet_new(struct loop *loop, const struct kubelet_options *o,
                            struct err *e);
void kubelet_free(struct kubelet *k);
SCOPED_DEFINE(kubelet)

int kubelet_port(const struct kubelet *k);

/* What Pods there are; keeps a reference. */
void kubelet_pod_seen(struct kubelet *k, json_t *pod);
void kubelet_pod_gone(struct kubelet *k, const json_t *pod);

#endif
