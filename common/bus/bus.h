/* bus.h - one socket of a process, with the identity it proves and the peers it accepts.
 *
 * A bus is either bound (a ROUTER on a listener that the supervisor made) or connected (a
 * DEALER). Workers get theirs from worker_bind and worker_connect (worker.h).
 *
 * Bound: peers are processes whose role the supervisor's table knows by their process id;
 * libzmq hands their proven User-Id ("role/worker#incarnation") with every message, and
 * that is the only address there is: bus_send(b, "reconciler/shard-0#17", ...). A peer is
 * announced by `joined` before its first message and by `gone` when it died or was
 * replaced.
 *
 * Connected: the one peer is the binder; `joined` comes with every connection that was
 * made (the first one and each after the binder's restart: send what it must know again),
 * `gone` when one was lost. What is sent meanwhile waits, at most BUS_QUEUE messages.
 *
 * A bound bus may listen on tcp, too, for peers with a CurveZMQ key (bus_listen_keys); who
 * they are says the zap handler, and all else holds for them as well. A connected bus with
 * `keys` speaks to such a listener: it reconnects for ever, with growing delays.
 *
 * Whatever arrives and is not allowed (bytes, kind, role, source key, forged origin) is
 * dropped, counted (kelos_bus_dropped_total{reason}) and logged at most once per second;
 * the handler never sees it. Sending never blocks. */
#ifndef KELOS_COMMON_BUS_H
#define KELOS_COMMON_BUS_H

#include "common/bus/buskey.h"
#include "common/err.h"
#include "common/metrics/metrics.h"
#include "common/scoped.h"
#include "proto/message.h"

#define BUS_QUEUE 1000      /* messages a socket holds for one peer */
#define BUS_RECONNECT_MS 10 /* ipc */

/* tcp: between attempts, growing; how long a silent peer or an unanswered attempt is borne. */
#define BUS_TCP_RECONNECT_MS 100
#define BUS_TCP_RECONNECT_CAP_MS 10000
#define BUS_TCP_CONNECT_MS 5000
#define BUS_TCP_HEARTBEAT_MS 3000
#define BUS_TCP_SILENT_MS 10000

struct _zloop_t;
struct bus;

struct peer {
    enum role role;
    char worker[MESSAGE_ORIGIN_MAX + 1]; /* "shard-0" */
    uint64_t incarnation;
    char user_id[MESSAGE_ORIGIN_MAX + 1]; /* "reconciler/shard-0#17" */
};

/* A handler of one message kind. m and from are borrowed for the call. */
typedef void bus_fn(void *arg, struct bus *bus, const struct peer *from,
                    const struct message *m);

struct handler {
    enum message_kind kind;
    bus_fn *fn;
};

/* What a bus calls. `rows` must outlive the bus. `joined` and `gone` may be NULL. */
struct bus_calls {
    const struct handler *rows;
    size_t n_rows;
    void (*joined)(void *arg, struct bus *bus, const struct peer *peer);
    void (*gone)(void *arg, struct bus *bus, const struct peer *peer);
    void *arg;
};

/* Encodes and sends one message; envelope but `correlation` is filled here. `to`: the
 * user id of a peer that has joined; NULL on a connected bus. Returns 0, or -1 with *e:
 * ERR_GONE        no such peer (any more): drop, it will join again;
 * ERR_BUSY        its queue is full: keep your state, try again when it acknowledges;
 * ERR_LIMIT       a field is over its bound, or the whole over LIMIT_MESSAGE_BYTES;
 * ERR_FORBIDDEN   the tables do not let this role send it. */
int bus_send(struct bus *b, const char *to, const struct message *m, struct err *e);

/* The peer of that user id, or NULL; borrowed until the next event of the bus. On a
 * connected bus (user_id NULL): the binder while connected. */
const struct peer *bus_peer(const struct bus *b, const char *user_id);

/* The next peer after `previous` (NULL: the first), NULL at the end. Do not send in a way
 * that drops peers while walking: collect user ids first when in doubt. */
const struct peer *bus_next_peer(const struct bus *b, const struct peer *previous);

const char *bus_name(const struct bus *b); /* "objects", the topic of its messages */

/* Splits "role/worker#incarnation". Returns 0 and *out, or -1. */
int peer_parse(const char *user_id, struct peer *out);
void peer_format(struct peer *p, enum role role, const char *worker,
                 uint64_t incarnation);

/* Whether this spawner serves the source of that key: its worker id holds the first digits. */
bool peer_serves(const struct peer *p, const char *key);

/* ---- below: for common/worker/worker.c, supervisor/ and tests ---- */

struct zap; /* common/bus/zap.h */

/* Of a connected bus over tcp; copied. */
struct bus_keys {
    char server[BUSKEY_SIZE]; /* public */
    struct buskey own;
};

struct bus_config {
    const char *name;     /* the topic, and the ZAP domain of a bound one */
    const char *endpoint; /* "ipc:///run/dir/objects" */
    int listener;         /* inherited descriptor to bind with, -1: bind the path */
    const struct peer *self;
    enum role binder;            /* connected: the role that the other end has */
    const struct bus_keys *keys; /* connected over tcp; NULL: no */
    /* Bound, with bus_listen_keys: whether this user id is still known. */
    bool (*stands)(void *arg, const char *user_id);
    struct metrics *metrics; /* borrowed; may be NULL */
    struct bus_calls calls;
    /* Called for every message sent and received, NULL: no tap. */
    void (*tap)(void *arg, struct bus *bus, const struct peer *other, bool sent,
                const struct message *m);
    /* Around each event, so that the page shows progress. NULL: none. */
    void (*begin)(void *arg);
    int (*end)(void *arg); /* -1 ends the loop */
    void *hook_arg;
};

/* Both read in `loop`. A bound bus needs the process's zap handler to exist already. NULL
 * with *e set on failure. The config is copied; its strings need not live on. */
struct bus *bus_bind(struct _zloop_t *loop, const struct bus_config *config,
                     struct err *e);
struct bus *bus_connect(struct _zloop_t *loop, const struct bus_config *config,
                        struct err *e);
void bus_free(struct bus *b);
SCOPED_DEFINE(bus)

/* Forgets a peer (its death was announced): `gone` is called when it was known. */
void bus_forget(struct bus *b, const char *user_id);

/* A bound bus listens on tcp as well: `listener` is an inherited descriptor that listens, or
 * -1 to bind `endpoint` ("tcp://127.0.0.1:5555"). server_secret: Z85, not kept by us. Once for
 * each bus. Returns 0, or -1 with *e set. */
int bus_listen_keys(struct bus *b, int listener, const char *endpoint,
                    const char *server_secret, struct err *e);

/* The key of this peer was revoked: forgets it and closes its connection. Make sure first
 * that zap and `stands` do not know it any more. */
void bus_expel(struct bus *b, const char *user_id);

#endif
