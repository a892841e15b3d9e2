/* loop_poll.c - see loop.h: a loop over poll(2). */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/loop.h"
#include "common/timers.h"

struct watch {
    int fd, events;
    loop_fd_fn *fn;
    void *arg;
};

struct loop_poll {
    struct loop loop; /* first */
    struct watch *watches;
    size_t n_watches, room;
    struct timers *timers;
};

static int
on_watch(struct loop *l, int fd, int events, loop_fd_fn *fn, void *arg, struct err *e)
{
    struct loop_poll *p = (struct loop_poll *)(void *)l;
    size_t i = 0;

    while (i < p->n_watches && p->watches[i].fd != fd)
        i++;
    if (events == 0) {
        if (i < p->n_watches)
            p->watches[i] = p->watches[--p->n_watches];
        return 0;
    }
    if (i == p->n_watches) {
        if (p->n_watches == p->room) {
            size_t room = p->room > 0 ? p->room * 2 : 8;
            struct watch *more = reallocarray(p->watches, room, sizeof *more);
            if (more == NULL)
                return err_set(e, ERR_SYSTEM, "out of memory");
            p->watches = more;
            p->room = room;
        }
        p->n_watches++;
    }
    p->watches[i] = (struct watch){fd, events, fn, arg};
    return 0;
}

static int
on_timer(struct loop *l, int64_t delay_ms, loop_timer_fn *fn, void *arg, struct err *e)
{
    struct loop_poll *p = (struct loop_poll *)(void *)l;
    int number = timers_add(p->timers, clock_mono_ms() + delay_ms, fn, arg);

    return number > 0 ? number : err_set(e, ERR_SYSTEM, "out of memory");
}

static void
on_timer_stop(struct loop *l, int id)
{
    struct loop_poll *p = (struct loop_poll *)(void *)l;

    timers_end(p->timers, id);
}

static void
on_free(struct loop *l)
{
    struct loop_poll *p = (struct loop_poll *)(void *)l;

    free(p->watches);
    timers_free(p->timers);
    free(p);
}

static const struct loop_ops poll_ops = {on_watch, on_timer, on_timer_stop, on_free};

struct loop *
loop_poll_new(struct err *e)
{
    struct loop_poll *p = calloc(1, sizeof *p);

    if (p == NULL || (p->timers = timers_new()) == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        free(p);
        return NULL;
    }
    p->loop.ops = &poll_ops;
    return &p->loop;
}

static void
run_timers(struct loop_poll *p, const bool *done)
{
    uint64_t turn = timers_turn(p->timers);
    int64_t now = clock_mono_ms();
    struct timer_call due;

    while (!*done && timers_take(p->timers, now, turn, &due))
        due.fn(due.arg);
}

static void
run_watches(struct loop_poll *p, const struct pollfd *fds, size_t n, const bool *done)
{
    for (size_t i = 0; i < n && !*done; i++) {
        int events = 0;
        if (fds[i].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
            events |= LOOP_READ;
        if (fds[i].revents & (POLLOUT | POLLERR | POLLNVAL))
            events |= LOOP_WRITE;
        for (size_t j = 0; j < p->n_watches && events != 0; j++) {
            struct watch w = p->watches[j];
            if (w.fd != fds[i].fd)
                continue;
            if (fds[i].revents & (POLLHUP | POLLERR | POLLNVAL))
                events |= w.events; /* whoever waits must hear of it */
            w.fn(w.arg, w.fd, events);
            break;
        }
    }
}

int
loop_poll_run(struct loop *l, const bool *done, int64_t wait_ms, struct err *e)
{
    struct loop_poll *p = (struct loop_poll *)(void *)l;
    int64_t end = wait_ms < 0 ? INT64_MAX : clock_mono_ms() + wait_ms;

    while (!*done) {
        int64_t now = clock_mono_ms();
        int64_t next = timers_next(p->timers);
        int64_t until = next >= 0 && next < end ? next : end;
        if (now >= end || (until == INT64_MAX && p->n_watches == 0))
            return 0;
        struct pollfd *fds = calloc(p->n_watches + 1, sizeof *fds);
        if (fds == NULL)
            return err_set(e, ERR_SYSTEM, "out of memory");
        size_t n = p->n_watches;
        for (size_t i = 0; i < n; i++) {
            fds[i].fd = p->watches[i].fd;
            fds[i].events = (short)((p->watches[i].events & LOOP_READ ? POLLIN : 0) |
                                    (p->watches[i].events & LOOP_WRITE ? POLLOUT : 0));
        }
        int64_t sleep_ms = until == INT64_MAX ? -1 : until > now ? until - now : 0;
        int rc = poll(fds, (nfds_t)n, sleep_ms > 3600000 ? 3600000 : (int)sleep_ms);
        if (rc < 0 && errno != EINTR) {
            free(fds);
            return err_errno(e, "poll");
        }
        if (rc > 0)
            run_watches(p, fds, n, done);
        free(fds);
        run_timers(p, done);
    }
    return 1;
}
