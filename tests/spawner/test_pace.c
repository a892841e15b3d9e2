#include <criterion/criterion.h>
#include <stdio.h>

#include "common/macros.h"
#include "common/scoped.h"
#include "spawner/pace.h"

static const int64_t now = INT64_C(1767225600000);

static int64_t
until(int status, const char *headers, const char *body, unsigned hits)
{
    SCOPED(buf) struct buf h = BUF_INIT;
    int64_t at;

    buf_add_str(&h, headers);
    at = pace_limited_until(status, &h, body, hits, now);
    return at == 0 ? -1 : at - now;
}

Test(pace, retry_after_is_obeyed)
{
    cr_assert_eq(until(429, "Retry-After: 7\n", "", 0), 7000);
    cr_assert_eq(until(403, "Retry-After: 30\n", "secondary rate limit", 0), 30000);
}

Test(pace, an_empty_quota_waits_for_its_reset)
{
    char headers[128];

    snprintf(headers, sizeof(headers),
             "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: %lld\n",
             (long long)(now / 1000 + 90));
    cr_assert_eq(until(403, headers, "API rate limit exceeded", 0), 90000);
    /* Past already: soon, not at once. */
    snprintf(headers, sizeof(headers),
             "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: %lld\n",
             (long long)(now / 1000 - 90));
    cr_assert_eq(until(403, headers, "API rate limit exceeded", 0), 1000);
}

Test(pace, a_secondary_limit_backs_off)
{
    cr_assert_eq(until(403, "", "You have exceeded a secondary rate limit", 0), 60000);
    cr_assert_eq(until(403, "", "You have exceeded a secondary rate limit", 2), 240000);
    cr_assert_eq(until(429, "", "", 1), 120000);
}

Test(pace, a_plain_refusal_is_no_limit)
{
    cr_assert_eq(
        until(403, "X-RateLimit-Remaining: 4999\n", "Resource not accessible", 0), -1);
    cr_assert_eq(until(200, "X-RateLimit-Remaining: 0\n", "", 0), -1);
    cr_assert_eq(until(500, "Retry-After: 7\n", "", 0), -1);
}

Test(pace, no_answer_makes_us_wait_for_ever)
{
    cr_assert_eq(until(429, "Retry-After: 99999999\n", "", 0), PACE_WAIT_CAP_MS);
    cr_assert_eq(
        until(403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 99999999999\n", "", 0),
        PACE_WAIT_CAP_MS);
    /* A reset that is no time: as if none had been given. */
    cr_assert_eq(until(403,
                       "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 99999999999999999\n",
                       "", 0),
                 PACE_SECONDARY_MS);
}

Test(pace, low_quota_halves_the_pace)
{
    const struct quota plenty = {5000, 500, now}, low = {5000, 499, now},
                       unknown = QUOTA_UNKNOWN;

    cr_assert_eq(pace_next_ms(60000, &plenty, 0), 60000);
    cr_assert_eq(pace_next_ms(60000, &low, 0), 120000);
    cr_assert_eq(pace_next_ms(60000, &unknown, 0), 60000);
}

Test(pace, interval_has_a_floor_and_jitter_only_adds)
{
    const struct quota unknown = QUOTA_UNKNOWN;

    cr_assert_eq(pace_next_ms(0, &unknown, 0), PACE_FLOOR_MS);
    cr_assert_eq(pace_next_ms(-5, &unknown, 0), PACE_FLOOR_MS);
    cr_assert_eq(pace_next_ms(60000, &unknown, 1.0), 66000);
}

Test(pace, failures_back_off_to_a_cap)
{
    cr_assert_eq(pace_failed_ms(60000, 1, 0), 2000);
    cr_assert_eq(pace_failed_ms(60000, 4, 0), 16000);
    cr_assert_eq(pace_failed_ms(60000, 1000, 0), PACE_ERROR_CAP_MS);
    cr_assert_eq(pace_failed_ms(3600000, 1000, 0), 3600000);
}

Test(pace, garbage_headers_change_nothing)
{
    SCOPED(buf) struct buf h = BUF_INIT;
    struct quota q = {1, 2, 3};

    buf_add_str(
        &h,
        "X-RateLimit-Limit: lots\nX-RateLimit-Remaining: -5\nX-RateLimit-Reset: 1e9\n");
    quota_read(&q, &h);
    cr_assert_eq(q.limit, 1);
    cr_assert_eq(q.left, 2);
    cr_assert_eq(q.reset, 3);
}
