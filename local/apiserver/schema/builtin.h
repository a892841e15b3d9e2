/* builtin.h - the fields of the built-in types, written in builtin.def. */
#ifndef KELOS_LOCAL_APISERVER_BUILTIN_H
#define KELOS_LOCAL_APISERVER_BUILTIN_H

#include <jansson.h>

#include "local/apiserver/schema/schema.h"

/* components.schemas of the built-in types, names being "k8s." and the type's; borrowed, made
 * on first use and kept. */
json_t *builtin_components(void);

/* The compiled schema of a type, owned by the set. */
struct schema *builtin_schema(struct schema_set *set, const char *type);

/* The schema of ObjectMeta, which all objects share; borrowed. */
const struct schema *builtin_meta(void);

/* Releases what builtin_components made. */
void builtin_release(void);

#endif
