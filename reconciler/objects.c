/* objects.c - what the watcher shows goes into the store and wakes whom it concerns. */
#include "common/clock.h"
#include "common/log.h"
#include "common/data/project.h"
#include "reconciler/quarantine.h"
#include "reconciler/shard.h"
#include "reconciler/plan/spawnermemory.h"
#include "reconciler/writes.h"

/* How many object messages the watcher may send ahead. */
#define CREDIT 512

static void
give_credit(struct shard *s, uint64_t messages)
{
    struct message m = {.kind = MSG_OBJECTS_CREDIT,
                        .body.credit = {.messages = messages}};
    struct err e = ERR_INIT;

    if (bus_send(s->objects, NULL, &m, &e) < 0)
        log_warn(NULL, "objects.credit: %s", e.text);
}

void
objects_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    struct shard *s = arg;
    const uint64_t kinds = 1u << KIND_TASK | 1u << KIND_WORKSPACE |
                           1u << KIND_AGENT_CONFIG | 1u << KIND_TASK_SPAWNER |
                           1u << KIND_JOB | 1u << KIND_POD | 1u << KIND_DEPLOYMENT |
                           1u << KIND_CRON_JOB | 1u << KIND_SECRET;
    struct message m = {.kind = MSG_OBJECTS_JOIN,
                        .body.join = {.kinds = kinds,
                                      .shard = (uint64_t)s->index,
                                      .shards = (uint64_t)s->count}};
    struct err e = ERR_INIT;

    (void)peer;
    s->objects = bus;
    if (bus_send(bus, NULL, &m, &e) < 0)
        log_error(NULL, "objects.join: %s", e.text);
    s->consumed = 0;
    give_credit(s, CREDIT);
}

static void
consumed(struct shard *s)
{
    if (++s->consumed < CREDIT / 2)
        return;
    give_credit(s, s->consumed);
    s->consumed = 0;
}

/* An object that cannot be read goes on as one with an empty spec that says what is wrong,
 * and stops nothing else. Kinds without a status say it in an Event. NULL: not even that. */
static struct view *
read_wrong(struct shard *s, const struct msg_object *o, const struct err *why)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *object = project_to_json(o->doc.data, o->doc.size, &e);
    struct view *v;

    log_warn(o->name, "%s of %s: %s", object_kind_name((enum object_kind)o->kind), o->ns,
             why->text);
    if (object == NULL || (v = view_wrong((unsigned)o->kind, (unsigned)o->profile, object,
                                          why->text, &e)) == NULL)
        return NULL;
    if (s->leader && (o->kind == KIND_WORKSPACE || o->kind == KIND_AGENT_CONFIG))
        writes_event(s->writes, (unsigned)o->kind, &v->meta, true, "InvalidObject",
                     why->text);
    return v;
}

/* What ends the process here is the object's doing, as it is in a run of its key. NULL: it cannot
 * be read, or is not to be. */
static struct view *
read_object(struct shard *s, const struct msg_object *o)
{
    char key[SHARD_KEY_MAX];
    struct err e = ERR_INIT;

    if (quarantine_unread(s, quarantine_read_key(key, o), o))
        return NULL;
    SHARD_BUSY(s, key);
    struct view *v = view_from_projection((unsigned)o->kind, (unsigned)o->profile,
                                          o->doc.data, o->doc.size, &e);
    if (v == NULL)
        v = read_wrong(s, o, &e);
    quarantine_was_read(s, key);
    return v;
}

static void
forget(struct shard *s, struct view *gone)
{
    if (gone == NULL)
        return;
    if (gone->kind == KIND_TASK)
        spawner_task_gone(s, (const struct task_view *)gone);
    if (gone->kind == KIND_DEPLOYMENT || gone->kind == KIND_CRON_JOB)
        spawner_workload_gone(s, (const struct workload_view *)gone);
    wake(s, gone, NULL);
    view_free(gone);
}

static void
on_upsert(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct msg_object *o = &m->body.object;
    struct shard *s = arg;

    (void)bus;
    (void)from;
    s->epoch = o->epoch;
    struct view *v = read_object(s, o);
    if (v == NULL) {
        forget(s, store_take(s->store, (unsigned)o->kind, (unsigned)o->profile, o->ns,
                             o->name, NULL));
    } else {
        const struct view *now = v;
        SCOPED(view) struct view *old = store_put(s->store, &v, o->epoch);
        if (old != NULL && strcmp(old->meta.uid, now->meta.uid) != 0 &&
            old->kind == KIND_TASK)
            spawner_task_gone(s, (const struct task_view *)old);
        wake(s, old, now);
    }
    consumed(s);
    shard_work(s);
}

static void
on_delete(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct msg_object_gone *o = &m->body.object_gone;
    struct shard *s = arg;

    (void)bus;
    (void)from;
    s->epoch = o->epoch;
    forget(s, store_take(s->store, (unsigned)o->kind, (unsigned)o->profile, o->ns,
                         o->name, o->uid));
    consumed(s);
    shard_work(s);
}

static void
forget_stale(void *arg, struct view *v)
{
    struct shard *s = arg;

    forget(s, store_take(s->store, v->kind, v->meta.profile, v->meta.ns, v->meta.name,
                         NULL));
}

/* What a whole sweep did not mention does not exist any more. */
static void
on_snapshot_end(void *arg, struct bus *bus, const struct peer *from,
                const struct message *m)
{
    struct shard *s = arg;
    bool first = !s->synced;

    (void)bus;
    (void)from;
    store_each_stale(s->store, m->body.sweep_end.epoch, forget_stale, s);
    s->synced = true;
    if (first)
        s->synced_ms = clock_wall_ms();
    log_info(NULL, "sweep complete: %zu Tasks, %zu TaskSpawners",
             store_count(s->store, KIND_TASK), store_count(s->store, KIND_TASK_SPAWNER));
    if (first) {
        spawners_synced(s);
        tokens_synced(s);
    }
    shard_work(s);
}

static void
on_leadership(void *arg, struct bus *bus, const struct peer *from,
              const struct message *m)
{
    struct shard *s = arg;

    (void)bus;
    (void)from;
    if (s->leader != m->body.leadership.leader)
        log_info(NULL, "%s", m->body.leadership.leader ? "leading" : "standing by");
    s->leader = m->body.leadership.leader;
    tokens_look(s);
    shard_work(s);
}

void
objects_unseen(struct shard *s, unsigned kind, const struct meta *m, const char *version)
{
    const struct message unseen = {.kind = MSG_OBJECTS_UNSEEN,
                                   .body.unseen = {.kind = kind,
                                                   .profile = m->profile,
                                                   .ns = m->ns,
                                                   .name = m->name,
                                                   .uid = m->uid,
                                                   .version = version}};
    struct err e = ERR_INIT;

    if (bus_send(s->objects, NULL, &unseen, &e) < 0)
        log_warn(NULL, "objects.unseen: %s", e.text);
}

void
objects_deleted(struct shard *s, unsigned kind, const char *ns, const char *name,
                const char *uid)
{
    const struct message deleted = {
        .kind = MSG_OBJECTS_DELETED,
        .body.deleted = {.kind = kind, .ns = ns, .name = name, .uid = uid}};
    struct err e = ERR_INIT;

    if (bus_send(s->objects, NULL, &deleted, &e) < 0)
        log_debug(NULL, "objects.deleted: %s", e.text);
    forget(s, store_take(s->store, kind, PROFILE_KELOS, ns, name, uid));
}

const struct handler objects_handlers[] = {
    {MSG_OBJECT_UPSERT, on_upsert},
    {MSG_OBJECT_DELETE, on_delete},
    {MSG_SNAPSHOT_END, on_snapshot_end},
    {MSG_LEADERSHIP, on_leadership},
};
const size_t objects_n_handlers = ARRAY_LEN(objects_handlers);
