/* decision.c - what is asked of a decision after it is made, and of a Task's time to live. */
#include "reconciler/task/task.h"

void
decision_free(struct decision *d)
{
    pool_free(&d->arena);
}

const struct action *
decision_find(const struct decision *d, enum action_kind kind)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->actions[i].kind == kind)
            return &d->actions[i];
    return NULL;
}

bool
task_expired(const struct task_view *t, int64_t now_ms, int64_t *wake_ms)
{
    *wake_ms = 0;
    if (!phase_terminal(t->phase) || t->completed_ms == 0 || t->ttl_s < 0)
        return false;
    int64_t end = t->completed_ms + t->ttl_s * 1000;
    if (now_ms >= end)
        return true;
    *wake_ms = end;
    return false;
}
