/* rootfs.h - builds the file system that a container sees, inside its mount namespace. */
#ifndef KELOS_LOCAL_RUNNER_ROOTFS_H
#define KELOS_LOCAL_RUNNER_ROOTFS_H

#include <sys/types.h>

#include "common/err.h"
#include "local/runner/launch.h"

/* Makes a tmpfs on `place` (an existing directory), puts the launch's mounts, /proc and
 * /dev into it and makes it the root of the calling process, whose mount namespace must
 * be its own. `owner` is the id (as seen here) that owns the directories made. No path
 * follows a symbolic link that a container could have made. Returns 0, or -1 with *e
 * set. */
int rootfs_enter(const struct launch *l, const char *place, uid_t owner, struct err *e);

/* Makes a directory and its parents below the root that is in force now. */
int rootfs_make_cwd(const char *path, struct err *e);

#endif
