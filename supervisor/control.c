/* control.c - hand-shakes with the workers, who is who, which sources are wanted. */
#include "supervisor/supervisor.h"

#include <sys/syscall.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/fence.h"

static void
send_or_log(struct supervisor *s, const char *to, const struct message *m)
{
    struct err e = ERR_INIT;

    if (bus_send(s->control, to, m, &e) < 0 && e.code != ERR_GONE)
        log_warn(NULL, "%s to %s: %s", message_name(m->kind), to, e.text);
}

/* ---- who is who ---- */

static void
send_peers_to(struct supervisor *s, const struct unit *to)
{
    struct msg_peer *items = calloc(s->n_units + 1, sizeof *items);
    struct message m = {.kind = MSG_PEERS_TABLE};
    size_t n = 0;

    if (items == NULL)
        return;
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->pid > 0)
            items[n++] = (struct msg_peer){.pid = s->units[i]->pid,
                                           .user_id = s->units[i]->user_id,
                                           .role = (uint64_t)s->units[i]->row->role};
    m.body.peers.serial = s->peers_serial;
    m.body.peers.peers.items = items;
    m.body.peers.peers.count = n;
    send_or_log(s, to->user_id, &m);
    free(items);
}

void
control_send_peers(struct supervisor *s)
{
    s->peers_serial++;
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->pid > 0 && s->units[i]->binder)
            send_peers_to(s, s->units[i]);
}

static void
on_peers_ack(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct supervisor *s = arg;
    struct unit *u = unit_by_user_id(s, from->user_id);

    (void)bus;
    if (u == NULL)
        return;
    u->acked = m->body.peers_ack.serial;
    units_reap(s);
}

static void
on_peers_query(void *arg, struct bus *bus, const struct peer *from,
               const struct message *m)
{
    struct supervisor *s = arg;
    struct unit *u = unit_by_user_id(s, from->user_id);

    (void)bus;
    (void)m;
    if (u != NULL)
        send_peers_to(s, u);
}

/* ---- hand-shake ---- */

static void
on_hello(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct supervisor *s = arg;
    struct unit *u = unit_by_user_id(s, from->user_id);
    const char *keys[QUARANTINE_KEYS];
    struct message welcome = {.kind = MSG_WORKER_WELCOME};

    (void)bus;
    (void)m;
    if (u == NULL)
        return;
    welcome.body.welcome.quarantined.count =
        quarantine_list(&u->quarantine, clock_mono_ms(), keys);
    welcome.body.welcome.quarantined.items = keys;
    welcome.body.welcome.log_level = s->config.log_level;
    /* The table first: what the worker binds after its WELCOME knows everybody. */
    if (u->row->binder) {
        u->binder = true;
        send_peers_to(s, u);
    }
    send_or_log(s, u->user_id, &welcome);
    if (s->tapped)
        admin_tap_worker(s, u->user_id);
    if (u->child.state == CHILD_STOPPING)
        control_ask_stop(s, u);
}

static void
on_ready(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct supervisor *s = arg;
    struct unit *u = unit_by_user_id(s, from->user_id);

    (void)bus;
    (void)m;
    if (u == NULL)
        return;
    u->ready_ms = clock_mono_ms();
    log_info(NULL, "%s#%llu ready after %lld ms", u->id,
             (unsigned long long)u->incarnation,
             (long long)(u->ready_ms - u->started_ms));
    unit_event(s, u, EV_READY);
    units_settle(s);
    report_publish(s);
}

static void
on_bye(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    (void)arg;
    (void)bus;
    (void)m;
    log_debug(NULL, "%s says goodbye", from->user_id);
}

void
control_ask_stop(struct supervisor *s, struct unit *u)
{
    const struct message bye = {.kind = MSG_WORKER_BYE};
    struct err e = ERR_INIT;

    /* One that has not said HELLO yet cannot be told by message. */
    if (bus_send(s->control, u->user_id, &bye, &e) < 0 && u->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, u->pidfd, SIGTERM, NULL, 0);
}

static void
on_leadership(void *arg, struct bus *bus, const struct peer *from,
              const struct message *m)
{
    struct supervisor *s = arg;
    const struct msg_leadership *l = &m->body.leadership;

    (void)bus;
    (void)from;
    s->led = true;
    fence_told(s, l->leader);
    snprintf(s->leader_identity, sizeof s->leader_identity, "%s", l->identity);
}

/* ---- wanted sources ---- */

static bool
is_key(const char *key)
{
    return strlen(key) == 64 && strspn(key, "0123456789abcdef") == 64;
}

static int
keep_want(struct want *want, const struct msg_want *m)
{
    char(*keys)[65] = calloc(m->sources.count + 1, sizeof *keys);
    size_t n = 0;

    if (keys == NULL)
        return -1;
    for (size_t i = 0; i < m->sources.count; i++) {
        if (is_key(m->sources.items[i].key))
            memcpy(keys[n++], m->sources.items[i].key, 65);
        else
            log_warn(NULL, "worker.want: \"%.20s\" is not a source's key",
                     m->sources.items[i].key);
    }
    free(want->keys);
    want->keys = keys;
    want->count = n;
    return 0;
}

static bool
somebody_wants(const struct supervisor *s, const char *key)
{
    for (int shard = 0; shard < WANTS_MAX; shard++)
        for (size_t i = 0; i < s->wants[shard].count; i++)
            if (strcmp(s->wants[shard].keys[i], key) == 0)
                return true;
    return false;
}

static struct unit *
source_unit(const struct supervisor *s, const char *key)
{
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->row->role == ROLE_SPAWNER &&
            strcmp(s->units[i]->argument, key) == 0)
            return s->units[i];
    return NULL;
}

/* Whether a shard before this one wants the key, too: it counts once. */
static bool
wanted_before(const struct supervisor *s, int shard, const char *key)
{
    for (int i = 0; i < shard; i++)
        for (size_t k = 0; k < s->wants[i].count; k++)
            if (strcmp(s->wants[i].keys[k], key) == 0)
                return true;
    return false;
}

size_t
control_add_sources(struct supervisor *s)
{
    struct err e = ERR_INIT;
    size_t added = 0, waiting = 0;

    for (int shard = 0; shard < WANTS_MAX && s->stop_stage == 0; shard++)
        for (size_t i = 0; i < s->wants[shard].count; i++) {
            const char *key = s->wants[shard].keys[i];
            if (source_unit(s, key) != NULL || wanted_before(s, shard, key))
                continue;
            if (unit_add(s, tree_row_of(ROLE_SPAWNER), 0, key, &e) != NULL)
                added++;
            else
                waiting++;
        }
    if (waiting > 0 && s->sources_waiting == 0)
        log_error(NULL, "%zu sources wait for a worker: %s", waiting, e.text);
    else if (waiting == 0 && s->sources_waiting > 0)
        log_info(NULL, "all sources have a worker again");
    s->sources_waiting = waiting;
    return added;
}

/* Makes the sources that run the union of all shards' sets. */
static void
on_want(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct supervisor *s = arg;
    uint64_t shard = m->body.want.shard;
    char own[32];

    (void)bus;
    snprintf(own, sizeof own, "shard-%llu", (unsigned long long)shard);
    if (shard >= (uint64_t)s->config.shards || strcmp(from->worker, own) != 0) {
        log_warn(NULL, "worker.want of %s for shard %llu ignored", from->user_id,
                 (unsigned long long)shard);
        return;
    }
    if (keep_want(&s->wants[shard], &m->body.want) < 0)
        return;
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->row->role == ROLE_SPAWNER)
            s->units[i]->wanted =
                s->stop_stage == 0 && somebody_wants(s, s->units[i]->argument);
    control_add_sources(s);
    units_settle(s);
}

static const struct handler rows[] = {
    {MSG_WORKER_HELLO, on_hello},      {MSG_WORKER_READY, on_ready},
    {MSG_WORKER_BYE, on_bye},          {MSG_PEERS_ACK, on_peers_ack},
    {MSG_PEERS_QUERY, on_peers_query}, {MSG_LEADERSHIP, on_leadership},
    {MSG_WORKER_WANT, on_want},
};

int
control_open(struct supervisor *s, struct err *e)
{
    char endpoint[PATH_MAX + 32];
    struct bus_config config = {
        .name = "control",
        .endpoint = endpoint,
        .listener = -1,
        .self = &s->self,
        .metrics = s->metrics,
        .calls = {.rows = rows, .n_rows = ARRAY_LEN(rows), .arg = s},
        .hook_arg = s};

    snprintf(endpoint, sizeof endpoint, "ipc://%s/control", s->config.run_path);
    return (s->control = bus_bind(s->loop, &config, e)) != NULL ? 0 : -1;
}
