/* test_reflect.c - the table of what follows when a watch ends, row by row. */
#include "watcher/reflect.h"

#include <criterion/criterion.h>

#include "tests/support/rows.h"

/* One that follows from version 50. */
static struct reflect
following(void)
{
    struct reflect r = {.first_ms = 0};

    reflect_listed(&r, "50", 1000);
    return r;
}

static struct reflect_plan
ends(struct reflect *r, enum reflect_end end, int64_t lasted_ms, uint64_t events,
     int64_t now)
{
    const struct reflect_report p = {.end = end,
                                     .start = reflect_begin(r, now).start,
                                     .lasted_ms = lasted_ms,
                                     .events = events,
                                     .retry_after_ms = -1};
    return reflect_next(r, &p, now, 0.5);
}

/* The rows of the table that keep the version: how long they wait the first time (0.5 of the
 * random part: 800 ms * 1.5). */
static const struct {
    enum reflect_end end;
    int64_t lasted_ms;
    uint64_t events;
    int64_t delay_ms;
} keeps[] = {
    {END_CLEAN, 1000, 0, 0},       {END_CLEAN, 5, 1, 0},
    {END_CLEAN, 999, 0, 1200},     {END_BROKEN, 5000, 9, 1200},
    {END_BUSY, 0, 0, 1200},        {END_SERVER, 0, 0, 1200},
    {END_BEHIND, 0, 0, 1000},      {END_UNAUTHORIZED, 0, 0, 1200},
    {END_FORBIDDEN, 0, 0, 1200},   {END_MISSING, 0, 0, 1200},
    {END_SILENT, 200000, 3, 1200},
};

Test(reflect, keeps_the_version_after_passing_faults)
{
    for (size_t i = 0; i < sizeof keeps / sizeof keeps[0]; i++) {
        struct reflect r = following();
        struct reflect_plan p =
            ends(&r, keeps[i].end, keeps[i].lasted_ms, keeps[i].events, 2000);
        cr_expect_eq(p.start, START_FOLLOW, "%s", reflect_end_name(keeps[i].end));
        cr_expect_eq(p.delay_ms, keeps[i].delay_ms, "%s: %lld",
                     reflect_end_name(keeps[i].end), (long long)p.delay_ms);
        cr_expect_str_eq(r.version, "50");
    }
}

Test(reflect, lists_the_newest_state_at_once_when_that_is_asked_for)
{
    struct reflect r = following();

    cr_expect_not(reflect_renewing(&r));
    reflect_renew(&r);
    cr_expect(reflect_renewing(&r));
    struct reflect_plan p = ends(&r, END_RENEWED, 5, 0, 2000);
    cr_expect_eq(p.start, START_STREAM_LIST);
    cr_expect_eq(p.delay_ms, 0);
    cr_expect_str_empty(r.bound, "the newest, not one that is not older");
    ends(&r, END_BROKEN, 5, 0, 2100);
    cr_expect(reflect_renewing(&r), "a list that breaks is none");
    reflect_listed(&r, "70", 3000);
    cr_expect_not(reflect_renewing(&r));
    reflect_renew(&r);
    ends(&r, END_MISSING, 5, 0, 4000);
    cr_expect_not(reflect_renewing(&r), "without the API there is nothing to wait for");
}

Test(reflect, what_is_asked_for_anew_is_not_delayed_by_earlier_failures)
{
    struct reflect r = following();

    for (int i = 0; i < 8; i++)
        ends(&r, END_SERVER, 5, 0, 2000 + i);
    reflect_renew(&r);
    struct reflect_plan p = ends(&r, END_BUSY, 5, 0, 3000);
    cr_expect_eq(p.start, START_STREAM_LIST);
    cr_expect_eq(p.delay_ms, 1200, "%lld", (long long)p.delay_ms);
    for (int i = 0; i < 8; i++)
        p = ends(&r, END_SERVER, 5, 0, 4000 + i);
    cr_expect_eq(p.delay_ms, 6000, "%lld", (long long)p.delay_ms);
    reflect_listed(&r, "70", 5000);
    for (int i = 0; i < 8; i++)
        p = ends(&r, END_SILENT, 5, 0, 6000 + i);
    cr_expect_gt(p.delay_ms, 30000, "nobody waits any more: %lld", (long long)p.delay_ms);
}

Test(reflect, a_stream_that_breaks_after_it_was_followed_is_no_failure_in_a_row)
{
    struct reflect r = following();

    for (int64_t n = 0; n < 10; n++)
        ends(&r, END_BROKEN, 10, 0, 2000 + n);
    struct reflect_report p = {.end = END_BROKEN,
                               .start = START_FOLLOW,
                               .lasted_ms = 4999,
                               .open_ms = 4999,
                               .retry_after_ms = -1};
    cr_expect_eq(reflect_next(&r, &p, 8000, 0.5).delay_ms, 4800, "flapping stays slow");
    p.lasted_ms = p.open_ms = 5000;
    cr_expect_eq(reflect_next(&r, &p, 14000, 0.5).delay_ms, 1200);
    p.lasted_ms = p.open_ms = 10;
    cr_expect_eq(reflect_next(&r, &p, 15000, 0.5).delay_ms, 2400);
    p.events = 1;
    cr_expect_eq(reflect_next(&r, &p, 16000, 0.5).delay_ms, 1200);
    p.start = START_STREAM_LIST; /* never complete */
    cr_expect_eq(reflect_next(&r, &p, 20000, 0.5).delay_ms, 2400);
}

Test(reflect, a_server_that_was_away_is_listed_at_once_when_its_history_is_lost)
{
    struct reflect r = following();

    for (int64_t n = 0; n < 10; n++)
        ends(&r, END_BROKEN, 10, 0, 2000 + n);
    struct reflect_plan p = ends(&r, END_EXPIRED, 5, 0, 60000);
    cr_expect_eq(p.delay_ms, 0);
    cr_expect_eq(p.start, START_STREAM_LIST);
    cr_expect_eq(ends(&r, END_SERVER, 5, 0, 60100).delay_ms, 9600,
                 "not what was due for the outage");
    reflect_listed(&r, "60", 70000);
    cr_expect_gt(ends(&r, END_EXPIRED, 5, 0, 70100).delay_ms, 9600,
                 "again and again waits");
}

Test(reflect, lists_again_not_older_than_the_version_when_it_is_unusable)
{
    static const enum reflect_end lists[] = {END_EXPIRED, END_ODD, END_BACKWARD,
                                             END_OVERSIZE};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct reflect r = following();
        struct reflect_plan p = ends(&r, lists[i], 5000, 3, 2000);
        cr_expect_eq(p.start,
                     lists[i] == END_OVERSIZE ? START_PAGED_LIST : START_STREAM_LIST);
        cr_expect_str_eq(r.bound, "50", "%s", reflect_end_name(lists[i]));
        p = ends(&r, END_EXPIRED, 1, 0, 2100);
        cr_expect_str_eq(r.bound, "", "then the newest state is asked for");
        cr_expect_neq(p.start, START_FOLLOW);
    }
}

Test(reflect, lists_at_once_after_the_first_410_and_backs_off_after_the_next)
{
    struct reflect r = following();

    cr_assert_eq(ends(&r, END_EXPIRED, 5000, 1, 2000).delay_ms, 0);
    reflect_listed(&r, "60", 2100);
    cr_assert_eq(ends(&r, END_EXPIRED, 10, 1, 2200).delay_ms, 2400);
}

Test(reflect, obeys_retry_after_when_it_is_longer)
{
    struct reflect r = following();
    const struct reflect_report p = {
        .end = END_BUSY, .start = START_FOLLOW, .retry_after_ms = 7000};

    cr_assert_eq(reflect_next(&r, &p, 2000, 0.5).delay_ms, 7000);
}

Test(reflect, lists_after_a_minute_of_server_errors)
{
    struct reflect r = following();

    cr_assert_eq(ends(&r, END_SERVER, 0, 0, 2000).start, START_FOLLOW);
    cr_assert_eq(ends(&r, END_SERVER, 0, 0, 61000).start, START_FOLLOW);
    cr_assert_neq(ends(&r, END_SERVER, 0, 0, 62000).start, START_FOLLOW);
    cr_assert_str_eq(r.bound, "50");
}

Test(reflect, gives_up_its_version_after_ten_answers_that_the_server_is_behind)
{
    struct reflect r = following();

    for (int i = 0; i < 10; i++)
        cr_assert_eq(ends(&r, END_BEHIND, 0, 0, 2000 + i * 1000).start, START_FOLLOW);
    cr_assert_eq(ends(&r, END_BEHIND, 0, 0, 13000).start, START_STREAM_LIST);
    cr_assert_str_eq(r.bound, "");
}

Test(reflect, backs_off_to_thirty_seconds_and_forgets_after_two_minutes_of_health)
{
    struct reflect r = following();
    int64_t most = 0, now = 2000;

    for (int i = 0; i < 20; i++) {
        int64_t d = ends(&r, END_BROKEN, 0, 0, now).delay_ms;
        cr_assert_geq(d, most < 45000 ? most : 45000);
        most = d;
    }
    cr_assert_eq(most, 45000, "30 s times 1.5");
    reflect_advance(&r, "51", now);
    cr_assert_eq(ends(&r, END_BROKEN, 0, 0, now + 119000).delay_ms, 45000);
    reflect_advance(&r, "52", now + 120000);
    cr_assert_eq(ends(&r, END_BROKEN, 0, 0, now + 240001).delay_ms, 1200);
    row_claim("KC/WATCH-14");
    row_claim("KC/LOAD-4");
}

Test(reflect, remembers_for_ten_minutes_that_a_server_has_no_streaming_list)
{
    struct reflect r = {.first_ms = 0};

    cr_assert_eq(reflect_begin(&r, 0).start, START_STREAM_LIST);
    struct reflect_plan p = ends(&r, END_UNSUPPORTED, 0, 0, 1000);
    cr_assert_eq(p.start, START_PAGED_LIST);
    cr_assert_eq(p.delay_ms, 0);
    cr_assert_eq(ends(&r, END_BROKEN, 0, 0, 590000).start, START_PAGED_LIST);
    cr_assert_eq(ends(&r, END_BROKEN, 0, 0, 601001).start, START_STREAM_LIST);
}

Test(reflect, is_degraded_while_it_is_not_allowed_or_the_api_is_missing)
{
    struct reflect r = following();

    ends(&r, END_FORBIDDEN, 0, 0, 2000);
    cr_assert(r.degraded);
    reflect_advance(&r, "51", 3000);
    cr_assert(!r.degraded);
    ends(&r, END_MISSING, 0, 0, 4000);
    cr_assert(r.degraded && r.missing);
    ends(&r, END_OVERSIZE, 0, 0, 5000);
    reflect_listed(&r, "60", 5100);
    cr_assert(!r.degraded);
    ends(&r, END_OVERSIZE, 0, 0, 5200);
    cr_assert(r.degraded, "the same object again and again");
}

Test(reflect, guards_notice_a_stream_that_is_dead)
{
    static const struct {
        const char *what;
        struct guard guard;
        int64_t now;
        int end;
        int64_t again;
    } rows[] = {
        {"quiet without a bookmark is normal",
         {1000, 400000, 1000, false, false, 5},
         300000,
         0,
         400000},
        {"the deadline of servers that do not close",
         {1000, 400000, 399000, true, false, 5},
         400000,
         END_SILENT,
         0},
        {"three minutes after a bookmark",
         {1000, 400000, 2000, true, false, 5},
         182000,
         END_SILENT,
         0},
        {"just before them", {1000, 400000, 2000, true, false, 5}, 181000, 0, 182000},
        {"an old server that ignores the wish for a list",
         {1000, 400000, 1000, false, true, 0},
         11000,
         END_UNSUPPORTED,
         0},
        {"just before", {1000, 400000, 1000, false, true, 0}, 10000, 0, 11000},
        {"a long list is no silence",
         {1000, 400000, 1000, false, true, 1},
         100000,
         0,
         400000},
        {"no headers yet", {0, 400000, 0, false, true, 0}, 100000, 0, 400000},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t again = 0;
        cr_expect_eq(guard_check(&rows[i].guard, rows[i].now, &again), rows[i].end, "%s",
                     rows[i].what);
        cr_expect_eq(again, rows[i].again, "%s: %lld", rows[i].what, (long long)again);
    }
}
