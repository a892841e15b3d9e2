/* launch.h - starts and ends local mode's supervisor. */
#ifndef KELOS_CLI_LAUNCH_H
#define KELOS_CLI_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

/* How to start; zeroed, then filled by the caller. */
struct launch {
    const char *dir;     /* data directory, absolute */
    long port;           /* 0: chosen once, then kept */
    long shards;         /* 0: the supervisor's default */
    const char *sandbox; /* "": the supervisor's default */
    const char *metrics; /* "": none */
    bool foreground;     /* in our session, log to our standard error */
    bool named;          /* --data was given: messages repeat it */
    /* of a started one */
    pid_t pid;
    char *log_path;
};

/* Checks everything that can be checked, starts the supervisor and waits until every worker
 * is ready. Returns 0, or -1 with *e set and nothing left behind. */
int launch_start(struct launch *l, struct err *e);
void launch_release(struct launch *l);

/* Ends a running supervisor and what its containers left running. Returns 1 when something
 * was running, 0 when nothing was, -1 with *e set. */
int launch_stop(const char *dir, struct err *e);

/* Removes the file that names the supervisor. */
void launch_forget(const char *dir);

/* The API's address, read from the kubeconfig: 0, or -1 when there is none. */
int launch_server(const char *dir, char *server, size_t size);

/* ---- checks, each with one clear line; for launch_start and its tests ---- */

/* Makes the directory and tries to write in it. */
int launch_check_dir(const char *dir, struct err *e);
/* Whether the names of the sockets in it fit a socket address. */
int launch_check_length(const char *dir, struct err *e);
/* Whether the port is free on loopback; 0 is. */
int launch_check_port(long port, struct err *e);

#endif
