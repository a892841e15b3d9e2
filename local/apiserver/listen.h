/* listen.h - the local API server's socket. */
#ifndef KELOS_LOCAL_APISERVER_LISTEN_H
#define KELOS_LOCAL_APISERVER_LISTEN_H

#include "common/err.h"

/* Binds 127.0.0.1:port (0: any) and listens. Returns the descriptor, which the caller owns, and
 * sets *port, or -1 with one sentence that says what to do when the port is in use. */
int loopback_listen(int *port, struct err *e);

#endif
