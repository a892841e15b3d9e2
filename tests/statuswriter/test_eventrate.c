#include <criterion/criterion.h>
#include <stdio.h>

#include "statuswriter/eventrate.h"
#include "tests/support/rows.h"

static struct event_decision
decide(struct eventrate *r, const char *object, const char *message, int n, int64_t now)
{
    char name[64];
    struct event_key k = {object, "Normal", "Reason", message, name};
    struct event_decision d;

    snprintf(name, sizeof(name), "%s.%d", object, n);
    eventrate_decide(r, &k, now, &d);
    return d;
}

Test(eventrate, the_same_event_again_is_counted_on_the_first)
{
    SCOPED(eventrate) struct eventrate *r = eventrate_new();
    struct event_decision d = decide(r, "a", "m", 1, 1000);

    cr_assert_eq(d.verdict, EVENT_CREATE);
    cr_assert_str_eq(d.name, "a.1");
    d = decide(r, "a", "m", 2, 2000);
    cr_assert_eq(d.verdict, EVENT_COUNT);
    cr_assert_str_eq(d.name, "a.1");
    cr_assert_eq(d.count, 2);
    cr_assert_eq(d.first_ms, 1000);
    cr_assert_eq(decide(r, "a", "other", 3, 2000).verdict, EVENT_CREATE);
    cr_assert_eq(decide(r, "b", "m", 1, 2000).verdict, EVENT_CREATE);
    row_claim("KC/EV-2");
}

Test(eventrate, a_re_send_is_known)
{
    SCOPED(eventrate) struct eventrate *r = eventrate_new();

    cr_assert_eq(decide(r, "a", "m", 1, 1000).verdict, EVENT_CREATE);
    cr_assert_eq(decide(r, "a", "m", 1, 1100).verdict, EVENT_KNOWN);
    cr_assert_eq(decide(r, "a", "m", 2, 1200).count, 2);
    cr_assert_eq(decide(r, "a", "m", 2, 1300).verdict, EVENT_KNOWN);
}

Test(eventrate, what_the_server_forgot_is_created_anew)
{
    SCOPED(eventrate) struct eventrate *r = eventrate_new();

    decide(r, "a", "m", 1, 1000);
    eventrate_forget(r, "a.1");
    cr_assert_eq(decide(r, "a", "m", 2, 2000).verdict, EVENT_CREATE);
}

Test(eventrate, similar_messages_are_folded)
{
    SCOPED(eventrate) struct eventrate *r = eventrate_new();
    struct event_decision d;
    char text[32];

    for (int i = 0; i < EVENT_SIMILAR; i++) {
        snprintf(text, sizeof(text), "message %d", i);
        d = decide(r, "a", text, i, 1000 + i);
        cr_assert_eq(d.combined, 0);
    }
    d = decide(r, "a", "message x", 50, 2000);
    cr_assert_eq(d.verdict, EVENT_CREATE);
    cr_assert_eq(d.combined, 1);
    d = decide(r, "a", "message y", 51, 2100);
    cr_assert_eq(d.verdict, EVENT_COUNT);
    cr_assert_str_eq(d.name, "a.50");
    /* Ten minutes later it is a new story. */
    cr_assert_eq(
        decide(r, "a", "message z", 52, 2000 + EVENT_SIMILAR_MS + 3 * EVENT_REFILL_MS)
            .combined,
        0);
    row_claim("KC/EV-3");
}

Test(eventrate, an_object_has_a_burst_and_then_a_trickle)
{
    SCOPED(eventrate) struct eventrate *r = eventrate_new();
    int written = 0;

    for (int i = 0; i < 100; i++)
        written += decide(r, "a", "m", i, 1000 + i).verdict != EVENT_DROP;
    cr_assert_eq(written, EVENT_BURST);
    cr_assert_eq(decide(r, "b", "m", 1, 1200).verdict, EVENT_CREATE);
    cr_assert_eq(decide(r, "a", "m", 200, 1100 + EVENT_REFILL_MS - 1000).verdict,
                 EVENT_DROP);
    cr_assert_neq(decide(r, "a", "m", 201, 1100 + EVENT_REFILL_MS + 1000).verdict,
                  EVENT_DROP);
    cr_assert_eq(decide(r, "a", "m", 202, 1100 + EVENT_REFILL_MS + 1001).verdict,
                 EVENT_DROP);
    row_claim("KC/EV-4");
}

Test(eventrate, a_clock_set_back_locks_nothing)
{
    SCOPED(eventrate) struct eventrate *r = eventrate_new();

    for (int i = 0; i < EVENT_BURST; i++)
        decide(r, "a", "m", i, 1000000000);
    cr_assert_eq(decide(r, "a", "m", 99, 1000).verdict, EVENT_DROP);
    cr_assert_neq(decide(r, "a", "m", 100, 2000 + EVENT_REFILL_MS).verdict, EVENT_DROP);
}

Test(eventrate, memory_is_bounded)
{
    SCOPED(eventrate) struct eventrate *r = eventrate_new();
    char object[32];

    for (int i = 0; i < EVENT_KEYS + 500; i++) {
        snprintf(object, sizeof(object), "object-%d", i);
        cr_assert_eq(decide(r, object, "m", 1, 1000).verdict, EVENT_CREATE);
    }
    /* The oldest are forgotten, the newest known. */
    cr_assert_eq(decide(r, "object-0", "m", 2, 1000).verdict, EVENT_CREATE);
    cr_assert_eq(decide(r, object, "m", 2, 1000).verdict, EVENT_COUNT);
}
