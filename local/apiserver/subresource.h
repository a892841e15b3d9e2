/* subresource.h - subresources besides status and log: pods/binding, namespaces/finalize,
 * pods/eviction. */
#ifndef KELOS_LOCAL_APISERVER_SUBRESOURCE_H
#define KELOS_LOCAL_APISERVER_SUBRESOURCE_H

#include "local/apiserver/api.h"

void subresource_handle(struct server *s, const struct call *c, const struct target *t,
                        struct reply *r);

#endif
