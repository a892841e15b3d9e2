/* spawnerrun.h - a run of a TaskSpawner's key under way; for the files that carry it out. */
#ifndef KELOS_RECONCILER_SPAWNERRUN_H
#define KELOS_RECONCILER_SPAWNERRUN_H

#include "reconciler/plan/spawnercycle.h"

/* The view may change or go meanwhile, so what is needed is copied. */
struct spawner_run {
    struct shard *shard;
    char key[SHARD_KEY_MAX];
    struct meta meta; /* texts in the arena */
    struct pool arena;
    struct plan plan;
    bool planned;
    uint64_t cycle; /* of the poll that the plan knows */
    bool conflict;  /* a write met a version that is not in view */
    bool workspace_missing;
    char config_error[512];
    size_t next_delete, next_create;
    struct intent intended; /* while it is written */
    bool pod;               /* its source runs in a Pod of its own */
    unsigned pod_kind_wanted;
    unsigned pod_kind; /* of the workload that stands; N_KINDS: not known */
    unsigned pod_done; /* steps that this run has taken: spawnerpod.c */
    char pod_hash[65]; /* of what the workload should be */
    json_t *pod_want;  /* owned; NULL: not made yet */
};

/* NULL when it has gone. Borrowed until the next wait. */
struct spawner_memory *spawner_run_memory(struct spawner_run *r);
/* Whose polls are counted; its memory is NULL when that has gone. */
struct cycle_of spawner_run_cycle(struct spawner_run *r);
/* The TaskSpawner as it is now; NULL when it has gone or is another one by now. */
const struct spawner_view *spawner_run_view(struct spawner_run *r);
/* Our write gave the TaskSpawner this version. */
void spawner_run_wrote(struct spawner_run *r, const char *version);

/* Each of these ends this part of the run, and may free it. */
void spawner_run_plan(struct spawner_run *r); /* plans with the facts of now, goes on */
void spawner_run_finalize(struct spawner_run *r); /* sees to the finalizer, then plans */
void spawner_run_end(struct spawner_run *r);
void spawner_run_fail(struct spawner_run *r, const struct err *e);

/* spawnerfacts.c: gathers the facts and plans. */
void spawner_run_make_plan(struct spawner_run *r, const struct spawner_view *v);
/* spawnercarry.c: does the next thing of the plan. */
void spawner_run_step(struct spawner_run *r);
/* spawnercount.c: asks the server which Tasks there are and which may come, then plans. */
void spawner_run_count(struct spawner_run *r);
/* Whether it is to be asked first: an expected Task is not seen for long, or what was under
 * way has come up by now or never will. */
bool spawner_run_doubts(struct spawner_run *r, const struct spawner_view *v);
/* spawnerintent.c: says on the TaskSpawner what comes next, then goes on with the plan. */
void spawner_run_intend(struct spawner_run *r);
/* spawnerpod.c: sees to what the source runs in, one step after the other, then goes on with
 * spawner_run_finalize. What cannot be is said in config_error. */
void spawner_run_pod(struct spawner_run *r);
/* A Task of ours that the view does not show yet. */
void spawner_run_expect(struct spawner_run *r, const char *name, const char *uid,
                        int64_t ordinal);

#endif
