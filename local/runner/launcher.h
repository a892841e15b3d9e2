/* launcher.h - from a Pod's container to the launch that its monitor gets. */
#ifndef KELOS_LOCAL_RUNNER_LAUNCHER_H
#define KELOS_LOCAL_RUNNER_LAUNCHER_H

#include "local/runner/podentry.h"

/* The user id on the host that containers run as: our own, or as root the agents'. */
uid_t launcher_outer_id(void);

/* Makes the Pod's volumes (once) and everything the container needs. `values` are the
 * fetched Secrets and ConfigMaps. Returns a launch the caller owns; NULL with *e set and
 * *reason the kubelet's word for it (ErrImagePull, CreateContainerConfigError, ...). */
struct launch *launcher_make(struct podentry *entry, const struct container *c,
                             const json_t *values, const char **reason, struct err *e);

#endif
