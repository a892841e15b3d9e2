/* managed.h - who owns which field: sets of field paths in the form of managedFields.
 *
 * Ownership is recorded from an object's first apply on; before that nobody asks. At that
 * moment everything that is there belongs to the manager "before-first-apply".
 */
#ifndef KELOS_LOCAL_APISERVER_MANAGED_H
#define KELOS_LOCAL_APISERVER_MANAGED_H

#include <jansson.h>

#include "local/apiserver/resource.h"
#include "local/apiserver/schema.h"

/* The fields of a value as a FieldsV1 set: {"f:spec":{"f:type":{}}}, list items of map and set
 * lists as "k:{…}" and "v:…". New reference. */
json_t *fields_of(const struct schema *s, const json_t *obj);
/* What an owner of a whole object owns: without apiVersion, kind and the identity in metadata. */
json_t *fields_of_object(const struct schema *s, const json_t *obj, const char *sub);

json_t *fields_union(const json_t *a, const json_t *b);
json_t *fields_minus(const json_t *a, const json_t *b);
json_t *fields_and(const json_t *a, const json_t *b);

/* The fields of `set` at which two objects differ (absent counts). */
json_t *fields_changed(const struct schema *s, const json_t *set, const json_t *a, const json_t *b);
/* Removes from obj the values that `set` names. */
void fields_remove(const struct schema *s, json_t *obj, const json_t *set);

/* Adds the paths of a set as texts (".spec.type") to out. */
void fields_paths(const json_t *set, const char *prefix, json_t *out);

/* After an update that was no apply: what changed goes to the updating manager. Objects
 * without managedFields stay without. */
void managed_after_update(struct resource *r, struct registry *reg, const char *manager, const char *user_agent,
                          const char *sub, int64_t now_ms, json_t *obj, const json_t *old);

/* The entry of a manager and operation ("Apply", "Update") in a managedFields list, or NULL. */
json_t *managed_entry(const json_t *list, const char *manager, const char *operation, const char *sub);
json_t *managed_new(const char *manager, const char *operation, const char *sub, const char *api_version,
                    int64_t now_ms, json_t *fields);

#endif
