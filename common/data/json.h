/* json.h - jansson trees: getters that name the bad path, bounded parsing, dumps.
 *
 * A path is `spec.credentials.type`; `[3]` is an item of a list, and `[any text]` is a
 * key that holds dots: `metadata.labels[kelos.dev/task]`. Trees are for single objects;
 * lists and watches go through common/data/project.h.
 *
 *     SCOPED(json) json_t *task = json_parse(bytes, size, LIMIT_OBJECT_BYTES, e);
 *     if (json_get_str(task, "spec.credentials.type", &type, e) < 0)
 *         return -1;                        // "spec.credentials.type: is missing"
 */
#ifndef KELOS_COMMON_JSON_H
#define KELOS_COMMON_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/scoped.h"

SCOPED_DEFINE_AS(json, json_t *, json_decref)

/* Parses one JSON value of at most `limit` bytes (0: LIMIT_HTTP_BODY_BYTES) and of at most
 * LIMIT_JSON_DEPTH levels and LIMIT_JSON_NODES values. Invalid UTF-8 becomes U+FFFD; the last of
 * duplicate keys wins. Returns a value the caller owns, or NULL: ERR_INVALID with line and column,
 * ERR_LIMIT. */
json_t *json_parse(const char *bytes, size_t size, size_t limit, struct err *e);

/* Checks nesting and number of values only, without parsing: 0, or -1 with ERR_LIMIT
 * (JSON_DEPTH, JSON_NODES). */
int json_check_depth(const char *bytes, size_t size, struct err *e);

/* The value at `path`, borrowed; NULL when it is absent or null. */
json_t *json_at(const json_t *root, const char *path);

/* Must be there and of the type, else ERR_INVALID that starts with the path. Values are
 * borrowed from the tree. */
int json_get_str(const json_t *root, const char *path, const char **out, struct err *e);
int json_get_int(const json_t *root, const char *path, int64_t *out, struct err *e);
int json_get_obj(const json_t *root, const char *path, json_t **out, struct err *e);
int json_get_arr(const json_t *root, const char *path, json_t **out, struct err *e);

/* The same, but absent or null leaves *out as it is and gives 0; present gives 1. */
int json_opt_str(const json_t *root, const char *path, const char **out, struct err *e);
int json_opt_int(const json_t *root, const char *path, int64_t *out, struct err *e);
int json_opt_bool(const json_t *root, const char *path, bool *out, struct err *e);
int json_opt_obj(const json_t *root, const char *path, json_t **out, struct err *e);
int json_opt_arr(const json_t *root, const char *path, json_t **out, struct err *e);

/* For what was checked before: `dflt` when absent or of another type. */
const char *json_str_or(const json_t *root, const char *path, const char *dflt);
int64_t json_int_or(const json_t *root, const char *path, int64_t dflt);
bool json_bool_or(const json_t *root, const char *path, bool dflt);

/* Sets the value at `path`, making the objects on the way (list items must exist). Takes
 * `value` (also on failure). Returns 0, or -1 when a step of the path is no object. */
int json_put(json_t *root, const char *path, json_t *value);
int json_put_str(json_t *root, const char *path, const char *value);
int json_put_int(json_t *root, const char *path, int64_t value);
int json_put_bool(json_t *root, const char *path, bool value);
/* Removes the value at `path`; absent is fine. */
void json_drop(json_t *root, const char *path);

/* Applies an RFC 7386 merge patch. Returns a new tree that the caller owns; `target`
 * (NULL is allowed) and `patch` are not changed. NULL when memory ran out. */
json_t *json_merge(const json_t *target, const json_t *patch);

/* Text that the caller frees; NULL when memory ran out. */
char *json_dump_compact(const json_t *value); /* keys in their order */
char *json_dump_canonical(
    const json_t *value); /* sorted keys, no spaces: equal values, equal text */
char *json_dump_pretty(
    const json_t *value); /* sorted keys, indented by 2, no newline at the end */

/* Adds the text as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
int json_add_quoted(struct buf *out, const char *text, size_t size);

#endif
