/* bus_socket.c - the sockets of a bus: making them, following connections, knowing
 * peers. */
#include "common/bus/bus_socket.h"

#include <sys/un.h>

#include "common/clock.h"
#include "common/log.h"

#define RENEW_FIRST_MS 50 /* after a refusal the socket is made anew; doubling */
#define RENEW_CAP_MS 2000

/* ---- peers of a bound bus ---- */

static struct bus_entry *
entry_any(const struct bus *b, const char *user_id)
{
    for (size_t i = 0; i < b->n_entries; i++)
        if (strcmp(b->entries[i]->peer.user_id, user_id) == 0)
            return b->entries[i];
    return NULL;
}

struct bus_entry *
bus_entry_of(const struct bus *b, const char *user_id)
{
    struct bus_entry *entry = entry_any(b, user_id);

    return entry != NULL && !entry->lost ? entry : NULL;
}

static void
entry_free(struct bus_entry *entry)
{
    zframe_destroy(&entry->routing);
    zframe_destroy(&entry->previous);
    free(entry);
}

/* Takes it out of the table, tells the owner, frees it. */
static void
entry_remove(struct bus *b, struct bus_entry *entry)
{
    for (size_t i = 0; i < b->n_entries; i++)
        if (b->entries[i] == entry) {
            memmove(&b->entries[i], &b->entries[i + 1],
                    (b->n_entries - i - 1) * sizeof *b->entries);
            b->n_entries--;
            break;
        }
    if (b->config.calls.gone != NULL)
        b->config.calls.gone(b->config.calls.arg, b, &entry->peer);
    entry_free(entry);
}

/* The other end of a tcp connection. libzmq's thread owns the descriptor and may have closed
 * it: then this fails, or names another end than before. */
static int
address_of(int fd, struct sockaddr_storage *out)
{
    socklen_t size = sizeof *out;

    memset(out, 0, sizeof *out);
    return getpeername(fd, (struct sockaddr *)out, &size) == 0 &&
                   (out->ss_family == AF_INET || out->ss_family == AF_INET6)
               ? 0
               : -1;
}

void
bus_shut(int fd, const struct sockaddr_storage *address)
{
    struct sockaddr_storage now;

    if (fd >= 0 && address_of(fd, &now) == 0 &&
        (address == NULL || memcmp(&now, address, sizeof now) == 0))
        shutdown(fd, SHUT_RDWR);
}

static int
entry_add(struct bus *b, const struct peer *peer, zframe_t *routing, zframe_t *previous,
          int fd)
{
    struct bus_entry *entry = calloc(1, sizeof *entry);

    if (b->n_entries == b->capacity) {
        size_t capacity = b->capacity > 0 ? b->capacity * 2 : 8;
        struct bus_entry **grown = realloc(b->entries, capacity * sizeof(*grown));

        if (grown != NULL) {
            b->entries = grown;
            b->capacity = capacity;
        }
    }
    if (entry == NULL || b->n_entries == b->capacity) {
        free(entry);
        zframe_destroy(&previous);
        return -1;
    }
    entry->peer = *peer;
    entry->routing = zframe_dup(routing);
    entry->previous = previous;
    entry->fd = fd >= 0 && address_of(fd, &entry->address) == 0 ? fd : -1;
    b->entries[b->n_entries++] = entry;
    if (b->config.calls.joined != NULL)
        b->config.calls.joined(b->config.calls.arg, b, peer);
    return 0;
}

int
bus_peer_seen(struct bus *b, const struct peer *proven, zframe_t *routing, int fd)
{
    struct bus_entry *entry = entry_any(b, proven->user_id);
    zframe_t *previous = NULL;

    if (entry != NULL) {
        if (!entry->lost && zframe_eq(entry->routing, routing))
            return 0;
        if (entry->previous != NULL && zframe_eq(entry->previous, routing))
            return -1;
        previous = zframe_dup(entry->routing);
        entry_remove(b, entry);
    }
    return entry_add(b, proven, routing, previous, fd);
}

static int
on_sweep(zloop_t *loop, int timer, void *arg)
{
    struct bus *b = arg;
    bool again = true;

    (void)loop;
    (void)timer;
    b->sweep_timer = 0;
    while (again) {
        again = false;
        for (size_t i = 0; i < b->n_entries && !again; i++)
            if (b->entries[i]->lost) {
                entry_remove(b, b->entries[i]);
                again = true;
            }
    }
    return b->config.end != NULL ? b->config.end(b->config.hook_arg) : 0;
}

void
bus_peer_lost(struct bus *b, struct bus_entry *entry)
{
    entry->lost = true;
    if (b->sweep_timer == 0)
        b->sweep_timer = zloop_timer(b->loop, 0, 1, on_sweep, b);
}

void
bus_forget(struct bus *b, const char *user_id)
{
    struct bus_entry *entry = entry_any(b, user_id);

    if (entry != NULL)
        entry_remove(b, entry);
}

void
bus_expel(struct bus *b, const char *user_id)
{
    struct bus_entry *entry = entry_any(b, user_id);

    if (entry == NULL)
        return;
    bus_shut(entry->fd, &entry->address);
    entry_remove(b, entry);
}

const struct peer *
bus_peer(const struct bus *b, const char *user_id)
{
    struct bus_entry *entry;

    if (!b->bound)
        return b->up ? &b->binder : NULL;
    entry = user_id != NULL ? bus_entry_of(b, user_id) : NULL;
    return entry != NULL ? &entry->peer : NULL;
}

const struct peer *
bus_next_peer(const struct bus *b, const struct peer *previous)
{
    size_t i = 0;

    if (previous != NULL) {
        while (i < b->n_entries && &b->entries[i]->peer != previous)
            i++;
        i++;
    }
    while (i < b->n_entries && b->entries[i]->lost)
        i++;
    return i < b->n_entries ? &b->entries[i]->peer : NULL;
}

/* ---- sockets ---- */

static void
set_options(zsock_t *sock)
{
    zsock_set_linger(sock, 0);
    zsock_set_sndhwm(sock, BUS_QUEUE);
    zsock_set_rcvhwm(sock, BUS_QUEUE);
    zsock_set_maxmsgsize(sock, (int)MESSAGE_MAX_BYTES);
    zsock_set_reconnect_ivl(sock, BUS_RECONNECT_MS);
}

/* What only connections over tcp need: to notice that the other end is gone without a word,
 * and not to wait long for what does not answer. */
static void
set_tcp_options(zsock_t *sock)
{
    zsock_set_heartbeat_ivl(sock, BUS_TCP_HEARTBEAT_MS);
    zsock_set_heartbeat_timeout(sock, BUS_TCP_SILENT_MS);
    zsock_set_handshake_ivl(sock, BUS_TCP_CONNECT_MS);
    zsock_set_tcp_maxrt(sock, BUS_TCP_SILENT_MS);
}

static void
set_key_options(struct bus *b)
{
    set_tcp_options(b->sock);
    zsock_set_reconnect_ivl(b->sock, BUS_TCP_RECONNECT_MS);
    zsock_set_reconnect_ivl_max(b->sock, BUS_TCP_RECONNECT_CAP_MS);
    zsock_set_connect_timeout(b->sock, BUS_TCP_CONNECT_MS);
    zsock_set_ipv6(b->sock, 1);
    zsock_set_curve_serverkey(b->sock, b->keys.server);
    zsock_set_curve_publickey(b->sock, b->keys.own.public_key);
    zsock_set_curve_secretkey(b->sock, b->keys.own.secret_key);
}

static struct bus *
bus_new(zloop_t *loop, const struct bus_config *config, bool bound, struct err *e)
{
    struct bus *b = calloc(1, sizeof *b);

    if (b == NULL) {
        err_set(e, ERR_SYSTEM, "bus %s: out of memory", config->name);
        return NULL;
    }
    b->loop = loop;
    b->bound = bound;
    b->config = *config;
    b->self = *config->self;
    b->config.self = &b->self;
    if (config->keys != NULL) {
        b->keys = *config->keys;
        b->config.keys = &b->keys;
    }
    snprintf(b->name, sizeof b->name, "%s", config->name);
    snprintf(b->endpoint, sizeof b->endpoint, "%s", config->endpoint);
    b->renew_ms = RENEW_FIRST_MS;
    peer_format(&b->binder, bound ? config->self->role : config->binder, "unknown", 0);
    return b;
}

static int
check_path(const struct bus *b, struct err *e)
{
    const char *path = b->endpoint;

    if (strncmp(path, "ipc://", 6) == 0 &&
        strlen(path + 6) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return err_set(
            e, ERR_INVALID,
            "%s: longer than the %zu bytes that a socket's path may have; use a run "
            "directory with a shorter name",
            path + 6, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
    return 0;
}

struct bus *
bus_bind(zloop_t *loop, const struct bus_config *config, struct err *e)
{
    SCOPED(bus) struct bus *b = bus_new(loop, config, true, e);

    if (b == NULL || check_path(b, e) < 0)
        return NULL;
    if ((b->sock = zsock_new(ZMQ_ROUTER)) == NULL) {
        err_set(e, ERR_SYSTEM, "bus %s: %s", b->name, zmq_strerror(errno));
        return NULL;
    }
    set_options(b->sock);
    zsock_set_router_mandatory(b->sock, 1);
    zsock_set_zap_domain(b->sock, b->name);
    if (config->listener >= 0)
        zsock_set_use_fd(b->sock, config->listener);
    if (zsock_bind(b->sock, "%s", b->endpoint) < 0) {
        err_set(e, ERR_SYSTEM, "bus %s: bind %s: %s", b->name, b->endpoint,
                zmq_strerror(errno));
        return NULL;
    }
    if (zloop_reader(loop, b->sock, bus_on_readable, b) < 0) {
        err_set(e, ERR_SYSTEM, "bus %s: out of memory", b->name);
        return NULL;
    }
    zloop_reader_set_tolerant(loop, b->sock);
    return TAKE(b);
}

int
bus_listen_keys(struct bus *b, int listener, const char *endpoint,
                const char *server_secret, struct err *e)
{
    /* Options hold for what is bound after they were set: ipc stays as it was. */
    set_tcp_options(b->sock);
    zsock_set_ipv6(b->sock, 1);
    zsock_set_use_fd(b->sock, listener);
    zsock_set_curve_server(b->sock, 1);
    zsock_set_curve_secretkey(b->sock, server_secret);
    if (zsock_bind(b->sock, "%s", endpoint) < 0)
        return err_set(e, ERR_SYSTEM, "bus %s: bind %s: %s", b->name, endpoint,
                       zmq_strerror(errno));
    b->keyed = true;
    return 0;
}

/* ---- the connected end ---- */

static int connect_socket(struct bus *b, struct err *e);

static void
close_socket(struct bus *b)
{
    if (b->watch != NULL) {
        zloop_reader_end(b->loop, b->watch);
        zmq_socket_monitor(zsock_resolve(b->sock), NULL, 0);
        zsock_destroy(&b->watch);
    }
    if (b->sock != NULL) {
        zloop_reader_end(b->loop, b->sock);
        zsock_destroy(&b->sock);
    }
}

static int
on_renew(zloop_t *loop, int timer, void *arg)
{
    struct bus *b = arg;
    struct err e = ERR_INIT;

    (void)loop;
    (void)timer;
    b->renew_timer = 0;
    close_socket(b);
    if (connect_socket(b, &e) < 0) {
        log_error(NULL, "%s", e.text);
        close_socket(b);
        b->renew_timer = zloop_timer(b->loop, RENEW_CAP_MS, 1, on_renew, b);
    }
    return 0;
}

static void
went_down(struct bus *b)
{
    if (!b->up)
        return;
    b->up = false;
    if (b->config.calls.gone != NULL)
        b->config.calls.gone(b->config.calls.arg, b, &b->binder);
}

/* libzmq gives up on a socket that was refused: only a new one tries again. */
static void
was_refused(struct bus *b)
{
    went_down(b);
    if (b->renew_timer != 0)
        return;
    log_warn(NULL, "bus %s: refused, trying again in %lld ms", b->name,
             (long long)b->renew_ms);
    b->renew_timer = zloop_timer(b->loop, (size_t)b->renew_ms, 1, on_renew, b);
    int64_t cap = b->config.keys != NULL ? BUS_TCP_RECONNECT_CAP_MS : RENEW_CAP_MS;
    b->renew_ms = b->renew_ms * 2 < cap ? b->renew_ms * 2 : cap;
}

static void
on_event(struct bus *b, unsigned event)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        b->renew_ms = RENEW_FIRST_MS;
        went_down(b);
        b->up = true;
        if (b->config.calls.joined != NULL)
            b->config.calls.joined(b->config.calls.arg, b, &b->binder);
        break;
    case ZMQ_EVENT_DISCONNECTED:
        went_down(b);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        was_refused(b);
        break;
    default:
        break;
    }
}

static int
on_watch(zloop_t *loop, zsock_t *sock, void *arg)
{
    struct bus *b = arg;
    zmsg_t *msg;
    uint16_t event = 0;
    int rc = 0;

    (void)loop;
    if (b->config.begin != NULL)
        b->config.begin(b->config.hook_arg);
    if ((msg = zmsg_recv(sock)) != NULL && zmsg_first(msg) != NULL &&
        zframe_size(zmsg_first(msg)) >= sizeof event) {
        memcpy(&event, zframe_data(zmsg_first(msg)), sizeof event);
        on_event(b, event);
    }
    zmsg_destroy(&msg);
    if (b->config.end != NULL)
        rc = b->config.end(b->config.hook_arg);
    return rc;
}

static int
watch_socket(struct bus *b)
{
    char endpoint[64];

    /* Never a name that was used before: the old one may still be closing. */
    snprintf(endpoint, sizeof endpoint, "inproc://watch-%lld",
             (long long)clock_mono_ns());
    if (zmq_socket_monitor(zsock_resolve(b->sock), endpoint,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) < 0)
        return -1;
    if ((b->watch = zsock_new(ZMQ_PAIR)) == NULL ||
        zsock_connect(b->watch, "%s", endpoint) < 0)
        return -1;
    if (zloop_reader(b->loop, b->watch, on_watch, b) < 0)
        return -1;
    zloop_reader_set_tolerant(b->loop, b->watch);
    return 0;
}

static int
connect_socket(struct bus *b, struct err *e)
{
    if ((b->sock = zsock_new(ZMQ_DEALER)) == NULL)
        return err_set(e, ERR_SYSTEM, "bus %s: %s", b->name, zmq_strerror(errno));
    set_options(b->sock);
    if (b->config.keys != NULL)
        set_key_options(b);
    if (watch_socket(b) < 0 || zsock_connect(b->sock, "%s", b->endpoint) < 0 ||
        zloop_reader(b->loop, b->sock, bus_on_readable, b) < 0)
        return err_set(e, ERR_SYSTEM, "bus %s: connect %s: %s", b->name, b->endpoint,
                       zmq_strerror(errno));
    zloop_reader_set_tolerant(b->loop, b->sock);
    return 0;
}

struct bus *
bus_connect(zloop_t *loop, const struct bus_config *config, struct err *e)
{
    SCOPED(bus) struct bus *b = bus_new(loop, config, false, e);

    if (b == NULL || check_path(b, e) < 0 || connect_socket(b, e) < 0)
        return NULL;
    return TAKE(b);
}

void
bus_free(struct bus *b)
{
    if (b == NULL)
        return;
    if (b->sweep_timer != 0)
        zloop_timer_end(b->loop, b->sweep_timer);
    if (b->renew_timer != 0)
        zloop_timer_end(b->loop, b->renew_timer);
    close_socket(b);
    for (size_t i = 0; i < b->n_entries; i++)
        entry_free(b->entries[i]);
    free(b->entries);
    explicit_bzero(&b->keys, sizeof b->keys);
    free(b);
}
