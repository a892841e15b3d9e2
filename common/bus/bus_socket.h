/* bus_socket.h - the inside of a bus, shared by bus.c and bus_socket.c only. */
#ifndef KELOS_COMMON_BUS_SOCKET_H
#define KELOS_COMMON_BUS_SOCKET_H

#include <czmq.h>
#include <sys/socket.h>

#include "common/bus/bus.h"

/* A peer of a bound bus. */
struct bus_entry {
    struct peer peer;
    zframe_t *routing; /* where it is now; owned */
    zframe_t
        *previous; /* its replaced connection, whose last messages are dropped; or NULL */
    bool lost;     /* unreachable: `gone` is about to be called */
    int fd;        /* over tcp: its connection, libzmq's; -1: ipc */
    struct sockaddr_storage address; /* of its other end */
};

struct bus {
    zloop_t *loop;  /* borrowed */
    zsock_t *sock;  /* ROUTER or DEALER; owned */
    zsock_t *watch; /* connected: PAIR with the socket's events; owned */
    bool bound;
    bool keyed; /* bound: listens on tcp, too */
    struct bus_keys keys;
    bool up; /* connected: a handshake succeeded */
    char name[64];
    char endpoint[256];
    struct peer self;
    struct peer binder; /* connected: who is there */
    struct bus_config config;
    struct bus_entry **entries; /* bound: owned */
    size_t n_entries, capacity;
    uint64_t sequence; /* of the last message sent */
    uint64_t dropped;
    int64_t drop_logged_ms;
    int sweep_timer;  /* calls `gone` for lost entries; 0: not set */
    int renew_timer;  /* connected: makes a new socket after a refusal; 0: not set */
    int64_t renew_ms; /* the next such delay */
};

int bus_on_readable(zloop_t *loop, zsock_t *sock, void *arg);

/* NULL when unknown or lost. */
struct bus_entry *bus_entry_of(const struct bus *b, const char *user_id);

/* A message of this proven peer came over this routing id. Announces a new one. Returns
 * 0, or -1 when the message is of a replaced connection and must be dropped. */
int bus_peer_seen(struct bus *b, const struct peer *proven, zframe_t *routing, int fd);

/* Closes that connection if it is one of a peer with a key; libzmq notices. `address`: only
 * when its other end is this; NULL: whatever it is. */
void bus_shut(int fd, const struct sockaddr_storage *address);

/* Unreachable: marks it; `gone` follows from the loop, not from within the caller's
 * send. */
void bus_peer_lost(struct bus *b, struct bus_entry *entry);

#endif
