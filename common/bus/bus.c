/* bus.c - see bus.h: what both ends share, receiving and sending. bus_socket.c makes the
 * sockets and follows their connections. */
#include "common/bus/bus_socket.h"

#include <czmq.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"

_Static_assert((unsigned)LIMIT_MESSAGE_BYTES == MESSAGE_MAX_BYTES,
               "one limit, two names");
_Static_assert((unsigned)LIMIT_MESSAGE_DEPTH == MESSAGE_MAX_DEPTH,
               "one limit, two names");

#define BURST 64         /* messages taken per wake-up: other events get their turn */
#define DROP_LOG_MS 1000 /* one line about dropped messages per bus in that time */

/* ---- identities ---- */

void
peer_format(struct peer *p, enum role role, const char *worker, uint64_t incarnation)
{
    p->role = role;
    p->incarnation = incarnation;
    snprintf(p->worker, sizeof p->worker, "%.60s", worker);
    snprintf(p->user_id, sizeof p->user_id, "%s/%.60s#%llu", role_name(role), p->worker,
             (unsigned long long)incarnation);
}

/* "worker#incarnation" at s. */
static int
parse_origin(const char *s, char *worker, size_t size, uint64_t *incarnation)
{
    const char *mark = strrchr(s, '#');
    char *end;

    if (mark == NULL || mark == s || (size_t)(mark - s) >= size || mark[1] < '0' ||
        mark[1] > '9')
        return -1;
    errno = 0;
    *incarnation = strtoull(mark + 1, &end, 10);
    if (errno != 0 || *end != '\0')
        return -1;
    snprintf(worker, size, "%.*s", (int)(mark - s), s);
    return 0;
}

int
peer_parse(const char *user_id, struct peer *out)
{
    const char *slash = strchr(user_id, '/');
    char role[32];

    if (slash == NULL || (size_t)(slash - user_id) >= sizeof role ||
        strlen(user_id) >= sizeof out->user_id)
        return -1;
    snprintf(role, sizeof role, "%.*s", (int)(slash - user_id), user_id);
    if ((out->role = role_by_name(role)) == ROLE_NONE ||
        parse_origin(slash + 1, out->worker, sizeof out->worker, &out->incarnation) < 0)
        return -1;
    snprintf(out->user_id, sizeof out->user_id, "%s", user_id);
    return 0;
}

/* ---- refusing ---- */

static void
drop(struct bus *b, const struct peer *from, const char *reason, const char *field,
     const char *why)
{
    int64_t now = clock_mono_ms();

    metric_add(b->config.metrics, METRIC_BUS_DROPPED, 1, reason);
    b->dropped++;
    if (b->drop_logged_ms != 0 && now - b->drop_logged_ms < DROP_LOG_MS)
        return;
    b->drop_logged_ms = now;
    log_warn(NULL, "bus %s: message of %s dropped: %s%s%s (%llu so far)", b->name,
             from != NULL ? from->user_id : "an unknown peer", field,
             *field != '\0' ? ": " : "", why, (unsigned long long)b->dropped);
}

/* The key that a message about a source names, NULL when it is about none. */
static const char *
source_key(const struct message *m)
{
    switch (m->kind) {
    case MSG_SOURCE_JOIN:
        return m->body.source.key;
    case MSG_SOURCE_ITEMS:
        return m->body.items.key;
    case MSG_SOURCE_UNCHANGED:
        return m->body.unchanged.key;
    case MSG_SOURCE_ERROR:
        return m->body.source_fail.key;
    default:
        return NULL;
    }
}

#define SOURCE_PREFIX "source-"
#define SOURCE_KEY_CHARS 12 /* of the key, in the id of a process of the supervisor */

bool
peer_serves(const struct peer *p, const char *key)
{
    const char *digits = p->worker + strlen(SOURCE_PREFIX);
    size_t size;

    if (strncmp(p->worker, SOURCE_PREFIX, strlen(SOURCE_PREFIX)) != 0)
        return false;
    size = strlen(digits);
    return (size == SOURCE_KEY_CHARS || size == BUSKEY_WORKER_DIGITS) &&
           strncmp(digits, key, size) == 0;
}

/* A spawner speaks for its own source only. */
static bool
speaks_for_itself(const struct peer *from, const struct message *m)
{
    const char *key = source_key(m);

    return from->role != ROLE_SPAWNER || key == NULL || peer_serves(from, key);
}

/* Who sent it and may they? On a bound bus the identity is proven and the origin must
 * agree; on a connected one the other end has the binder's role and says which
 * incarnation. */
static bool
allowed(struct bus *b, const struct peer *proven, struct peer *from,
        const struct message *m)
{
    uint64_t incarnation;
    char worker[sizeof from->worker];

    if (parse_origin(m->envelope.origin, worker, sizeof worker, &incarnation) < 0) {
        drop(b, proven, "origin", "envelope.origin", "not worker#incarnation");
        return false;
    }
    if (proven == NULL)
        peer_format(from, b->config.binder, worker, incarnation);
    else if (strcmp(worker, proven->worker) != 0 || incarnation != proven->incarnation) {
        drop(b, proven, "origin", "envelope.origin", "not the proven identity");
        return false;
    } else
        *from = *proven;
    if (!message_allowed(m->kind, from->role, b->self.role)) {
        drop(b, from, "permission", message_name(m->kind),
             "its role may not say this here");
        return false;
    }
    if (!speaks_for_itself(from, m)) {
        drop(b, from, "source", message_name(m->kind), "not its own source");
        return false;
    }
    return true;
}

/* ---- receiving ---- */

static void
dispatch(struct bus *b, const struct peer *from, const struct message *m)
{
    metric_add(b->config.metrics, METRIC_BUS_RECEIVED, 1, message_name(m->kind));
    if (b->config.tap != NULL)
        b->config.tap(b->config.hook_arg, b, from, false, m);
    for (size_t i = 0; i < b->config.calls.n_rows; i++)
        if (b->config.calls.rows[i].kind == m->kind) {
            b->config.calls.rows[i].fn(b->config.calls.arg, b, from, m);
            return;
        }
    log_debug(NULL, "bus %s: nobody handles %s of %s", b->name, message_name(m->kind),
              from->user_id);
}

/* A peer with a key does not know which shard serves it: for both ends "source" and "source-3"
 * are one topic there. */
static bool
topic_fits(const struct bus *b, zframe_t *topic)
{
    const char *text = (const char *)zframe_data(topic);
    size_t size = zframe_size(topic), own = strlen(b->name);

    if (zframe_streq(topic, b->name))
        return true;
    if (b->keyed)
        return size > 0 && size < own && memcmp(text, b->name, size) == 0 &&
               b->name[size] == '-';
    return b->config.keys != NULL && size > own && memcmp(text, b->name, own) == 0 &&
           text[own] == '-';
}

/* topic, envelope, body; `proven` is NULL on a connected bus. */
static void
take_frames(struct bus *b, const struct peer *proven, zmsg_t *msg)
{
    zframe_t *topic = zmsg_first(msg), *envelope = zmsg_next(msg), *body = zmsg_next(msg);
    struct message_fault fault;
    struct message m;
    struct peer from;

    if (zmsg_size(msg) != 3) {
        drop(b, proven, "frames", "", "not three frames");
        return;
    }
    if (!topic_fits(b, topic)) {
        drop(b, proven, "topic", "", "another topic");
        return;
    }
    if (message_decode(&m, zframe_data(envelope), zframe_size(envelope),
                       zframe_data(body), zframe_size(body), &fault) < 0) {
        drop(b, proven, "bytes", fault.field, fault.why);
        return;
    }
    if (allowed(b, proven, &from, &m)) {
        if (proven == NULL)
            b->binder = from;
        dispatch(b, &from, &m);
    }
    message_free(&m);
}

/* libzmq's own routing ids begin with a zero byte, chosen ones cannot: nobody ever gets the
 * messages of another, and who tries is not listened to. */
static bool
routing_given(zframe_t *routing)
{
    return routing != NULL && zframe_size(routing) == 5 && zframe_data(routing)[0] == 0;
}

/* The connection that a message of a peer with a key came over, -1: over ipc. */
static int
connection_of(const struct bus *b, zframe_t *frame)
{
    const char *fd = b->keyed && frame != NULL ? zframe_meta(frame, "__fd") : NULL;

    return fd != NULL ? atoi(fd) : -1;
}

static void
take_from_peer(struct bus *b, zmsg_t *msg)
{
    zframe_t *routing = zmsg_pop(msg), *topic = zmsg_first(msg);
    const char *user_id = topic != NULL ? zframe_meta(topic, "User-Id") : NULL;
    struct peer proven;
    int fd = connection_of(b, topic);

    if (user_id == NULL || peer_parse(user_id, &proven) < 0)
        drop(b, NULL, "identity", "", "no proven identity");
    else if (!routing_given(routing))
        drop(b, &proven, "routing", "", "it claims a routing id");
    else if (b->keyed && bus_peer(b, user_id) == NULL && b->config.stands != NULL &&
             !b->config.stands(b->config.hook_arg, user_id)) {
        drop(b, &proven, "revoked", "", "its key was revoked");
        bus_shut(fd, NULL);
    } else if (bus_peer_seen(b, &proven, routing, fd) == 0)
        take_frames(b, &proven, msg);
    zframe_destroy(&routing);
}

int
bus_on_readable(zloop_t *loop, zsock_t *sock, void *arg)
{
    struct bus *b = arg;
    int rc = 0;

    (void)loop;
    if (b->config.begin != NULL)
        b->config.begin(b->config.hook_arg);
    for (int i = 0; i < BURST && (zsock_events(sock) & ZMQ_POLLIN) != 0; i++) {
        zmsg_t *msg = zmsg_recv(sock);

        if (msg == NULL)
            break;
        if (b->bound)
            take_from_peer(b, msg);
        else
            take_frames(b, NULL, msg);
        zmsg_destroy(&msg);
        if (b->sock != sock) /* a handler had the socket replaced */
            break;
    }
    if (b->config.end != NULL)
        rc = b->config.end(b->config.hook_arg);
    return rc;
}

/* ---- sending ---- */

static void
free_data(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* Takes `data` (freed in every case). */
static int
send_owned(void *handle, void *data, size_t size, int flags)
{
    zmq_msg_t frame;
    int rc;

    if (zmq_msg_init_data(&frame, data, size, free_data, NULL) < 0) {
        free(data);
        return -1;
    }
    if ((rc = zmq_msg_send(&frame, handle, flags)) < 0)
        zmq_msg_close(&frame);
    return rc;
}

static int
send_failed(struct bus *b, struct bus_entry *to, struct err *e)
{
    if (errno == EHOSTUNREACH && to != NULL) {
        bus_peer_lost(b, to);
        return err_set(e, ERR_GONE, "bus %s: %s is gone", b->name, to->peer.user_id);
    }
    if (errno == EAGAIN)
        return err_set(e, ERR_BUSY, "bus %s: %d messages wait for %s already", b->name,
                       BUS_QUEUE, to != NULL ? to->peer.user_id : "the other end");
    return err_set(e, ERR_SYSTEM, "bus %s: send: %s", b->name, zmq_strerror(errno));
}

/* Takes envelope and body. Once the first frame is accepted the others are too. */
static int
send_frames(struct bus *b, struct bus_entry *to, void *envelope, size_t envelope_size,
            void *body, size_t body_size, struct err *e)
{
    void *handle = zsock_resolve(b->sock);
    int rc = 0;

    if (to != NULL)
        rc = zmq_send(handle, zframe_data(to->routing), zframe_size(to->routing),
                      ZMQ_SNDMORE | ZMQ_DONTWAIT);
    if (rc >= 0)
        rc = zmq_send(handle, b->name, strlen(b->name), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    if (rc < 0) {
        int saved = errno;

        free(envelope);
        free(body);
        errno = saved;
        return send_failed(b, to, e);
    }
    rc = send_owned(handle, envelope, envelope_size, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    if (rc < 0)
        free(body);
    else
        rc = send_owned(handle, body, body_size, ZMQ_DONTWAIT);
    return rc < 0 ? send_failed(b, to, e) : 0;
}

int
bus_send(struct bus *b, const char *to, const struct message *m, struct err *e)
{
    struct bus_entry *entry = NULL;
    enum role receiver = b->config.binder;
    struct message sent = *m;
    struct message_fault fault;
    void *envelope, *body;
    size_t envelope_size, body_size;

    if (b->bound) {
        if (to == NULL || (entry = bus_entry_of(b, to)) == NULL)
            return err_set(e, ERR_GONE, "bus %s: no peer %s", b->name,
                           to != NULL ? to : "given");
        receiver = entry->peer.role;
    }
    if (!message_allowed(m->kind, b->self.role, receiver))
        return err_set(e, ERR_FORBIDDEN, "bus %s: a %s may not send %s to a %s", b->name,
                       role_name(b->self.role),
                       message_name(m->kind) ? message_name(m->kind) : "?",
                       role_name(receiver));
    snprintf(sent.envelope.origin, sizeof sent.envelope.origin, "%.60s#%llu",
             b->self.worker, (unsigned long long)b->self.incarnation);
    sent.envelope.sequence = b->sequence + 1;
    sent.envelope.mono_ms = clock_mono_ms();
    sent.envelope.wall_ms = clock_wall_ms();
    if (message_encode(&sent, &envelope, &envelope_size, &body, &body_size, &fault) < 0)
        return err_set(e, ERR_LIMIT, "%s: %s%s%s", message_name(m->kind), fault.field,
                       fault.field[0] != '\0' ? ": " : "", fault.why);
    if (send_frames(b, entry, envelope, envelope_size, body, body_size, e) < 0)
        return -1;
    b->sequence++;
    metric_add(b->config.metrics, METRIC_BUS_SENT, 1, message_name(m->kind));
    if (b->config.tap != NULL)
        b->config.tap(b->config.hook_arg, b, entry != NULL ? &entry->peer : &b->binder,
                      true, &sent);
    return 0;
}

const char *
bus_name(const struct bus *b)
{
    return b->name;
}
