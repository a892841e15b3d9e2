/* taskconditions.c - see taskconditions.h. */
#include "reconciler/task/taskconditions.h"

#include <string.h>

#include "common/clock.h"
#include "common/macros.h"
#include "reconciler/condition.h"
#include "reconciler/task/task.h"

static const char *const captured_reasons[] = {
    [CAPTURED_OUTPUTS] = "Captured",
    [CAPTURED_NOTHING] = "NoOutputs",
    [CAPTURED_TIMED_OUT] = "CaptureTimedOut",
};

static bool
set(json_t *list, const struct task_view *t, const char *type, bool status,
    const char *reason, const char *message, int64_t now_ms)
{
    return condition_set(list, type, status, reason, message, t->view.meta.generation,
                         now_ms);
}

/* A Task that just runs has a condition only when an earlier one said that it could not. */
static bool
set_ready(json_t *list, const struct task_view *t, const struct task_status *want)
{
    if (want->cause == NULL ||
        (strcmp(want->cause, "Running") == 0 && view_condition(list, "Ready") == NULL))
        return false;
    return set(list, t, "Ready", want->phase == PHASE_SUCCEEDED, want->cause,
               want->message, want->now_ms);
}

json_t *
taskconditions_next(const struct task_view *t, const struct task_status *want)
{
    SCOPED(json)
    json_t *list = condition_list(&t->view);
    bool waits = want->blocked != BLOCKED_NOT, changed = false;

    if (!profile_of(t->view.meta.profile)->task_results)
        return NULL; /* that group's schema has no conditions */
    if (waits || t->blocked != BLOCKED_NOT)
        changed = set(list, t, "Blocked", waits, blocked_reason(want->blocked),
                      waits ? want->message : "", want->now_ms);
    if (want->captured != CAPTURED_UNSAID)
        changed |= set(list, t, "OutputsCaptured", want->captured == CAPTURED_OUTPUTS,
                       captured_reasons[want->captured], "", want->now_ms);
    changed |= set_ready(list, t, want);
    if (t->quarantined)
        changed |= set(list, t, "Quarantined", false, "Processed", "", want->now_ms);
    return changed ? TAKE(list) : NULL;
}
