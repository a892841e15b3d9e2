/* worker_keys.c - buses over tcp: who comes with a key, and who goes with one. */
#include "common/worker/worker_self.h"

#include "common/log.h"

#define BACKLOG 256

bool
worker_check_key(void *arg, const char *domain, const char *public_key, char *user_id)
{
    struct worker *w = arg;

    (void)domain;
    return w->keys.known != NULL && w->keys.known(w->keys.arg, public_key, user_id);
}

bool
worker_has_listener(const struct worker *w, const char *name)
{
    return worker_listener(w, name) >= 0;
}

/* The port of a listening socket, for the endpoint that messages name. */
static int
port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return 0;
    return address.ss_family == AF_INET6
               ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
               : ntohs(((struct sockaddr_in *)&address)->sin_port);
}

int
worker_bind_keys(struct worker *w, struct bus *bus, const char *listener,
                 const char *server_secret, const struct worker_keys *keys, struct err *e)
{
    int fd = worker_listener(w, listener);
    char endpoint[64];

    if (fd < 0)
        return err_set(e, ERR_INVALID, "bus %s: no --listener %s=FD was given",
                       bus_name(bus), listener);
    if (listen(fd, BACKLOG) < 0)
        return err_errno(e, "bus %s: tcp port %d", bus_name(bus), port_of(fd));
    snprintf(endpoint, sizeof endpoint, "tcp://*:%d", port_of(fd));
    w->keys = *keys;
    if (bus_listen_keys(bus, fd, endpoint, server_secret, e) < 0)
        return -1;
    log_info(NULL, "bus %s: spawners in Pods may join at %s", bus_name(bus), endpoint);
    return 0;
}

struct bus *
worker_connect_keys(struct worker *w, const char *endpoint, const struct bus_keys *keys,
                    const struct bus_calls *calls, struct err *e)
{
    char unused[512], id[BUSKEY_WORKER_SIZE];
    struct bus_config config = worker_bus_setup(w, "source", unused, sizeof unused);

    buskey_worker(keys->own.public_key, id);
    peer_format(&w->self, w->spec.role, id, 1);
    config.endpoint = endpoint;
    config.calls = *calls;
    config.binder = ROLE_RECONCILER;
    config.keys = keys;
    return worker_keep(w, bus_connect(w->loop, &config, e));
}
