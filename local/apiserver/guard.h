/* guard.h - who may ask the local API server anything at all. */
#ifndef KELOS_LOCAL_APISERVER_GUARD_H
#define KELOS_LOCAL_APISERVER_GUARD_H

#include <stdbool.h>

#include "local/apiserver/fault.h"

/* Headers of a request as they were sent, NULL where absent; borrowed. */
struct guard {
    const char *host;
    const char *authorization;       /* "Bearer " + token */
    const char *proxy_authorization; /* "Basic " + base64("kelos:" + token) */
};

/* True when the request must not be served; *f then says why: 421 under a foreign name (a web
 * page that rebinds its name to loopback), 401 without the server's `token`, by neither of the
 * two ways. The comparison takes the same time wherever the first wrong byte is. */
bool guard_refuses(const struct guard *g, const char *token, struct fault *f);

#endif
