/* worker_loop.c - timers, descriptors and the progress that the supervisor reads. */
#include "common/worker/worker_self.h"

#include <malloc.h>

#include "common/clock.h"
#include "common/log.h"

#define PSS_REFRESH_MS 10000 /* reading it costs a tenth of a millisecond */
/* After so many events, of which each may be a bundle of messages, memory is given back as soon
 * as a while has passed with few. */
#define TRIM_EVENTS 50
#define TRIM_MS 1000
#define TRIM_QUIET 10

struct worker_timer {
    struct worker *w;
    worker_fn *fn;
    void *arg;
};

struct worker_watch {
    struct worker_watch *next;
    struct worker *w;
    watch_fn *fn;
    void *arg;
    zmq_pollitem_t item;
};

/* ---- progress ---- */

static void
read_pss(struct worker *w, int64_t now)
{
    char text[2048];
    ssize_t n;
    const char *line;

    w->pss_read_ms = now;
    if (w->pss_fd < 0 || (n = pread(w->pss_fd, text, sizeof text - 1, 0)) <= 0)
        return;
    text[n] = '\0';
    if ((line = strstr(text, "\nPss:")) != NULL)
        atomic_store_explicit(&w->page->pss_kib, strtoll(line + 5, NULL, 10),
                              memory_order_relaxed);
}

void
worker_begin(void *arg)
{
    struct worker *w = arg;

    worker_fence_look(w);
    w->event_ns = clock_mono_ns();
    if (w->page != NULL)
        atomic_store_explicit(&w->page->busy_since_ms, w->event_ns / 1000000,
                              memory_order_relaxed);
}

static void
on_trim(void *arg UNUSED, struct worker *w)
{
    bool quiet = w->events <= TRIM_QUIET;

    w->events = 0;
    w->trimmer = quiet ? 0 : worker_after(w, TRIM_MS, on_trim, NULL);
    if (quiet)
        malloc_trim(0);
}

/* What a burst took and has freed is of no use to this process, and to others it is. */
static void
count_event(struct worker *w)
{
    if (++w->events < TRIM_EVENTS || w->trimmer > 0)
        return;
    w->events = 0;
    w->trimmer = worker_after(w, TRIM_MS, on_trim, NULL);
}

int
worker_end(void *arg)
{
    struct worker *w = arg;
    int64_t now_ns = clock_mono_ns();

    if (w->page != NULL) {
        atomic_fetch_add_explicit(&w->page->loops, 1, memory_order_relaxed);
        atomic_store_explicit(&w->page->busy_since_ms, 0, memory_order_relaxed);
        metric_observe(w->metrics, METRIC_LOOP_LAG, (double)(now_ns - w->event_ns) / 1e9);
        if (now_ns / 1000000 - w->pss_read_ms > PSS_REFRESH_MS)
            read_pss(w, now_ns / 1000000);
    }
    count_event(w);
    return w->leave ? -1 : 0;
}

void
worker_busy(struct worker *w, const char *key)
{
    if (w->page == NULL)
        return;
    atomic_store_explicit(&w->page->has_key, 0, memory_order_release);
    snprintf(w->page->key, sizeof w->page->key, "%s", key);
    atomic_store_explicit(&w->page->has_key, 1, memory_order_release);
}

void
worker_idle(struct worker *w)
{
    if (w->page == NULL)
        return;
    atomic_store_explicit(&w->page->has_key, 0, memory_order_release);
    atomic_fetch_add_explicit(&w->page->keys_done, 1, memory_order_relaxed);
}

void
worker_progress(struct worker *w)
{
    if (w->page == NULL)
        return;
    atomic_fetch_add_explicit(&w->page->loops, 1, memory_order_relaxed);
    atomic_store_explicit(&w->page->busy_since_ms, clock_mono_ms(), memory_order_relaxed);
}

/* ---- timers ---- */

static int on_alarm(zloop_t *loop, int id, void *arg);

/* The loop has one timer, for the first of ours. One that is too early wakes for nothing, once. */
static void
set_alarm(struct worker *w)
{
    int64_t next = timers_next(w->timers), left = next - clock_mono_ms();

    if (next < 0 || (w->alarm > 0 && w->alarm_ms <= next))
        return;
    if (w->alarm > 0)
        zloop_timer_end(w->loop, w->alarm);
    w->alarm = zloop_timer(w->loop, left > 0 ? (size_t)left : 0, 1, on_alarm, w);
    w->alarm_ms = next;
    if (w->alarm < 0)
        abort();
}

static int
on_alarm(zloop_t *loop UNUSED, int id UNUSED, void *arg)
{
    struct worker *w = arg;
    uint64_t turn = timers_turn(w->timers);
    int64_t now = clock_mono_ms();
    struct timer_call due;

    w->alarm = 0;
    while (timers_take(w->timers, now, turn, &due)) {
        worker_begin(w);
        due.fn(due.arg);
        if (worker_end(w) < 0)
            return -1;
    }
    set_alarm(w);
    return 0;
}

static void
on_due(void *arg)
{
    const struct worker_timer due = *(struct worker_timer *)arg;

    free(arg);
    due.fn(due.arg, due.w);
}

int
worker_after(struct worker *w, int64_t ms, worker_fn *fn, void *arg)
{
    struct worker_timer *t = calloc(1, sizeof *t);
    int number = -1;

    if (t == NULL)
        return -1;
    *t = (struct worker_timer){.w = w, .fn = fn, .arg = arg};
    number = timers_add(w->timers, clock_mono_ms() + (ms > 0 ? ms : 0), on_due, t);
    if (number < 0)
        free(t);
    else
        set_alarm(w);
    return number;
}

void *
worker_cancel(struct worker *w, int timer)
{
    struct worker_timer *t = timers_end(w->timers, timer);
    void *arg = t != NULL ? t->arg : NULL;

    free(t);
    return arg;
}

/* ---- descriptors ---- */

static int
on_fd(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct worker_watch *watch = arg;
    struct worker *w = watch->w;
    int events = 0;

    (void)loop;
    if ((item->revents & ZMQ_POLLIN) != 0)
        events |= WATCH_IN;
    if ((item->revents & ZMQ_POLLOUT) != 0)
        events |= WATCH_OUT;
    if ((item->revents & ZMQ_POLLERR) != 0)
        events |= WATCH_ERR;
    worker_begin(w);
    watch->fn(watch->arg, w, item->fd, events);
    return worker_end(w);
}

void
worker_unwatch(struct worker *w, int fd)
{
    for (struct worker_watch **at = &w->watches; *at != NULL; at = &(*at)->next)
        if ((*at)->item.fd == fd) {
            struct worker_watch *gone = *at;

            *at = gone->next;
            zloop_poller_end(w->loop, &gone->item);
            free(gone);
            return;
        }
}

int
worker_watch(struct worker *w, int fd, int events, watch_fn *fn, void *arg)
{
    struct worker_watch *watch;

    worker_unwatch(w, fd);
    if (events == 0)
        return 0;
    if ((watch = calloc(1, sizeof *watch)) == NULL)
        return -1;
    *watch = (struct worker_watch){.next = w->watches, .w = w, .fn = fn, .arg = arg};
    watch->item.fd = fd;
    watch->item.events = (short)(((events & WATCH_IN) != 0 ? ZMQ_POLLIN : 0) |
                                 ((events & WATCH_OUT) != 0 ? ZMQ_POLLOUT : 0) |
                                 ((events & WATCH_ERR) != 0 ? ZMQ_POLLERR : 0));
    if (zloop_poller(w->loop, &watch->item, on_fd, watch) < 0) {
        free(watch);
        return -1;
    }
    zloop_poller_set_tolerant(w->loop, &watch->item);
    w->watches = watch;
    return 0;
}

struct _zloop_t *
worker_loop(struct worker *w)
{
    return w->loop;
}

void
worker_loop_close(struct worker *w)
{
    struct timer_call left;

    while (w->watches != NULL)
        worker_unwatch(w, w->watches->item.fd);
    while (w->timers != NULL && timers_take(w->timers, INT64_MAX, UINT64_MAX, &left))
        free(left.arg);
    timers_free(w->timers);
    zloop_destroy(&w->loop);
}
