/* moves.h - what the parts of a decision about a Task are written with: each adds to *d.
 * Texts are borrowed from the facts, or made in d->arena. */
#ifndef KELOS_RECONCILER_MOVES_H
#define KELOS_RECONCILER_MOVES_H

#include "reconciler/task/task.h"

/* Adds an action and returns it, for its members to be set. */
struct action *decision_act(struct decision *d, enum action_kind kind);
void decision_event(struct decision *d, bool warning, const char *reason,
                    const char *text);
/* Decides again at a wall time. */
void decision_wake(struct decision *d, int64_t at_ms);

/* The status that the Task shows. */
struct task_status decision_status_now(const struct task_view *t);
/* Writes the status if it differs from what is there; whether it does. */
bool decision_show(const struct task_facts *f, struct decision *d,
                   struct task_status status);
/* The Task cannot begin yet, and says why. */
void decision_wait(const struct task_facts *f, struct decision *d, enum blocked why,
                   const char *message);
/* Ends a Task that never got its Job. */
void decision_fail(const struct task_facts *f, int64_t now_ms, struct decision *d,
                   const char *message, const char *reason, const char *event_text);

/* ---- the two long stretches of its life ---- */

/* start.c: the Job does not exist: may it be created? */
void decide_start(const struct task_facts *f, int64_t now_ms, struct decision *d);
/* follow.c: our Job is there. Counts alone decide, in this order. */
void decide_follow(const struct task_facts *f, int64_t now_ms, struct decision *d);
/* Whether the Job has failed for good. */
bool follow_failed(const struct job_view *j);

#endif
