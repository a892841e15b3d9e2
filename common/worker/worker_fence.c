/* worker_fence.c - who writes asks, before each request, whether this controller still leads.
 *
 * The supervisor kills writers whose Lease was not renewed. A process that was stopped together
 * with the supervisor runs again before that: so each one looks for itself as well, at the
 * beginning of every event and just before a request is sent. */
#include "common/worker/worker_self.h"

#include "common/clock.h"
#include "common/log.h"

bool
worker_lease_holds(int64_t renewed_boot_ms, int64_t now_boot_ms)
{
    return renewed_boot_ms > 0 && now_boot_ms < renewed_boot_ms + WORKER_LEASE_MS;
}

bool
worker_lease_healthy(int64_t renewed_boot_ms, int64_t now_boot_ms)
{
    return renewed_boot_ms <= 0 || now_boot_ms <= renewed_boot_ms + WORKER_LEASE_SICK_MS;
}

static int64_t
renewed_of(const struct worker *w)
{
    struct page *p = (struct page *)(uintptr_t)w->lease_page;

    return atomic_load(&p->lease_renewed_ms);
}

bool
worker_elects(const struct worker *w)
{
    return w->lease_page != NULL;
}

bool
worker_may_write(void *worker)
{
    struct worker *w = worker;

    worker_fence_look(w);
    return w->lease_page == NULL || w->led;
}

bool
worker_healthy(struct worker *w, const char **reason)
{
    *reason = "the Lease was not renewed for long, and nobody has given it up";
    return w->lease_page == NULL || worker_lease_healthy(renewed_of(w), clock_boot_ms());
}

/* What this process holds in its hands was decided while it led: it ends with all of that. */
void
worker_fence_look(struct worker *w)
{
    if (w->lease_page == NULL)
        return;
    if (worker_lease_holds(renewed_of(w), clock_boot_ms())) {
        w->led = true;
        return;
    }
    if (!w->led)
        return;
    log_warn(NULL, "the lease is not ours any more: ending before anything is written");
    if (w->page != NULL)
        atomic_store(&w->page->has_key, 0);
    _exit(1);
}
