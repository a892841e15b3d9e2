/* spawn.h - starts one worker: fork and exec, and nothing inherited but what is named. */
#ifndef KELOS_SUPERVISOR_SPAWN_H
#define KELOS_SUPERVISOR_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

#define SPAWN_ARGS_MAX 64
#define SPAWN_FDS_MAX 300
#define SPAWN_FIRST_FD 3 /* fds[i] becomes SPAWN_FIRST_FD + i in the child */

struct spawn {
    const char *program;        /* absolute path */
    char *argv[SPAWN_ARGS_MAX]; /* NULL-terminated; freed by spawn_clear */
    int argc;
    int fds[SPAWN_FDS_MAX];
    int n_fds;
    bool whole_environment; /* else only what a worker needs (no tokens of the user) */
    bool limit_memory;      /* RLIMIT_AS; not for what starts containers */
};

/* Adds an argument (printf). */
void spawn_arg(struct spawn *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Hands a descriptor to the child; returns its number there. */
int spawn_fd(struct spawn *s, int fd);
void spawn_clear(struct spawn *s);

/* Starts it: signals unblocked, SIGKILL when the supervisor dies, own process group.
 * Returns its pid and *pidfd (the caller's), or -1 with *e set. */
pid_t spawn_start(const struct spawn *s, int *pidfd, struct err *e);

#endif
