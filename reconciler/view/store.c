/* store.c - see store.h. */
#include "reconciler/view/store.h"

#include <czmq.h>

#include "common/table.h"
#include "proto/message.h"

/* Views under one index value. */
struct bag {
    struct view **at;
    size_t n;
    size_t room;
};

/* What the table holds: the view and the sweep that confirmed it last. */
struct slot {
    struct view *view;
    uint64_t epoch;
};

struct store {
    struct table *slots; /* "kind/profile/ns/name" -> struct slot; owned */
    struct table *bags;  /* "index/profile/ns/value" -> struct bag; owned */
    size_t count[N_KINDS];
};

static void
slot_free(void *value)
{
    struct slot *slot = value;

    view_free(slot->view);
    free(slot);
}

static void
bag_free(void *value)
{
    struct bag *bag = value;

    free(bag->at);
    free(bag);
}

struct store *
store_new(void)
{
    struct store *s = calloc(1, sizeof *s);

    if (s == NULL)
        abort();
    s->slots = table_new(slot_free);
    s->bags = table_new(bag_free);
    return s;
}

void
store_free(struct store *s)
{
    if (s == NULL)
        return;
    table_free(s->slots);
    table_free(s->bags);
    free(s);
}

/* Jobs and Pods are one set for both groups: a Job's name is taken whoever made it. */
static const char *
slot_key(unsigned kind, unsigned profile, const char *ns, const char *name)
{
    static char key[400];

    if (!object_kind_ours((enum object_kind)kind))
        profile = 0;
    snprintf(key, sizeof key, "%u/%u/%s/%s", kind, profile, ns, name);
    return key;
}

static const char *
bag_key(enum task_index by, unsigned profile, const char *ns, const char *value)
{
    static char key[2048];

    snprintf(key, sizeof key, "%u/%u/%s/%s", by, profile, ns, value);
    return key;
}

static void
bag_add(struct store *s, enum task_index by, struct view *v, const char *value)
{
    const char *key = bag_key(by, v->meta.profile, v->meta.ns, value);
    struct bag *bag = table_get(s->bags, key);

    if (bag == NULL) {
        if ((bag = calloc(1, sizeof *bag)) == NULL)
            abort();
        table_put(s->bags, key, bag);
    }
    if (bag->n == bag->room) {
        bag->room = bag->room > 0 ? bag->room * 2 : 2;
        if ((bag->at = reallocarray(bag->at, bag->room, sizeof *bag->at)) == NULL)
            abort();
    }
    bag->at[bag->n++] = v;
}

static void
bag_remove(struct store *s, enum task_index by, struct view *v, const char *value)
{
    const char *key = bag_key(by, v->meta.profile, v->meta.ns, value);
    struct bag *bag = table_get(s->bags, key);

    for (size_t i = 0; bag != NULL && i < bag->n; i++)
        if (bag->at[i] == v) {
            bag->at[i] = bag->at[--bag->n];
            break;
        }
    if (bag != NULL && bag->n == 0)
        table_delete(s->bags, key);
}

typedef void bag_fn(struct store *s, enum task_index by, struct view *v,
                    const char *value);

const char *
branch_key(const struct task_view *t)
{
    static char key[1600];

    if (t->branch == NULL)
        return NULL;
    snprintf(key, sizeof key, "%s:%s", t->workspace != NULL ? t->workspace : "",
             t->branch);
    return key;
}

/* Adds to or removes from every index that the view stands in. */
static void
index_each(struct store *s, struct view *v, bag_fn *fn)
{
    if (v->kind == KIND_TASK) {
        const struct task_view *t = (const struct task_view *)v;
        const char *key = branch_key(t);
        for (size_t i = 0; i < t->depends_on.n; i++)
            fn(s, BY_DEPENDENCY, v, t->depends_on.at[i]);
        if (key != NULL) {
            fn(s, BY_BRANCH, v, key);
            fn(s, BY_BRANCH_NAME, v, t->branch);
        }
        if (t->spawner != NULL)
            fn(s, BY_SPAWNER, v, t->spawner);
        if (t->workspace != NULL)
            fn(s, BY_WORKSPACE, v, t->workspace);
        for (size_t i = 0; i < t->agent_configs.n; i++)
            fn(s, BY_AGENT_CONFIG, v, t->agent_configs.at[i]);
    } else if (v->kind == KIND_TASK_SPAWNER) {
        const struct spawner_view *spawner = (const struct spawner_view *)v;
        if (spawner->workspace != NULL)
            fn(s, BY_WORKSPACE, v, spawner->workspace);
        if (spawner->jira_secret != NULL)
            fn(s, BY_SECRET, v, spawner->jira_secret);
    } else if (v->kind == KIND_WORKSPACE) {
        const struct workspace_view *w = (const struct workspace_view *)v;
        if (w->secret != NULL)
            fn(s, BY_SECRET, v, w->secret);
    } else if (v->kind == KIND_AGENT_CONFIG) {
        const struct agentconfig_view *a = (const struct agentconfig_view *)v;
        for (size_t i = 0; i < a->secrets.n; i++)
            fn(s, BY_SECRET, v, a->secrets.at[i]);
    } else if (v->kind == KIND_POD) {
        const struct pod_view *p = (const struct pod_view *)v;
        if (p->task != NULL)
            fn(s, BY_OWNER, v, p->task);
    }
}

struct view *
store_put(struct store *s, struct view **v, uint64_t epoch)
{
    struct view *view = TAKE(*v), *old = NULL;
    const char *key =
        slot_key(view->kind, view->meta.profile, view->meta.ns, view->meta.name);
    struct slot *slot = table_get(s->slots, key);

    if (slot == NULL) {
        if ((slot = calloc(1, sizeof *slot)) == NULL)
            abort();
        table_put(s->slots, key, slot);
        s->count[view->kind]++;
    } else {
        old = slot->view;
        index_each(s, old, bag_remove);
    }
    slot->view = view;
    slot->epoch = epoch;
    index_each(s, view, bag_add);
    return old;
}

struct view *
store_take(struct store *s, unsigned kind, unsigned profile, const char *ns,
           const char *name, const char *uid)
{
    const char *key = slot_key(kind, profile, ns, name);
    struct slot *slot = table_get(s->slots, key);

    if (slot == NULL ||
        (uid != NULL && *uid != '\0' && strcmp(uid, slot->view->meta.uid) != 0))
        return NULL;
    struct view *view = TAKE(slot->view);
    index_each(s, view, bag_remove);
    table_delete(s->slots, slot_key(kind, profile, ns, name));
    s->count[kind]--;
    return view;
}

struct view *
store_get(const struct store *s, unsigned kind, unsigned profile, const char *ns,
          const char *name)
{
    struct slot *slot = table_get(s->slots, slot_key(kind, profile, ns, name));

    return slot != NULL ? slot->view : NULL;
}

const struct workspace_view *
store_workspace(const struct store *s, const struct meta *object, const char *name)
{
    if (name == NULL)
        return NULL;
    return (const struct workspace_view *)store_get(s, KIND_WORKSPACE, object->profile,
                                                    object->ns, name);
}

struct views
store_find(const struct store *s, enum task_index by, unsigned profile, const char *ns,
           const char *value)
{
    struct bag *bag = table_get(s->bags, bag_key(by, profile, ns, value));

    return bag != NULL ? (struct views){bag->at, bag->n} : (struct views){NULL, 0};
}

void
store_each(const struct store *s, unsigned kind, void (*fn)(void *arg, struct view *v),
           void *arg)
{
    size_t n = 0, room = store_count(s, kind);
    struct view **all = calloc(room + 1, sizeof *all);
    struct table_at at = {0};
    const struct slot *slot;

    if (all == NULL)
        abort();
    /* fn may take out others than the one it is given. */
    while (n < room && (slot = table_next(s->slots, &at)) != NULL)
        if (slot->view->kind == kind)
            all[n++] = slot->view;
    for (size_t i = 0; i < n; i++)
        fn(arg, all[i]);
    free(all);
}

void
store_each_stale(struct store *s, uint64_t epoch, void (*fn)(void *arg, struct view *v),
                 void *arg)
{
    zlistx_t *stale = zlistx_new();
    struct table_at at = {0};
    const struct slot *slot;

    while ((slot = table_next(s->slots, &at)) != NULL)
        if (slot->epoch != epoch)
            zlistx_add_end(stale, slot->view);
    for (struct view *v = zlistx_first(stale); v != NULL; v = zlistx_next(stale))
        fn(arg, v);
    zlistx_destroy(&stale);
}

size_t
store_count(const struct store *s, unsigned kind)
{
    return kind < N_KINDS ? s->count[kind] : 0;
}
