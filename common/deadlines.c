/* deadlines.c - see deadlines.h. */
#include "common/deadlines.h"

#include <stdbool.h>
#include <stdlib.h>

static bool
is_before(const struct deadline *a, const struct deadline *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void
put(struct deadlines *d, size_t place, struct deadline *it)
{
    d->heap[place - 1] = it;
    it->place = place;
}

static struct deadline *
at(const struct deadlines *d, size_t place)
{
    return d->heap[place - 1];
}

/* Moves what comes to this place up or down to where it belongs. */
static void
settle(struct deadlines *d, size_t place, struct deadline *it)
{
    for (; place > 1 && is_before(it, at(d, place / 2)); place /= 2)
        put(d, place, at(d, place / 2));
    for (size_t child; (child = 2 * place) <= d->n; place = child) {
        if (child < d->n && is_before(at(d, child + 1), at(d, child)))
            child++;
        if (!is_before(at(d, child), it))
            break;
        put(d, place, at(d, child));
    }
    put(d, place, it);
}

void
deadlines_set(struct deadlines *d, struct deadline *it, int64_t at_ms)
{
    it->at_ms = at_ms;
    it->order = ++d->order;
    if (it->place == 0) {
        if (d->n == d->room) {
            d->room = d->room > 0 ? d->room * 2 : 64;
            d->heap = reallocarray(d->heap, d->room, sizeof(struct deadline *));
            if (d->heap == NULL)
                abort();
        }
        it->place = ++d->n;
    }
    settle(d, it->place, it);
}

void
deadlines_drop(struct deadlines *d, struct deadline *it)
{
    size_t place = it->place;

    if (place == 0)
        return;
    it->place = 0;
    struct deadline *last = at(d, d->n--);
    if (last != it)
        settle(d, place, last);
}

struct deadline *
deadlines_first(const struct deadlines *d)
{
    return d->n > 0 ? d->heap[0] : NULL;
}

int64_t
deadlines_next(const struct deadlines *d)
{
    return d->n > 0 ? d->heap[0]->at_ms : -1;
}

void
deadlines_clear(struct deadlines *d)
{
    free(d->heap);
    *d = (struct deadlines){0};
}
