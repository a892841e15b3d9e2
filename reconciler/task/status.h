/* status.h - the texts of a Task's status, and the patch that brings it about. Pure. */
#ifndef KELOS_RECONCILER_STATUS_H
#define KELOS_RECONCILER_STATUS_H

#include "reconciler/task/task.h"

/* Messages; each lives in the arena. */
const char *status_dependency(struct pool *a, const struct deps *d);
const char *status_branch(struct pool *a, const struct task_view *t,
                          const struct branch *b);
/* "Task completed successfully" or "Task failed" with what is known of the cause; one line.
 * `before` is the message so far: why a container could not start says why a run that never
 * began has failed. `pod` may be NULL. */
const char *status_end(struct pool *a, bool ok, const struct job_view *j,
                       const struct pod_view *pod, const char *before);
/* What to append when the capture of outputs was given up; "" when it was not. */
const char *status_uncaptured(struct pool *a, const struct capture *c);
/* The line, and below it the last lines of the log (NULL or "": none). */
const char *status_with_tail(struct pool *a, const char *line, const char *tail);

/* Why a Task with a Job has failed, in one word: DeadlineExceeded, Evicted, OOMKilled,
 * NonZeroExitCode, the Job's own reason, or TaskFailed. Borrowed. */
const char *status_cause(const struct job_view *j, const struct pod_view *pod);

/* Whether writing the status would change anything. */
bool status_differs(const struct task_view *now, const struct task_status *want);

/* {"status": {...}} with the members that differ, as a JSON merge patch. The caller owns. */
json_t *status_patch(const struct task_view *now, const struct task_status *want);

/* {"usage": ...} of status: costUSD, inputTokens, outputTokens of the results that are
 * plausible; NULL when there is none. The caller owns. */
json_t *status_usage(const struct texts *keys, const struct texts *values);
/* A result as a finite, positive, plausible number; 0 for anything else. */
double status_number(const struct texts *keys, const struct texts *values,
                     const char *key);

#endif
