/* listen.h - the run directory: its lock, its listening sockets; and the local port. */
#ifndef KELOS_SUPERVISOR_LISTEN_H
#define KELOS_SUPERVISOR_LISTEN_H

#include <stdint.h>

#include "common/err.h"

/* Makes the directory (0700, with its parents) and takes its lock. Returns the lock's
 * descriptor, or -1 with *e set; when another supervisor holds it, *e names its pid. */
int listen_lock(const char *run_dir, struct err *e);

/* A listening socket at run_dir/name, in place of any stale one. Workers inherit it, so
 * what connects while its worker restarts waits. Returns the descriptor, or -1 with
 * *e. */
int listen_open(const char *run_dir, const char *name, struct err *e);

/* A socket that has this port of all addresses, IPv6 and IPv4. It does not listen yet: the worker
 * that serves it does so when it can answer, and before that whoever dials is refused at once and
 * tries elsewhere. Returns the descriptor, or -1 with *e set. */
int listen_tcp(int port, struct err *e);
/* Its worker is dead: refuse again. What it has not taken in is closed. */
void listen_refuse(int fd);

/* The loopback port of the local API server: `wanted`, or when 0 the one kept in `file`,
 * or a free one that is then kept. Returns it, or -1 with *e (in use, not writable). */
int listen_port(int64_t wanted, const char *file, struct err *e);

#endif
