/* timers.c - see timers.h: a heap by time, and a table by number. */
#include "common/timers.h"

#include "common/deadlines.h"

struct timer {
    struct deadline due; /* first */
    struct timer *next;  /* of the same slot */
    int number;
    struct timer_call call;
};

struct timers {
    struct deadlines deadlines;
    struct timer **slots; /* by number; owned */
    size_t n_slots;       /* a power of two */
    int last;
};

enum { SLOTS_FIRST = 16 };

struct timers *
timers_new(void)
{
    struct timers *t = calloc(1, sizeof *t);

    if (t == NULL || (t->slots = calloc(SLOTS_FIRST, sizeof *t->slots)) == NULL) {
        free(t);
        return NULL;
    }
    t->n_slots = SLOTS_FIRST;
    return t;
}

static struct timer **
slot_of(const struct timers *t, int number)
{
    return &t->slots[(size_t)number & (t->n_slots - 1)];
}

/* Where the one of that number hangs; what hangs there is NULL when there is none. */
static struct timer **
find(const struct timers *t, int number)
{
    struct timer **at = slot_of(t, number);

    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static void
unhook(struct timers *t, struct timer **at)
{
    struct timer *x = *at;

    *at = x->next;
    deadlines_drop(&t->deadlines, &x->due);
    free(x);
}

void
timers_free(struct timers *t)
{
    struct deadline *first;

    if (t == NULL)
        return;
    while ((first = deadlines_first(&t->deadlines)) != NULL)
        unhook(t, find(t, ((struct timer *)(void *)first)->number));
    deadlines_clear(&t->deadlines);
    free(t->slots);
    free(t);
}

/* As many slots as timers; those there are hang where they belong then. */
static void
grow(struct timers *t)
{
    struct timer **old = t->slots;
    size_t n = t->n_slots;
    struct timer **more = calloc(2 * n, sizeof *more);

    if (more == NULL)
        return; /* slower, not wrong */
    t->slots = more;
    t->n_slots = 2 * n;
    for (size_t i = 0; i < n; i++)
        for (struct timer *x = old[i], *next; x != NULL; x = next) {
            struct timer **at = slot_of(t, x->number);
            next = x->next;
            x->next = *at;
            *at = x;
        }
    free(old);
}

int
timers_add(struct timers *t, int64_t at_ms, timer_fn *fn, void *arg)
{
    struct timer *x = calloc(1, sizeof *x);

    if (x == NULL)
        return -1;
    if (t->deadlines.n >= t->n_slots)
        grow(t);
    do
        t->last = t->last == INT32_MAX ? 1 : t->last + 1;
    while (*find(t, t->last) != NULL);
    struct timer **at = slot_of(t, t->last);
    *x = (struct timer){.next = *at, .number = t->last, .call = {fn, arg}};
    *at = x;
    deadlines_set(&t->deadlines, &x->due, at_ms);
    return x->number;
}

void *
timers_end(struct timers *t, int number)
{
    struct timer **at = number > 0 ? find(t, number) : NULL;

    if (at == NULL || *at == NULL)
        return NULL;
    void *arg = (*at)->call.arg;
    unhook(t, at);
    return arg;
}

int64_t
timers_next(const struct timers *t)
{
    return deadlines_next(&t->deadlines);
}

uint64_t
timers_turn(const struct timers *t)
{
    return t->deadlines.order;
}

bool
timers_take(struct timers *t, int64_t now_ms, uint64_t turn, struct timer_call *call)
{
    const struct deadline *first = deadlines_first(&t->deadlines);

    if (first == NULL || first->at_ms > now_ms || first->order > turn)
        return false;
    const struct timer *x = (const struct timer *)(const void *)first;
    *call = x->call;
    unhook(t, find(t, x->number));
    return true;
}
