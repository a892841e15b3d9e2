/* node.h - the runner as a node of a real cluster: its Node object and its Lease.
 *
 * Registers Node NAME with the address 127.0.0.1 and the port of the kubelet endpoint, says
 * that it is ready, and renews the Lease kube-node-lease/NAME every 10 s, as a kubelet does.
 * What fails is logged and tried again at the next beat.
 */
#ifndef KELOS_LOCAL_RUNNER_NODE_H
#define KELOS_LOCAL_RUNNER_NODE_H

#include <jansson.h>
#include <stdint.h>

#include "common/kube/kube.h"
#include "common/scoped.h"

struct node;

/* `name` and the others are borrowed and must outlive the result. port 0: no kubelet
 * endpoint. The caller owns it; NULL with *e set. */
struct node *node_new(struct kube *k, struct loop *loop, const char *name, int port,
                      struct err *e);
void node_free(struct node *n);
SCOPED_DEFINE(node)

/* The objects as they are sent; the caller owns the result, NULL when memory ran out. */
json_t *node_object(const char *name);
json_t *node_status(int port, int64_t wall_ms);
json_t *node_lease(const char *name, int64_t wall_ms);

#endif
