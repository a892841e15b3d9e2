/* gc.c - see gc.h.
 *
 * Work items: "gone" a uid whose owner vanished: look at its dependents; "check" an object
 * whose owners may be missing; "owner" an owner that waits for its dependents (foreground,
 * orphan); "ns" a namespace that is being emptied. */
#include "local/apiserver/gc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/log.h"
#include "local/apiserver/delete.h"
#include "local/apiserver/object.h"

#define BATCH 100
#define EVENT_TTL_MS (60 * 60 * 1000)
#define LOG_KEEP_MS (5 * 60 * 1000)
#define LOG_KEEP_ROWS 10000

/* Up to BATCH objects, read before anything is changed. */
struct batch {
    json_t *objects;
    json_t *keys; /* of their resources */
};

static int
take(void *ctx, const struct row *row)
{
    struct batch *b = ctx;
    json_t *obj = json_loadb(row->body, row->size, 0, NULL);

    if (obj == NULL)
        return -1;
    json_array_append_new(b->objects, obj);
    json_array_append_new(b->keys, json_string(row->resource));
    return json_array_size(b->objects) >= BATCH ? 1 : 0;
}

static void
batch_scoped_free(struct batch *b)
{
    json_decref(b->objects);
    json_decref(b->keys);
}

static struct resource *
batch_type(struct server *s, const struct batch *b, size_t i)
{
    return registry_key(s->registry, json_string_value(json_array_get(b->keys, i)));
}

int
gc_note(struct server *s, const struct resource *r, char type, const json_t *obj,
        const json_t *old, struct err *e)
{
    json_t *owners = json_at(obj, "metadata.ownerReferences"), *ref;
    const char *uid = meta_str(obj, "uid");
    bool deleting = json_at(obj, "metadata.deletionTimestamp") != NULL;
    size_t i;

    if (type == 'D') {
        if (store_work_add(s->store, "gone", uid, e) < 0)
            return -1;
        json_array_foreach(owners, i, ref) if (store_work_add(s->store, "owner",
                                                              json_str_or(ref, "uid", ""),
                                                              e) < 0) return -1;
    } else if (json_array_size(owners) > 0 &&
               (old == NULL ||
                !json_equal(owners, json_at(old, "metadata.ownerReferences")))) {
        if (store_work_add(s->store, "check", uid, e) < 0)
            return -1;
    }
    if (type != 'D' && deleting &&
        (meta_has_finalizer(obj, "foregroundDeletion") ||
         meta_has_finalizer(obj, "orphan")) &&
        store_work_add(s->store, "owner", uid, e) < 0)
        return -1;
    if (type == 'D' && r->namespaced) {
        if (store_work_add(s->store, "ns", meta_str(obj, "namespace"), e) < 0)
            return -1;
    } else if (type == 'M' && deleting && strcmp(r->key, "namespaces") == 0) {
        if (store_work_add(s->store, "ns", meta_str(obj, "name"), e) < 0)
            return -1;
    }
    return 0;
}

static int
failed(struct fault *f, struct err *e)
{
    err_set(e, ERR_SYSTEM, "collector: %s", json_str_or(f->status, "message", "unknown"));
    fault_clear(f);
    return -1;
}

/* Is the owner named by a reference alive? One of another namespace counts as absent. */
static bool
owner_alive(struct server *s, const json_t *ref, const json_t *dependent)
{
    struct fault f = FAULT_INIT;
    char key[320];
    SCOPED(json)
    json_t *owner = object_load_uid(s, json_str_or(ref, "uid", ""), key, sizeof key, &f);

    fault_clear(&f);
    if (owner == NULL)
        return false;
    return *meta_str(owner, "namespace") == '\0' ||
           strcmp(meta_str(owner, "namespace"), meta_str(dependent, "namespace")) == 0;
}

/* Deletes an object all of whose owners are gone; drops the references to those that are gone
 * when others live. */
static int
settle_dependent(struct server *s, struct resource *r, json_t *obj, struct err *e)
{
    struct fault f = FAULT_INIT;
    json_t *owners = json_at(obj, "metadata.ownerReferences");
    SCOPED(json) json_t *alive = json_array();
    size_t i;
    json_t *ref;

    if (r == NULL || json_array_size(owners) == 0)
        return 0;
    json_array_foreach(owners, i, ref) if (owner_alive(s, ref, obj))
        json_array_append(alive, ref);
    if (json_array_size(alive) == json_array_size(owners))
        return 0;
    if (json_array_size(alive) == 0) {
        struct delete_options o = {.propagation = PROPAGATE_BACKGROUND, .grace = -1};

        return delete_one(s, r, obj, &o, &f) < 0 ? failed(&f, e) : 0;
    }
    SCOPED(json) json_t *old = json_deep_copy(obj);
    json_object_set(meta_of(obj), "ownerReferences", alive);
    return object_save(s, r, obj, old, &f) < 0 ? failed(&f, e) : 0;
}

static int
run_gone(struct server *s, const char *uid, struct err *e)
{
    SCOPED(batch) struct batch b = {json_array(), json_array()};
    int more = store_dependents(s->store, uid, take, &b, e);
    bool progress = false;

    if (more < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(b.objects); i++) {
        json_t *obj = json_array_get(b.objects, i);
        bool marked = json_at(obj, "metadata.deletionTimestamp") != NULL;

        if (settle_dependent(s, batch_type(s, &b, i), obj, e) < 0)
            return -1;
        progress |= !marked;
    }
    /* A full batch of objects that only wait for their finalizers is no reason to go round. */
    return more == 1 && progress ? 1 : 0;
}

static int
run_check(struct server *s, const char *uid, struct err *e)
{
    struct fault f = FAULT_INIT;
    char key[320];
    SCOPED(json) json_t *obj = object_load_uid(s, uid, key, sizeof key, &f);

    if (obj == NULL)
        return f.code != 0 ? failed(&f, e) : 0;
    return settle_dependent(s, registry_key(s->registry, key), obj, e);
}

/* Foreground: dependents that block go first. Returns how many are left. */
static int
push_dependents(struct server *s, struct batch *b, const char *uid, struct err *e)
{
    int blocking = 0;

    for (size_t i = 0; i < json_array_size(b->objects); i++) {
        json_t *obj = json_array_get(b->objects, i),
               *refs = json_at(obj, "metadata.ownerReferences"), *ref;
        struct delete_options o = {.propagation = PROPAGATE_FOREGROUND, .grace = -1};
        struct fault f = FAULT_INIT;
        struct resource *r = batch_type(s, b, i);
        bool blocks = false;
        size_t k;
        int rc = 0;

        json_array_foreach(refs, k, ref) blocks |=
            strcmp(json_str_or(ref, "uid", ""), uid) == 0 &&
            json_bool_or(ref, "blockOwnerDeletion", false);
        if (json_at(obj, "metadata.deletionTimestamp") == NULL && r != NULL &&
            (rc = delete_one(s, r, obj, &o, &f)) < 0)
            return failed(&f, e);
        blocking += blocks && rc != 1;
    }
    return blocking;
}

static int
orphan_dependents(struct server *s, struct batch *b, const char *uid, struct err *e)
{
    for (size_t i = 0; i < json_array_size(b->objects); i++) {
        json_t *obj = json_array_get(b->objects, i),
               *refs = json_at(obj, "metadata.ownerReferences");
        SCOPED(json) json_t *old = json_deep_copy(obj);
        struct resource *r = batch_type(s, b, i);
        struct fault f = FAULT_INIT;

        for (size_t k = json_array_size(refs); k > 0; k--)
            if (strcmp(json_str_or(json_array_get(refs, k - 1), "uid", ""), uid) == 0)
                json_array_remove(refs, k - 1);
        if (json_array_size(refs) == 0)
            json_object_del(meta_of(obj), "ownerReferences");
        if (r != NULL && object_save(s, r, obj, old, &f) < 0)
            return failed(&f, e);
    }
    return 0;
}

/* Drops the collector's finalizer; the object goes if it was the last. */
static int
let_go(struct server *s, struct resource *r, json_t *obj, const char *finalizer,
       struct err *e)
{
    SCOPED(json) json_t *old = json_deep_copy(obj);
    struct fault f = FAULT_INIT;
    int rc;

    meta_drop_finalizer(obj, finalizer);
    if (json_array_size(json_at(obj, "metadata.finalizers")) == 0)
        rc = object_remove(s, r, obj, &f);
    else
        rc = object_save(s, r, obj, old, &f);
    return rc < 0 ? failed(&f, e) : 0;
}

static int
run_owner(struct server *s, const char *uid, struct err *e)
{
    SCOPED(batch) struct batch b = {json_array(), json_array()};
    struct fault f = FAULT_INIT;
    char key[320];
    SCOPED(json) json_t *owner = object_load_uid(s, uid, key, sizeof key, &f);
    struct resource *r = owner != NULL ? registry_key(s->registry, key) : NULL;
    int more;

    if (owner == NULL && f.code != 0)
        return failed(&f, e);
    if (r == NULL || json_at(owner, "metadata.deletionTimestamp") == NULL)
        return 0;
    bool orphan = meta_has_finalizer(owner, "orphan"),
         foreground = meta_has_finalizer(owner, "foregroundDeletion");
    if (!orphan && !foreground)
        return 0;
    if ((more = store_dependents(s->store, uid, take, &b, e)) < 0)
        return -1;
    if (orphan) {
        if (orphan_dependents(s, &b, uid, e) < 0)
            return -1;
        return more == 1 ? 1 : let_go(s, r, owner, "orphan", e);
    }
    int left = push_dependents(s, &b, uid, e);
    if (left != 0)
        return left < 0 ? -1 : 0; /* their removal brings us back */
    return more == 1 ? 1 : let_go(s, r, owner, "foregroundDeletion", e);
}

static int
run_namespace(struct server *s, const char *name, struct err *e)
{
    SCOPED(batch) struct batch b = {json_array(), json_array()};
    struct fault f = FAULT_INIT;
    struct resource *namespaces = registry_find(s->registry, "", "v1", "namespaces");
    SCOPED(json) json_t *ns = object_load(s, namespaces, "", name, &f);
    bool progress = false;
    int more;

    if (ns == NULL || json_at(ns, "metadata.deletionTimestamp") == NULL)
        return f.code != 0 ? failed(&f, e) : 0;
    if ((more = store_in_namespace(s->store, name, take, &b, e)) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(b.objects); i++) {
        json_t *obj = json_array_get(b.objects, i);
        struct delete_options o = {.propagation = PROPAGATE_BACKGROUND, .grace = -1};
        struct resource *r = batch_type(s, &b, i);
        bool marked = json_at(obj, "metadata.deletionTimestamp") != NULL;

        if (r == NULL || marked)
            continue;
        if (delete_one(s, r, obj, &o, &f) < 0)
            return failed(&f, e);
        progress = true;
    }
    if (json_array_size(b.objects) > 0)
        return more == 1 && progress ? 1 : 0; /* the last removal brings us back */
    if (json_array_size(json_at(ns, "metadata.finalizers")) > 0)
        return 0;
    json_object_set_new(json_object_get(ns, "spec"), "finalizers", json_array());
    return object_remove(s, namespaces, ns, &f) < 0 ? failed(&f, e) : 0;
}

int
gc_run(struct server *s, int steps, struct err *e)
{
    static const struct {
        const char *kind;
        int (*run)(struct server *, const char *, struct err *);
    } works[] = {
        {"gone", run_gone},
        {"check", run_check},
        {"owner", run_owner},
        {"ns", run_namespace},
    };
    char item[320];

    for (size_t i = 0; i < sizeof works / sizeof *works;) {
        int found = store_work_next(s->store, works[i].kind, item, sizeof item, e), rc;

        if (found < 0)
            return -1;
        if (found == 0) {
            i++;
            continue;
        }
        if (steps-- <= 0)
            return 1;
        /* Done first: the run may note the same item again. */
        if (store_work_done(s->store, works[i].kind, item, e) < 0 ||
            (rc = works[i].run(s, item, e)) < 0)
            return -1;
        if (rc == 1 && store_work_add(s->store, works[i].kind, item, e) < 0)
            return -1;
        i = 0;
    }
    return 0;
}

struct aging {
    json_t *old;
    int64_t before_ms;
};

static int
take_aged(void *ctx, const struct row *row)
{
    struct aging *a = ctx;
    SCOPED(json) json_t *obj = json_loadb(row->body, row->size, 0, NULL);
    int64_t at;

    if (obj == NULL)
        return -1;
    if (rfc3339_parse(json_str_or(obj, "lastTimestamp", NULL), &at) < 0 &&
        rfc3339_parse(meta_str(obj, "creationTimestamp"), &at) < 0)
        return 0;
    if (at < a->before_ms)
        json_array_append(a->old, obj);
    return json_array_size(a->old) >= 1000 ? 1 : 0;
}

int
gc_age(struct server *s, struct err *e)
{
    SCOPED(json) json_t *old = json_array();
    struct aging a = {old, s->now_ms() - EVENT_TTL_MS};
    struct span span = {.resource = "events"};
    struct resource *events = registry_find(s->registry, "", "v1", "events");
    size_t i;
    json_t *obj;

    if (store_list(s->store, &span, take_aged, &a, e) < 0)
        return -1;
    json_array_foreach(old, i, obj)
    {
        struct fault f = FAULT_INIT;

        if (object_remove(s, events, obj, &f) < 0)
            return failed(&f, e);
    }
    return store_prune(s->store, s->now_ms(), LOG_KEEP_MS, LOG_KEEP_ROWS, e);
}
