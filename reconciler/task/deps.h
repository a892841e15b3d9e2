/* deps.h - what a Task's dependencies allow: go, wait, or fail. Pure. */
#ifndef KELOS_RECONCILER_DEPS_H
#define KELOS_RECONCILER_DEPS_H

#include "reconciler/view/view.h"

/* Finds a Task of the same group and namespace by name; NULL when there is none. */
typedef const struct task_view *deps_lookup(void *arg, const struct task_view *of,
                                            const char *name);

enum deps_state {
    DEPS_READY,   /* all have succeeded and their outputs are in their status */
    DEPS_ABSENT,  /* `name` does not exist (yet) */
    DEPS_WAITING, /* `name` has not finished */
    DEPS_FAILED,  /* `name` has failed, or is one that can never succeed */
    DEPS_CYCLE    /* `name` is where a loop closes */
};

struct deps {
    enum deps_state state;
    const char *name; /* borrowed from the views */
};

/* Judges all entries of t's dependsOn: a cycle anywhere reachable first, then a failed
 * entry, then the first that blocks, in list order. Finished Tasks end a path. */
struct deps deps_judge(const struct task_view *t, deps_lookup *lookup, void *arg);

/* The uids of t's dependencies in list order, copied into the arena; "" for an absent one. */
struct texts deps_uids(const struct task_view *t, deps_lookup *lookup, void *arg,
                       struct pool *a);
/* Whether each name still stands for the Task it stood for when `uids` were taken: what was
 * found ready then is ready now, for a finished Task stays as it is. */
bool deps_hold(const struct task_view *t, const struct texts *uids, deps_lookup *lookup,
               void *arg);

#endif
