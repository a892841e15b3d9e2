/* inputs.h - Secrets and ConfigMaps whose values go into a Task's Job: those that MCP
 * servers and private skills of its AgentConfigs name.
 *
 * They are read once, when the Job is made. `values` is an object "secret/NAME" or
 * "configmap/NAME" -> the object as the API server gave it, or null when there is none.
 */
#ifndef KELOS_RECONCILER_INPUTS_H
#define KELOS_RECONCILER_INPUTS_H

#include "common/kube/kube.h"
#include "common/secret.h"
#include "reconciler/view/view.h"

#define INPUT_SECRET "secret"
#define INPUT_CONFIG_MAP "configmap"

/* What must be read, each once, as keys of `values`; an empty list: nothing. `a` may be NULL.
 * The caller owns. */
json_t *inputs_wanted(const struct agentconfig_view *a);

/* Whether all that is not optional is there. -1 with ERR_INVALID, the whole message for the
 * status, and *reason, the Event's. */
int inputs_check(const struct agentconfig_view *a, const json_t *values,
                 const char **reason, struct err *e);

/* Whether the object is there, and the bytes of one of its keys: the caller owns; NULL when
 * there is no such key. `kind` is one of the two above. */
bool inputs_has(const json_t *values, const char *kind, const char *name);
struct secret *inputs_value(const json_t *values, const char *kind, const char *name,
                            const char *key);
/* The keys of an object; borrowed. */
json_t *inputs_data(const json_t *values, const char *kind, const char *name);

/* ---- reading ---- */

struct inputs_read;
/* Called once: e is ERR_NONE and `values` complete (borrowed), or reading failed. It may free
 * the reader. */
typedef void inputs_read_fn(void *arg, const json_t *values, const struct err *e);

/* Reads all of `wanted` (kept by reference). NULL with *e set, and no callback to come. */
struct inputs_read *inputs_read_start(struct kube *k, const char *ns, json_t *wanted,
                                      inputs_read_fn *done, void *arg, struct err *e);
/* NULL is allowed. */
void inputs_read_free(struct inputs_read *r);

#endif
