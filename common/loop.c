/* loop.c - see loop.h. */
#include "common/loop.h"

#include <stddef.h>

int
loop_watch(struct loop *l, int fd, int events, loop_fd_fn *fn, void *arg, struct err *e)
{
    return l->ops->watch(l, fd, events, fn, arg, e);
}

int
loop_timer(struct loop *l, int64_t delay_ms, loop_timer_fn *fn, void *arg, struct err *e)
{
    return l->ops->timer(l, delay_ms < 0 ? 0 : delay_ms, fn, arg, e);
}

void
loop_timer_stop(struct loop *l, int id)
{
    if (id > 0)
        l->ops->timer_stop(l, id);
}

void
loop_free(struct loop *l)
{
    if (l != NULL)
        l->ops->free(l);
}
