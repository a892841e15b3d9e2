/* sources.c - see sources.h. */
#include "reconciler/plan/sources.h"

#include <openssl/sha.h>

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/auth/credentials.h"
#include "reconciler/plan/spawnermemory.h"
#include "reconciler/job/wish.h"

/* Changes that come together are told together. */
#define FLUSH_MS 5
/* The first set waits so long at most for TaskSpawners whose Secrets are still read. */
#define FIRST_WANT_MS 3000

/* One source and the worker that serves it. */
struct source {
    char key[65];
    enum source_kind kind;
    char *api_base; /* owned, like the next two */
    struct secret *user, *token;
    zhashx_t *members; /* queue key -> struct member; owned */
    uint64_t serial;
    bool changed;                        /* its worker is to be told */
    char worker[MESSAGE_ORIGIN_MAX + 1]; /* user id of the worker, "" : not here */
};

/* One TaskSpawner of a group. */
struct member {
    char ns[64], name[254], uid[65];
    char *owner, *repo, *when; /* owned */
    int64_t generation, created_ms, poll_ms, watermark_ms;
};

struct sources {
    struct shard *shard;
    struct bus *bus;
    zhashx_t *groups;   /* key -> struct source; owned */
    zhashx_t *group_of; /* queue key -> the group's key; owned texts */
    zhashx_t
        *joined; /* source key -> user id of the worker that serves it; owned texts */
    bool want_changed, told, synced;
    int64_t first_until; /* monotonic */
    int timer;
};

static void
member_free(void **item)
{
    struct member *m = *item;

    if (m != NULL) {
        free(m->owner);
        free(m->repo);
        free(m->when);
    }
    free(m);
    *item = NULL;
}

static void
source_free(void **item)
{
    struct source *g = *item;

    if (g != NULL) {
        free(g->api_base);
        secret_free(g->user);
        secret_free(g->token);
        zhashx_destroy(&g->members);
    }
    free(g);
    *item = NULL;
}

static void
text_free(void **item)
{
    free(*item);
    *item = NULL;
}

/* ---- telling ---- */

static void
assign(struct sources *c, struct source *g)
{
    size_t n = 0;
    struct msg_spawn *spawns = calloc(zhashx_size(g->members) + 1, sizeof *spawns);
    struct err e = ERR_INIT;

    if (spawns == NULL)
        abort();
    for (struct member *m = zhashx_first(g->members); m != NULL;
         m = zhashx_next(g->members)) {
        const char *key = zhashx_cursor(g->members);
        const struct spawner_memory *memory = spawner_memory_find(c->shard, key);
        bool held = memory != NULL && memory->items != NULL;
        spawns[n++] = (struct msg_spawn){.ns = m->ns,
                                         .name = m->name,
                                         .uid = m->uid,
                                         .generation = m->generation,
                                         .created = m->created_ms,
                                         .owner = m->owner,
                                         .repo = m->repo,
                                         .when = m->when,
                                         .poll_ms = m->poll_ms,
                                         .watermark = m->watermark_ms,
                                         .digest = held ? memory->items->digest : "",
                                         .cache = held ? memory->items->cache : ""};
    }
    struct message message = {
        .kind = MSG_SOURCE_ASSIGN,
        .body.assign = {.key = g->key,
                        .serial = ++g->serial,
                        .type = wish_type(g->kind),
                        .api_base = g->api_base,
                        .user = g->user != NULL ? secret_reveal(g->user) : "",
                        .token = g->token != NULL ? secret_reveal(g->token) : "",
                        .spawns = {spawns, n}}};
    if (bus_send(c->bus, g->worker, &message, &e) < 0)
        log_warn(g->worker, "source.assign: %s", e.text);
    else
        g->changed = false;
    free(spawns);
}

static void
want(struct sources *c)
{
    size_t n = 0;
    struct msg_source *list = calloc(zhashx_size(c->groups) + 1, sizeof *list);
    struct err e = ERR_INIT;

    if (list == NULL)
        abort();
    for (struct source *g = zhashx_first(c->groups); g != NULL;
         g = zhashx_next(c->groups))
        list[n++] = (struct msg_source){
            .key = g->key, .type = wish_type(g->kind), .api_base = g->api_base};
    struct message message = {
        .kind = MSG_WORKER_WANT,
        .body.want = {.shard = (uint64_t)c->shard->index, .sources = {list, n}}};
    if (bus_send(worker_control(c->shard->worker), NULL, &message, &e) < 0)
        log_warn(NULL, "worker.want: %s", e.text);
    else
        c->want_changed = false;
    free(list);
}

static void
is_unresolved(void *arg, struct view *v)
{
    struct {
        struct shard *s;
        bool any;
    } *ask = arg;
    char key[SHARD_KEY_MAX];
    const struct spawner_memory *m = spawner_memory_find(
        ask->s, spawner_key(key, v->meta.profile, v->meta.ns, v->meta.name));

    ask->any = ask->any || m == NULL || !m->resolved;
}

/* A set that lacks a source whose Secret is still being read would end its worker. */
static bool
may_tell(struct sources *c)
{
    struct {
        struct shard *s;
        bool any;
    } ask = {c->shard, false};

    if (!c->synced)
        return false;
    if (c->told || clock_mono_ms() >= c->first_until)
        return true;
    store_each(c->shard->store, KIND_TASK_SPAWNER, is_unresolved, &ask);
    return !ask.any;
}

static void
flush(void *arg, struct worker *w)
{
    struct sources *c = arg;

    (void)w;
    c->timer = 0;
    for (struct source *g = zhashx_first(c->groups); g != NULL;
         g = zhashx_next(c->groups))
        if (g->changed && *g->worker != '\0')
            assign(c, g);
    if (c->want_changed && may_tell(c)) {
        want(c);
        c->told = true;
    }
}

static void
flush_soon(struct sources *c)
{
    if (c->timer <= 0)
        c->timer = worker_after(c->shard->worker, FLUSH_MS, flush, c);
}

/* ---- who wants what ---- */

static void
set_group_key(char *out, const struct source_wish *w)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SCOPED(buf) struct buf text = BUF_INIT;

    buf_printf(&text, "%s\n%s\n%s", wish_type(w->kind), w->api_base, w->identity);
    SHA256((const unsigned char *)buf_str(&text), text.size, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static struct source *
group_of(struct sources *c, const char *key, const struct source_wish *w)
{
    struct source *g = zhashx_lookup(c->groups, key);

    if (g != NULL)
        return g;
    if ((g = calloc(1, sizeof *g)) == NULL)
        abort();
    snprintf(g->key, sizeof g->key, "%s", key);
    g->kind = w->kind;
    g->api_base = strdup(w->api_base);
    g->members = zhashx_new();
    zhashx_set_destructor(g->members, member_free);
    const char *worker = zhashx_lookup(c->joined, key);
    snprintf(g->worker, sizeof g->worker, "%s", worker != NULL ? worker : "");
    zhashx_insert(c->groups, key, g);
    c->want_changed = true;
    return g;
}

static bool
same_secret(const struct secret *a, const struct secret *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return secret_size(a) == secret_size(b) &&
           strcmp(secret_reveal(a), secret_reveal(b)) == 0;
}

static void
replace_secret(struct source *g, struct secret **slot, const struct secret *from)
{
    if (same_secret(*slot, from))
        return;
    secret_free(*slot);
    *slot = from != NULL ? secret_new(secret_reveal(from), secret_size(from)) : NULL;
    g->changed = true;
}

static bool
member_differs(const struct member *m, const struct spawner_view *v,
               const struct source_wish *w, const char *when)
{
    return m == NULL || strcmp(m->uid, v->view.meta.uid) != 0 ||
           strcmp(m->when, when) != 0 || strcmp(m->owner, w->owner) != 0 ||
           strcmp(m->repo, w->repo) != 0 || m->poll_ms != plan_poll_ms(v);
}

static void
put_member(struct source *g, const char *key, const struct spawner_view *v,
           const struct source_wish *w)
{
    struct member *m = zhashx_lookup(g->members, key);
    SCOPED(string) char *when = json_dump_canonical(v->when);
    const struct meta *meta = &v->view.meta;

    if (m != NULL)
        m->watermark_ms = v->discovered_ms;
    if (!member_differs(m, v, w, when))
        return;
    if ((m = calloc(1, sizeof *m)) == NULL)
        abort();
    snprintf(m->ns, sizeof m->ns, "%s", meta->ns);
    snprintf(m->name, sizeof m->name, "%s", meta->name);
    snprintf(m->uid, sizeof m->uid, "%s", meta->uid);
    m->owner = strdup(w->owner);
    m->repo = strdup(w->repo);
    m->when = TAKE(when);
    m->generation = meta->generation;
    m->created_ms = meta->created_ms;
    m->poll_ms = plan_poll_ms(v);
    m->watermark_ms = v->discovered_ms;
    zhashx_update(g->members, key, m);
    g->changed = true;
}

void
sources_drop(struct sources *c, const char *key)
{
    const char *group_key = zhashx_lookup(c->group_of, key);
    struct source *g = group_key != NULL ? zhashx_lookup(c->groups, group_key) : NULL;

    if (g != NULL) {
        zhashx_delete(g->members, key);
        g->changed = true;
        if (zhashx_size(g->members) == 0) {
            zhashx_delete(c->groups, group_key);
            c->want_changed = true;
        }
        flush_soon(c);
    }
    zhashx_delete(c->group_of, key);
}

void
sources_set(struct sources *c, const char *key, const struct spawner_view *v,
            const struct source_wish *w)
{
    char group_key[65];
    const char *before = zhashx_lookup(c->group_of, key);

    set_group_key(group_key, w);
    if (before != NULL && strcmp(before, group_key) != 0)
        sources_drop(c, key);
    if (zhashx_lookup(c->group_of, key) == NULL)
        zhashx_insert(c->group_of, key, strdup(group_key));
    struct source *g = group_of(c, group_key, w);
    replace_secret(g, &g->user, w->user);
    replace_secret(g, &g->token, w->token);
    put_member(g, key, v, w);
    if (g->changed || c->want_changed)
        flush_soon(c);
}

void
sources_synced(struct sources *c)
{
    c->synced = true;
    c->want_changed = true;
    c->first_until = clock_mono_ms() + FIRST_WANT_MS;
    worker_after(c->shard->worker, FIRST_WANT_MS, flush, c);
    flush_soon(c);
}

void
sources_resolved(struct sources *c)
{
    if (!c->told && c->want_changed)
        flush_soon(c);
}

/* ---- hearing ---- */

/* The group that this worker serves: a worker speaks for its own source alone. */
static struct source *
group_from(struct sources *c, const struct peer *from, const char *key)
{
    struct source *g = zhashx_lookup(c->groups, key);

    if (g == NULL || strncmp(from->worker, "source-", 7) != 0 ||
        strncmp(from->worker + 7, key, 12) != 0)
        return NULL;
    return g;
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
    if (strncmp(from->worker, "source-", 7) != 0 ||
        strncmp(from->worker + 7, key, 12) != 0)
        return;
    zhashx_update(c->joined, key, strdup(from->user_id));
    if (g == NULL) /* it was there before us: we do not know yet who wants it */
        return;
    snprintf(g->worker, sizeof g->worker, "%s", from->user_id);
    assign(c, g);
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
        spawner_memory_quota(memory, &it->poll.items[0]);
    spawner_memory_polled(memory, &memory->incoming, handed_out(c, key));
    spawner_memory_error(memory, NULL, NULL);
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
        spawner_memory_quota(memory, &u->poll.items[0]);
    spawner_memory_error(memory, NULL, NULL);
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
        v == NULL || v->workspace == NULL
            ? NULL
            : (const struct workspace_view *)store_get(c->shard->store, KIND_WORKSPACE,
                                                       profile, ns, v->workspace);
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
    if (f->credential)
        doubt_credential(c, key);
    shard_add(c->shard, key);
    shard_work(c->shard);
}

static void
on_gone(void *arg, struct bus *bus, const struct peer *peer)
{
    struct sources *c = arg;

    (void)bus;
    for (struct source *g = zhashx_first(c->groups); g != NULL;
         g = zhashx_next(c->groups))
        if (strcmp(g->worker, peer->user_id) == 0)
            *g->worker = '\0';
    for (const char *id = zhashx_first(c->joined); id != NULL;
         id = zhashx_next(c->joined))
        if (strcmp(id, peer->user_id) == 0) {
            zhashx_delete(c->joined, zhashx_cursor(c->joined));
            break;
        }
}

static const struct handler handlers[] = {
    {MSG_SOURCE_JOIN, on_join},
    {MSG_SOURCE_ITEMS, on_items},
    {MSG_SOURCE_UNCHANGED, on_unchanged},
    {MSG_SOURCE_ERROR, on_error},
};

/* A supervisor that came back has forgotten what we want. */
static void
on_control(void *arg, struct bus *bus, const struct peer *peer)
{
    struct sources *c = arg;

    (void)bus;
    (void)peer;
    c->want_changed = true;
    if (c->synced)
        flush_soon(c);
}

struct sources *
sources_new(struct shard *s, struct err *e)
{
    struct sources *c = calloc(1, sizeof *c);
    const struct bus_calls calls = {
        .rows = handlers, .n_rows = ARRAY_LEN(handlers), .gone = on_gone, .arg = c};
    const struct bus_calls control = {.rows = handlers, .joined = on_control, .arg = c};
    char name[40];

    if (c == NULL)
        abort();
    c->shard = s;
    c->groups = zhashx_new();
    c->group_of = zhashx_new();
    c->joined = zhashx_new();
    zhashx_set_destructor(c->joined, text_free);
    zhashx_set_destructor(c->groups, source_free);
    zhashx_set_destructor(c->group_of, text_free);
    snprintf(name, sizeof name, "source-%lld", (long long)s->index);
    if ((c->bus = worker_bind(s->worker, name, &calls, e)) == NULL) {
        sources_free(c);
        return NULL;
    }
    worker_on_control(s->worker, &control);
    return c;
}

void
sources_free(struct sources *c)
{
    if (c == NULL)
        return;
    zhashx_destroy(&c->joined);
    zhashx_destroy(&c->group_of);
    zhashx_destroy(&c->groups);
    free(c);
}
