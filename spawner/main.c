/* main.c - kelos-spawner: the process of one source. It holds the source's credential and no
 * other, and none of the cluster; it asks the source and tells the reconcilers what matches. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/castore.h"
#include "common/log.h"
#include "common/worker/worker.h"
#include "common/zygote.h"
#include "spawner/alive.h"
#include "spawner/engine.h"
#include "spawner/listonce.h"
#include "spawner/pod.h"
#include "spawner/refresh.h"

enum { SHARDS_MAX = 64 };

struct shard {
    struct self *self;
    unsigned index;
    struct bus *bus;
};

struct self {
    const char *key;
    int64_t n_shards;
    struct worker *worker;
    struct loop *loop;
    struct http *http;
    struct castore *castore;
    struct engine *engine;
    struct shard shards[SHARDS_MAX];
};

/* ---- the bus ---- */

static int
send_to_shard(void *arg, unsigned shard, const struct message *m)
{
    struct self *s = arg;
    struct err e = ERR_INIT;

    if (bus_send(s->shards[shard].bus, NULL, m, &e) == 0)
        return 0;
    log_warn(NULL, "%s to shard %u: %s", message_name(m->kind), shard, e.text);
    /* What the tables refuse would be refused again. */
    return e.code == ERR_LIMIT || e.code == ERR_FORBIDDEN ? 0 : -1;
}

static void
on_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    struct shard *h = arg;
    struct message m = {.kind = MSG_SOURCE_JOIN};
    struct err e = ERR_INIT;

    (void)peer;
    engine_rejoined(h->self->engine, h->index);
    m.body.source.key = h->self->key;
    if (bus_send(bus, NULL, &m, &e) < 0)
        log_warn(NULL, "source.join to shard %u: %s", h->index, e.text);
}

static void
on_assign(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct shard *h = arg;
    struct err e = ERR_INIT;

    (void)bus;
    if (engine_assign(h->self->engine, h->index, &m->body.assign, &e) < 0)
        log_error(NULL, "source.assign of %s: %s", from->user_id, e.text);
}

static void
on_ack(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct shard *h = arg;

    (void)bus;
    (void)from;
    engine_ack(h->self->engine, h->index, &m->body.source_ack);
}

static const struct handler handlers[] = {
    {MSG_SOURCE_ASSIGN, on_assign},
    {MSG_SOURCE_ACK, on_ack},
};

/* ---- start and end ---- */

static int
connect_shards(struct self *s, struct err *e)
{
    for (unsigned i = 0; i < (unsigned)s->n_shards; i++) {
        struct shard *h = &s->shards[i];
        const struct bus_calls calls = {.rows = handlers,
                                        .n_rows = ARRAY_LEN(handlers),
                                        .joined = on_joined,
                                        .arg = h};
        char name[32];

        h->self = s;
        h->index = i;
        snprintf(name, sizeof(name), "source-%u", i);
        if ((h->bus = worker_connect(s->worker, name, &calls, e)) == NULL)
            return err_wrap(e, "%s", name);
    }
    return 0;
}

static void
on_finished(void *arg)
{
    struct self *s = arg;

    worker_drained(s->worker);
}

static int
open_parts(struct self *s, struct err *e)
{
    struct engine_config c = {.key = s->key,
                              .metrics = worker_metrics(s->worker),
                              .send = send_to_shard,
                              .finished = on_finished,
                              .arg = s};

    if ((s->loop = loop_worker_new(s->worker, e)) == NULL ||
        (s->http = http_new(s->loop, "kelos-spawner", e)) == NULL)
        return -1;
    http_trust(s->http, castore_use, s->castore);
    c.loop = s->loop;
    c.http = s->http;
    if ((s->engine = engine_new(&c)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if (connect_shards(s, e) < 0)
        return -1;
    return worker_ready(s->worker, e);
}

static int
check_flags(const struct self *s, struct err *e)
{
    if (strlen(s->key) != 64 || strspn(s->key, "0123456789abcdef") != 64)
        return err_set(e, ERR_INVALID,
                       "--source: must be the 64 hex digits of a source's key");
    if (s->n_shards < 1 || s->n_shards > SHARDS_MAX)
        return err_set(e, ERR_INVALID, "--shard-count: must be from 1 to %d", SHARDS_MAX);
    return 0;
}

static int
prepare(void *arg, struct worker *w, struct sandbox *sandbox, struct err *e)
{
    struct self *s = arg;

    (void)w;
    (void)sandbox;
    if (check_flags(s, e) < 0)
        return -1;
    /* A copy of a zygote has it from there. */
    if (s->castore == NULL && (s->castore = castore_new(e)) == NULL)
        return -1;
    return 0;
}

/* `kelos-spawner --alive NAMESPACE/NAME`: exit 0 when the spawner of this Pod answers. */
static int
ask_alive(const char *which)
{
    struct err e = ERR_INIT;

    if (alive_ask(which, ALIVE_WAIT_MS, &e) == 0)
        return 0;
    fprintf(stderr, "%s\n", e.text);
    return 1;
}

/* `kelos-spawner --zygote=FD`: returns 1 in each source's process, which goes on as if it had
 * been started by itself; 0 at the end. */
static int
serve_zygote(struct self *s, int *argc, char ***argv, struct err *e)
{
    int fd = atoi((*argv)[1] + strlen("--zygote="));

    log_init("kelos-spawner", LEVEL_WARN, LOG_TEXT);
    if ((s->castore = castore_new(e)) == NULL)
        return -1;
    malloc_trim(0); /* every copy would count what was freed */
    return zygote_serve(fd, argc, argv, e);
}

/* Works for one source till the supervisor wants no more; the exit status. */
static int
work(struct self *s, int argc, char **argv, const struct worker_spec *spec)
{
    struct err e = ERR_INIT;
    int status = 0;
    SCOPED(worker) struct worker *w = worker_join(argc, argv, spec, &e);

    if (w == NULL)
        return worker_exit(w, &e);
    s->worker = w;
    if (open_parts(s, &e) < 0 || worker_run(w, &e) < 0)
        status = worker_exit(w, &e);
    engine_free(s->engine);
    http_free(s->http);
    loop_free(s->loop);
    return status;
}

int
main(int argc, char **argv)
{
    struct self self = {.key = "", .n_shards = 1};
    const struct flag flags[] = {
        {"source", FLAG_TEXT, &self.key, "KEY", "the source that this process works for"},
        {"shard-count", FLAG_NUMBER, &self.n_shards, "N", "number of reconcilers"},
    };
    const struct worker_spec spec = {
        .role = ROLE_SPAWNER,
        .usage = "kelos-spawner --run-dir DIR --source KEY [--shard-count N] ...\n"
                 "       kelos-spawner --list-once < REQUEST.json\n"
                 "       kelos-spawner --controller tcp://HOST:PORT ... (in a Pod)\n"
                 "       kelos-spawner --refresh-token [--help]\n"
                 "       kelos-spawner --alive NAMESPACE/NAME (the Pod's liveness)",
        .flags = flags,
        .n_flags = ARRAY_LEN(flags),
        .prepare = prepare,
        .arg = &self};
    struct err e = ERR_INIT;
    int status;

    if (argc == 3 && strcmp(argv[1], "--alive") == 0)
        return ask_alive(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--list-once") == 0) {
        log_init("kelos-spawner", LEVEL_WARN, LOG_TEXT);
        return listonce_run(stdin, stdout);
    }
    if (argc >= 2 && strcmp(argv[1], "--refresh-token") == 0)
        return refresh_run(argc, argv);
    if (pod_wanted(argc, argv))
        return pod_run(argc, argv);
    if (argc >= 2 && strncmp(argv[1], "--zygote=", 9) == 0 &&
        serve_zygote(&self, &argc, &argv, &e) < 1)
        status = worker_exit(NULL, &e);
    else
        status = work(&self, argc, argv, &spec);
    castore_free(self.castore);
    return status;
}
