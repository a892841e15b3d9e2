/* cgroup.h - resources.limits of a container as control groups, where this user may make
 * them; where not, the container runs without (the caller logs it once). */
#ifndef KELOS_LOCAL_RUNNER_CGROUP_H
#define KELOS_LOCAL_RUNNER_CGROUP_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "local/runner/launch.h"

/* Makes the groups that `limits` ({"memory": "2Gi", "cpu": "2"}, NULL: none) ask for, named
 * after `name`, and adds their directories to the launch. Returns 0, or -1 with *e set:
 * ERR_INVALID (a quantity), ERR_SYSTEM (no group could be made). */
int cgroup_make(const json_t *limits, const char *name, struct launch *l, struct err *e);

/* Moves a process into the launch's groups. */
void cgroup_join(const struct launch *l, pid_t pid);

/* Writes `text` to a control file of the group `dir`. Returns 0, or -1 with errno set. */
int cgroup_put(const char *dir, const char *file, const char *text);

/* The container has ended: removes its groups. Returns whether the kernel killed
 * something in them for want of memory. */
bool cgroup_end(const struct launch *l);

#endif
