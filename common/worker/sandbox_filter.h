/* sandbox_filter.h - the system calls that a role must not make. */
#ifndef KELOS_COMMON_SANDBOX_FILTER_H
#define KELOS_COMMON_SANDBOX_FILTER_H

#include "common/err.h"
#include "proto/message.h"

/* Loads the filter of this role for all threads (TSYNC). Returns 0, 1 when the kernel has
 * no seccomp filters, or -1 with *e set. A role without a row in the table gets none. */
int sandbox_filter_enter(enum role role, struct err *e);

#endif
