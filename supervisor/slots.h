/* slots.h - the shared pages: one per worker slot, made before the first worker starts.
 *
 * A slot belongs to a worker id as long as there are free ones, so that its counters
 * outlive every incarnation. The statuswriter inherits all of them, read-only. */
#ifndef KELOS_SUPERVISOR_SLOTS_H
#define KELOS_SUPERVISOR_SLOTS_H

#include <stdbool.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/metrics/pages.h"

struct slots {
    struct slot {
        int fd;    /* writable */
        int ro_fd; /* read-only view */
        struct page *page;
        bool in_use; /* a unit has it now */
    } items[LIMIT_WORKER_SLOTS];
    int count; /* made so far */
};

/* Makes all slots; slot 0 is the supervisor's own. Returns 0 or -1 with *e. */
int slots_init(struct slots *s, struct err *e);
void slots_close(struct slots *s);

/* The slot of this worker: the one it had, else an unused one. -1 with *e when
 * LIMIT_WORKER_SLOTS is reached. */
int slots_take(struct slots *s, const char *worker, struct err *e);
void slots_release(struct slots *s, int slot);

struct page *slots_page(struct slots *s, int slot);

#endif
