/* volume.h - a Pod's volumes as directories, and their mounts in a container.
 *
 *     emptyDir                        an empty directory
 *     hostPath                        that directory or file of this machine
 *     secret, configMap, downwardAPI, projected
 *                                     files, read-only for the container, replaced all at
 *                                     once when their source changes
 *
 * Files live in NAME/..HASH/ and NAME/..data points to the present HASH, as the kubelet
 * does it: a reader sees the old set or the new one. */
#ifndef KELOS_LOCAL_RUNNER_VOLUME_H
#define KELOS_LOCAL_RUNNER_VOLUME_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "local/runner/launch.h"

/* Makes or refreshes all volumes of the Pod below `dir` (which exists), owned by `owner`.
 * `values` are the fetched Secrets and ConfigMaps (refs.h). Returns 0, or -1 with *e set:
 * ERR_NOT_FOUND (a Secret or key is missing), ERR_INVALID (a kind of volume or a path that
 * cannot be), ERR_SYSTEM. */
int volume_make_all(const json_t *pod, const char *dir, const json_t *values, uid_t owner,
                    struct err *e);

/* Adds the container's volumeMounts to the launch. ERR_INVALID names the mount. */
int volume_mounts(const json_t *pod, const json_t *container, const char *dir,
                  struct launch *l, struct err *e);

/* Whether some volume holds files that can change while the Pod runs. */
bool volume_can_change(const json_t *pod);

#endif
