/* zygote.h - processes that start as copies of one that has loaded everything already.
 *
 * The zygote is a program with one thread, no ZeroMQ context and no secret, that waits at a
 * socket. The supervisor asks it for one more process; it forks twice, so that the new one
 * becomes the supervisor's own child (which is PID 1 or a child subreaper), shares all pages
 * that nobody writes to, and goes on as if it had been started with the arguments asked for.
 * Address layout is the price: copies share the zygote's.
 */
#ifndef KELOS_COMMON_ZYGOTE_H
#define KELOS_COMMON_ZYGOTE_H

#include <sys/types.h>

#include "common/err.h"

enum {
    ZYGOTE_REQUEST_BYTES = 16384, /* all arguments, each with its NUL */
    ZYGOTE_FDS_MAX = 4,
    ZYGOTE_FIRST_FD = 3, /* fds[i] becomes ZYGOTE_FIRST_FD + i in the new process */
    ZYGOTE_ANSWER_MS = 1000
};

/* A connected pair: [0] for the one who asks, [1] for the zygote. 0, or -1 with *e set. */
int zygote_pair(int pair[2], struct err *e);

/* Asks for a process with these arguments and descriptors (borrowed). Waits for the answer,
 * which takes as long as two forks, ZYGOTE_ANSWER_MS at most. Returns its pid, which is a
 * child of the caller, or -1 with *e set: then the zygote is of no more use. */
pid_t zygote_ask(int fd, char *const argv[], const int *fds, int n_fds, struct err *e);

/* In the zygote: serves requests until the other end is closed. Returns 0 then; returns 1 in
 * each new process, with *argc and *argv of the request; -1 with *e set. The new process has
 * a group of its own and dies with the one who asked. Its command line is written over the
 * zygote's, as far as there is room in it. */
int zygote_serve(int fd, int *argc, char ***argv, struct err *e);

#endif
