/* branch.h - who may work on a branch now. Pure: the lock is what the Tasks show. */
#ifndef KELOS_RECONCILER_BRANCH_H
#define KELOS_RECONCILER_BRANCH_H

#include "reconciler/view/view.h"

enum claim {
    CLAIM_NONE,    /* finished, or not ready to run: waits for a dependency */
    CLAIM_WAITING, /* could run now */
    CLAIM_RUNNING  /* has a Job, or one is being created; or its Pods are not gone yet */
};

/* One Task of the same group, namespace, Workspace and branch. */
struct contender {
    const struct task_view *task;
    enum claim claim;
};

enum branch_state { BRANCH_FREE, BRANCH_HELD, BRANCH_QUEUED };
struct branch {
    enum branch_state state;
    const char *by; /* the Task that holds it or stands before; borrowed */
};

/* May `t` start? It may when nobody runs and, of those who could, it is the oldest by
 * creation time, then name. `all` may hold t itself, in any order. */
struct branch branch_judge(const struct task_view *t, const struct contender *all,
                           size_t n);

/* Whether a comes before b. */
bool branch_before(const struct task_view *a, const struct task_view *b);

#endif
