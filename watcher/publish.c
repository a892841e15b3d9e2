/* publish.c - see publish.h. */
#include "watcher/publish.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/bus/shard.h"

/* What a consumer was told last about a shelf. */
struct told {
    char version[129];
    int64_t stale_since;
};

struct consumer {
    char *user_id; /* NULL: the slot is free */
    uint64_t kinds, shard, shards, credit;
    struct entry **ring; /* dirty entries in the order in which they became so */
    size_t room, head, count;
    bool sweeping; /* every kind is complete: what was dirty then is the first sweep */
    size_t sweep_left; /* entries of it that are still to be sent; they come first */
    bool swept;        /* snapshot.end was sent */
    struct told told[WATCHED_MAX]; /* from `sweeping` on */
};

struct publisher {
    struct shelf *shelves;
    size_t n_shelves;
    uint64_t epoch;
    publish_fn *send;
    void *arg;
    struct consumer consumers[CONSUMERS_MAX];
};

struct publisher *
publisher_new(struct shelf *shelves, size_t n, uint64_t epoch, publish_fn *send,
              void *arg)
{
    struct publisher *p = calloc(1, sizeof *p);

    if (p == NULL || n > WATCHED_MAX) {
        free(p);
        return NULL;
    }
    p->shelves = shelves;
    p->n_shelves = n;
    p->epoch = epoch;
    p->send = send;
    p->arg = arg;
    return p;
}

/* ---- dirty sets ---- */

static uint64_t
bit_of(const struct publisher *p, const struct consumer *c)
{
    return UINT64_C(1) << (c - p->consumers);
}

static bool
wants_kind(const struct consumer *c, const struct watched *w)
{
    return (c->kinds >> w->kind & 1) != 0;
}

static bool
wants(const struct consumer *c, const struct entry *e)
{
    return c->user_id != NULL && wants_kind(c, e->watched) &&
           (c->shards < 2 || shard_of(entry_ns(e), c->shards) == c->shard);
}

static int
grow_ring(struct consumer *c)
{
    size_t room = c->room != 0 ? c->room * 2 : 64;
    struct entry **fresh = malloc(room * sizeof(struct entry *));

    if (fresh == NULL)
        return -1;
    for (size_t i = 0; i < c->count; i++)
        fresh[i] = c->ring[(c->head + i) % c->room];
    free(c->ring);
    c->ring = fresh;
    c->room = room;
    c->head = 0;
    return 0;
}

static void
mark_for(struct publisher *p, struct consumer *c, struct entry *e)
{
    uint64_t bit = bit_of(p, c);

    if ((e->dirty & bit) != 0 || !wants(c, e))
        return;
    if (c->count == c->room && grow_ring(c) < 0) {
        log_error(c->user_id, "out of memory: %s/%s is not told", entry_ns(e),
                  entry_name(e));
        return;
    }
    c->ring[(c->head + c->count++) % c->room] = e;
    e->dirty |= bit;
}

static struct entry *
first_dirty(const struct consumer *c)
{
    return c->ring[c->head];
}

static void
drop_first(struct publisher *p, struct consumer *c)
{
    struct entry *e = c->ring[c->head];

    c->head = (c->head + 1) % c->room;
    c->count--;
    if (c->sweep_left > 0)
        c->sweep_left--;
    e->dirty &= ~bit_of(p, c);
    entry_release(e);
}

/* ---- consumers ---- */

static struct consumer *
find(struct publisher *p, const char *user_id)
{
    for (size_t i = 0; i < CONSUMERS_MAX; i++)
        if (p->consumers[i].user_id != NULL &&
            strcmp(p->consumers[i].user_id, user_id) == 0)
            return &p->consumers[i];
    return NULL;
}

static void
forget(struct publisher *p, struct consumer *c)
{
    while (c->count > 0)
        drop_first(p, c);
    free(c->ring);
    free(c->user_id);
    *c = (struct consumer){.user_id = NULL};
}

struct marking {
    struct publisher *p;
    struct consumer *c;
};

static void
mark_one(void *arg, struct entry *e)
{
    struct marking *m = arg;
    mark_for(m->p, m->c, e);
}

int
publisher_join(struct publisher *p, const char *user_id, const struct msg_join *join,
               struct err *e)
{
    struct consumer *c = find(p, user_id);
    size_t i = 0;

    if (c != NULL)
        forget(p, c);
    while (i < CONSUMERS_MAX && p->consumers[i].user_id != NULL)
        i++;
    if (i == CONSUMERS_MAX)
        return err_set(e, ERR_LIMIT, "%s: more than %d consumers", user_id,
                       CONSUMERS_MAX);
    c = &p->consumers[i];
    if ((c->user_id = strdup(user_id)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    c->kinds = join->kinds;
    c->shard = join->shard;
    c->shards = join->shards;
    struct marking m = {p, c};
    for (i = 0; i < p->n_shelves; i++)
        cache_each(p->shelves[i].cache, mark_one, &m);
    return 0;
}

void
publisher_credit(struct publisher *p, const char *user_id, uint64_t messages)
{
    struct consumer *c = find(p, user_id);

    if (c != NULL && messages < UINT32_MAX)
        c->credit += messages;
}

void
publisher_each(struct publisher *p, void (*fn)(void *arg, const char *user_id), void *arg)
{
    for (size_t i = 0; i < CONSUMERS_MAX; i++)
        if (p->consumers[i].user_id != NULL)
            fn(arg, p->consumers[i].user_id);
}

void
publisher_leave(struct publisher *p, const char *user_id)
{
    struct consumer *c = find(p, user_id);

    if (c != NULL)
        forget(p, c);
}

void
publisher_free(struct publisher *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < CONSUMERS_MAX; i++)
        if (p->consumers[i].user_id != NULL)
            forget(p, &p->consumers[i]);
    free(p);
}

void
publisher_mark(struct publisher *p, struct entry *entry)
{
    for (size_t i = 0; i < CONSUMERS_MAX; i++)
        if (p->consumers[i].user_id != NULL)
            mark_for(p, &p->consumers[i], entry);
    entry_release(entry);
}

/* ---- sending ---- */

static void
fill_upsert(const struct publisher *p, const struct entry *e, struct message *m)
{
    *m = (struct message){
        .kind = MSG_OBJECT_UPSERT,
        .body.object = {.epoch = p->epoch,
                        .kind = e->watched->kind,
                        .profile = e->watched->profile,
                        .ns = entry_ns(e),
                        .name = entry_name(e),
                        .uid = entry_uid(e),
                        .version = entry_version(e),
                        .doc = {entry_doc(e), e->doc_size}},
    };
}

static void
fill_delete(const struct publisher *p, const struct entry *e, struct message *m)
{
    *m = (struct message){
        .kind = MSG_OBJECT_DELETE,
        .body.object_gone = {.epoch = p->epoch,
                             .kind = e->watched->kind,
                             .profile = e->watched->profile,
                             .ns = entry_ns(e),
                             .name = entry_name(e),
                             .uid = entry_uid(e),
                             .version = entry_version(e),
                             .final_unknown = e->final_unknown},
    };
}

enum sent { SENT, FULL, LOST };

static enum sent
send_to(struct publisher *p, struct consumer *c, const struct message *m)
{
    struct err e = ERR_INIT;

    if (p->send(p->arg, c->user_id, m, &e) == 0)
        return SENT;
    if (e.code == ERR_BUSY)
        return FULL;
    if (e.code == ERR_GONE) {
        forget(p, c);
        return LOST;
    }
    log_error(c->user_id, "%s", e.text); /* over a bound: it would never get through */
    return SENT;
}

static struct msg_progress
progress_of(const struct publisher *p, const struct shelf *s, const struct told *t)
{
    return (struct msg_progress){
        .epoch = p->epoch,
        .kind = s->watched->kind,
        .profile = s->watched->profile,
        .version = t->version,
        .stale_since = t->stale_since,
    };
}

static void
remember(struct told *t, const struct shelf *s)
{
    memcpy(t->version, s->version, sizeof t->version);
    t->stale_since = s->stale_since;
}

/* All kinds that the consumer wants have had their first list. */
static bool
all_complete(const struct publisher *p, const struct consumer *c)
{
    for (size_t i = 0; i < p->n_shelves; i++)
        if (wants_kind(c, p->shelves[i].watched) && !p->shelves[i].complete)
            return false;
    return true;
}

static enum sent
send_snapshot_end(struct publisher *p, struct consumer *c)
{
    struct msg_progress kinds[WATCHED_MAX];
    size_t n = 0;

    for (size_t i = 0; i < p->n_shelves; i++)
        if (wants_kind(c, p->shelves[i].watched))
            kinds[n++] = progress_of(p, &p->shelves[i], &c->told[i]);
    const struct message m = {
        .kind = MSG_SNAPSHOT_END,
        .body.sweep_end = {.epoch = p->epoch, .kinds = {kinds, n}},
    };
    enum sent sent = send_to(p, c, &m);
    c->swept = sent == SENT;
    return sent;
}

/* Once every kind is complete, what is dirty now is the sweep, and these are the versions up
 * to which the consumer will be complete at its end. */
static void
see_sweep(struct publisher *p, struct consumer *c)
{
    if (c->sweeping || !all_complete(p, c))
        return;
    c->sweeping = true;
    c->sweep_left = c->count;
    for (size_t i = 0; i < p->n_shelves; i++)
        remember(&c->told[i], &p->shelves[i]);
}

static bool
sweep_is_through(const struct consumer *c)
{
    return c->sweeping && !c->swept && c->sweep_left == 0;
}

/* Nothing is left to send: all up to the shelves' versions has been told. */
static enum sent
send_progress(struct publisher *p, struct consumer *c)
{
    for (size_t i = 0; i < p->n_shelves; i++) {
        const struct shelf *s = &p->shelves[i];
        struct told *t = &c->told[i];
        if (!wants_kind(c, s->watched) ||
            (strcmp(t->version, s->version) == 0 && t->stale_since == s->stale_since))
            continue;
        struct told now;
        remember(&now, s);
        const struct message m = {.kind = MSG_OBJECTS_PROGRESS,
                                  .body.progress = progress_of(p, s, &now)};
        enum sent sent = send_to(p, c, &m);
        if (sent != SENT)
            return sent;
        *t = now;
    }
    return SENT;
}

static enum sent
flush_one(struct publisher *p, struct consumer *c)
{
    struct message m;
    enum sent sent;

    see_sweep(p, c);
    while (c->count > 0 && c->credit > 0) {
        const struct entry *e = first_dirty(c);
        if (e->gone)
            fill_delete(p, e, &m);
        else
            fill_upsert(p, e, &m);
        if ((sent = send_to(p, c, &m)) != SENT)
            return sent;
        c->credit--;
        drop_first(p, c);
        if (sweep_is_through(c) && (sent = send_snapshot_end(p, c)) != SENT)
            return sent;
    }
    if (sweep_is_through(c) && (sent = send_snapshot_end(p, c)) != SENT)
        return sent;
    return c->count == 0 && c->swept ? send_progress(p, c) : SENT;
}

bool
publisher_flush(struct publisher *p)
{
    bool again = false;

    for (size_t i = 0; i < CONSUMERS_MAX; i++)
        if (p->consumers[i].user_id != NULL && flush_one(p, &p->consumers[i]) == FULL)
            again = true;
    return again;
}

size_t
publisher_waiting(const struct publisher *p)
{
    size_t n = 0;

    for (size_t i = 0; i < CONSUMERS_MAX; i++)
        n += p->consumers[i].count;
    return n;
}
