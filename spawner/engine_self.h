/* engine_self.h - what engine.c (polls, acknowledgements) and roster.c (assignments) share. */
#ifndef KELOS_SPAWNER_ENGINE_SELF_H
#define KELOS_SPAWNER_ENGINE_SELF_H

#include "spawner/engine.h"

struct engine {
    struct engine_config config;
    char key[65];
    struct source source; /* .type NULL: not opened yet */
    struct spawn *spawns;
    struct group *groups;
    size_t polling;
    uint64_t serial;
    bool one_shot;
    bool regroup_due; /* see source.wide */
    int timer;
};

/* Looks again in so many ms at the latest. */
void engine_plan(struct engine *en, int64_t in_ms);

/* The spawn of that uid, NULL when there is none. */
struct spawn *roster_find(const struct engine *en, unsigned shard, const char *uid);
/* Forgets a spawn; its group is polled anew. */
void roster_drop(struct engine *en, struct spawn *s);
/* The shard does not hold the set: the next poll must give it whole, and soon. */
void roster_force(struct spawn *s);
/* Forms the groups anew after a common listing was too long. */
void roster_regroup(struct engine *en);

#endif
