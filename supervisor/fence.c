/* fence.c - see fence.h. */
#include "supervisor/fence.h"

#include <sys/timerfd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/supervisor.h"

int64_t
fence_at(int64_t renewed_ms)
{
    return renewed_ms > 0 ? renewed_ms + LEASE_FENCE_MS : INT64_MAX;
}

static bool
writes(const struct unit *u)
{
    return u->row->writes;
}

static void
fall(struct supervisor *s, const char *why)
{
    log_warn(NULL, "%s: ending all that write", why);
    s->leader = false;
    for (size_t i = 0; i < s->n_units; i++)
        if (writes(s->units[i]) && s->units[i]->pid > 0) {
            s->units[i]->fenced = true;
            unit_event(s, s->units[i], EV_FROZEN);
        }
}

static int64_t
last_renewal(const struct supervisor *s)
{
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->row->role == ROLE_WATCHER)
            return atomic_load(&slots_page((struct slots *)&s->slots, s->units[i]->slot)
                                    ->lease_renewed_ms);
    return 0;
}

static void
arm(struct supervisor *s, int64_t at_ms)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000}};

    timerfd_settime(s->fence_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* A page of 0 while we lead: the watcher gave the Lease up, and says so; until then what it
 * told last holds. */
void
fence_check(struct supervisor *s)
{
    int64_t renewed = last_renewal(s), now = clock_boot_ms();

    if (s->fence_fd < 0 || !s->leader)
        return;
    if (renewed > s->renewed_ms)
        s->renewed_ms = renewed;
    if (s->renewed_ms == 0)
        return;
    if (now < fence_at(s->renewed_ms)) {
        arm(s, fence_at(s->renewed_ms));
        return;
    }
    fall(s, "the lease was not renewed for 10 s");
}

void
fence_told(struct supervisor *s, bool leader)
{
    bool led = s->leader;

    s->leader = leader;
    if (s->fence_fd < 0)
        return;
    if (led && !leader)
        fall(s, "another controller leads");
    else
        fence_check(s);
}

static int
on_timer(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    uint64_t times;

    (void)loop;
    if (read(item->fd, &times, sizeof times) == (ssize_t)sizeof times)
        fence_check(arg);
    return 0;
}

int
fence_open(struct supervisor *s, struct err *e)
{
    zmq_pollitem_t item = {.events = ZMQ_POLLIN};

    if (!s->config.leader_elect)
        return 0;
    item.fd = s->fence_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (s->fence_fd < 0)
        return err_errno(e, "timerfd");
    if (zloop_poller(s->loop, &item, on_timer, s) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    return 0;
}

void
fence_close(struct supervisor *s)
{
    if (s->fence_fd >= 0)
        close(s->fence_fd);
    s->fence_fd = -1;
}
