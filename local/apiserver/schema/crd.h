/* crd.h - CustomResourceDefinitions: names filled in, conditions, checks. */
#ifndef KELOS_LOCAL_APISERVER_CRD_H
#define KELOS_LOCAL_APISERVER_CRD_H

#include "local/apiserver/api.h"

void crd_prepare(struct server *s, json_t *obj, const json_t *old);
void crd_validate(struct server *s, const json_t *obj, const json_t *old, json_t *causes);

#endif
