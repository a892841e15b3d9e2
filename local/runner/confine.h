/* confine.h - starts a container's process in namespaces of its own and gives up every
 * right on the way.
 *
 * Two processes: the first of the pid namespace (init), which is ours and only forwards
 * signals to the container's process group, reaps and reports; and the container's own,
 * which is not number 1, so that SIGTERM ends it as it ends any program.
 *
 * As root, the mounts are made first and the user namespace is entered last, so that the
 * container holds no right over its own mounts; anybody else needs the user namespace to
 * mount at all. */
#ifndef KELOS_LOCAL_RUNNER_CONFINE_H
#define KELOS_LOCAL_RUNNER_CONFINE_H

#include <sys/types.h>

#include "common/err.h"
#include "local/runner/launch.h"

struct confined {
    pid_t init; /* the namespace's first process; the caller reaps it */
    int report; /* one confine_report arrives here, then the end of file */
};

struct confine_report {
    int started;       /* whether the container's own program was started */
    int status;        /* its wait status, when started */
    char message[512]; /* why not, otherwise */
};

/* Starts the container with the given stdout and stderr, and no other descriptor of
 * ours. `place` is an existing directory on which the root is mounted. Returns 0 with
 * *out filled (the caller closes report), or -1 with *e set and nothing running. */
int confine_start(const struct launch *l, const char *place, int out_fd, int err_fd,
                  struct confined *out, struct err *e);

#endif
