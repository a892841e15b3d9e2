/* test_queue.c - the work queue. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/queue.h"
#include "tests/support/rows.h"

Test(queue, keeps_one_entry_per_key)
{
    SCOPED(queue) struct queue *q = queue_new();

    queue_add(q, "a");
    queue_add(q, "b");
    queue_add(q, "a");
    cr_assert_eq(queue_depth(q), 2);
    cr_assert_str_eq(queue_take(q, 0), "a");
    cr_assert_str_eq(queue_take(q, 0), "b");
    cr_assert_null(queue_take(q, 0));
}

Test(queue, what_comes_while_a_key_is_processed_comes_after_it)
{
    SCOPED(queue) struct queue *q = queue_new();

    queue_add(q, "a");
    cr_assert_not_null(queue_take(q, 0));
    queue_add(q, "a");
    queue_add(q, "a");
    cr_assert_null(queue_take(q, 0)); /* never twice at the same time */
    queue_done(q, "a");
    cr_assert_str_eq(queue_take(q, 0), "a");
    queue_done(q, "a");
    cr_assert_null(queue_take(q, 0));
    row_claim("KC/Q-1");
}

Test(queue, a_failure_comes_again_later_each_time_and_success_forgets)
{
    SCOPED(queue) struct queue *q = queue_new();
    int64_t now = 1000, last = 0;

    queue_add(q, "a");
    for (int i = 0; i < 40; i++) {
        cr_assert_not_null(queue_take(q, now), "%d", i);
        int64_t delay = queue_failed(q, "a", now);
        cr_assert_geq(delay, last);
        cr_assert_leq(delay, QUEUE_RETRY_CAP_MS);
        cr_assert_null(queue_take(q, now + delay - 1));
        cr_assert_eq(queue_deadline(q), now + delay);
        now += delay;
        last = delay;
    }
    cr_assert_eq(last, QUEUE_RETRY_CAP_MS);
    cr_assert_not_null(queue_take(q, now));
    queue_done(q, "a");
    queue_add(q, "a");
    cr_assert_not_null(queue_take(q, now));
    cr_assert_eq(queue_failed(q, "a", now), QUEUE_RETRY_FIRST_MS);
}

Test(queue, retries_of_all_keys_share_one_bucket)
{
    SCOPED(queue) struct queue *q = queue_new();
    int64_t delay = 0, now = INT64_C(1000000);
    char key[16];

    for (int i = 0; i < QUEUE_RETRY_BURST + 50; i++) {
        snprintf(key, sizeof key, "k%d", i);
        queue_add(q, key);
        cr_assert_str_eq(queue_take(q, now), key,
                         "the first time of each is not held up");
        delay = queue_failed(q, key, now);
        if (i < QUEUE_RETRY_BURST)
            cr_assert_eq(delay, QUEUE_RETRY_FIRST_MS, "%d", i);
        else
            cr_assert_eq(delay, (i - QUEUE_RETRY_BURST + 1) * QUEUE_RETRY_EVERY_MS, "%d",
                         i);
    }
    now += 3600000;
    queue_add(q, "late");
    while (strcmp(queue_take(q, now), "late") != 0)
        ;
    cr_assert_eq(queue_failed(q, "late", now), QUEUE_RETRY_FIRST_MS, "it fills again");
    row_claim("KC/Q-3");
}

Test(queue, news_goes_before_what_has_time)
{
    SCOPED(queue) struct queue *q = queue_new();
    char key[16];

    queue_add_low(q, "old-1");
    queue_add_low(q, "old-2");
    queue_add(q, "new-1");
    queue_add_low(q, "new-1"); /* nothing lowers what is news */
    queue_add(q, "old-2");     /* and news raises */
    cr_assert_eq(queue_depth(q), 3);
    cr_assert_str_eq(queue_take(q, 0), "new-1");
    queue_add_low(q, "new-1"); /* while it is processed */
    cr_assert_str_eq(queue_take(q, 0), "old-2");
    cr_assert_str_eq(queue_take(q, 0), "old-1");
    queue_done(q, "new-1");
    queue_add_low(q, "old-3");
    queue_add(q, "new-2");
    cr_assert_str_eq(queue_take(q, 0), "new-2");
    cr_assert_str_eq(queue_take(q, 0), "new-1");
    cr_assert_str_eq(queue_take(q, 0), "old-3");
    cr_assert_null(queue_take(q, 0));
    queue_add_low(q, "patient");
    for (int i = 0;; i++) { /* however much news there is, its turn comes */
        cr_assert_leq(i, QUEUE_LOW_TURN);
        snprintf(key, sizeof key, "n%d", i);
        queue_add(q, key);
        if (strcmp(queue_take(q, 0), "patient") == 0)
            break;
    }
}

Test(queue, the_earliest_of_several_deadlines_counts)
{
    SCOPED(queue) struct queue *q = queue_new();

    queue_add_at(q, "a", 500);
    queue_add_at(q, "a", 300);
    queue_add_at(q, "a", 400);
    queue_add_at(q, "b", 350);
    cr_assert_eq(queue_deadline(q), 300);
    cr_assert_null(queue_take(q, 299));
    cr_assert_str_eq(queue_take(q, 300), "a");
    cr_assert_eq(queue_deadline(q), 350);
    queue_done(q, "a");
    cr_assert_str_eq(queue_take(q, 1000), "b");
    queue_done(q, "b");
    cr_assert_eq(queue_deadline(q), -1);
    row_claim("KC/Q-2");
}

Test(queue, many_deadlines_come_in_order)
{
    SCOPED(queue) struct queue *q = queue_new();
    char key[16];
    int64_t last = -1;

    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        queue_add_at(q, key, (i * 7919) % 1000);
    }
    for (int64_t at = 0; at < 1000; at++) {
        const char *k;
        while ((k = queue_take(q, at)) != NULL) {
            snprintf(key, sizeof key, "%s", k);
            cr_assert_geq(at, last);
            last = at;
            queue_forget(q, key);
        }
    }
    cr_assert_eq(queue_deadline(q), -1);
    cr_assert_eq(queue_processing(q), 0);
}

/* A model beside the queue: what was added last must be processed after that. */
Test(queue, no_trigger_is_lost_in_any_order_of_adds_takes_and_ends)
{
    enum { KEYS = 5, STEPS = 20000 };
    SCOPED(queue) struct queue *q = queue_new();
    bool wanted[KEYS] = {false}, processing[KEYS] = {false};
    unsigned seed = 7;
    int64_t now = 0;
    char key[2] = "a";

    for (int step = 0; step < STEPS; step++) {
        int k = (int)(rand_r(&seed) % KEYS), what = (int)(rand_r(&seed) % 5);
        const char *taken;

        now += rand_r(&seed) % 3;
        key[0] = (char)('a' + k);
        if (what < 2) {
            queue_add(q, key);
            wanted[k] = true;
        } else if (what < 4) {
            if ((taken = queue_take(q, now)) == NULL)
                continue;
            k = taken[0] - 'a';
            cr_assert(wanted[k], "step %d: %s was not wanted", step, taken);
            cr_assert_not(processing[k], "step %d: %s twice at a time", step, taken);
            wanted[k] = false;
            processing[k] = true;
        } else if (processing[k]) {
            queue_done(q, key);
            processing[k] = false;
        }
    }
    for (int k = 0; k < KEYS; k++) {
        key[0] = (char)('a' + k);
        if (processing[k])
            queue_done(q, key);
    }
    for (const char *k; (k = queue_take(q, now)) != NULL;)
        wanted[k[0] - 'a'] = false;
    for (int k = 0; k < KEYS; k++)
        cr_expect_not(wanted[k], "%c was never processed", 'a' + k);
    row_claim("KC/BUG-27");
}

static int64_t test_now;
static int64_t
test_clock(void)
{
    return test_now;
}

Test(queue, tells_how_long_a_key_was_due)
{
    SCOPED(queue) struct queue *q = queue_new();

    queue_add(q, "unmeasured");
    cr_assert_not_null(queue_take(q, 500));
    cr_assert_eq(queue_waited(q), 0);

    queue_measure(q, test_clock);
    test_now = 1000;
    queue_add_low(q, "raised");
    test_now = 1400;
    queue_add(q, "raised"); /* has waited since it was wanted first */
    queue_add_at(q, "later", 1500);
    cr_assert_str_eq(queue_take(q, 1600), "raised");
    cr_assert_eq(queue_waited(q), 600);
    cr_assert_str_eq(queue_take(q, 1600), "later"); /* since its time has come */
    cr_assert_eq(queue_waited(q), 100);
}
