/* moves.c - see moves.h. */
#include "reconciler/task/moves.h"

#include <assert.h>

#include "reconciler/task/status.h"

struct action *
decision_act(struct decision *d, enum action_kind kind)
{
    assert(d->n < DECISION_ACTIONS);
    d->actions[d->n] = (struct action){.kind = kind};
    return &d->actions[d->n++];
}

void
decision_event(struct decision *d, bool warning, const char *reason, const char *text)
{
    struct action *a = decision_act(d, ACT_EVENT);

    a->warning = warning;
    a->reason = reason;
    a->text = text;
}

void
decision_wake(struct decision *d, int64_t at_ms)
{
    decision_act(d, ACT_WAKE)->at_ms = at_ms;
}

/* Writes the status when it differs from what is there. */
bool
decision_show(const struct task_facts *f, struct decision *d, struct task_status status)
{
    if (!status_differs(f->task, &status))
        return false;
    status.now_ms = d->now_ms;
    d->status = status;
    decision_act(d, ACT_STATUS);
    return true;
}

struct task_status
decision_status_now(const struct task_view *t)
{
    return (struct task_status){
        .phase = t->phase,
        .message = t->message,
        .job_name = t->job_name,
        .pod_name = t->pod_name,
        .started_ms = t->started_ms,
        .completed_ms = t->completed_ms,
        .blocked = t->blocked,
    };
}

void
decision_wait(const struct task_facts *f, struct decision *d, enum blocked why,
              const char *message)
{
    struct task_status status = decision_status_now(f->task);

    status.phase =
        profile_of(f->task->view.meta.profile)->task_waiting ? PHASE_WAITING : PHASE_NONE;
    status.message = message;
    status.blocked = why;
    decision_show(f, d, status);
}

/* Ends a Task that never got its Job. */
void
decision_fail(const struct task_facts *f, int64_t now_ms, struct decision *d,
              const char *message, const char *reason, const char *event_text)
{
    struct task_status status = decision_status_now(f->task);

    status.phase = PHASE_FAILED;
    status.message = message;
    if (status.completed_ms == 0)
        status.completed_ms = now_ms;
    status.cause = reason;
    if (decision_show(f, d, status)) {
        decision_event(d, true, reason, event_text);
        decision_act(d, ACT_COUNT_FINISHED);
    }
}
