/* managed.h - who owns which field: sets of field paths in the form of managedFields.
 *
 * A set is a JSON object: "f:NAME" is a member, "k:{keys}" an item of a list with keys, "v:VALUE"
 * an item of a set; {} is a leaf, "." says that the item itself is meant beside its fields.
 *
 * Ownership is recorded from an object's first apply on; before that nobody asks. At that
 * moment everything that is there belongs to the manager "before-first-apply". */
#ifndef KELOS_LOCAL_APISERVER_MANAGED_H
#define KELOS_LOCAL_APISERVER_MANAGED_H

#include <jansson.h>
#include <stdint.h>

#include "local/apiserver/resource.h"
#include "local/apiserver/schema/schema.h"

/* What an owner of a whole object owns: without apiVersion, kind and what the server sets.
 * `sub` is the subresource that was written: "status" only, or (NULL) all but the status of a
 * type that has the subresource. New reference. */
json_t *fields_of_object(const struct resource *r, const struct schema *s,
                         const json_t *obj, const char *sub);

/* New references. */
json_t *fields_union(const json_t *a, const json_t *b);
json_t *fields_minus(const json_t *a, const json_t *b);
json_t *fields_and(const json_t *a, const json_t *b);

/* The fields of `set` at which two objects differ (absent counts). New reference. */
json_t *fields_changed(const json_t *set, const json_t *a, const json_t *b);
/* Removes from obj the values that `set` names. */
void fields_remove(json_t *obj, const json_t *set);

/* Adds the paths of a set as texts (".spec.type", ".spec.env[name=\"A\"].value") to out. */
void fields_paths(const json_t *set, const char *prefix, json_t *out);

/* The schema of a member; metadata of whole objects (depth 0) is that of all objects. */
const struct schema *fields_schema(const struct schema *s, const char *name, int depth);

/* After an update that was no apply: what changed goes to the updating manager (NULL: named
 * after the user agent). Objects without managedFields stay without. */
void managed_after_update(const struct resource *r, const struct schema *s,
                          const char *manager, const char *user_agent, const char *sub,
                          int64_t now_ms, json_t *obj, const json_t *old);

/* The entry of a manager and operation ("Apply", "Update") in a managedFields list, or NULL. */
json_t *managed_entry(const json_t *list, const char *manager, const char *operation,
                      const char *sub);
/* Takes fields. New reference. */
json_t *managed_new(const char *manager, const char *operation, const char *sub,
                    const char *api_version, int64_t now_ms, json_t *fields);

#endif
