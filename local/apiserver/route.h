/* route.h - what a path means. */
#ifndef KELOS_LOCAL_APISERVER_ROUTE_H
#define KELOS_LOCAL_APISERVER_ROUTE_H

#include "local/apiserver/api.h"

/* Cuts /api/v1/… and /apis/GROUP/VERSION/… into *t. Returns 0, or -1 with *f: 404 for what is
 * no resource, 400 for bad escapes. */
int route_resource(struct registry *r, const char *path, struct target *t,
                   struct fault *f);

/* Decodes %XX in place; -1 for a bad escape or a NUL. */
int url_unescape(char *text);

#endif
