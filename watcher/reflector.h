/* reflector.h - keeps the cache of one kind equal to the API server's. */
#ifndef KELOS_WATCHER_REFLECTOR_H
#define KELOS_WATCHER_REFLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/kube/kube.h"
#include "common/loop.h"
#include "common/scoped.h"
#include "watcher/publish.h"
#include "watcher/reflect.h"

/* What a reflector tells. All from the loop. */
struct reflector_hooks {
    void (*changed)(void *arg,
                    struct entry *e); /* put, changed or gone: publisher_mark */
    void (*settled)(void *arg);       /* a batch of changes is through: flush */
    void (*restarted)(void *arg, const struct watched *w,
                      enum reflect_end why);             /* may be NULL */
    void (*listing)(void *arg, const struct watched *w); /* may be NULL */
    void *arg;
};

struct reflector_options {
    int64_t backoff_first_ms, backoff_cap_ms; /* 0: 800 ms and 30 s */
    unsigned page_items;                      /* 0: LIMIT_LIST_PAGE_ITEMS */
};

struct reflector;

/* Starts at once. `shelf` (with its cache), `kube`, `loop` and `hooks` are borrowed. The caller
 * owns the result; NULL with *e set. */
struct reflector *reflector_new(struct shelf *shelf, struct kube *kube, struct loop *loop,
                                const struct reflector_hooks *hooks,
                                const struct reflector_options *options, struct err *e);
void reflector_free(struct reflector *r);
SCOPED_DEFINE(reflector)

/* Lists the newest state, on a stream of its own, and follows from there. */
void reflector_renew(struct reflector *r);
/* True until that, or the first list of all, is in. */
bool reflector_renewing(const struct reflector *r);

/* For health: cannot be watched at the moment, and not because of a passing fault. */
bool reflector_degraded(const struct reflector *r);

/* The server is known to have had this version of an object for a while: a stream that has not
 * shown it is taken for dead and begins anew from the stored version. */
void reflector_unseen(struct reflector *r, const char *ns, const char *name,
                      const char *uid, const char *version);
/* The server has answered that this object is deleted: when the watch says that it has left, it
 * need not be asked whether it only lost its label. */
void reflector_deleted(struct reflector *r, const char *ns, const char *name,
                       const char *uid);

#endif
