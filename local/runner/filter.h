/* filter.h - the seccomp program of every container. */
#ifndef KELOS_LOCAL_RUNNER_FILTER_H
#define KELOS_LOCAL_RUNNER_FILTER_H

#include "common/buf.h"
#include "common/err.h"

/* Appends the program (struct sock_filter[]) to *out. Calls that no agent needs and that
 * reach the whole machine's kernel give EPERM. Returns 0, or -1 with *e set: the kernel or
 * the library cannot; a container then runs without. */
int filter_build(struct buf *out, struct err *e);

#endif
