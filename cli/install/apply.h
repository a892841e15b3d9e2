/* apply.h - the objects of an installation put on a cluster, waited for, and taken away. */
#ifndef KELOS_CLI_INSTALL_APPLY_H
#define KELOS_CLI_INSTALL_APPLY_H

#include <jansson.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/install/bundle.h"
#include "common/err.h"

/* How long to wait, of --timeout: *ms, 5 minutes unless given. Returns 0, or -1 with *e. */
int install_timeout(const struct args *a, int64_t *ms, struct err *e);

/* Applies each object in order, by force and as field manager "kelos"; one that is still being
 * deleted is waited for first, until `deadline_ms` (monotonic). Prints "kind/name created",
 * "configured" or "unchanged". Returns 0, or -1 at the first that fails, with *e naming it; what
 * was applied before stays. */
int install_apply(struct cli *c, const json_t *objects, int64_t deadline_ms,
                  struct err *e);

/* Waits until every definition is Established. Returns 0, or -1 with *e. */
int install_wait_crds(struct cli *c, const json_t *crds, int64_t deadline_ms,
                      struct err *e);

/* Waits until every Deployment of the list is rolled out, printing what it waits for when that
 * changes. Returns 0, or -1 with *e that says how to look further. */
int install_wait_rollout(struct cli *c, const json_t *objects, int64_t deadline_ms,
                         struct err *e);

/* Deletes what an earlier installation left and this bundle no longer has: objects with our
 * label, and the original's heartbeat CronJob. Returns 0, or -1 with *e. */
int install_prune(struct cli *c, const struct bundle *b, struct err *e);

/* Deletes each object in order; what is not there, or of a kind that is not served, is passed
 * over. Returns 0, or -1 with *e. */
int install_delete(struct cli *c, const json_t *objects, struct err *e);

#endif
