/* podoverrides.h - what a Task says about its Pod beyond what Kelos builds. Pure.
 *
 * The schema of the API server refuses most of what is refused here; the checks hold for
 * objects that were stored without it.
 */
#ifndef KELOS_RECONCILER_PODOVERRIDES_H
#define KELOS_RECONCILER_PODOVERRIDES_H

#include "reconciler/job/job.h"

/* Names of volumes and containers, and the failure policy: -1 with ERR_INVALID and the
 * cause that follows "Failed to build Job: ". The first error wins. `refused` lists members
 * that nobody may set, as paths below podOverrides, by comma ("volumes.hostPath"); NULL:
 * none. */
int podoverrides_check(const struct task_view *t, const char *refused, struct err *e);

/* User volumes and mounts, behind the built-in ones. */
void podoverrides_volumes(struct pod_parts *p);
/* resources and securityContext of the agent's container. */
void podoverrides_agent(const struct pod_parts *p, json_t *container);
/* All that belongs to the Pod: `containers` and `initContainers` grow, the scheduling
 * members are set. */
void podoverrides_pod(const struct pod_parts *p, json_t *spec);
/* The user's labels with the built-in ones over them. Takes built_in, the caller owns. */
json_t *podoverrides_labels(const struct task_view *t, json_t *built_in);

#endif
