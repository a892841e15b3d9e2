/* leftover.h - the containers of local mode, which outlive its runner, and how they end.
 *
 * Each container has a monitor; DIR/pods/<pod>/<container>/claim.N says "PID STARTTIME
 * …". */
#ifndef KELOS_CLI_LEFTOVER_H
#define KELOS_CLI_LEFTOVER_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* A pidfd of the process that started at `starttime` (0: any), or -1 when it is gone. */
int leftover_open(pid_t pid, uint64_t starttime);

/* Sends the signal and waits for the end: 0, or -1 when wait_ms passed. */
int leftover_end(int pidfd, int signal, int wait_ms);

/* Ends every monitor of the data directory, and its container with it: asked first, then
 * killed. Returns how many lived, or -1 with *e set when one does not end. */
int leftover_end_all(const char *dir, struct err *e);

#endif
