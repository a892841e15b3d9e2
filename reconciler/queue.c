/* queue.c - see queue.h. */
#include "reconciler/queue.h"

#include <assert.h>
#include <czmq.h>

#include "common/deadlines.h"
#include "common/table.h"

struct entry {
    struct deadline deadline; /* first */
    char *key;                /* owned */
    bool wanted;              /* to be processed */
    bool processing;
    bool low;    /* what wants it is not news */
    void *place; /* in one of the two lists of ready keys, or NULL */
    unsigned failures;
    int64_t due_ms; /* valid while in a list: since when */
};

struct queue {
    struct table *entries; /* key -> entry; owned */
    zlistx_t *ready;       /* entries in order; borrowed */
    zlistx_t *low;         /* those that have time; borrowed */
    unsigned passed_by;    /* how often in a row the latter were not taken */
    struct deadlines deadlines;
    size_t processing;
    int64_t (*clock_ms)(void); /* NULL: waiting is not measured */
    int64_t waited_ms;         /* of the key that was taken last */
    bool retried;
    int64_t retry_turn_ms; /* of the retry that had its turn last */
};

static void
entry_free(void *value)
{
    struct entry *en = value;

    free(en->key);
    free(en);
}

struct queue *
queue_new(void)
{
    struct queue *q = calloc(1, sizeof *q);

    if (q == NULL)
        abort();
    q->entries = table_new(entry_free);
    q->ready = zlistx_new();
    q->low = zlistx_new();
    return q;
}

void
queue_measure(struct queue *q, int64_t (*clock_ms)(void))
{
    q->clock_ms = clock_ms;
}

void
queue_free(struct queue *q)
{
    if (q == NULL)
        return;
    zlistx_destroy(&q->ready);
    zlistx_destroy(&q->low);
    table_free(q->entries);
    deadlines_clear(&q->deadlines);
    free(q);
}

/* ---- entries ---- */

static struct entry *
entry_of(struct queue *q, const char *key)
{
    struct entry *en = table_get(q->entries, key);

    if (en != NULL)
        return en;
    if ((en = calloc(1, sizeof *en)) == NULL || (en->key = strdup(key)) == NULL)
        abort();
    table_put(q->entries, key, en);
    return en;
}

/* An entry that stands for nothing any more is forgotten, so that keys of objects long gone
 * take no room. */
static void
drop_idle(struct queue *q, struct entry *en)
{
    if (!en->wanted && !en->processing && en->failures == 0 && en->deadline.place == 0)
        table_delete(q->entries, en->key);
}

static zlistx_t *
list_of(const struct queue *q, bool low)
{
    return low ? q->low : q->ready;
}

static int64_t
clock_of(const struct queue *q)
{
    return q->clock_ms != NULL ? q->clock_ms() : 0;
}

/* News raises what had time; nothing lowers it. */
static void
want(struct queue *q, struct entry *en, bool low, int64_t due_ms)
{
    bool was_low = en->low, raised = false;

    en->low = low && (!en->wanted || was_low);
    en->wanted = true;
    if (en->processing)
        return;
    if (en->place != NULL && en->low != was_low) {
        zlistx_detach(list_of(q, was_low), en->place);
        en->place = NULL;
        raised = true;
    }
    if (en->place == NULL) {
        if (!raised)
            en->due_ms = due_ms;
        en->place = zlistx_add_end(list_of(q, en->low), en);
    }
}

void
queue_add(struct queue *q, const char *key)
{
    want(q, entry_of(q, key), false, clock_of(q));
}

void
queue_add_low(struct queue *q, const char *key)
{
    want(q, entry_of(q, key), true, clock_of(q));
}

void
queue_add_at(struct queue *q, const char *key, int64_t at_ms)
{
    struct entry *en = entry_of(q, key);

    if (en->deadline.place == 0 || en->deadline.at_ms > at_ms)
        deadlines_set(&q->deadlines, &en->deadline, at_ms);
}

/* News first; but those that have time get a turn, however much news there is. */
static struct entry *
take_first(struct queue *q)
{
    bool turn = zlistx_size(q->ready) == 0 || q->passed_by >= QUEUE_LOW_TURN;

    if (zlistx_size(q->low) > 0 && turn) {
        q->passed_by = 0;
        return zlistx_detach(q->low, NULL);
    }
    q->passed_by += zlistx_size(q->low) > 0;
    return zlistx_detach(q->ready, NULL);
}

const char *
queue_take(struct queue *q, int64_t now_ms)
{
    struct deadline *first;

    while ((first = deadlines_first(&q->deadlines)) != NULL && first->at_ms <= now_ms) {
        deadlines_drop(&q->deadlines, first);
        want(q, (struct entry *)(void *)first, false, first->at_ms);
    }
    struct entry *en = take_first(q);
    if (en == NULL)
        return NULL;
    assert(!en->processing);
    en->place = NULL;
    en->wanted = false;
    en->processing = true;
    q->waited_ms = q->clock_ms != NULL && now_ms > en->due_ms ? now_ms - en->due_ms : 0;
    q->processing++;
    return en->key;
}

int64_t
queue_waited(const struct queue *q)
{
    return q->waited_ms;
}

static struct entry *
finish(struct queue *q, const char *key)
{
    struct entry *en = table_get(q->entries, key);

    assert(en != NULL && en->processing);
    en->processing = false;
    q->processing--;
    if (en->wanted)
        want(q, en, en->low, clock_of(q));
    return en;
}

void
queue_done(struct queue *q, const char *key)
{
    struct entry *en = finish(q, key);

    en->failures = 0;
    drop_idle(q, en);
}

/* When all keys together may have one more retry: a bucket of turns that fills with time. */
static int64_t
retry_turn(struct queue *q, int64_t now_ms)
{
    int64_t full = now_ms - (int64_t)QUEUE_RETRY_BURST * QUEUE_RETRY_EVERY_MS;

    if (!q->retried || q->retry_turn_ms < full)
        q->retry_turn_ms = full;
    q->retried = true;
    return q->retry_turn_ms += QUEUE_RETRY_EVERY_MS;
}

int64_t
queue_failed(struct queue *q, const char *key, int64_t now_ms)
{
    struct entry *en = finish(q, key);
    unsigned shift = en->failures < 30 ? en->failures : 30;
    int64_t delay = (int64_t)QUEUE_RETRY_FIRST_MS << shift;

    if (delay > QUEUE_RETRY_CAP_MS)
        delay = QUEUE_RETRY_CAP_MS;
    int64_t turn = retry_turn(q, now_ms) - now_ms;
    if (delay < turn)
        delay = turn;
    en->failures++;
    queue_add_at(q, en->key, now_ms + delay);
    return delay;
}

void
queue_forget(struct queue *q, const char *key)
{
    struct entry *en = finish(q, key);

    en->failures = 0;
    deadlines_drop(&q->deadlines, &en->deadline);
    drop_idle(q, en);
}

int64_t
queue_deadline(const struct queue *q)
{
    return deadlines_next(&q->deadlines);
}

size_t
queue_depth(const struct queue *q)
{
    return zlistx_size(q->ready) + zlistx_size(q->low);
}

size_t
queue_processing(const struct queue *q)
{
    return q->processing;
}
