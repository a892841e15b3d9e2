/* worker_server.c - a worker of any role for tests of bus and supervisor: the role comes from
 * the name it is started under (kelos-watcher, ...). What it does besides joining stands in
 * KELOS_TEST_DO, a list of role:action; what it sees it logs as lines that tests look for. */
#include <czmq.h>

#include <sys/prctl.h>

#include "common/log.h"
#include "common/worker/worker.h"
#include "tests/support/misdeed.h"

struct self {
    enum role role;
    const char *source, *ignored;
    int64_t number;
    struct worker *w;
    struct bus *bound, *objects, *status, *sources;
    zsock_t *raw;
};

static bool
told(const struct self *s, const char *action)
{
    const char *list = getenv("KELOS_TEST_DO");
    char wanted[64];
    const char *at;

    snprintf(wanted, sizeof wanted, "%s:%s", role_name(s->role), action);
    at = list != NULL ? strstr(list, wanted) : NULL;
    return at != NULL && (at[strlen(wanted)] == '\0' || at[strlen(wanted)] == ' ');
}

/* ---- messages ---- */

static void
on_join(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct message end = {.kind = MSG_SNAPSHOT_END, .body.sweep_end.epoch = 1};
    struct err e = ERR_INIT;

    (void)arg;
    log_info(NULL, "objects.join of %s kinds %llu", from->user_id,
             (unsigned long long)m->body.join.kinds);
    if (bus_send(bus, from->user_id, &end, &e) < 0)
        log_error(NULL, "%s", e.text);
}

static void
on_sweep_end(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    (void)arg;
    (void)bus;
    (void)m;
    log_info(NULL, "snapshot.end of %s", from->user_id);
}

static void
on_apply(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct message ack = {
        .kind = MSG_STATUS_ACK,
        .body.write_ack = {.id = m->body.status.id, .uid = m->body.status.uid}};
    struct err e = ERR_INIT;

    (void)arg;
    log_info(NULL, "status.apply of %s for %s", from->user_id, m->body.status.name);
    if (bus_send(bus, from->user_id, &ack, &e) < 0)
        log_error(NULL, "%s", e.text);
}

static void
on_ack(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    (void)arg;
    (void)bus;
    (void)from;
    log_info(NULL, "status.ack %llu", (unsigned long long)m->body.write_ack.id);
}

static void
on_source(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct message assign = {.kind = MSG_SOURCE_ASSIGN,
                             .body.assign = {.key = m->body.source.key,
                                             .serial = 1,
                                             .token = "canary-token-4711"}};
    struct err e = ERR_INIT;

    (void)arg;
    log_info(NULL, "source.join of %s", from->user_id);
    if (bus_send(bus, from->user_id, &assign, &e) < 0)
        log_error(NULL, "%s", e.text);
}

static void
on_assign(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    (void)arg;
    (void)bus;
    log_info(NULL, "source.assign of %s, token of %zu bytes", from->user_id,
             strlen(m->body.assign.token));
}

/* ---- connections ---- */

static void
on_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    struct self *s = arg;
    const struct message join = {.kind = MSG_OBJECTS_JOIN, .body.join = {.kinds = 3}};
    const struct message status = {
        .kind = MSG_STATUS_APPLY,
        .body.status = {.id = 1, .name = "one", .uid = "u", .patch = {"{}", 2}}};
    const struct message source = {.kind = MSG_SOURCE_JOIN, .body.source.key = s->source};
    const struct message *m = strcmp(bus_name(bus), "objects") == 0  ? &join
                              : strcmp(bus_name(bus), "status") == 0 ? &status
                                                                     : &source;
    struct err e = ERR_INIT;

    (void)peer;
    if (bus_send(bus, NULL, m, &e) < 0)
        log_error(NULL, "%s", e.text);
}

static void
on_gone(void *arg, struct bus *bus, const struct peer *peer)
{
    (void)arg;
    log_info(NULL, "%s: %s is gone", bus_name(bus), peer->user_id);
}

static void
want_sources(struct self *s)
{
    const char *list = getenv("KELOS_TEST_SOURCES");
    static char keys[8][65];
    struct msg_source items[8] = {0};
    struct message m = {.kind = MSG_WORKER_WANT};
    struct err e = ERR_INIT;
    size_t n = 0;

    for (; list != NULL && *list != '\0' && n < 8; n++) {
        size_t size = strcspn(list, " ");

        snprintf(keys[n], sizeof keys[n], "%.*s", (int)size, list);
        items[n].key = keys[n];
        list += size + (list[size] == ' ');
    }
    m.body.want.sources.items = items;
    m.body.want.sources.count = n;
    if (bus_send(worker_control(s->w), NULL, &m, &e) < 0)
        log_error(NULL, "%s", e.text);
}

/* ---- misbehaviour ---- */

static void
look_at_raw(void *arg, struct worker *w)
{
    struct self *s = arg;
    (void)w;
    log_info(NULL, "raw socket received %s",
             (zsock_events(s->raw) & ZMQ_POLLIN) != 0 ? "SOMETHING" : "nothing");
}

static void
spin(void *arg, struct worker *w)
{
    (void)arg;
    log_info(NULL, "spinning");
    worker_busy(w, "task/dev/spin");
    for (;;)
        ;
}

static void
crash_on_key(void *arg, struct worker *w)
{
    (void)arg;
    if (worker_quarantined(w, "task/dev/poison")) {
        log_info(NULL, "task/dev/poison is quarantined");
        return;
    }
    worker_busy(w, "task/dev/poison");
    raise(SIGKILL);
}

static void
misbehave(struct self *s)
{
    if (told(s, "open")) {
        misdeed_open("/var/run/secrets/kubernetes.io/serviceaccount/token");
        misdeed_open(getenv("KELOS_TEST_OPEN"));
    }
    if (told(s, "forge"))
        s->raw = misdeed_forge_status(s->w, NULL);
    if (told(s, "steal")) {
        s->raw = misdeed_forge_status(s->w, getenv("KELOS_TEST_ROUTING"));
        worker_after(s->w, 1500, look_at_raw, s);
    }
    if (told(s, "spin") && worker_incarnation(s->w) == 1)
        worker_after(s->w, 50, spin, s);
    if (told(s, "poison"))
        worker_after(s->w, 20, crash_on_key, s);
}

/* ---- the worker ---- */

static const struct handler rows[] = {
    {MSG_OBJECTS_JOIN, on_join},  {MSG_SNAPSHOT_END, on_sweep_end},
    {MSG_STATUS_APPLY, on_apply}, {MSG_STATUS_ACK, on_ack},
    {MSG_SOURCE_JOIN, on_source}, {MSG_SOURCE_ASSIGN, on_assign},
};

static int
open_buses(struct self *s, struct err *e)
{
    const struct bus_calls serve = {
        .rows = rows, .n_rows = ARRAY_LEN(rows), .gone = on_gone, .arg = s};
    const struct bus_calls call = {.rows = rows,
                                   .n_rows = ARRAY_LEN(rows),
                                   .joined = on_joined,
                                   .gone = on_gone,
                                   .arg = s};

    switch (s->role) {
    case ROLE_WATCHER:
        return (s->bound = worker_bind(s->w, "objects", &serve, e)) != NULL ? 0 : -1;
    case ROLE_STATUSWRITER:
        return (s->bound = worker_bind(s->w, "status", &serve, e)) != NULL ? 0 : -1;
    case ROLE_RECONCILER:
        if ((s->bound = worker_bind(s->w, "source-0", &serve, e)) == NULL ||
            (s->objects = worker_connect(s->w, "objects", &call, e)) == NULL ||
            (s->status = worker_connect(s->w, "status", &call, e)) == NULL)
            return -1;
        want_sources(s);
        return 0;
    case ROLE_SPAWNER:
        return (s->sources = worker_connect(s->w, "source-0", &call, e)) != NULL ? 0 : -1;
    default:
        return 0;
    }
}

int
main(int argc, char **argv)
{
    struct err e = ERR_INIT;
    const char *name = strrchr(argv[0], '/');
    struct self self = {.source = "", .ignored = ""};
    const struct flag flags[] = {
        {"source", FLAG_TEXT, &self.source, "KEY", "source"},
        {"shard", FLAG_NUMBER, &self.number, "N", "shard"},
        {"shard-count", FLAG_NUMBER, &self.number, "N", "shards"},
        {"data", FLAG_TEXT, &self.ignored, "DIR", "data"},
        {"port", FLAG_NUMBER, &self.number, "N", "port"},
        {"kubeconfig-out", FLAG_TEXT, &self.ignored, "FILE", "kubeconfig"},
        {"crds", FLAG_TEXT, &self.ignored, "DIR", "CRDs"},
        {"api-groups", FLAG_TEXT, &self.ignored, "LIST", "groups"},
        {"agents", FLAG_TEXT, &self.ignored, "DIR", "agents"},
        {"capture", FLAG_TEXT, &self.ignored, "PATH", "kelos-capture"},
        {"metrics-bind-address", FLAG_TEXT, &self.ignored, "ADDR", "metrics"},
        {"health-probe-bind-address", FLAG_TEXT, &self.ignored, "ADDR", "health"},
    };
    struct worker_spec spec = {.usage = "worker_server",
                               .flags = flags,
                               .n_flags = ARRAY_LEN(flags),
                               .arg = &self};
    int rc;

    name = name != NULL ? name + 1 : argv[0];
    self.role = spec.role = role_by_name(name + strlen("kelos-"));
    if (self.role == ROLE_NONE)
        return 2;
    if (told(&self, "die"))
        return 7;
    if ((self.w = worker_join(argc, argv, &spec, &e)) == NULL)
        return worker_exit(NULL, &e);
    if (open_buses(&self, &e) < 0 || worker_ready(self.w, &e) < 0) {
        rc = worker_exit(self.w, &e);
        worker_free(self.w);
        return rc;
    }
    misbehave(&self);
    rc = worker_run(self.w, &e) < 0 ? worker_exit(self.w, &e) : 0;
    zsock_destroy(&self.raw);
    worker_free(self.w);
    return rc;
}
