/* exitfile.h - the files by which a monitor and a runner know of each other.
 *
 *     claim.N   made with O_EXCL before anything is started, locked (flock) for as long as
 *               the monitor lives: "PID STARTTIME WALL_MS\n". Whoever finds it, does not
 *               start attempt N again.
 *     exit.N    put in place by rename when the container has ended.
 *     log       what the container printed (logsink.h); log.1 what was before it
 *
 * All in the container's directory D/pods/<pod uid>/<container>/. */
#ifndef KELOS_LOCAL_RUNNER_EXITFILE_H
#define KELOS_LOCAL_RUNNER_EXITFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct claim {
    pid_t pid;
    uint64_t starttime; /* field 22 of /proc/PID/stat: with the pid it names a process */
    int64_t wall_ms;
};

enum claim_state {
    CLAIM_NONE,  /* attempt N was never started */
    CLAIM_ALIVE, /* its monitor lives */
    CLAIM_ENDED  /* its monitor is gone; exit.N tells, if it is there */
};

/* How a container ended. */
struct exit_info {
    int code;   /* as the kubelet says it: 128 + signal when killed */
    int signal; /* 0: none */
    int64_t started_ms, finished_ms; /* wall */
    char reason[32];                 /* "", "StartError", "OOMKilled" */
    char message[512];
};

/* Takes attempt N in the directory `dir_fd`. Returns a descriptor that holds the lock (not
 * inherited by exec; close it in every child that is forked), or -1: ERR_EXISTS when it
 * is taken already, ERR_SYSTEM. */
int claim_take(int dir_fd, int64_t attempt, struct err *e);

/* Looks at attempt N; *c is filled unless it is CLAIM_NONE. */
enum claim_state claim_look(int dir_fd, int64_t attempt, struct claim *c);

/* A pidfd of the process, or -1 when it is no longer that process. */
int claim_open_process(const struct claim *c);

/* Writes exit.N so that it is there whole or not at all. */
int exit_write(int dir_fd, int64_t attempt, const struct exit_info *info, struct err *e);
/* 0, or -1 with ERR_NOT_FOUND (no such file) or ERR_INVALID. */
int exit_read(int dir_fd, int64_t attempt, struct exit_info *info, struct err *e);

/* Field 22 of /proc/PID/stat, 0 when there is no such process. */
uint64_t process_starttime(pid_t pid);

#endif
