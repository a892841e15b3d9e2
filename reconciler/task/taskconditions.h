/* taskconditions.h - the conditions of a Task's status: Ready, Blocked, OutputsCaptured,
 * Quarantined. Pure.
 *
 * phase and message decide; conditions say the same to programs. Blocked is there once a
 * Task had to wait, and False from its Job on. Ready is True when the Task has succeeded;
 * else its reason is one word for why not (OOMKilled, ImagePullBackOff, ...). Its message is
 * the status's. A Task about which something is decided is not Quarantined any more
 * (quarantine.h).
 */
#ifndef KELOS_RECONCILER_TASKCONDITIONS_H
#define KELOS_RECONCILER_TASKCONDITIONS_H

#include "reconciler/view/view.h"

struct task_status;

enum captured { CAPTURED_UNSAID, CAPTURED_OUTPUTS, CAPTURED_NOTHING, CAPTURED_TIMED_OUT };

/* The list as it is to be, or NULL when it stays: the caller owns. Others' entries are kept,
 * and so is the time of a status that does not change. */
json_t *taskconditions_next(const struct task_view *t, const struct task_status *want);

#endif
