/* alive.h - whether the spawner of a Pod still turns its loop, asked by the Pod's liveness probe.
 *
 * The spawner may open no port and has no folder to write to, so it answers on an abstract Unix
 * socket: nobody outside the Pod can reach that. `kelos-spawner --alive NAMESPACE/NAME`, run by
 * the kubelet in the same container, connects and waits for the answer, which comes out of the
 * loop: a loop that hangs accepts nothing. */
#ifndef KELOS_SPAWNER_ALIVE_H
#define KELOS_SPAWNER_ALIVE_H

#include "common/loop.h"

struct alive;

/* Listens for the TaskSpawner's probe. The caller owns the result; NULL with *e set. */
struct alive *alive_listen(struct loop *l, const char *ns, const char *name,
                           struct err *e);
void alive_free(struct alive *a);
SCOPED_DEFINE(alive)

/* Asks the spawner of `which` ("NAMESPACE/NAME") and blocks for wait_ms at most. Returns 0 when
 * it has answered, -1 with *e set: ERR_TIMEOUT, or ERR_UNAVAILABLE when none listens. */
int alive_ask(const char *which, int wait_ms, struct err *e);

enum { ALIVE_WAIT_MS = 4000 }; /* of the program; the probe's own time-out is longer */

#endif
