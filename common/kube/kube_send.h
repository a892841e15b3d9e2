/* kube_send.h - one attempt: a wire request with today's credentials. For kube*.c only. */
#ifndef KELOS_COMMON_KUBE_SEND_H
#define KELOS_COMMON_KUBE_SEND_H

#include "common/kube/kube_client.h"

/* Fills headers, transport, body and method of *r (whose callbacks, limits and flags the caller
 * has set) and starts it. NULL with *e set. *generation tells which credential it carries. */
struct http_call *kube_send(struct kube *k, const struct kube_wire *w,
                            struct http_request *r, unsigned *generation, struct err *e);

#endif
