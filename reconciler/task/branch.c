/* branch.c - see branch.h. */
#include "reconciler/task/branch.h"

#include <string.h>

bool
branch_before(const struct task_view *a, const struct task_view *b)
{
    const struct meta *x = &a->view.meta, *y = &b->view.meta;

    if (x->created_ms != y->created_ms)
        return x->created_ms < y->created_ms;
    return strcmp(x->name, y->name) < 0;
}

struct branch
branch_judge(const struct task_view *t, const struct contender *all, size_t n)
{
    const struct task_view *holder = NULL, *first = NULL;

    for (size_t i = 0; i < n; i++) {
        const struct task_view *other = all[i].task;
        if (strcmp(other->view.meta.uid, t->view.meta.uid) == 0)
            continue;
        if (all[i].claim == CLAIM_RUNNING &&
            (holder == NULL || branch_before(other, holder)))
            holder = other;
        if (all[i].claim == CLAIM_WAITING && branch_before(other, t) &&
            (first == NULL || branch_before(other, first)))
            first = other;
    }
    if (holder != NULL)
        return (struct branch){BRANCH_HELD, holder->view.meta.name};
    if (first != NULL)
        return (struct branch){BRANCH_QUEUED, first->view.meta.name};
    return (struct branch){BRANCH_FREE, NULL};
}
