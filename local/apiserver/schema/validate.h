/* validate.h - an object against its schema. */
#ifndef KELOS_LOCAL_APISERVER_VALIDATE_H
#define KELOS_LOCAL_APISERVER_VALIDATE_H

#include "local/apiserver/schema/schema.h"

/* Adds a cause for each thing that is wrong. old is the stored state (NULL on create), for
 * rules that compare; sub is the subresource (NULL for the object itself). A NULL schema
 * accepts everything. */
void validate_object(const struct schema *s, const json_t *obj, const json_t *old,
                     const char *sub, json_t *causes);

/* The same for a value at a path; for tests and nested calls. */
void validate_value(const struct schema *s, const json_t *value, const json_t *old,
                    bool has_old, const char *path, json_t *causes);

#endif
