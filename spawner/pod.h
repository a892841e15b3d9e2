/* pod.h - `kelos-spawner --controller=tcp://HOST:PORT`: the spawner of one TaskSpawner in a Pod of
 * its own. It joins the controller over CurveZMQ with the key of KELOS_BUS_KEY, holds the
 * credential of its source and none of the cluster, and is otherwise like any source process. */
#ifndef KELOS_SPAWNER_POD_H
#define KELOS_SPAWNER_POD_H

#include <stdbool.h>

/* Whether the command line is one of these. */
bool pod_wanted(int argc, char **argv);

/* Runs until SIGTERM, for ever reconnecting; or with --one-shot until the controller has
 * acknowledged what is due. Returns the exit status: 0; 1 after a failure, or when there was no
 * acknowledgement in time. */
int pod_run(int argc, char **argv);

#endif
