/* spawnercycle.h - what /metrics says of a TaskSpawner's polls: a cycle begins with a poll and
 * ends when what followed from it stands in the status.
 *
 * It counts as a success once that is written and every item has become what it should; else as
 * an error: the source did not answer, an item became no Task, the status was refused. What kept
 * a source from being asked at all is an error, too: once when it comes up, then once in each
 * poll interval while it lasts. */
#ifndef KELOS_RECONCILER_SPAWNERCYCLE_H
#define KELOS_RECONCILER_SPAWNERCYCLE_H

#include "reconciler/plan/spawnermemory.h"

/* Whose cycle. */
struct cycle_of {
    struct shard *shard;
    struct spawner_memory *memory;
    const char *ns, *name;
};

/* A poll that began at began_ms (wall) has answered with its items, which are in memory. */
void cycle_begin(const struct cycle_of *c, int64_t began_ms);
/* A poll failed. */
void cycle_fail(const struct cycle_of *c, int64_t began_ms);
/* What follows from the poll with this serial (struct cycle) is done, or cannot be. Nothing
 * happens when it was ended before, or when there was another poll since. */
void cycle_end(const struct cycle_of *c, uint64_t serial, bool good);
/* The source cannot be asked, says `why`. */
void cycle_unbuilt(const struct cycle_of *c, const struct spawner_view *v,
                   const char *why);
/* A Task was created. */
void cycle_created(const struct cycle_of *c);

#endif
