/* resync.h - every key comes again now and then, without an event: a trigger that was lost by a
 * mistake of ours is made good. Nothing is read from the server for it. */
#ifndef KELOS_RECONCILER_RESYNC_H
#define KELOS_RECONCILER_RESYNC_H

#include "reconciler/shard.h"

#define RESYNC_MS (INT64_C(10) * 3600 * 1000)

/* The next one in so many milliseconds: ten hours, a tenth more or less. `random` is 0 .. 1. */
int64_t resync_delay_ms(double random);
/* Queues all Tasks and TaskSpawners behind whatever is news. */
void resync_all(struct shard *s);
/* From now on, for the life of the worker. */
void resync_start(struct shard *s);

#endif
