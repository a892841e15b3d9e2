/* finalizer.h - puts our finalizer on an object, or takes it off. */
#ifndef KELOS_RECONCILER_FINALIZER_H
#define KELOS_RECONCILER_FINALIZER_H

#include "reconciler/shard.h"

/* Writes the object's list of finalizers with or without `ours`. The list is replaced whole,
 * so the write is bound to the version in *meta: nobody may have changed it meanwhile. The
 * answer goes to done(arg). -1 with *e set when it cannot be sent. */
int finalizer_patch(struct shard *s, unsigned kind, const struct meta *meta,
                    const char *ours, bool with, kube_done_fn *done, void *arg,
                    struct err *e);

#endif
