/* timers.h - the timers of a loop: calls that are due at a time, known by a number.
 *
 * However many there are, adding and ending one takes log n steps, and the loop itself needs one
 * alarm only, for the time of timers_next. Times are monotonic milliseconds. */
#ifndef KELOS_COMMON_TIMERS_H
#define KELOS_COMMON_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/scoped.h"

struct timers;
typedef void timer_fn(void *arg);

/* A call that is due. */
struct timer_call {
    timer_fn *fn;
    void *arg;
};

/* NULL when memory ran out. */
struct timers *timers_new(void);
/* Forgets all of them; NULL is allowed. */
void timers_free(struct timers *t);
SCOPED_DEFINE(timers)

/* Returns its number, above 0 and of no other that is there; -1 when memory ran out. `arg` is
 * borrowed until the call is taken or ended. */
int timers_add(struct timers *t, int64_t at_ms, timer_fn *fn, void *arg);
/* Ends it, and returns the arg it was given; NULL when there is none of that number. */
void *timers_end(struct timers *t, int number);
/* When the first of them is due; -1 without any. */
int64_t timers_next(const struct timers *t);

/* All that are added from now on are of a later turn. */
uint64_t timers_turn(const struct timers *t);
/* Takes out the first that is due at now_ms and was added before that turn; false when there is
 * none. So what a call adds for "at once" comes after whatever else its loop has to do. */
bool timers_take(struct timers *t, int64_t now_ms, uint64_t turn,
                 struct timer_call *call);

#endif
