/* run.h - one run of a container as the runner sees it: its monitor, started or adopted. */
#ifndef KELOS_LOCAL_RUNNER_RUN_H
#define KELOS_LOCAL_RUNNER_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"
#include "common/scoped.h"
#include "local/runner/exitfile.h"
#include "local/runner/launch.h"

struct run;

struct run_calls {
    /* The container's program runs (not called for an adopted one). */
    void (*started)(void *arg, int64_t wall_ms);
    /* It ended, or never began (reason StartError). Free the run from here or later. */
    void (*ended)(void *arg, const struct exit_info *info);
    void *arg;
};

/* Starts `monitor` (the program) with the launch. The calls come from the loop, never from
 * inside run_start. Returns a run the caller owns, or NULL with *e set. */
struct run *run_start(struct loop *loop, const char *monitor, const struct launch *l,
                      const struct run_calls *calls, struct err *e);

/* What became of an attempt in the container's directory, after the runner was away. */
enum run_found {
    RUN_NEVER, /* not started */
    RUN_LIVES, /* *out is its run */
    RUN_OVER   /* *info tells how it ended */
};
enum run_found run_find(struct loop *loop, const char *dir, int64_t attempt,
                        const struct run_calls *calls, struct run **out,
                        struct exit_info *info, struct claim *claim);

/* Asks it to end (SIGTERM, SIGKILL after its grace time), or kills it at once. */
void run_end(struct run *r, bool at_once);

/* Forgets it without ending it; NULL is allowed. */
void run_free(struct run *r);
SCOPED_DEFINE(run)

#endif
