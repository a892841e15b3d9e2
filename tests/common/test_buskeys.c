/* A bus that listens on tcp for peers with a key, beside its own socket. Both ends are in one
 * process and one loop. */
#include <criterion/criterion.h>
#include <czmq.h>

#include "common/bus/bus.h"
#include "common/bus/zap.h"
#include "common/clock.h"
#include "common/log.h"

#define PATIENCE_MS 60000

static struct scene {
    zloop_t *loop;
    struct zap *zap;
    struct bus *bound, *client;
    struct page page;
    struct metrics *metrics;
    struct buskey server, key;
    bool allowed; /* the key is */
    char user_id[MESSAGE_ORIGIN_MAX + 1], source[BUSKEY_SOURCE_SIZE];
    char endpoint[64], folder[64], ipc[96];
    int joined, gone, heard, client_joined, client_gone, answers;
    int stop_heard, stop_client_gone, stop_answers; /* the loop ends then; 0: not */
    const char *say_key;                            /* in source.join */
} s;

static enum zap_verdict
check(void *arg, const char *domain, pid_t pid, uid_t uid, bool again, char *user_id)
{
    (void)arg;
    (void)domain;
    (void)again;
    snprintf(user_id, MESSAGE_ORIGIN_MAX + 1, "spawner/source-%.12s#1", s.source);
    return pid == getpid() && uid == geteuid() ? ZAP_YES : ZAP_NO;
}

static bool
check_key(void *arg, const char *domain, const char *public_key, char *user_id)
{
    (void)arg;
    cr_expect_str_eq(domain, "source-3");
    if (!s.allowed || strcmp(public_key, s.key.public_key) != 0)
        return false;
    snprintf(user_id, MESSAGE_ORIGIN_MAX + 1, "%s", s.user_id);
    return true;
}

static bool
stands(void *arg, const char *user_id)
{
    (void)arg;
    return strncmp(user_id, "spawner/", 8) == 0 &&
           (strcmp(user_id, s.user_id) != 0 || s.allowed);
}

static int
end_hook(void *arg)
{
    (void)arg;
    return (s.stop_heard > 0 && s.heard >= s.stop_heard) ||
                   (s.stop_client_gone > 0 && s.client_gone >= s.stop_client_gone) ||
                   (s.stop_answers > 0 && s.answers >= s.stop_answers)
               ? -1
               : 0;
}

static void
on_join(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct message ack = {.kind = MSG_SOURCE_ACK, .body.source_ack.uid = "u"};
    struct err e = ERR_INIT;

    (void)arg;
    (void)m;
    s.heard++;
    cr_expect_eq(bus_send(bus, from->user_id, &ack, &e), 0, "%s", e.text);
}

static void
on_ack(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    (void)arg;
    (void)bus;
    (void)from;
    (void)m;
    s.answers++;
}

static void
bound_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    (void)arg;
    (void)bus;
    (void)peer;
    s.joined++;
}

static void
bound_gone(void *arg, struct bus *bus, const struct peer *peer)
{
    (void)arg;
    (void)bus;
    (void)peer;
    s.gone++;
}

static void
say_join(struct bus *bus)
{
    const struct message m = {.kind = MSG_SOURCE_JOIN, .body.source.key = s.say_key};
    struct err e = ERR_INIT;

    cr_expect_eq(bus_send(bus, NULL, &m, &e), 0, "%s", e.text);
}

static void
client_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    (void)arg;
    (void)peer;
    s.client_joined++;
    say_join(bus);
}

static void
client_gone(void *arg, struct bus *bus, const struct peer *peer)
{
    (void)arg;
    (void)bus;
    (void)peer;
    s.client_gone++;
}

static const struct handler shard_rows[] = {{MSG_SOURCE_JOIN, on_join}};
static const struct handler client_rows[] = {{MSG_SOURCE_ACK, on_ack}};

static void
setup(void)
{
    const struct zap_config zap = {
        .check = check, .check_key = check_key, .metrics = NULL, .arg = NULL};
    struct zap_config with = zap;
    struct peer self;
    struct err e = ERR_INIT;
    char worker[BUSKEY_WORKER_SIZE];
    struct peer peer;

    log_init("test", LEVEL_ERROR, LOG_TEXT);
    zsys_handler_set(NULL);
    cr_assert(buskey_make(&s.server, &e) == 0 && buskey_make(&s.key, &e) == 0);
    buskey_source(s.key.public_key, s.source);
    buskey_worker(s.key.public_key, worker);
    peer_format(&peer, ROLE_SPAWNER, worker, 1);
    snprintf(s.user_id, sizeof s.user_id, "%s", peer.user_id);
    s.allowed = true;
    s.say_key = s.source;
    snprintf(s.folder, sizeof s.folder, "/tmp/kelos-keys-XXXXXX");
    cr_assert_not_null(mkdtemp(s.folder));
    snprintf(s.ipc, sizeof s.ipc, "ipc://%s/source-3", s.folder);
    with.metrics = s.metrics = metrics_new(&s.page);
    s.loop = zloop_new();
    cr_assert_not_null(s.zap = zap_new(s.loop, &with, &e), "%s", e.text);
    peer_format(&self, ROLE_RECONCILER, "shard-3", 1);
    const struct bus_config c = {.name = "source-3",
                                 .endpoint = s.ipc,
                                 .listener = -1,
                                 .self = &self,
                                 .metrics = s.metrics,
                                 .calls = {shard_rows, 1, bound_joined, bound_gone, NULL},
                                 .stands = stands,
                                 .end = end_hook};
    cr_assert_not_null(s.bound = bus_bind(s.loop, &c, &e), "%s", e.text);

    /* As the supervisor does it: a socket that listens, handed over by number. */
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert(bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, 16) == 0 &&
              getsockname(fd, (struct sockaddr *)&at, &size) == 0);
    snprintf(s.endpoint, sizeof s.endpoint, "tcp://127.0.0.1:%d", ntohs(at.sin_port));
    cr_assert_eq(bus_listen_keys(s.bound, fd, s.endpoint, s.server.secret_key, &e), 0,
                 "%s", e.text);
}

/* A client over tcp with this pair, or over ipc without keys. */
static void
connect_client(const struct buskey *own, const char *server)
{
    struct bus_keys keys = {.own = own != NULL ? *own : s.key};
    struct peer self;
    char worker[BUSKEY_WORKER_SIZE];
    struct err e = ERR_INIT;
    struct bus_config c = {.name = own != NULL ? "source" : "source-3",
                           .endpoint = own != NULL ? s.endpoint : s.ipc,
                           .listener = -1,
                           .self = &self,
                           .binder = ROLE_RECONCILER,
                           .keys = own != NULL ? &keys : NULL,
                           .calls = {client_rows, 1, client_joined, client_gone, NULL},
                           .end = end_hook};

    snprintf(keys.server, sizeof keys.server, "%s", server);
    buskey_worker(keys.own.public_key, worker);
    if (own == NULL)
        snprintf(worker, sizeof worker, "source-%.12s", s.source);
    peer_format(&self, ROLE_SPAWNER, worker, 1);
    cr_assert_not_null(s.client = bus_connect(s.loop, &c, &e), "%s", e.text);
}

static int
give_up(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    (void)arg;
    return -1;
}

static void
run_ms(int ms)
{
    int timer = zloop_timer(s.loop, (size_t)ms, 1, give_up, NULL);

    zloop_start(s.loop);
    zloop_timer_end(s.loop, timer);
}

static double
counted(enum metric id, const char *label)
{
    const struct page *page = &s.page;

    return label != NULL ? metrics_value(&page, 1, id, METRIC_LABELS(label))
                         : metrics_value(&page, 1, id, METRIC_LABELS());
}

/* Runs until it was counted so often, with that label or any. */
static bool
counts(enum metric id, const char *label, double n)
{
    for (int i = 0; i < PATIENCE_MS / 100 && counted(id, label) < n; i++)
        run_ms(100);
    return counted(id, label) >= n;
}

static void
teardown(void)
{
    bus_free(s.client);
    bus_free(s.bound);
    zap_free(s.zap);
    zloop_destroy(&s.loop);
    metrics_free(s.metrics);
    unlink(s.ipc + strlen("ipc://"));
    rmdir(s.folder);
}

TestSuite(buskeys, .init = setup, .fini = teardown);

Test(buskeys, who_holds_a_known_key_joins_over_tcp_and_is_answered)
{
    connect_client(&s.key, s.server.public_key);
    s.stop_answers = 1;
    run_ms(PATIENCE_MS);
    cr_assert_eq(s.heard, 1);
    cr_assert_eq(s.answers, 1);
    cr_assert_not_null(bus_peer(s.bound, s.user_id));
}

Test(buskeys, the_bus_serves_its_own_processes_as_before)
{
    connect_client(NULL, s.server.public_key);
    s.stop_answers = 1;
    run_ms(PATIENCE_MS);
    cr_assert_eq(s.answers, 1);
}

Test(buskeys, an_unknown_key_gets_nothing_and_is_counted)
{
    struct buskey other;
    struct err e = ERR_INIT;

    cr_assert_eq(buskey_make(&other, &e), 0);
    connect_client(&other, s.server.public_key);
    cr_assert(counts(METRIC_BUS_REFUSED, NULL, 2),
              "it is refused, comes again and is refused again");
    cr_assert_eq(s.client_joined + s.joined + s.heard + s.answers, 0);
}

Test(buskeys, who_expects_another_server_gets_nothing_and_tells_nothing)
{
    struct buskey other;
    struct err e = ERR_INIT;

    cr_assert_eq(buskey_make(&other, &e), 0);
    connect_client(&s.key, other.public_key);
    run_ms(700);
    cr_assert_eq(s.client_joined + s.joined + s.heard, 0);
}

Test(buskeys, a_peer_without_a_key_gets_nothing_at_the_tcp_port)
{
    zsock_t *plain = zsock_new(ZMQ_DEALER);

    cr_assert_eq(zsock_connect(plain, "%s", s.endpoint), 0);
    zstr_send(plain, "source-3");
    run_ms(500);
    cr_assert_eq(s.joined + s.heard, 0);
    zsock_set_linger(plain, 0);
    zsock_destroy(&plain);
}

Test(buskeys, a_revoked_key_loses_its_session_at_once_and_is_refused_from_then_on)
{
    int64_t before;

    connect_client(&s.key, s.server.public_key);
    s.stop_answers = 1;
    run_ms(PATIENCE_MS);
    cr_assert_eq(s.answers, 1);
    s.stop_answers = 0;
    s.allowed = false;
    bus_expel(s.bound, s.user_id);
    cr_assert_eq(s.gone, 1);
    before = clock_mono_ms();
    s.stop_client_gone = 1;
    run_ms(PATIENCE_MS);
    cr_assert_eq(s.client_gone, 1);
    cr_assert(clock_mono_ms() - before < BUS_TCP_SILENT_MS - 1000,
              "closed by us, not given up for silence");
    s.stop_client_gone = 0;
    cr_assert(counts(METRIC_BUS_REFUSED, NULL, 1));
    cr_assert_eq(s.heard, 1);
    cr_assert_eq(s.client_joined, 1);
    s.allowed = true; /* it comes again by itself */
    s.stop_heard = 2;
    run_ms(PATIENCE_MS);
    cr_assert_eq(s.heard, 2);
}

Test(buskeys, a_session_that_was_silent_when_its_key_was_revoked_is_closed_when_it_speaks)
{
    connect_client(&s.key, s.server.public_key);
    s.stop_heard = 1;
    run_ms(PATIENCE_MS);
    s.stop_heard = 0;
    s.allowed = false;
    bus_forget(s.bound, s.user_id); /* as if it had never spoken */
    say_join(s.client);
    s.stop_client_gone = 1;
    run_ms(PATIENCE_MS);
    cr_assert_eq(s.heard, 1);
    cr_assert_eq(s.client_gone, 1);
    cr_assert_eq(counted(METRIC_BUS_DROPPED, "revoked"), 1);
}

Test(buskeys, a_holder_speaks_for_its_own_source_only)
{
    static char other[BUSKEY_SOURCE_SIZE];

    snprintf(other, sizeof other, "%s", s.source);
    other[BUSKEY_WORKER_DIGITS - 1] = other[BUSKEY_WORKER_DIGITS - 1] == '0' ? '1' : '0';
    s.say_key = other;
    connect_client(&s.key, s.server.public_key);
    cr_assert(counts(METRIC_BUS_DROPPED, "source", 1));
    cr_assert_eq(s.client_joined, 1);
    cr_assert_eq(s.heard, 0);
}
