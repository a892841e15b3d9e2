/* sourcehear.c - what the source workers report. */
#include "reconciler/plan/sources_self.h"

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/auth/credentials.h"
#include "reconciler/plan/spawnercycle.h"

/* The group that this worker serves: a worker speaks for its own source alone. */
static struct source *
group_from(struct sources *c, const struct peer *from, const char *key)
{
    struct source *g = zhashx_lookup(c->groups, key);

    return g != NULL && peer_serves(from, key) ? g : NULL;
}

/* The TaskSpawner that a message is about, when it is of that group and the same object. */
static struct spawner_memory *
memory_from(struct sources *c, const struct source *g, const char *ns, const char *name,
            const char *uid, char *key)
{
    for (unsigned p = 0; p < profile_count(); p++) {
        const struct member *m = zhashx_lookup(g->members, spawner_key(key, p, ns, name));
        if (m != NULL && strcmp(m->uid, uid) == 0)
            return spawner_memory_find(c->shard, key);
    }
    return NULL;
}

static void
acknowledge(struct sources *c, const struct peer *from, const char *key, const char *uid,
            uint64_t serial, bool want_full)
{
    struct message m = {
        .kind = MSG_SOURCE_ACK,
        .body.source_ack = {
            .key = key, .uid = uid, .serial = serial, .want_full = want_full}};
    struct err e = ERR_INIT;

    if (bus_send(c->bus, from->user_id, &m, &e) < 0)
        log_warn(from->worker, "source.ack: %s", e.text);
}

static void
on_join(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct sources *c = arg;
    struct source *g = group_from(c, from, m->body.source.key);
    const char *key = m->body.source.key;

    (void)bus;
    if (!peer_serves(from, key))
        return;
    zhashx_update(c->joined, key, strdup(from->user_id));
    if (g == NULL) /* it was there before us: we do not know yet who wants it */
        return;
    snprintf(g->worker, sizeof g->worker, "%s", from->user_id);
    source_assign(c, g);
}

static int64_t
polled_at(const struct msg_poll *poll, size_t n)
{
    return n > 0 && poll[0].polled > 0 ? poll[0].polled : clock_wall_ms();
}

/* A schedule hands out each tick once: those that still wait stay with the new ones. */
static int64_t
handed_out(struct sources *c, const char *key)
{
    char ns[64], name[254];
    unsigned profile;
    bool task;

    if (!shard_parse_key(key, &task, &profile, ns, name))
        return -1;
    const struct spawner_view *v = (const struct spawner_view *)store_get(
        c->shard->store, KIND_TASK_SPAWNER, profile, ns, name);
    return v != NULL && v->source == SOURCE_CRON ? v->discovered_ms : -1;
}

static void
complete(struct sources *c, struct spawner_memory *memory, const struct msg_items *it,
         const char *key)
{
    struct item_set *set = memory->incoming;

    snprintf(set->digest, sizeof set->digest, "%s", it->digest);
    snprintf(set->warning, sizeof set->warning, "%s", it->warning);
    set->polled_ms = polled_at(it->poll.items, it->poll.count);
    set->watermark_ms = it->watermark;
    set->cache = pool_str(&set->arena, it->cache);
    if (it->poll.count > 0)
        spawner_memory_poll(memory, &it->poll.items[0]);
    spawner_memory_polled(memory, &memory->incoming, handed_out(c, key));
    spawner_memory_error(memory, NULL, NULL);
    cycle_begin(&(struct cycle_of){c->shard, memory, it->ns, it->name},
                memory->items->polled_ms);
    shard_add(c->shard, key);
}

static void
on_items(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct msg_items *it = &m->body.items;
    struct sources *c = arg;
    struct source *g = group_from(c, from, it->key);
    char key[SHARD_KEY_MAX];
    struct spawner_memory *memory =
        g != NULL ? memory_from(c, g, it->ns, it->name, it->uid, key) : NULL;

    (void)bus;
    if (memory == NULL) {
        acknowledge(c, from, it->key, it->uid, it->serial, false);
        return;
    }
    if (it->page == 0) {
        item_set_free(memory->incoming);
        memory->incoming = item_set_new();
        memory->incoming_serial = it->serial;
        memory->next_page = 0;
    }
    if (memory->incoming == NULL || it->serial != memory->incoming_serial ||
        it->page != memory->next_page) { /* a page is missing: all again */
        acknowledge(c, from, it->key, it->uid, it->serial, true);
        return;
    }
    item_set_add(memory->incoming, it);
    memory->next_page++;
    if (it->last) {
        complete(c, memory, it, key);
        acknowledge(c, from, it->key, it->uid, it->serial, false);
        if (memory->items->polled_ms <
            c->shard->synced_ms) /* confirms nothing (plan.h) */
            acknowledge(c, from, it->key, it->uid, it->serial, true);
        shard_work(c->shard);
    }
}

static void
on_unchanged(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct msg_unchanged *u = &m->body.unchanged;
    struct sources *c = arg;
    struct source *g = group_from(c, from, u->key);
    char key[SHARD_KEY_MAX];
    struct spawner_memory *memory =
        g != NULL ? memory_from(c, g, u->ns, u->name, u->uid, key) : NULL;
    bool held = memory != NULL && memory->items != NULL &&
                strcmp(memory->items->digest, u->digest) == 0;

    (void)bus;
    acknowledge(c, from, u->key, u->uid, u->serial, memory != NULL && !held);
    if (!held)
        return;
    memory->items->polled_ms = polled_at(u->poll.items, u->poll.count);
    if (u->poll.count > 0)
        spawner_memory_poll(memory, &u->poll.items[0]);
    spawner_memory_error(memory, NULL, NULL);
    cycle_begin(&(struct cycle_of){c->shard, memory, u->ns, u->name},
                memory->items->polled_ms);
    shard_add(c->shard, key);
    shard_work(c->shard);
}

static void
doubt_credential(struct sources *c, const char *key)
{
    char ns[64], name[254];
    unsigned profile;
    bool task;

    if (!shard_parse_key(key, &task, &profile, ns, name))
        return;
    const struct spawner_view *v = (const struct spawner_view *)store_get(
        c->shard->store, KIND_TASK_SPAWNER, profile, ns, name);
    const struct workspace_view *w =
        v != NULL ? store_workspace(c->shard->store, &v->view.meta, v->workspace) : NULL;
    if (v != NULL && v->jira_secret != NULL)
        credential_doubt(c->shard->credentials, ns, v->jira_secret);
    else if (w != NULL && w->secret != NULL)
        credential_doubt(c->shard->credentials, ns, w->secret);
}

static void
on_error(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct msg_source_fail *f = &m->body.source_fail;
    struct sources *c = arg;
    struct source *g = group_from(c, from, f->key);
    char key[SHARD_KEY_MAX];
    struct spawner_memory *memory =
        g != NULL ? memory_from(c, g, f->ns, f->name, f->uid, key) : NULL;

    (void)bus;
    acknowledge(c, from, f->key, f->uid, f->serial, false);
    if (memory == NULL)
        return;
    spawner_memory_error(memory, *f->reason != '\0' ? f->reason : "SourceFailed",
                         f->message);
    /* When it began is not said: it was due then. */
    cycle_fail(&(struct cycle_of){c->shard, memory, f->ns, f->name},
               memory->next_poll_ms > 0 ? memory->next_poll_ms : clock_wall_ms());
    memory->next_poll_ms = f->retry_at;
    if (f->credential)
        doubt_credential(c, key);
    shard_add(c->shard, key);
    shard_work(c->shard);
}

void
sources_worker_gone(void *arg, struct bus *bus, const struct peer *peer)
{
    struct sources *c = arg;

    (void)bus;
    for (struct source *g = zhashx_first(c->groups); g != NULL;
         g = zhashx_next(c->groups))
        if (strcmp(g->worker, peer->user_id) == 0) {
            *g->worker = '\0';
            g->alone_ms = clock_mono_ms();
        }
    sources_watch_alone(c);
    for (const char *id = zhashx_first(c->joined); id != NULL;
         id = zhashx_next(c->joined))
        if (strcmp(id, peer->user_id) == 0) {
            zhashx_delete(c->joined, zhashx_cursor(c->joined));
            break;
        }
}

const struct handler sources_handlers[] = {
    {MSG_SOURCE_JOIN, on_join},
    {MSG_SOURCE_ITEMS, on_items},
    {MSG_SOURCE_UNCHANGED, on_unchanged},
    {MSG_SOURCE_ERROR, on_error},
};

const size_t sources_n_handlers = ARRAY_LEN(sources_handlers);
