#include <criterion/criterion.h>
#include <czmq.h>

#include "common/bus/bus.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/bus/zap.h"

#define PATIENCE_MS 60000

/* Both ends of one bus in one process and one loop; the table of identities is a field. */
struct pair {
    zloop_t *loop;
    struct zap *zap;
    struct bus *bound, *connected;
    struct page page; /* never mapped elsewhere */
    struct metrics *metrics;
    enum zap_verdict verdict;
    const char *user_id;
    char endpoint[128], folder[64];
    int questions;

    int joins_seen, joined_bound, gone_bound, joined_connected, gone_connected;
    int stop_after;                      /* messages */
    char origin[MESSAGE_ORIGIN_MAX + 1]; /* of the last one */
    uint64_t correlation;
    bool answer;
};

static enum zap_verdict
check(void *arg, const char *domain, pid_t pid, uid_t uid, bool again, char *user_id)
{
    struct pair *p = arg;

    (void)again;
    p->questions++;
    if (strcmp(domain, "objects") != 0 || pid != getpid() || uid != geteuid())
        return ZAP_NO;
    snprintf(user_id, MESSAGE_ORIGIN_MAX + 1, "%s", p->user_id);
    return p->verdict;
}

static int
end_hook(void *arg)
{
    struct pair *p = arg;

    return p->stop_after > 0 && p->joins_seen >= p->stop_after ? -1 : 0;
}

static void
on_join(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct pair *p = arg;
    const struct message credit = {.kind = MSG_SNAPSHOT_END,
                                   .envelope.correlation = m->envelope.correlation};
    struct err e = ERR_INIT;

    p->joins_seen++;
    snprintf(p->origin, sizeof p->origin, "%s", m->envelope.origin);
    if (p->answer)
        cr_expect_eq(bus_send(bus, from->user_id, &credit, &e), 0, "%s", e.text);
}

static void
on_end(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct pair *p = arg;

    (void)bus;
    (void)from;
    p->correlation = m->envelope.correlation;
    p->joins_seen++;
}

static void
bound_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    (void)bus;
    (void)peer;
    ((struct pair *)arg)->joined_bound++;
}

static void
bound_gone(void *arg, struct bus *bus, const struct peer *peer)
{
    (void)bus;
    (void)peer;
    ((struct pair *)arg)->gone_bound++;
}

static void
connected_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    const struct message join = {.kind = MSG_OBJECTS_JOIN, .envelope.correlation = 77};
    struct err e = ERR_INIT;

    (void)peer;
    ((struct pair *)arg)->joined_connected++;
    cr_expect_eq(bus_send(bus, NULL, &join, &e), 0, "%s", e.text);
}

static const struct handler rows[] = {{MSG_OBJECTS_JOIN, on_join},
                                      {MSG_SNAPSHOT_END, on_end}};

static int
give_up(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    (void)arg;
    return -1;
}

static void
open_bound(struct pair *p)
{
    struct peer self;
    struct bus_config config = {
        .name = "objects",
        .endpoint = p->endpoint,
        .listener = -1,
        .self = &self,
        .metrics = p->metrics,
        .calls = {rows, 2, bound_joined, bound_gone, p},
        .end = end_hook,
        .hook_arg = p,
    };
    struct err e = ERR_INIT;

    peer_format(&self, ROLE_WATCHER, "watcher", 1);
    cr_assert_not_null(p->bound = bus_bind(p->loop, &config, &e), "%s", e.text);
}

static void
open_connected(struct pair *p, const char *worker)
{
    struct peer self;
    struct bus_config config = {
        .name = "objects",
        .endpoint = p->endpoint,
        .listener = -1,
        .self = &self,
        .binder = ROLE_WATCHER,
        .calls = {rows, 2, connected_joined, NULL, p},
        .end = end_hook,
        .hook_arg = p,
    };
    struct err e = ERR_INIT;

    peer_format(&self, ROLE_RECONCILER, worker, 3);
    cr_assert_not_null(p->connected = bus_connect(p->loop, &config, &e), "%s", e.text);
}

static void
setup(struct pair *p)
{
    struct zap_config zap = {.check = check, .arg = p};
    struct err e = ERR_INIT;

    memset(p, 0, sizeof *p);
    log_init("test", LEVEL_ERROR, LOG_TEXT);
    p->verdict = ZAP_YES;
    p->user_id = "reconciler/shard-0#3";
    snprintf(p->folder, sizeof p->folder, "/tmp/kelos-bus-XXXXXX");
    cr_assert_not_null(mkdtemp(p->folder));
    snprintf(p->endpoint, sizeof p->endpoint, "ipc://%s/objects", p->folder);
    zsys_handler_set(NULL);
    p->metrics = metrics_new(&p->page);
    p->loop = zloop_new();
    cr_assert_not_null(p->zap = zap_new(p->loop, &zap, &e), "%s", e.text);
    open_bound(p);
    zloop_timer(p->loop, PATIENCE_MS, 1, give_up, NULL);
}

static void
teardown(struct pair *p)
{
    bus_free(p->connected);
    bus_free(p->bound);
    zap_free(p->zap);
    zloop_destroy(&p->loop);
    metrics_free(p->metrics);
    unlink(p->endpoint + strlen("ipc://"));
    rmdir(p->folder);
}

static double
counted(struct pair *p, enum metric id, const char *label)
{
    const struct page *page = &p->page;

    return label != NULL ? metrics_value(&page, 1, id, METRIC_LABELS(label))
                         : metrics_value(&page, 1, id, METRIC_LABELS());
}

static struct pair p;

Test(bus, carries_a_message_and_its_answer)
{
    setup(&p);
    p.answer = true;
    p.stop_after = 2;
    open_connected(&p, "shard-0");
    zloop_start(p.loop);
    cr_expect_eq(p.correlation, 77);
    cr_expect_str_eq(p.origin, "shard-0#3");
    cr_expect_eq(p.joined_bound, 1);
    cr_expect_not_null(bus_peer(p.bound, "reconciler/shard-0#3"));
    cr_expect_null(bus_peer(p.bound, "reconciler/shard-0#2"));
    cr_expect_eq(counted(&p, METRIC_BUS_RECEIVED, "objects.join"), 1);
    teardown(&p);
}

static int
let_in(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    ((struct pair *)arg)->verdict = ZAP_YES;
    zap_recheck(((struct pair *)arg)->zap);
    return 0;
}

Test(bus, a_peer_that_connects_before_its_process_is_known_is_served)
{
    setup(&p);
    p.verdict = ZAP_HOLD;
    p.stop_after = 1;
    open_connected(&p, "shard-0");
    zloop_timer(p.loop, 300, 1, let_in, &p);
    zloop_start(p.loop);
    cr_expect_eq(p.joins_seen, 1);
    cr_expect_eq(zap_held(p.zap), 0);
    teardown(&p);
}

Test(bus, a_refused_peer_makes_a_new_socket_until_it_is_let_in)
{
    setup(&p);
    p.verdict = ZAP_NO;
    p.stop_after = 1;
    open_connected(&p, "shard-0");
    zloop_timer(p.loop, 400, 1, let_in, &p);
    zloop_start(p.loop);
    cr_expect_eq(p.joins_seen, 1);
    cr_expect_geq(p.questions, 2);
    teardown(&p);
}

static int
leave(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    (void)arg;
    return -1;
}

Test(bus, a_peer_that_stays_unknown_is_refused_after_two_seconds)
{
    setup(&p);
    p.verdict = ZAP_HOLD;
    open_connected(&p, "shard-0");
    zloop_timer(p.loop, ZAP_HOLD_MS / 2, 1, leave, NULL);
    zloop_start(p.loop);
    cr_expect_eq(zap_held(p.zap), 1);
    zloop_timer(p.loop, ZAP_HOLD_MS + 500, 1, leave, NULL);
    zloop_start(p.loop);
    cr_expect_eq(p.joined_bound, 0);
    teardown(&p);
}

Test(bus, a_forged_origin_is_dropped_and_counted)
{
    setup(&p);
    open_connected(&p, "shard-9"); /* the table says shard-0 */
    zloop_timer(p.loop, 500, 1, leave, NULL);
    zloop_start(p.loop);
    cr_expect_eq(p.joins_seen, 0);
    cr_expect_eq(counted(&p, METRIC_BUS_DROPPED, "origin"), 1);
    teardown(&p);
}

Test(bus, a_role_that_may_not_say_it_is_dropped_and_counted)
{
    setup(&p);
    p.user_id = "spawner/shard-0#3";
    open_connected(&p, "shard-0");
    zloop_timer(p.loop, 500, 1, leave, NULL);
    zloop_start(p.loop);
    cr_expect_eq(p.joins_seen, 0);
    cr_expect_eq(counted(&p, METRIC_BUS_DROPPED, "permission"), 1);
    teardown(&p);
}

Test(bus, hostile_frames_are_dropped_and_the_bus_goes_on)
{
    zsock_t *raw;

    setup(&p);
    raw = zsock_new(ZMQ_DEALER);
    zsock_connect(raw, "%s", p.endpoint);
    zstr_send(raw, "one frame");
    zstr_sendx(raw, "objects", "not an envelope", "body", NULL);
    zstr_sendx(raw, "wrong", "e", "b", NULL);
    zstr_sendx(raw, "objects", "e", "b", "too many", NULL);
    p.stop_after = 1;
    zloop_timer(p.loop, 500, 1, leave, NULL);
    zloop_start(p.loop);
    open_connected(&p, "shard-0");
    zloop_start(p.loop);
    cr_expect_eq(p.joins_seen, 1);
    cr_expect_eq(counted(&p, METRIC_BUS_DROPPED, "frames"), 2);
    cr_expect_eq(counted(&p, METRIC_BUS_DROPPED, "topic"), 1);
    cr_expect_eq(counted(&p, METRIC_BUS_DROPPED, "bytes"), 1);
    zsock_destroy(&raw);
    teardown(&p);
}

Test(bus, a_claimed_routing_id_is_not_listened_to)
{
    zsock_t *raw;

    setup(&p);
    raw = zsock_new(ZMQ_DEALER);
    zsock_set_identity(raw, "mine");
    zsock_connect(raw, "%s", p.endpoint);
    zstr_sendx(raw, "objects", "e", "b", NULL);
    zloop_timer(p.loop, 500, 1, leave, NULL);
    zloop_start(p.loop);
    cr_expect_eq(counted(&p, METRIC_BUS_DROPPED, "routing"), 1);
    cr_expect_eq(p.joined_bound, 0);
    zsock_destroy(&raw);
    teardown(&p);
}

Test(bus, sending_to_nobody_and_forbidden_kinds_are_errors)
{
    const struct message end = {.kind = MSG_SNAPSHOT_END},
                         want = {.kind = MSG_WORKER_WANT};
    struct err e = ERR_INIT;

    setup(&p);
    cr_expect_eq(bus_send(p.bound, "reconciler/shard-0#3", &end, &e), -1);
    cr_expect_eq(e.code, ERR_GONE);
    open_connected(&p, "shard-0");
    cr_expect_eq(bus_send(p.connected, NULL, &want, &e), -1);
    cr_expect_eq(e.code, ERR_FORBIDDEN);
    teardown(&p);
}

Test(bus, a_full_queue_says_busy_and_never_blocks)
{
    const struct message join = {.kind = MSG_OBJECTS_CREDIT};
    struct err e = ERR_INIT;
    int sent = 0;

    setup(&p);
    bus_free(p.bound); /* nobody there */
    p.bound = NULL;
    open_connected(&p, "shard-0");
    while (sent < 10 * BUS_QUEUE && bus_send(p.connected, NULL, &join, &e) == 0)
        sent++;
    cr_expect_eq(e.code, ERR_BUSY);
    cr_expect_eq(sent, BUS_QUEUE);
    teardown(&p);
}

Test(bus, the_binders_restart_is_announced_and_what_waited_arrives)
{
    setup(&p);
    p.stop_after = 1;
    open_connected(&p, "shard-0");
    zloop_start(p.loop);
    bus_free(p.bound);
    open_bound(&p);
    p.stop_after = 2;
    zloop_start(p.loop);
    cr_expect_eq(p.joined_connected, 2);
    cr_expect_eq(p.joins_seen, 2);
    teardown(&p);
}

Test(bus, forgetting_a_peer_announces_its_end_once)
{
    setup(&p);
    p.stop_after = 1;
    open_connected(&p, "shard-0");
    zloop_start(p.loop);
    bus_forget(p.bound, "reconciler/shard-0#3");
    bus_forget(p.bound, "reconciler/shard-0#3");
    cr_expect_eq(p.gone_bound, 1);
    cr_expect_null(bus_peer(p.bound, "reconciler/shard-0#3"));
    teardown(&p);
}

Test(bus, identities_are_parsed_strictly)
{
    const char *const bads[] = {"",
                                "watcher",
                                "watcher/w",
                                "watcher/w#",
                                "watcher/w#x",
                                "watcher/#1",
                                "nobody/w#1",
                                "watcher/w#1x",
                                "/w#1",
                                "watcher/w#99999999999999999999999"};
    struct peer out;

    cr_assert_eq(peer_parse("spawner/source-0123#4", &out), 0);
    cr_expect_eq(out.role, ROLE_SPAWNER);
    cr_expect_str_eq(out.worker, "source-0123");
    cr_expect_eq(out.incarnation, 4);
    for (size_t i = 0; i < ARRAY_LEN(bads); i++)
        cr_expect_eq(peer_parse(bads[i], &out), -1, "%s", bads[i]);
}
