/* sourcetell.c - what the supervisor and the source workers are told. */
#include "reconciler/plan/sources_self.h"

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/job/wish.h"
#include "reconciler/plan/spawnermemory.h"

/* Changes that come together are told together. */
#define FLUSH_MS 5
/* A source's worker is here within milliseconds, or something is wrong. */
#define ALONE_MS 15000
/* A Pod has to be scheduled and its image fetched. */
#define ALONE_POD_MS 120000

void
source_assign(struct sources *c, struct source *g)
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
                                         .handed = m->handed_ms,
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
        if (!g->pod)
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
    sources_watch_alone(c);
}

/* Its TaskSpawners say so, until there is an answer. */
static void
tell_alone(struct sources *c, struct source *g)
{
    for (struct member *m = zhashx_first(g->members); m != NULL;
         m = zhashx_next(g->members)) {
        const char *key = zhashx_cursor(g->members);
        struct spawner_memory *memory = spawner_memory_find(c->shard, key);
        if (memory == NULL || memory->error_reason != NULL)
            continue;
        spawner_memory_error(memory, "SourceNotServed",
                             g->pod ? "the spawner's Pod has not joined the controller: "
                                      "look at the Pod and its log"
                                    : "no worker process serves the source: `kelos "
                                      "status` says how many run and why no more");
        shard_add(c->shard, key);
    }
}

/* How long a source may lack its worker; -1: for ever, as the Pod of a schedule comes when its
 * time has come. */
static int64_t
may_be_alone_ms(const struct source *g)
{
    if (!g->pod)
        return ALONE_MS;
    return g->kind == SOURCE_CRON ? -1 : ALONE_POD_MS;
}

static bool
is_alone(const struct source *g)
{
    return *g->worker == '\0' && may_be_alone_ms(g) >= 0;
}

static void
look_alone(void *arg, struct worker *w)
{
    struct sources *c = arg;
    int64_t now = clock_mono_ms();

    (void)w;
    c->alone_timer = 0;
    for (struct source *g = zhashx_first(c->groups); g != NULL;
         g = zhashx_next(c->groups))
        if (is_alone(g) && now - g->alone_ms >= may_be_alone_ms(g))
            tell_alone(c, g);
    sources_watch_alone(c);
    shard_work(c->shard);
}

/* The time until the next source has been alone for long enough; those that have been told are
 * looked at again after as long. -1: none is alone. */
static int64_t
until_alone(struct sources *c)
{
    int64_t now = clock_mono_ms(), first = -1;

    for (struct source *g = zhashx_first(c->groups); g != NULL;
         g = zhashx_next(c->groups)) {
        int64_t left = g->alone_ms + may_be_alone_ms(g) - now;
        if (!is_alone(g))
            continue;
        if (left <= 0)
            left = ALONE_MS;
        if (first < 0 || left < first)
            first = left;
    }
    return first;
}

void
sources_watch_alone(struct sources *c)
{
    int64_t wait = until_alone(c);

    if (c->alone_timer <= 0 && wait >= 0)
        c->alone_timer = worker_after(c->shard->worker, wait, look_alone, c);
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
            source_assign(c, g);
    if (c->want_changed && may_tell(c)) {
        want(c);
        c->told = true;
    }
}

void
sources_flush_soon(struct sources *c)
{
    if (c->timer <= 0)
        c->timer = worker_after(c->shard->worker, FLUSH_MS, flush, c);
}

void
sources_flush_after(struct sources *c, int64_t ms)
{
    worker_after(c->shard->worker, ms, flush, c);
}
