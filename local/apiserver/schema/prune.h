/* prune.h - unknown fields and defaults, by schema. */
#ifndef KELOS_LOCAL_APISERVER_PRUNE_H
#define KELOS_LOCAL_APISERVER_PRUNE_H

#include "local/apiserver/schema/schema.h"

/* Removes the fields that the schema (NULL: nothing is known to be wrong) does not know from a
 * whole object, and adds their paths to `unknown`. apiVersion, kind and metadata belong to
 * every object. */
void prune_object(const struct schema *s, json_t *obj, json_t *unknown);

/* Sets the defaults of absent fields within what is present. */
void defaults_object(const struct schema *s, json_t *obj);

#endif
