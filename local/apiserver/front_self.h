/* front_self.h - what the two halves of the front share: an exchange and its owner. */
#ifndef KELOS_LOCAL_APISERVER_FRONT_SELF_H
#define KELOS_LOCAL_APISERVER_FRONT_SELF_H

#include <microhttpd.h>

#include "local/apiserver/front.h"

enum state { STATE_BODY, STATE_WAITING, STATE_DECIDED, STATE_SENT };

/* One request, from its first header to its end. */
struct exchange {
    struct front *h;
    struct MHD_Connection *conn;
    struct exchange *next_waiting; /* for the commit */
    struct exchange *prev, *next;  /* all of the server's */
    char *url;                     /* path as sent; owned */
    struct buf body;
    struct reply reply;
    enum state state;
    bool suspended, hung_up, refused;
    int fd;           /* of the connection while its hang-up is watched, else -1 */
    int64_t taken_ms; /* stream: when its peer last took something; 0: none is waiting */
};

struct front {
    struct server *s;
    struct loop *loop;
    struct MHD_Daemon *daemon;
    int epoll_fd; /* libmicrohttpd's */
    int hangups;  /* ours: sockets of suspended streams */
    const char *token;
    bool (*after)(void *arg);
    void *arg;
    struct exchange *waiting; /* for the commit */
    struct exchange *all;
    int timer;
    int stall_timer; /* while a peer takes its time, 0 */
    bool in_turn;
};

/* Lets a suspended connection go on; nothing on any other. */
void exchange_resume(struct exchange *x);
/* Stops watching the connection for a hang-up. */
void exchange_forget_hangup(struct exchange *x);

/* The answer of an exchange whose reply is a stream: read at the pace of its peer, suspended
 * while there is nothing to tell. A peer that takes nothing for half a minute is let go.
 * Returns NULL when out of memory. */
struct MHD_Response *front_stream_response(struct exchange *x);
/* Callback of the loop for `hangups`: peers of suspended streams that went away. */
void front_on_hangup(void *arg, int fd, int events);

#endif
