/* spawnerpod.h - inside spawnerpod.c and spawnerbus.c: the steps towards a Pod of its own. */
#ifndef KELOS_RECONCILER_SPAWNERPOD_H
#define KELOS_RECONCILER_SPAWNERPOD_H

#include "reconciler/isolate/workload.h"
#include "reconciler/plan/spawnerrun.h"

/* What one run does at most once. */
enum pod_step {
    POD_READ_APP,
    POD_READ_BUS,
    POD_WROTE_BUS,
    POD_DROPPED_OTHER,
    POD_LOOKED,
    POD_LOOKED_AGAIN,
    POD_REVOKED,
    POD_DROPPED_DEPLOYMENT,
    POD_DROPPED_CRON_JOB,
    POD_DROPPED_BUS
};
/* Whether this run has taken the step before; it has now. */
bool spawner_pod_took(struct spawner_run *r, enum pod_step step);

/* It cannot have a Pod as things are; looked at again in a while. Ends this part of the run. */
void spawner_pod_refuse(struct spawner_run *r, const char *why);
/* `digits` hex digits and a NUL of the text's hash. */
void spawner_pod_hash(const char *text, char *out, size_t digits);

/* spawnerbus.c: sees to the Secret with the bus key and lets the key join; goes on with
 * spawner_run_pod. */
void spawner_pod_read_bus(struct spawner_run *r);
/* Deletes that Secret if it is this TaskSpawner's; goes on with spawner_run_pod. */
void spawner_pod_drop_bus(struct spawner_run *r);

#endif
