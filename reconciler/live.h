/* live.h - an object as the server has it now, where the view may be older than a write of ours.
 *
 * What is read takes the place of the view and wakes whom it concerns; what the watch shows
 * later and is older is known by its version. */
#ifndef KELOS_RECONCILER_LIVE_H
#define KELOS_RECONCILER_LIVE_H

#include "reconciler/shard.h"

/* After a conflict the server is asked so soon, give or take a tenth; and so often in a row
 * before the key goes back to the queue. */
#define CONFLICT_MS 10
#define CONFLICTS_MAX 5

/* Called once: e is NULL when the view is now what the server has, of version `version`;
 * ERR_NOT_FOUND: it has gone, or another one has its name; else why it could not be read. */
typedef void live_fn(void *arg, const char *version, const struct err *e);

/* Reads the object that `m` is of. The texts of `m` and `key` (for the log) must live until the
 * call back. Returns 0, or -1 with *e set and no call to come. */
int live_read(struct shard *s, unsigned kind, const struct meta *m, const char *key,
              live_fn *done, void *arg, struct err *e);
/* After a conflict: the key comes again a little later, so that the other writer may end, and
 * whoever processes it then reads first. */
void live_look_later(struct shard *s, const char *key);
/* How much later; `random` is 0 .. 1. */
int64_t live_conflict_ms(double random);

#endif
