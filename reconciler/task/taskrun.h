/* taskrun.h - a decision about a Task under way; for the files that carry it out. */
#ifndef KELOS_RECONCILER_TASKRUN_H
#define KELOS_RECONCILER_TASKRUN_H

#include "reconciler/job/inputs.h"
#include "reconciler/job/jobmake.h"
#include "reconciler/task/facts.h"

/* The view may change or go meanwhile, so what is needed is copied. */
struct task_run {
    struct shard *shard;
    char key[SHARD_KEY_MAX];
    struct meta meta; /* texts in the arena */
    struct pool arena;
    struct decision decision;
    struct texts dep_uids; /* the dependencies that were judged; texts in the arena */
    size_t next;
    bool conflict;       /* a write met a version that is not in view */
    bool failed;         /* its Job has failed: the last lines of the log are wanted */
    const char *job_uid; /* of the Job that is being deleted, in the arena; NULL: none */
    json_t *patch;       /* of ACT_STATUS, made when decided; owned */
    struct job_make *make;      /* creates under way; owned */
    struct inputs_read *inputs; /* reads before them; owned */
    /* for the counters, after the status was written */
    const char *type, *spawner, *model;
};

/* NULL when the Task has gone. Borrowed until the next wait. */
struct task_memory *task_run_memory(struct task_run *r);
/* Each of these ends this part of the run, and may free it. */
void task_run_step(struct task_run *r); /* goes on with the next action */
void task_run_end(struct task_run *r);  /* is done */
void task_run_again(
    struct task_run *r); /* facts have changed by our own action: decide anew */
void task_run_fail(struct task_run *r, const struct err *e);

/* taskauth.c: reads the Workspace's Secret, exchanges a token, decides again. */
void task_run_resolve_auth(struct task_run *r);
/* taskjob.c: builds the Job and creates it with what it needs, decides again if it cannot. */
void task_run_create_job(struct task_run *r);
/* tasklive.c: reads the Task from the server, then lets the key come again. */
void task_run_reread(struct task_run *r);
/* The same after ERR_CONFLICT, of which a few in a row are no failure. */
void task_run_conflict(struct task_run *r, const struct err *why);
/* tasklive.c: takes the Pods of the Task's Job into view as the server has them, decides
 * again. */
void task_run_find_pods(struct task_run *r);
/* taskoutputs.c: asks for the log of a Pod's container (NULL: the agent's); the key comes
 * again with the answer. */
void task_run_collect(struct task_run *r, const char *pod, const char *container);

#endif
