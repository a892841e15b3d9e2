/* cluster.h - how a worker reaches the API server: configuration, sandbox grants, client.
 *
 *     // worker_spec.prepare, before the sandbox closes
 *     if (cluster_prepare(w, sandbox, &self->config, e) < 0)
 *         return -1;
 *     // later
 *     if ((self->kube = cluster_connect(w, loop, &self->config, KUBE_AS_RECONCILER,
 *                                       "kelos-reconciler", &e)) == NULL)
 */
#ifndef KELOS_COMMON_CLUSTER_H
#define KELOS_COMMON_CLUSTER_H

#include "common/kube/kube.h"
#include "common/worker/worker.h"

/* Loads --kubeconfig, else what the environment and the cluster give, and grants the
 * files that are read again later (token, CA, client certificate), each by its directory,
 * for they are replaced by rename. *out: the caller owns it. 0, or -1 with *e set. */
int cluster_prepare(struct worker *w, struct sandbox *s, struct kubeconfig **out,
                    struct err *e);

/* The client of this worker, with its calls counted in the worker's metrics. Takes
 * *config (sets it NULL). NULL with *e set. */
struct kube *cluster_connect(struct worker *w, struct loop *loop,
                             struct kubeconfig **config, enum kube_actor actor,
                             const char *program, struct err *e);

#endif
