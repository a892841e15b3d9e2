/* server.h - the forge on a socket: requests in, answers and scripted faults out. */
#ifndef KELOS_LOCAL_FORGE_SERVER_H
#define KELOS_LOCAL_FORGE_SERVER_H

#include "local/forge/forge.h"

struct server;

/* Serves on a listening socket, which it takes. Returns NULL with *e set. */
struct server *server_new(struct forge *f, int listen_fd, struct err *e);
void server_free(struct server *h);
SCOPED_DEFINE(server)

/* The descriptor to wait for, and for how long at most (-1: for ever). */
int server_fd(const struct server *h);
int server_wait_ms(const struct server *h, int64_t now_mono);

/* Does what is due; call after each wait. */
void server_run(struct server *h, int64_t now_mono);

#endif
