/* taskfixture.h - facts about a Task, what is decided on them, and the patch that follows. */
#ifndef KELOS_TESTS_RECONCILER_TASKFIXTURE_H
#define KELOS_TESTS_RECONCILER_TASKFIXTURE_H

#include "tests/reconciler/fixture.h"

#include "reconciler/task/status.h"
#include "reconciler/task/task.h"

#define NOW AT("2026-01-01T01:00:00Z")

static inline struct decision
decide(const struct task_facts *f)
{
    struct decision d = {.n = 0};

    task_decide(f, NOW, &d);
    keep(d.arena.chunks);
    return d;
}

static inline struct task_facts
ready(const struct task_view *t)
{
    return (struct task_facts){.task = t,
                               .deps = {DEPS_READY, NULL},
                               .branch = {BRANCH_FREE, NULL},
                               .auth = AUTH_READY,
                               .auth_message = "",
                               .counted = true};
}

static inline bool
has(const struct decision *d, enum action_kind kind)
{
    return decision_find(d, kind) != NULL;
}

static inline const struct action *
event_of(const struct decision *d, const char *reason)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->actions[i].kind == ACT_EVENT && strcmp(d->actions[i].reason, reason) == 0)
            return &d->actions[i];
    return NULL;
}

static inline json_t *
patch_of(const struct task_view *t, const struct decision *d)
{
    return json_object_get(keep(status_patch(t, &d->status)), "status");
}

/* The condition Ready of the patch, "status reason: message"; "" without one. */
static inline const char *
ready_of(const struct task_view *t, const struct decision *d)
{
    static char text[2000];
    const json_t *list = json_object_get(patch_of(t, d), "conditions");

    *text = '\0';
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        if (strcmp(json_str_or(c, "type", ""), "Ready") == 0)
            snprintf(text, sizeof text, "%s %s: %s", json_str_or(c, "status", ""),
                     json_str_or(c, "reason", ""), json_str_or(c, "message", ""));
    }
    return text;
}

#endif
