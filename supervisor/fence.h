/* fence.h - ends everybody who writes before another controller may lead.
 *
 * The watcher puts the time of each renewal of the Lease into its page. When the last one is
 * LEASE_FENCE_MS old, or the watcher says that another one leads, reconcilers and the
 * statuswriter are killed and start again as a standby's. The timer runs on CLOCK_BOOTTIME:
 * after a suspended machine wakes up, the fence falls first.
 */
#ifndef KELOS_SUPERVISOR_FENCE_H
#define KELOS_SUPERVISOR_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/worker/worker.h"

#define LEASE_FENCE_MS WORKER_LEASE_MS /* the Lease itself lasts 15 s */

struct supervisor;

/* When the fence falls for a last renewal at renewed_ms (0: there is no lead to lose; then
 * INT64_MAX). Pure. */
int64_t fence_at(int64_t renewed_ms);

/* With --leader-elect: makes the timer. 0, or -1 with *e set. */
int fence_open(struct supervisor *s, struct err *e);
void fence_close(struct supervisor *s);
/* Leadership was told, by the watcher. */
void fence_told(struct supervisor *s, bool leader);
/* Looks at the page and sets the timer. */
void fence_check(struct supervisor *s);

#endif
