/* elector.h - takes, keeps and gives back the Lease of the controller: the I/O around lease.h.
 *
 * Writes the time of the last renewal into the worker's page, where the supervisor's fence
 * reads it, and tells who leads as soon as that is known and whenever it changes.
 */
#ifndef KELOS_WATCHER_ELECTOR_H
#define KELOS_WATCHER_ELECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/kube/kube.h"
#include "common/worker/worker.h"

#define ELECTOR_LEASE "kelos-controller-leader-election"

struct elector;

/* Called from the loop; *renewed_boot_ms is 0 when another one leads. */
typedef void elector_fn(void *arg, bool leader, int64_t renewed_boot_ms);

/* All are borrowed and must outlive the result. The Lease stands in `ns`. The caller owns the
 * result; NULL with *e set. */
struct elector *elector_new(struct worker *w, struct kube *k, struct loop *loop,
                            const char *ns, elector_fn *fn, void *arg, struct err *e);
void elector_free(struct elector *x);

/* Whether it is known who leads, and who. */
bool elector_decided(const struct elector *x);
bool elector_leads(const struct elector *x);

/* For the end, when all who write are dead: gives the Lease back if it is ours, then calls
 * `done`. */
void elector_release(struct elector *x, void (*done)(void *arg), void *arg);

#endif
