/* taskconditions.h - the conditions of a Task's status: Blocked and OutputsCaptured. Pure.
 *
 * phase and message decide; conditions say the same to programs. Blocked is there once a
 * Task had to wait, and False from its Job on.
 */
#ifndef KELOS_RECONCILER_TASKCONDITIONS_H
#define KELOS_RECONCILER_TASKCONDITIONS_H

#include "reconciler/view.h"

enum captured { CAPTURED_UNSAID, CAPTURED_OUTPUTS, CAPTURED_NOTHING, CAPTURED_TIMED_OUT };

/* Reads status.conditions (NULL: none); *since_ms is 0 when not blocked. */
enum blocked taskconditions_blocked(const json_t *conditions, int64_t *since_ms);

/* The list as it is to be, or NULL when it stays: the caller owns. Others' entries are kept,
 * and so is the time of a status that does not change. */
json_t *taskconditions_next(const struct task_view *t, enum blocked blocked,
                            enum captured captured, const char *message, int64_t now_ms);

#endif
