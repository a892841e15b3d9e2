/* worker_bus.c - a worker's sockets: control, its own, the tap, and who may connect. */
#include "common/worker/worker_self.h"

#include "common/log.h"

#define SCHEMA_BUILD "1"

/* ---- who is who ---- */

static const struct known_peer *
known_by_pid(const struct worker *w, pid_t pid)
{
    for (size_t i = 0; i < w->n_peers; i++)
        if (w->peers[i].pid == pid)
            return &w->peers[i];
    return NULL;
}

static bool
known_by_id(const struct worker *w, const char *user_id)
{
    for (size_t i = 0; i < w->n_peers; i++)
        if (strcmp(w->peers[i].user_id, user_id) == 0)
            return true;
    return w->keys.stands != NULL && w->keys.stands(w->keys.arg, user_id);
}

bool
worker_stands(void *arg, const char *user_id)
{
    return known_by_id(arg, user_id);
}

static enum zap_verdict
check_peer(void *arg, const char *domain, pid_t pid, uid_t uid, bool again, char *user_id)
{
    struct worker *w = arg;
    const struct known_peer *peer = known_by_pid(w, pid);
    struct message ask = {.kind = MSG_PEERS_QUERY, .body.peer_query.pid = pid};
    struct err e = ERR_INIT;

    if (uid != geteuid()) {
        log_warn(NULL, "bus %s: process %d of uid %u refused", domain, (int)pid,
                 (unsigned)uid);
        return ZAP_NO;
    }
    if (peer != NULL) {
        snprintf(user_id, MESSAGE_ORIGIN_MAX + 1, "%s", peer->user_id);
        return ZAP_YES;
    }
    if (!again && bus_send(w->control, NULL, &ask, &e) < 0)
        log_warn(NULL, "peers.query: %s", e.text);
    return ZAP_HOLD;
}

/* Tells every bound bus who is no more. */
static void
forget_the_dead(struct worker *w)
{
    for (size_t i = 0; i < w->n_buses; i++) {
        struct bus *b = w->buses[i];
        const struct peer *p = bus_next_peer(b, NULL);

        while (p != NULL) {
            if (known_by_id(w, p->user_id)) {
                p = bus_next_peer(b, p);
                continue;
            }
            bus_forget(b, p->user_id);
            p = bus_next_peer(b, NULL); /* its place moved: from the start */
        }
    }
}

static void
on_peers(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct worker *w = arg;
    const struct msg_peers *table = &m->body.peers;
    struct message ack = {.kind = MSG_PEERS_ACK, .body.peers_ack.serial = table->serial};
    struct known_peer *peers = calloc(table->peers.count + 1, sizeof *peers);
    struct err e = ERR_INIT;

    (void)from;
    if (peers == NULL)
        return;
    for (size_t i = 0; i < table->peers.count; i++) {
        peers[i].pid = (pid_t)table->peers.items[i].pid;
        snprintf(peers[i].user_id, sizeof peers[i].user_id, "%s",
                 table->peers.items[i].user_id);
    }
    free(w->peers);
    w->peers = peers;
    w->n_peers = table->peers.count;
    forget_the_dead(w);
    if (w->zap != NULL)
        zap_recheck(w->zap);
    if (bus_send(bus, NULL, &ack, &e) < 0)
        log_warn(NULL, "peers.ack: %s", e.text);
}

/* ---- the tap ---- */

static bool
tap_wants(const struct worker *w, enum message_kind kind)
{
    const char *name = message_name(kind), *at = w->tap_kinds;
    size_t size = name != NULL ? strlen(name) : 0;

    if (at == NULL || name == NULL)
        return false;
    if (*at == '\0')
        return true;
    while ((at = strstr(at, name)) != NULL) {
        if ((at == w->tap_kinds || at[-1] == ',') &&
            (at[size] == ',' || at[size] == '\0'))
            return true;
        at += size;
    }
    return false;
}

/* A copy for the tap, masked; lost when nobody takes it fast enough. */
static void
tap_copy(void *arg, struct bus *bus, const struct peer *other, bool sent,
         const struct message *m)
{
    struct worker *w = arg;
    struct message record = {.kind = MSG_TAP_RECORD};
    struct message_fault fault;
    void *envelope = NULL, *body = NULL;
    size_t envelope_size, body_size;
    struct err e = ERR_INIT;

    if (w->tap == NULL || bus == w->tap || !tap_wants(w, m->kind))
        return;
    if (message_encode_masked(m, &envelope, &envelope_size, &body, &body_size, &fault) <
        0)
        return;
    record.body.tapped = (struct msg_tapped){.worker = w->self.user_id,
                                             .peer = other->user_id,
                                             .sent = sent,
                                             .dropped = w->tap_lost,
                                             .kind = (uint64_t)m->kind,
                                             .envelope = {envelope, envelope_size},
                                             .body = {body, body_size}};
    if (bus_send(w->tap, NULL, &record, &e) < 0) {
        w->tap_lost++;
        metric_add(w->metrics, METRIC_BUS_TAP_LOST, 1);
    }
    free(envelope);
    free(body);
}

struct bus_config
worker_bus_setup(struct worker *w, const char *name, char *endpoint, size_t size)
{
    snprintf(endpoint, size, "ipc://%s/%s", w->run_dir, name);
    return (struct bus_config){.name = name,
                               .endpoint = endpoint,
                               .listener = -1,
                               .self = &w->self,
                               .metrics = w->metrics,
                               .tap = tap_copy,
                               .begin = worker_begin,
                               .end = worker_end,
                               .hook_arg = w};
}

static void
on_tap(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct worker *w = arg;
    char endpoint[512];
    struct bus_config config = worker_bus_setup(w, "tap", endpoint, sizeof endpoint);
    struct err e = ERR_INIT;

    (void)bus;
    (void)from;
    free(w->tap_kinds);
    w->tap_kinds = m->body.tap.on ? strdup(m->body.tap.kinds) : NULL;
    if (w->tap_kinds == NULL) {
        bus_free(w->tap);
        w->tap = NULL;
        return;
    }
    config.binder = ROLE_SUPERVISOR;
    if (w->tap == NULL && (w->tap = bus_connect(w->loop, &config, &e)) == NULL)
        log_warn(NULL, "tap: %s", e.text);
}

/* ---- control ---- */

static void
on_welcome(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct worker *w = arg;
    const struct msg_strs *keys = &m->body.welcome.quarantined;
    enum log_level level;

    (void)bus;
    (void)from;
    for (size_t i = 0; i < w->quarantine_view.count; i++)
        free(w->quarantine[i]);
    free(w->quarantine);
    w->quarantine_view = (struct msg_strs){NULL, 0};
    if ((w->quarantine = calloc(keys->count + 1, sizeof *w->quarantine)) != NULL) {
        size_t n = 0;

        for (size_t i = 0; i < keys->count; i++)
            if ((w->quarantine[n] = strdup(keys->items[i])) != NULL)
                n++;
        w->quarantine_view = (struct msg_strs){(const char *const *)w->quarantine, n};
    }
    if (log_level_parse(m->body.welcome.log_level, &level) == 0)
        log_set_level(level);
    w->leave = !w->welcomed; /* worker_join waits for this */
    w->welcomed = true;
}

static void
on_bye(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    (void)bus;
    (void)from;
    (void)m;
    worker_stop(arg);
}

static void
on_level(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    enum log_level level;

    (void)arg;
    (void)bus;
    (void)from;
    if (log_level_parse(m->body.level.level, &level) == 0) {
        log_set_level(level);
        log_event(level, NULL, "log level is now %s", m->body.level.level);
    }
}

/* A kind of the role's own rows (worker_on_control). */
static void
on_other(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct worker *w = arg;

    for (size_t i = 0; i < w->control_calls.n_rows; i++)
        if (w->control_calls.rows[i].kind == m->kind)
            w->control_calls.rows[i].fn(w->control_calls.arg, bus, from, m);
}

static void
on_control_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    struct worker *w = arg;
    struct message hello = {
        .kind = MSG_WORKER_HELLO,
        .body.hello = {.schema = MESSAGE_SCHEMA, .build = SCHEMA_BUILD}};
    struct message ready = {.kind = MSG_WORKER_READY};
    struct err e = ERR_INIT;

    if (bus_send(bus, NULL, &hello, &e) < 0 ||
        (w->ready && bus_send(bus, NULL, &ready, &e) < 0))
        log_error(NULL, "hello: %s", e.text);
    if (w->control_calls.joined != NULL)
        w->control_calls.joined(w->control_calls.arg, bus, peer);
}

static const struct handler control_rows[] = {
    {MSG_WORKER_WELCOME, on_welcome}, {MSG_WORKER_BYE, on_bye},
    {MSG_PEERS_TABLE, on_peers},      {MSG_LOG_LEVEL, on_level},
    {MSG_ADMIN_TAP, on_tap},          {MSG_LEADERSHIP, on_other},
};

int
worker_control_open(struct worker *w, struct err *e)
{
    char endpoint[512];
    struct bus_config config = worker_bus_setup(w, "control", endpoint, sizeof endpoint);

    config.binder = ROLE_SUPERVISOR;
    config.calls = (struct bus_calls){.rows = control_rows,
                                      .n_rows = ARRAY_LEN(control_rows),
                                      .joined = on_control_joined,
                                      .arg = w};
    return (w->control = bus_connect(w->loop, &config, e)) != NULL ? 0 : -1;
}

struct bus *
worker_control(struct worker *w)
{
    return w->control;
}

void
worker_on_control(struct worker *w, const struct bus_calls *calls)
{
    w->control_calls = *calls;
}

/* ---- the role's own ---- */

/* Who binds a name. */
static const struct {
    const char *name;
    enum role role;
    bool prefix;
} binders[] = {
    {"objects", ROLE_WATCHER, false},
    {"status", ROLE_STATUSWRITER, false},
    {"source-", ROLE_RECONCILER, true},
};

static enum role
binder_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(binders); i++)
        if (binders[i].prefix
                ? strncmp(name, binders[i].name, strlen(binders[i].name)) == 0
                : strcmp(name, binders[i].name) == 0)
            return binders[i].role;
    return ROLE_NONE;
}

int
worker_listener(const struct worker *w, const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < w->listeners.count; i++) {
        const char *item = w->listeners.items[i];

        if (strncmp(item, name, size) == 0 && item[size] == '=')
            return atoi(item + size + 1);
    }
    return -1;
}

struct bus *
worker_keep(struct worker *w, struct bus *b)
{
    if (b != NULL)
        w->buses[w->n_buses++] = b;
    return b;
}

static int
room(const struct worker *w, const char *name, struct err *e)
{
    if (w->n_buses == WORKER_BUSES_MAX)
        return err_set(e, ERR_LIMIT, "bus %s: more than %d sockets", name,
                       WORKER_BUSES_MAX);
    if (binder_of(name) == ROLE_NONE)
        return err_set(e, ERR_INVALID, "bus %s: no such name", name);
    return 0;
}

struct bus *
worker_bind(struct worker *w, const char *name, const struct bus_calls *calls,
            struct err *e)
{
    char endpoint[512];
    struct bus_config config = worker_bus_setup(w, name, endpoint, sizeof endpoint);
    const struct zap_config zap = {.check = check_peer,
                                   .begin = worker_begin,
                                   .end = worker_end,
                                   .arg = w,
                                   .metrics = w->metrics,
                                   .check_key = worker_check_key};

    if (room(w, name, e) < 0)
        return NULL;
    config.calls = *calls;
    config.stands = worker_stands;
    if ((config.listener = worker_listener(w, name)) < 0) {
        err_set(e, ERR_INVALID, "bus %s: no --listener %s=FD was given", name, name);
        return NULL;
    }
    if (w->zap == NULL && (w->zap = zap_new(w->loop, &zap, e)) == NULL)
        return NULL;
    return worker_keep(w, bus_bind(w->loop, &config, e));
}

struct bus *
worker_connect(struct worker *w, const char *name, const struct bus_calls *calls,
               struct err *e)
{
    char endpoint[512];
    struct bus_config config = worker_bus_setup(w, name, endpoint, sizeof endpoint);

    if (room(w, name, e) < 0)
        return NULL;
    config.calls = *calls;
    config.binder = binder_of(name);
    return worker_keep(w, bus_connect(w->loop, &config, e));
}

void
worker_bus_close(struct worker *w)
{
    for (size_t i = 0; i < w->n_buses; i++)
        bus_free(w->buses[i]);
    bus_free(w->tap);
    bus_free(w->control);
    zap_free(w->zap);
    free(w->peers);
    free(w->tap_kinds);
    for (size_t i = 0; i < w->quarantine_view.count; i++)
        free(w->quarantine[i]);
    free(w->quarantine);
}
