/* spawnersource.h - which source a TaskSpawner wants to be polled. */
#ifndef KELOS_RECONCILER_SPAWNERSOURCE_H
#define KELOS_RECONCILER_SPAWNERSOURCE_H

#include "reconciler/plan/spawnermemory.h"

struct source_ask {
    struct shard *shard;
    const char *key, *ns;
    struct spawner_memory *memory;
    bool pod; /* it has a Pod of its own, which joins with a key (sourcekeys.h) */
    /* out */
    bool workspace_missing;
    char config_error[512]; /* "" : the spec can work */
};

/* Finds repository and credential and tells sources.h; while a Secret is read, nothing
 * changes and the key comes again. */
void spawner_source(struct source_ask *r, const struct spawner_view *v);

#endif
