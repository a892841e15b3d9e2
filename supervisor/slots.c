/* slots.c - see slots.h. */
#include "supervisor/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
slots_init(struct slots *s, struct err *e)
{
    for (s->count = 0; s->count < LIMIT_WORKER_SLOTS; s->count++) {
        struct slot *slot = &s->items[s->count];
        char name[32];

        snprintf(name, sizeof name, "kelos-page-%d", s->count);
        if ((slot->fd = page_create(name, e)) < 0 ||
            (slot->ro_fd = page_read_only(slot->fd, e)) < 0 ||
            (slot->page = page_map(slot->fd, true, e)) == NULL)
            return -1;
    }
    s->items[0].in_use = true;
    snprintf(s->items[0].page->worker, sizeof s->items[0].page->worker, "supervisor");
    return 0;
}

void
slots_close(struct slots *s)
{
    for (int i = 0; i < s->count; i++) {
        page_unmap(s->items[i].page);
        close(s->items[i].fd);
        close(s->items[i].ro_fd);
    }
    s->count = 0;
}

/* Nobody counts for the worker before; its series go. */
static void
wipe(struct page *p, const char *worker)
{
    atomic_store(&p->n_series, 0);
    memset(p->series, 0, sizeof p->series);
    memset(p->worker, 0, sizeof p->worker);
    snprintf(p->worker, sizeof p->worker, "%s", worker);
    atomic_store(&p->loops, 0);
    atomic_store(&p->keys_done, 0);
    atomic_store(&p->pss_kib, 0);
}

int
slots_take(struct slots *s, const char *worker, struct err *e)
{
    int fresh = -1, old = -1;

    for (int i = 1; i < s->count; i++) {
        struct slot *slot = &s->items[i];

        if (slot->in_use)
            continue;
        if (strncmp(slot->page->worker, worker, sizeof slot->page->worker) == 0) {
            slot->in_use = true;
            return i;
        }
        if (slot->page->worker[0] == '\0' && fresh < 0)
            fresh = i;
        if (old < 0)
            old = i;
    }
    if (fresh < 0)
        fresh = old;
    if (fresh < 0)
        return err_set(e, ERR_LIMIT, "%s: WORKER_SLOTS (%d) workers run already", worker,
                       LIMIT_WORKER_SLOTS);
    wipe(s->items[fresh].page, worker);
    s->items[fresh].in_use = true;
    return fresh;
}

void
slots_release(struct slots *s, int slot)
{
    if (slot > 0)
        s->items[slot].in_use = false;
}

struct page *
slots_page(struct slots *s, int slot)
{
    return s->items[slot].page;
}
