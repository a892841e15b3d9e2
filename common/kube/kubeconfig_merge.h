/* kubeconfig_merge.h - the two halves of common/kubeconfig: files into one, one into a context. */
#ifndef KELOS_COMMON_KUBECONFIG_MERGE_H
#define KELOS_COMMON_KUBECONFIG_MERGE_H

#include <jansson.h>

#include "common/kube/kubeconfig.h"

/* Adds one parsed file to `all` ({"clusters": {name: entry}, "users", "contexts",
 * "current-context", "files"}); the first definition of a name wins whole. Each entry gets
 * "_dir" and "_file". Returns 0, or -1 with ERR_INVALID that names file and field. */
int kubeconfig_merge(json_t *all, const json_t *file, const char *path, struct err *e);

/* The context (NULL: current-context), cluster and user of the merged files that the options name.
 * Returns what the caller owns, or NULL: ERR_NOT_FOUND (no current context), ERR_INVALID. */
struct kubeconfig *kubeconfig_resolve(const json_t *all,
                                      const struct kubeconfig_options *o, struct err *e);

#endif
