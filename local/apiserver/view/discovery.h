/* discovery.h - /api, /apis and what is below them. */
#ifndef KELOS_LOCAL_APISERVER_DISCOVERY_H
#define KELOS_LOCAL_APISERVER_DISCOVERY_H

#include "local/apiserver/api.h"

/* Answers if the path is one of discovery's; false: it is not. */
bool discovery_handle(struct server *s, const struct call *c, struct reply *r);

#endif
