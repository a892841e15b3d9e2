/* taskconditions.c - see taskconditions.h. */
#include "reconciler/task/taskconditions.h"

#include <string.h>

#include "common/clock.h"
#include "common/macros.h"
#include "reconciler/task/task.h"

static const char *const captured_reasons[] = {
    [CAPTURED_OUTPUTS] = "Captured",
    [CAPTURED_NOTHING] = "NoOutputs",
    [CAPTURED_TIMED_OUT] = "CaptureTimedOut",
};

/* Sets one condition in the list; whether that changed it. A new reason is a transition, too:
 * the time says since when it is this that is waited for. */
static bool
set(json_t *conditions, const struct task_view *t, const char *type, bool status,
    const char *reason, const char *message, int64_t now_ms)
{
    json_t *c = view_condition(conditions, type);
    const char *text = status ? "True" : "False";
    char now[RFC3339_SIZE];
    bool same = strcmp(json_str_or(c, "status", ""), text) == 0 &&
                strcmp(json_str_or(c, "reason", ""), reason) == 0;

    if (same && strcmp(json_str_or(c, "message", ""), message) == 0)
        return false;
    if (c == NULL)
        json_array_append_new(conditions, c = json_pack("{s:s}", "type", type));
    rfc3339_format(now_ms, now);
    json_object_set_new(c, "status", json_string(text));
    json_object_set_new(c, "reason", json_string(reason));
    json_object_set_new(c, "message", json_string(message));
    json_object_set_new(c, "observedGeneration", json_integer(t->view.meta.generation));
    if (!same)
        json_object_set_new(c, "lastTransitionTime", json_string(now));
    return true;
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
    json_t *list = t->conditions != NULL ? json_deep_copy(t->conditions) : json_array();
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
    return changed ? TAKE(list) : NULL;
}
