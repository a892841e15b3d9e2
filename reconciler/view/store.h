/* store.h - what the watcher has shown, as views, with the questions asked of it.
 *
 * Objects are found by name; Tasks also by what they wait for or belong to, so that one
 * event finds those it concerns without a walk over all. All is rebuilt by a sweep. */
#ifndef KELOS_RECONCILER_STORE_H
#define KELOS_RECONCILER_STORE_H

#include "common/scoped.h"
#include "reconciler/view/view.h"

struct store;

struct store *store_new(void);
void store_free(struct store *s);
SCOPED_DEFINE(store)

/* Takes *v (sets it NULL) and replaces the view of the same kind, group and name. Returns
 * the old view (the caller frees it after it has compared), or NULL. */
struct view *store_put(struct store *s, struct view **v, uint64_t epoch);
/* Removes; the caller frees. NULL when there is none, or when uid (not NULL, not "") is of
 * another object than the one that is held. */
struct view *store_take(struct store *s, unsigned kind, unsigned profile, const char *ns,
                        const char *name, const char *uid);
/* Borrowed until the next put or take; NULL when there is none. */
struct view *store_get(const struct store *s, unsigned kind, unsigned profile,
                       const char *ns, const char *name);
/* The Workspace of that name in the object's namespace and group; NULL when there is none, or
 * when `name` is NULL. */
const struct workspace_view *store_workspace(const struct store *s,
                                             const struct meta *object, const char *name);

/* By what Tasks are found besides their name. */
enum task_index {
    BY_DEPENDENCY,   /* value: a Task's name; gives those that list it in dependsOn */
    BY_BRANCH,       /* value: branch_key() */
    BY_BRANCH_NAME,  /* value: spec.branch, of whatever Workspace */
    BY_SPAWNER,      /* value: the TaskSpawner's name */
    BY_WORKSPACE,    /* value: the Workspace's name; TaskSpawners too */
    BY_AGENT_CONFIG, /* value: the AgentConfig's name */
    BY_OWNER,        /* value: a Task's name; gives its Pods (by label) */
    BY_SECRET        /* value: a Secret's name; gives the Workspaces, AgentConfigs and
                      * TaskSpawners of Jira that name it */
};

struct views {
    struct view *const *at;
    size_t n;
};
/* Borrowed until the next put or take; in no particular order. */
struct views store_find(const struct store *s, enum task_index by, unsigned profile,
                        const char *ns, const char *value);

/* Calls fn once for each view of the kind; fn may look others up, but must not put or take. */
void store_each(const struct store *s, unsigned kind,
                void (*fn)(void *arg, struct view *v), void *arg);
/* Calls fn for each view that was not put again since `epoch` began: what a new sweep did not
 * mention is gone. fn may take the view it is called with. */
void store_each_stale(struct store *s, uint64_t epoch,
                      void (*fn)(void *arg, struct view *v), void *arg);
size_t store_count(const struct store *s, unsigned kind);

/* "workspace:branch" of a Task, NULL without a branch; borrowed until the next call. */
const char *branch_key(const struct task_view *t);

#endif
