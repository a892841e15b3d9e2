/* test_timers.c - calls that are due, and the heap beneath them. */
#include <criterion/criterion.h>

#include "common/deadlines.h"
#include "common/macros.h"
#include "common/timers.h"

#define ALL UINT64_MAX

static int called[8], n_called;

static void
note(void *arg)
{
    called[n_called++] = *(int *)arg;
}

/* Calls all that are due at now_ms. */
static void
run(struct timers *t, int64_t now_ms, uint64_t turn)
{
    struct timer_call due;

    while (timers_take(t, now_ms, turn, &due))
        due.fn(due.arg);
}

Test(timers, the_earliest_first_and_of_equal_ones_the_older)
{
    int who[] = {0, 1, 2, 3};
    SCOPED(timers) struct timers *t = timers_new();

    cr_assert_eq(timers_next(t), -1);
    timers_add(t, 30, note, &who[0]);
    timers_add(t, 10, note, &who[1]);
    timers_add(t, 20, note, &who[2]);
    timers_add(t, 10, note, &who[3]);
    cr_assert_eq(timers_next(t), 10);
    run(t, 9, ALL);
    cr_assert_eq(n_called, 0);
    run(t, 20, ALL);
    cr_assert_eq(n_called, 3);
    cr_assert(called[0] == 1 && called[1] == 3 && called[2] == 2);
    cr_assert_eq(timers_next(t), 30);
}

Test(timers, one_that_is_ended_gives_its_argument_back_and_is_not_called)
{
    int who = 5;
    SCOPED(timers) struct timers *t = timers_new();
    int number = timers_add(t, 10, note, &who);

    cr_assert_gt(number, 0);
    cr_assert_eq(timers_end(t, number), &who);
    cr_assert_null(timers_end(t, number), "twice");
    cr_assert_null(timers_end(t, 0));
    cr_assert_null(timers_end(t, -1));
    run(t, 100, ALL);
    cr_assert_eq(n_called, 0);
}

Test(timers, what_is_added_during_a_turn_waits_for_the_next)
{
    int who[] = {0, 1};
    SCOPED(timers) struct timers *t = timers_new();

    timers_add(t, 10, note, &who[0]);
    uint64_t turn = timers_turn(t);
    timers_add(t, 10, note, &who[1]);
    run(t, 10, turn);
    cr_assert_eq(n_called, 1);
    cr_assert_eq(timers_next(t), 10);
    run(t, 10, timers_turn(t));
    cr_assert_eq(n_called, 2);
}

Test(timers, ten_thousand_are_each_found_by_their_number)
{
    enum { N = 10000 };
    static int who[N], numbers[N];
    SCOPED(timers) struct timers *t = timers_new();
    struct timer_call due;
    int64_t last = -1;
    int taken = 0;

    for (int i = 0; i < N; i++) {
        who[i] = i;
        numbers[i] = timers_add(t, (i * 7919L) % N, note, &who[i]);
    }
    for (int i = 0; i < N; i += 2)
        cr_assert_eq(timers_end(t, numbers[i]), &who[i]);
    for (int64_t next; (next = timers_next(t)) >= 0; last = next, taken++) {
        cr_assert_geq(next, last);
        cr_assert(timers_take(t, next, ALL, &due));
        cr_assert_eq(*(int *)due.arg % 2, 1, "an ended one was called");
        cr_assert_eq((*(int *)due.arg * 7919L) % N, next);
    }
    cr_assert_eq(taken, N / 2);
}

Test(deadlines, one_that_is_moved_goes_to_its_new_place_either_way)
{
    struct deadlines d = {0};
    struct deadline x[5] = {0};

    for (int i = 0; i < 5; i++)
        deadlines_set(&d, &x[i], 10 * (i + 1));
    deadlines_set(&d, &x[4], 5);
    cr_assert_eq(deadlines_first(&d), &x[4]);
    deadlines_set(&d, &x[4], 100);
    cr_assert_eq(deadlines_first(&d), &x[0]);
    deadlines_drop(&d, &x[0]);
    deadlines_drop(&d, &x[0]);
    deadlines_drop(&d, &x[2]);
    static const int left[] = {1, 3, 4};
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        cr_assert_eq(deadlines_first(&d), &x[left[i]]);
        deadlines_drop(&d, &x[left[i]]);
    }
    cr_assert_null(deadlines_first(&d));
    deadlines_clear(&d);
}
