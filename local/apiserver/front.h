/* front.h - the listening socket and its connections, on libmicrohttpd without its threads.
 *
 * Answers to writes wait for the commit at the end of the loop's turn (group commit); streams
 * are suspended while there is nothing to tell, and a peer that hangs up meanwhile is
 * noticed. */
#ifndef KELOS_LOCAL_APISERVER_FRONT_H
#define KELOS_LOCAL_APISERVER_FRONT_H

#include "common/loop.h"
#include "local/apiserver/api.h"

struct front;

/* Takes over the listening socket `fd`. Requests must carry `token`; both are borrowed. Called
 * back: `after` at the end of each turn that ran requests (it commits what they wrote and
 * returns false when that failed). Returns a server the caller owns, or NULL with *e. */
struct front *front_new(struct server *s, struct loop *loop, int fd, const char *token,
                        bool (*after)(void *arg), void *arg, struct err *e);
/* Ends all connections. */
void front_free(struct front *h);
SCOPED_DEFINE(front)

/* A turn of work outside of requests has woken streams: let their connections go on. */
void front_turn(struct front *h);

#endif
