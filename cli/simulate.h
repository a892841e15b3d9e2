/* simulate.h - what a TaskSpawner would do now: its source and the planner, asked once.
 *
 * The command includes no worker: it runs `kelos-spawner --list-once` and `kelos-reconciler
 * --plan-once`, the programs that do the work in earnest. Credentials go to them on their
 * standard input.
 */
#ifndef KELOS_CLI_SIMULATE_H
#define KELOS_CLI_SIMULATE_H

#include "cli/cli.h"

/* What is simulated. Objects are owned. */
struct simulation {
    json_t *spawner;
    json_t *workspace, *secret; /* NULL: not in the file; then the cluster's */
};

void simulation_release(struct simulation *s);

/* Reads the TaskSpawner `name` of the cluster. */
int simulation_get(struct cli *c, const char *ns, const char *name, struct simulation *s,
                   struct err *e);

/* Reads documents from a file ("-": standard input): its TaskSpawner (the one called `name`,
 * where that is not NULL), and the Workspace and Secret it names. The server checks and
 * completes them without keeping them. */
int simulation_read(struct cli *c, const char *ns, const char *file, const char *name,
                    struct simulation *s, struct err *e);

/* Asks source and planner. Returns the plan (reconciler/plan/plandoc.h says what is in it), which
 * the caller owns, or NULL with *e set. */
json_t *simulation_run(struct cli *c, const char *ns, struct simulation *s,
                       struct err *e);

#endif
