/* test_crondue.c - which ticks are handed out after nobody was there. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "spawner/crondue.h"
#include "tests/support/rows.h"

static int64_t
at(const char *text)
{
    int64_t ms = 0;

    cr_assert_eq(rfc3339_parse(text, &ms), 0, "%s", text);
    return ms / 1000;
}

/* Ticks until then wait for a limit; 0: none does. */
static int64_t handed;

/* "n first-id last-id" of what is due. */
static const char *
due(const char *schedule, const char *zone, enum cron_catch_up policy, const char *last,
    const char *now)
{
    static char text[80];
    int64_t ticks[LIMIT_CRON_CATCH_UP];
    char first[CRONEXPR_ID_SIZE], end[CRONEXPR_ID_SIZE];
    struct err e = ERR_INIT;
    SCOPED(cronexpr)
    struct cronexpr *c = cronexpr_parse_in(schedule, zone, CRONEXPR_DESCRIPTORS, &e);

    cr_assert_not_null(c, "%s", e.text);
    size_t n = cron_due(c, policy, at(last), handed, at(now), ticks);
    if (n == 0)
        return "0";
    cronexpr_id(ticks[0], first);
    cronexpr_id(ticks[n - 1], end);
    snprintf(text, sizeof text, "%zu %s %s", n, first, end);
    return text;
}

Test(crondue, the_policy_decides_what_is_made_up_for)
{
    static const struct {
        const char *schedule;
        enum cron_catch_up policy;
        const char *last, *now, *want;
    } rows[] = {
        {"0 * * * *", CATCH_UP_ALL, "2026-02-07T00:00:00Z", "2026-02-07T05:00:01Z",
         "5 20260207-0100 20260207-0500"},
        {"0 * * * *", CATCH_UP_ONE, "2026-02-07T00:00:00Z", "2026-02-07T05:30:00Z",
         "1 20260207-0500 20260207-0500"},
        {"0 * * * *", CATCH_UP_NONE, "2026-02-07T00:00:00Z", "2026-02-07T05:30:00Z", "0"},
        {"0 * * * *", CATCH_UP_NONE, "2026-02-07T00:00:00Z", "2026-02-07T05:00:59Z",
         "1 20260207-0500 20260207-0500"},
        {"0 * * * *", CATCH_UP_ONE, "2026-02-07T05:00:00Z", "2026-02-07T05:30:00Z", "0"},
        {"* * * * *", CATCH_UP_ALL, "2025-02-07T00:00:00Z", "2026-02-07T00:00:00Z",
         "1000 20250207-0001 20250207-1640"},
        {"* * * * *", CATCH_UP_ONE, "2025-02-07T00:00:00Z", "2026-02-07T00:00:00Z",
         "1 20260207-0000 20260207-0000"},
        {"* * * 1 *", CATCH_UP_ONE, "2020-02-07T00:00:00Z", "2026-02-07T00:00:00Z",
         "1 20260131-2359 20260131-2359"},
        {"0 0 29 2 *", CATCH_UP_ONE, "2020-01-01T00:00:00Z", "2026-02-07T00:00:00Z",
         "1 20240229-0000 20240229-0000"},
        {"0 0 31 2 *", CATCH_UP_ONE, "2020-01-01T00:00:00Z", "2026-02-07T00:00:00Z", "0"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_str_eq(
            due(rows[i].schedule, "", rows[i].policy, rows[i].last, rows[i].now),
            rows[i].want, "%zu: %s", i, rows[i].schedule);
    row_claim("SP/W16");
}

Test(crondue, ticks_that_wait_come_again_whatever_the_policy)
{
    static const struct {
        enum cron_catch_up policy;
        const char *last, *handed, *now, *want;
    } rows[] = {
        {CATCH_UP_ONE, "2026-02-07T00:59:59Z", "2026-02-07T03:00:00Z",
         "2026-02-07T03:30:00Z", "3 20260207-0100 20260207-0300"},
        /* Two were missed after that: the newest of them follows. */
        {CATCH_UP_ONE, "2026-02-07T00:59:59Z", "2026-02-07T03:00:00Z",
         "2026-02-07T05:30:00Z", "4 20260207-0100 20260207-0500"},
        {CATCH_UP_NONE, "2026-02-07T00:59:59Z", "2026-02-07T03:00:00Z",
         "2026-02-07T05:30:00Z", "3 20260207-0100 20260207-0300"},
        {CATCH_UP_ALL, "2026-02-07T00:59:59Z", "2026-02-07T03:00:00Z",
         "2026-02-07T05:30:00Z", "5 20260207-0100 20260207-0500"},
        /* What was handed out before the watermark is done with. */
        {CATCH_UP_ONE, "2026-02-07T04:00:00Z", "2026-02-07T03:00:00Z",
         "2026-02-07T05:30:00Z", "1 20260207-0500 20260207-0500"},
        /* A clock that is set back makes none before its time. */
        {CATCH_UP_ONE, "2026-02-07T00:59:59Z", "2026-02-07T03:00:00Z",
         "2026-02-07T02:30:00Z", "2 20260207-0100 20260207-0200"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        handed = at(rows[i].handed);
        cr_expect_str_eq(due("0 * * * *", "", rows[i].policy, rows[i].last, rows[i].now),
                         rows[i].want, "%zu", i);
    }
}

Test(crondue, a_time_zone_is_followed_over_its_changes)
{
    static const struct {
        const char *schedule, *last, *now, *want;
    } rows[] = {
        /* 09:00 in Berlin is 08:00 in winter, 07:00 in summer. */
        {"0 9 * * *", "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z",
         "3 20260328-0800 20260330-0700"},
        {"0 9 * * *", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z",
         "2 20261025-0800 20261026-0800"},
        /* 02:30 does not happen on the day that skips it, and twice on the one that repeats it. */
        {"30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", "0"},
        {"30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z",
         "2 20261025-0030 20261025-0130"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_str_eq(due(rows[i].schedule, "Europe/Berlin", CATCH_UP_ALL,
                             rows[i].last, rows[i].now),
                         rows[i].want, "%zu", i);
}

Test(crondue, a_wrong_zone_is_told)
{
    struct err e = ERR_INIT;

    cr_assert_null(cronexpr_parse_in("0 9 * * *", "Mars/Phobos", 0, &e));
    cr_assert_not_null(strstr(e.text, "Mars/Phobos"), "%s", e.text);
    cr_assert_null(cronexpr_parse_in("TZ=UTC 0 9 * * *", "Europe/Berlin", 0, &e));
    cr_assert_not_null(strstr(e.text, "timeZone"), "%s", e.text);
    cr_assert_eq(cron_catch_up_parse("some"), -1);
}
