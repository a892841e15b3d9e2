/* zygote.h - the process that sources are copied from, as the supervisor keeps it. */
#ifndef KELOS_SUPERVISOR_ZYGOTE_H
#define KELOS_SUPERVISOR_ZYGOTE_H

#include <stdint.h>

#include "supervisor/spawn.h"

struct zygote {
    int fd; /* its socket, -1: it does not run */
    int64_t
        not_before; /* monotonic ms: after a failure, sources start by exec until then */
};

/* Starts the worker as a copy; when that is not to be, by itself. Returns its pid and *pidfd
 * (the caller's), or -1 with *e set. */
pid_t zygote_start(struct zygote *z, const struct spawn *worker, int *pidfd,
                   struct err *e);

/* Ends it; its copies go on. */
void zygote_close(struct zygote *z);

#endif
