/* logs.h - the transcript of a Task's run. */
#ifndef KELOS_CLI_LOGS_H
#define KELOS_CLI_LOGS_H

#include <stdbool.h>

#include "cli/cli.h"
#include "common/err.h"

struct logs_options {
    bool follow; /* wait for the pod, go on until the run has ended */
    bool raw;    /* as the container wrote it */
    bool timestamps;
    bool previous;
    const char *container; /* "": the agent's, after the init containers when following */
    const char *tail;      /* "": all */
    const char *since;     /* "": all; seconds */
};

/* Prints it. Returns 0, or -1 with *e set; when following also -1 for a Task that failed,
 * with a hint in the error. */
int logs_show(struct cli *c, const char *ns, const char *task,
              const struct logs_options *o, struct err *e);

/* The newest of a list of Pods, by creation time, then name; NULL when there is none. Borrowed. */
const json_t *logs_newest_pod(const json_t *pods);

#endif
