/* queue.h - the work queue: one entry per key, deadlines in one heap, back-off per key.
 *
 * A key is a text ("task/0/dev/fix-42"). What is added while a key is processed is not lost
 * and not run beside it: the key comes again when it is done. Times are monotonic
 * milliseconds and are handed in. */
#ifndef KELOS_RECONCILER_QUEUE_H
#define KELOS_RECONCILER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/scoped.h"

struct queue;

/* The first delay after a failure, doubled by each further one up to the cap. */
#define QUEUE_RETRY_FIRST_MS 5
#define QUEUE_RETRY_CAP_MS 300000
/* Retries of all keys together: so many at once, then one each so many milliseconds. */
#define QUEUE_RETRY_BURST 100
#define QUEUE_RETRY_EVERY_MS 100
/* How many keys with news are taken in a row while others wait that have time. */
#define QUEUE_LOW_TURN 64

struct queue *queue_new(void);
/* How long keys wait is measured by this clock (monotonic); without one it is not. */
void queue_measure(struct queue *q, int64_t (*clock_ms)(void));
void queue_free(struct queue *q);
SCOPED_DEFINE(queue)

/* Wants the key to be processed. */
void queue_add(struct queue *q, const char *key);
/* The same for what is not news (a first list, a resync): keys that queue_add wants are taken
 * before it, but for every QUEUE_LOW_TURN-th. */
void queue_add_low(struct queue *q, const char *key);
/* As queue_add, not before `at_ms`; of several times for one key the earliest counts. */
void queue_add_at(struct queue *q, const char *key, int64_t at_ms);

/* Takes the next key for processing; borrowed until queue_done. NULL: nothing is due. */
const char *queue_take(struct queue *q, int64_t now_ms);
/* How long the key that was taken last had been due, in ms. */
int64_t queue_waited(const struct queue *q);
/* Processing has ended well: failures are forgotten. */
void queue_done(struct queue *q, const char *key);
/* Processing has failed: the key comes again after its back-off. Returns the delay. */
int64_t queue_failed(struct queue *q, const char *key, int64_t now_ms);
/* Processing of the key has ended, and it is to be forgotten altogether. */
void queue_forget(struct queue *q, const char *key);

/* The earliest deadline, or -1 when there is none. */
int64_t queue_deadline(const struct queue *q);
size_t queue_depth(const struct queue *q);      /* keys ready to be taken */
size_t queue_processing(const struct queue *q); /* keys taken and not done */

#endif
