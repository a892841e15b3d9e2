/* deadlines.h - things that have a time, the earliest at hand.
 *
 *     struct job { struct deadline due; ... };
 *     deadlines_set(&d, &job->due, now + 100);
 *     while ((first = deadlines_first(&d)) != NULL && first->at_ms <= now) ...
 *
 * A binary heap of parts of other structures: setting, moving and dropping one of n takes
 * log n steps, looking at the first takes one. Of equal times the one that was set before the
 * other comes first. */
#ifndef KELOS_COMMON_DEADLINES_H
#define KELOS_COMMON_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

/* All zero: has no time. */
struct deadline {
    int64_t at_ms;  /* on whichever clock the caller goes by */
    uint64_t order; /* grows with each time that is set */
    size_t place;   /* in the heap, from 1; 0: has no time */
};

/* All zero: empty. What is in it is borrowed. */
struct deadlines {
    struct deadline **heap;
    size_t n, room;
    uint64_t order;
};

/* Gives it this time, whether it had one or not. Without memory the program ends. */
void deadlines_set(struct deadlines *d, struct deadline *it, int64_t at_ms);
/* It has no time any more; nothing happens when it had none. */
void deadlines_drop(struct deadlines *d, struct deadline *it);
/* The earliest; NULL when there is none. */
struct deadline *deadlines_first(const struct deadlines *d);
/* The earliest's time; -1 when there is none. */
int64_t deadlines_next(const struct deadlines *d);
/* Frees the heap; what was in it is not touched. */
void deadlines_clear(struct deadlines *d);

#endif
