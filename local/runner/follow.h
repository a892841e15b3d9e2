/* follow.h - Secrets and ConfigMaps that running Pods have mounted, each watched by its name.
 *
 * As a kubelet does it: no list, and only what is in use here. Nothing wakes up while nothing
 * changes. A watch that ends is opened again with back-off; it then tells what there is now.
 */
#ifndef KELOS_LOCAL_RUNNER_FOLLOW_H
#define KELOS_LOCAL_RUNNER_FOLLOW_H

#include "common/kube/kube.h"
#include "common/loop.h"
#include "common/scoped.h"
#include "local/runner/refs.h"

/* More objects than this are not followed at the same time: each holds a connection. */
#define FOLLOWS_MAX 200

struct follows;

/* The object was made, changed or deleted, or is seen for the first time. */
typedef void follow_fn(void *arg, const char *ns, enum ref_kind kind, const char *name);

/* Borrows all, which must outlive the result. The caller owns it; NULL when memory ran out. */
struct follows *follows_new(struct kube *k, struct loop *loop, follow_fn *fn, void *arg);
void follows_free(struct follows *f);
SCOPED_DEFINE(follows)

/* One more user of the objects, which are followed from the first user on. Returns 0, or -1
 * with ERR_LIMIT: then none of them got a user. */
int follows_use(struct follows *f, const char *ns, const struct refs *refs,
                struct err *e);
/* One user less; without any, an object is followed no more. */
void follows_drop(struct follows *f, const char *ns, const struct refs *refs);

#endif
