/* failurepolicy.h - which failures of a Pod end a Task's Job. Pure. */
#ifndef KELOS_RECONCILER_FAILUREPOLICY_H
#define KELOS_RECONCILER_FAILUREPOLICY_H

#include "reconciler/view/view.h"

/* -1 with ERR_INVALID: an action that Jobs of Tasks cannot have. */
int failurepolicy_check(const struct task_view *t, struct err *e);
/* The Job's podFailurePolicy: the Task's own, whole, or the built-in two rules. The caller
 * owns. */
json_t *failurepolicy_of(const struct task_view *t);

#endif
