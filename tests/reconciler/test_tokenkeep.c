/* test_tokenkeep.c - when a running Task's GitHub token is renewed. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "common/data/apptoken.h"
#include "reconciler/auth/tokenkeep.h"

#define NOW AT("2026-01-01T12:00:00Z")
#define MINUTE 60000

static json_t *
token_secret(const char *app, const char *end, const char *uid)
{
    json_t *notes = json_object();

    if (app != NULL)
        json_object_set_new(notes, "kelos.dev/github-app-secret", json_string(app));
    if (end != NULL)
        json_object_set_new(notes, "kelos.dev/token-expires-at", json_string(end));
    return keep(json_pack("{s:{s:o,s:[{s:s,s:s,s:b}]}}", "metadata", "annotations", notes,
                          "ownerReferences", "kind", "Task", "uid", uid, "controller",
                          1));
}

static enum token_due
due(const json_t *secret, int64_t *wake_ms)
{
    struct token_known t = {.read = false};

    token_read(&t, secret, "u1");
    enum token_due what = token_judge(&t, NOW, wake_ms);
    token_forget(&t);
    return what;
}

Test(tokenkeep, nothing_is_known_before_it_is_read)
{
    const struct token_known t = {.read = false};
    int64_t wake;

    cr_assert_eq(token_judge(&t, NOW, &wake), TOKEN_READ);
}

Test(tokenkeep, a_secret_of_no_app_or_of_somebody_else_is_left_alone)
{
    int64_t wake;
    const char *end = "2026-01-01T12:01:00Z";

    cr_assert_eq(due(token_secret(NULL, end, "u1"), &wake), TOKEN_REST);
    cr_assert_eq(wake, 0);
    cr_assert_eq(due(token_secret("app", end, "u2"), &wake), TOKEN_REST);
    cr_assert_eq(wake, 0);
}

Test(tokenkeep, is_due_five_minutes_before_the_end)
{
    int64_t wake;

    cr_assert_eq(due(token_secret("app", "2026-01-01T12:45:00Z", "u1"), &wake),
                 TOKEN_REST);
    cr_assert_eq(wake, NOW + 40 * MINUTE);
    cr_assert_eq(due(token_secret("app", "2026-01-01T12:01:00Z", "u1"), &wake),
                 TOKEN_RENEW);
}

Test(tokenkeep, what_needs_no_token_is_never_asked_for_one)
{
    struct token_known none = {.read = false};
    int64_t wake = 1;

    token_read(&none, NULL, "u1"); /* there is no Secret */
    cr_assert_eq(token_judge(&none, NOW, &wake), TOKEN_REST);
    cr_assert_eq(wake, 0);
    cr_assert_eq(due(token_secret(NULL, NULL, "u1"), &wake), TOKEN_REST);
    cr_assert_eq(wake, 0);
    cr_assert_eq(due(token_secret("app", "2026-01-01T12:45:00Z", "u1"), &wake),
                 TOKEN_REST);
    cr_assert_eq(wake, NOW + 40 * MINUTE);
    row_claim("ADD/LT6");
}

/* Three hours in which tokens live for one and every second is looked at; in the second hour
 * GitHub is out of order around the time of the renewal. */
Test(tokenkeep, a_task_of_three_hours_always_has_a_token_that_lives)
{
    struct token_known t = {.read = true,
                            .refreshable = true,
                            .expires_ms = NOW + 60 * MINUTE,
                            .renew_ms = apptoken_renew_ms(NOW, NOW + 60 * MINUTE)};
    int64_t wake, least = INT64_MAX;
    int renewed = 0, failed = 0;

    for (int64_t now = NOW; now < NOW + 185 * MINUTE; now += 1000) {
        int64_t since = now - NOW, left = t.expires_ms - now;
        bool out = since >= 108 * MINUTE && since < 112 * MINUTE;
        least = left < least ? left : least;
        if (token_judge(&t, now, &wake) != TOKEN_RENEW) {
            cr_assert_gt(wake, now, "it is never forgotten");
        } else if (out) {
            token_failed(&t, now);
            failed++;
        } else {
            t.expires_ms = now + 60 * MINUTE;
            t.renew_ms = apptoken_renew_ms(now, t.expires_ms);
            t.again_ms = t.warned_ms = 0;
            renewed++;
        }
    }
    cr_assert_eq(renewed, 3);
    cr_assert_geq(failed, 4);
    cr_assert_geq(least, MINUTE, "%lld ms were left", (long long)least);
}

Test(tokenkeep, an_end_that_nobody_can_read_is_due_at_once)
{
    int64_t wake;

    cr_assert_eq(due(token_secret("app", NULL, "u1"), &wake), TOKEN_RENEW);
    cr_assert_eq(due(token_secret("app", "soon", "u1"), &wake), TOKEN_RENEW);
}

Test(tokenkeep, a_failure_is_tried_again_within_half_of_what_is_left)
{
    static const struct {
        int left_s, wait_ms;
    } rows[] = {{20, 10000}, {240, 30000}, {1, 1000}, {-5, 30000}};
    int64_t wake;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct token_known t = {
            .read = true, .refreshable = true, .expires_ms = NOW + rows[i].left_s * 1000};
        cr_assert(token_failed(&t, NOW));
        cr_assert_eq(t.again_ms, NOW + rows[i].wait_ms);
        cr_assert_eq(token_judge(&t, NOW, &wake), TOKEN_REST);
        cr_assert_eq(wake, t.again_ms);
        cr_assert_eq(token_judge(&t, t.again_ms, &wake), TOKEN_RENEW);
    }
}

Test(tokenkeep, a_failure_is_told_once_in_five_minutes)
{
    struct token_known t = {.read = true, .refreshable = true};

    cr_assert(token_failed(&t, NOW));
    cr_assert_not(token_failed(&t, NOW + 5 * MINUTE - 1));
    cr_assert(token_failed(&t, NOW + 5 * MINUTE));
}

Test(tokenkeep, a_token_with_a_short_life_is_not_renewed_all_the_time)
{
    cr_assert_eq(apptoken_renew_ms(NOW, NOW + 60 * MINUTE), NOW + 55 * MINUTE);
    cr_assert_eq(apptoken_renew_ms(NOW, NOW + 9000), NOW + 6000);
    cr_assert_eq(apptoken_renew_ms(NOW, 0), NOW + MINUTE);
}
