/* front_stream.c - see front_self.h: answers without an end (watches, logs that are followed). */
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "local/apiserver/front_self.h"

#define STREAM_TIMEOUT_S 30 /* a stream whose peer takes nothing */
/* How often such a stream is looked for, while one is waited for. */
#define STALL_LOOK_MS 5000

static void
watch_hangup(struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLONESHOT,
                             .data.ptr = x};

    if (info == NULL || x->fd >= 0)
        return;
    if (epoll_ctl(x->h->hangups, EPOLL_CTL_ADD, info->connect_fd, &ev) == 0)
        x->fd = info->connect_fd;
}

void
exchange_forget_hangup(struct exchange *x)
{
    if (x->fd >= 0)
        epoll_ctl(x->h->hangups, EPOLL_CTL_DEL, x->fd, NULL);
    x->fd = -1;
}

void
exchange_resume(struct exchange *x)
{
    if (!x->suspended)
        return;
    x->suspended = false;
    exchange_forget_hangup(x);
    MHD_resume_connection(x->conn);
}

static void
stream_wake(struct stream *stream)
{
    exchange_resume(stream->owner);
}

/* A peer that has taken nothing for STREAM_TIMEOUT_S is let go: what it was to be told stays in
 * the log, and it may resume from there. libmicrohttpd's own time limit does not come into
 * its timer once such a connection was suspended. */
static void
on_stall(void *arg)
{
    struct front *h = arg;
    struct err e = ERR_INIT;
    int64_t now = clock_mono_ms();
    bool flowing = false;

    h->stall_timer = 0;
    for (struct exchange *x = h->all; x != NULL; x = x->next) {
        if (x->taken_ms == 0)
            continue;
        flowing = true;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(x->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info != NULL && now - x->taken_ms >= STREAM_TIMEOUT_S * 1000) {
            log_info(NULL, "%s: the watcher takes nothing: its connection is closed",
                     x->url);
            shutdown(info->connect_fd, SHUT_RDWR);
        }
    }
    if (flowing)
        h->stall_timer = loop_timer(h->loop, STALL_LOOK_MS, on_stall, h, &e);
}

static void
note_taken(struct exchange *x)
{
    struct err e = ERR_INIT;

    x->taken_ms = clock_mono_ms();
    if (x->h->stall_timer == 0)
        x->h->stall_timer = loop_timer(x->h->loop, STALL_LOOK_MS, on_stall, x->h, &e);
}

static ssize_t
stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
    struct exchange *x = cls;
    long n;

    (void)pos;
    if (x->hung_up)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = x->reply.stream->read(x->reply.stream, out, max);
    if (n != 0)
        note_taken(x);
    if (n > 0)
        return n;
    if (n < 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    x->taken_ms = 0;
    x->suspended = true;
    MHD_suspend_connection(x->conn);
    watch_hangup(x);
    return 0;
}

struct MHD_Response *
front_stream_response(struct exchange *x)
{
    x->reply.stream->owner = x;
    x->reply.stream->wake = stream_wake;
    MHD_set_connection_option(x->conn, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768, stream_read, x,
                                             NULL);
}

void
front_on_hangup(void *arg, int fd, int events)
{
    struct front *h = arg;
    struct epoll_event ev[32];
    int n = epoll_wait(fd, ev, 32, 0);

    (void)events;
    for (int i = 0; i < n; i++) {
        struct exchange *x = ev[i].data.ptr;

        x->hung_up = true;
        exchange_resume(x);
    }
    front_turn(h);
}
