/* openapi.h - /openapi/v3 with the document of each group and version; /openapi/v2, empty. */
#ifndef KELOS_LOCAL_APISERVER_OPENAPI_H
#define KELOS_LOCAL_APISERVER_OPENAPI_H

#include "local/apiserver/api.h"

/* Answers if the path is one of OpenAPI's. */
bool openapi_handle(struct server *s, const struct call *c, struct reply *r);

#endif
