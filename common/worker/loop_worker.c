/* loop_worker.c - see loop.h: a worker's loop as common/http sees it. */
#include <stdlib.h>

#include "common/loop.h"
#include "common/worker/worker.h"

struct fd_watch {
    struct fd_watch *next;
    int fd;
    loop_fd_fn *fn;
    void *arg;
};

struct timer {
    struct timer *next, **hook; /* of all, and what points to this one */
    int id;
    loop_timer_fn *fn;
    void *arg;
};

struct loop_worker {
    struct loop loop; /* first */
    struct worker *worker;
    struct fd_watch *watches;
    struct timer *timers;
};

static void
on_ready(void *arg, struct worker *w UNUSED, int fd, int events)
{
    struct fd_watch *watch = arg;
    int seen = 0;

    if (events & (WATCH_IN | WATCH_ERR))
        seen |= LOOP_READ;
    if (events & (WATCH_OUT | WATCH_ERR))
        seen |= LOOP_WRITE;
    watch->fn(watch->arg, fd, seen);
}

static struct fd_watch **
find_watch(struct loop_worker *l, int fd)
{
    struct fd_watch **at = &l->watches;

    while (*at != NULL && (*at)->fd != fd)
        at = &(*at)->next;
    return at;
}

static int
on_watch(struct loop *l, int fd, int events, loop_fd_fn *fn, void *arg, struct err *e)
{
    struct loop_worker *self = (struct loop_worker *)(void *)l;
    struct fd_watch **at = find_watch(self, fd);

    if (events == 0) {
        struct fd_watch *old = *at;
        worker_unwatch(self->worker, fd);
        if (old != NULL) {
            *at = old->next;
            free(old);
        }
        return 0;
    }
    if (*at == NULL && (*at = calloc(1, sizeof **at)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    (*at)->fd = fd;
    (*at)->fn = fn;
    (*at)->arg = arg;
    int wanted =
        (events & LOOP_READ ? WATCH_IN : 0) | (events & LOOP_WRITE ? WATCH_OUT : 0);
    if (worker_watch(self->worker, fd, wanted, on_ready, *at) < 0)
        return err_set(e, ERR_SYSTEM, "cannot watch descriptor %d", fd);
    return 0;
}

static void
timer_free(struct timer *t)
{
    *t->hook = t->next;
    if (t->next != NULL)
        t->next->hook = t->hook;
    free(t);
}

static void
on_due(void *arg, struct worker *w UNUSED)
{
    struct timer *t = arg;
    loop_timer_fn *fn = t->fn;
    void *fn_arg = t->arg;

    timer_free(t);
    fn(fn_arg);
}

static int
on_timer(struct loop *l, int64_t delay_ms, loop_timer_fn *fn, void *arg, struct err *e)
{
    struct loop_worker *self = (struct loop_worker *)(void *)l;
    struct timer *t = calloc(1, sizeof *t);

    if (t == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    *t =
        (struct timer){.next = self->timers, .hook = &self->timers, .fn = fn, .arg = arg};
    t->id = worker_after(self->worker, delay_ms, on_due, t);
    if (t->id < 0) {
        free(t);
        return err_set(e, ERR_SYSTEM, "cannot set a timer");
    }
    if (t->next != NULL)
        t->next->hook = &t->next;
    self->timers = t;
    return t->id;
}

static void
on_timer_stop(struct loop *l, int id)
{
    struct loop_worker *self = (struct loop_worker *)(void *)l;
    struct timer *t = worker_cancel(self->worker, id);

    if (t != NULL)
        timer_free(t);
}

static void
on_free(struct loop *l)
{
    struct loop_worker *self = (struct loop_worker *)(void *)l;

    while (self->watches != NULL)
        on_watch(l, self->watches->fd, 0, NULL, NULL, NULL);
    while (self->timers != NULL) {
        worker_cancel(self->worker, self->timers->id);
        timer_free(self->timers);
    }
    free(self);
}

static const struct loop_ops worker_ops = {on_watch, on_timer, on_timer_stop, on_free};

struct loop *
loop_worker_new(struct worker *w, struct err *e)
{
    struct loop_worker *l = calloc(1, sizeof *l);

    if (l == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    l->loop.ops = &worker_ops;
    l->worker = w;
    return &l->loop;
}
