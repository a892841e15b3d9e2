#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "common/clock.h"
#include "common/value/cronexpr.h"
#include "common/limits.h"
#include "common/macros.h"
#include "tests/support/rows.h"

static int64_t
seconds(const char *rfc3339)
{
    int64_t ms;

    cr_assert_eq(rfc3339_parse(rfc3339, &ms), 0, "%s", rfc3339);
    return ms / 1000;
}

static const char *
written(int64_t s)
{
    static char text[RFC3339_SIZE];

    if (s == CRONEXPR_NEVER)
        return "never";
    rfc3339_format(s * 1000, text);
    return text;
}

static struct cronexpr *
parsed(const char *text)
{
    struct err e = ERR_INIT;
    struct cronexpr *c = cronexpr_parse(text, CRONEXPR_DESCRIPTORS, &e);

    cr_assert_not_null(c, "%s: %s", text, e.text);
    return c;
}

#define SATURDAY "2026-02-07T08:59:30Z"

static const struct {
    const char *row, *text, *from, *ticks[6]; /* up to "never" or NULL */
} schedules[] = {
    {"SP/S1", "0 9 * * 1", SATURDAY, {"2026-02-09T09:00:00Z"}},
    {"SP/S2", "5/10 * * * *", SATURDAY, {"2026-02-07T09:05:00Z", "2026-02-07T09:15:00Z"}},
    {"SP/S3",
     "1-10/3 * * * *",
     SATURDAY,
     {"2026-02-07T09:01:00Z", "2026-02-07T09:04:00Z", "2026-02-07T09:07:00Z",
      "2026-02-07T09:10:00Z", "2026-02-07T10:01:00Z"}},
    {"SP/S4", "*/90 * * * *", SATURDAY, {"2026-02-07T09:00:00Z", "2026-02-07T10:00:00Z"}},
    {"SP/S5",
     "0 9 1 * 1",
     SATURDAY,
     {"2026-02-09T09:00:00Z", "2026-02-16T09:00:00Z", "2026-02-23T09:00:00Z",
      "2026-03-01T09:00:00Z"}},
    {"SP/S6",
     "0 9 */2 * 1",
     SATURDAY,
     {"2026-02-07T09:00:00Z", "2026-02-09T09:00:00Z", "2026-02-11T09:00:00Z",
      "2026-02-13T09:00:00Z", "2026-02-15T09:00:00Z", "2026-02-16T09:00:00Z"}},
    {"SP/S7", "0 0 29 2 *", SATURDAY, {"2028-02-29T00:00:00Z"}},
    {"SP/S8", "0 0 31 2 *", SATURDAY, {"never"}},
    {"SP/S13",
     "0 0 * JAN-mar mon",
     SATURDAY,
     {"2026-02-09T00:00:00Z", "2026-02-16T00:00:00Z"}},
    {"", "*-5 * * * *", SATURDAY, {"2026-02-07T09:00:00Z", "2026-02-07T09:01:00Z"}},
    {"", "? ? ? ? ?", SATURDAY, {"2026-02-07T09:00:00Z"}},
    {"", ",,5, 9 * * *", SATURDAY, {"2026-02-07T09:05:00Z"}},
    {"", ", * * * *", SATURDAY, {"never"}},
    {"", "  0\t12  * * * ", SATURDAY, {"2026-02-07T12:00:00Z"}},
    {"", "@daily", SATURDAY, {"2026-02-08T00:00:00Z"}},
    {"", "@hourly", SATURDAY, {"2026-02-07T09:00:00Z"}},
    {"", "@weekly", SATURDAY, {"2026-02-08T00:00:00Z", "2026-02-15T00:00:00Z"}},
    {"", "@yearly", SATURDAY, {"2027-01-01T00:00:00Z"}},
    /* Clocks go forward on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00. */
    {"",
     "TZ=Europe/Berlin 30 2 * * *",
     "2026-03-28T00:00:00Z",
     {"2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"}},
    {"",
     "CRON_TZ=Europe/Berlin 30 2 * * *",
     "2026-10-24T22:00:00Z",
     {"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"}},
    {"",
     "TZ=Europe/Berlin 0 0 * * *",
     "2026-03-28T12:00:00Z",
     {"2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}},
    {"", "TZ=America/New_York 0 9 * * 1", SATURDAY, {"2026-02-09T14:00:00Z"}},
    {"", "TZ=Asia/Kolkata 15 10 * * *", SATURDAY, {"2026-02-08T04:45:00Z"}},
    {"",
     "TZ=America/Sao_Paulo 0 0 * * *",
     "2018-11-03T12:00:00Z",
     {"2018-11-05T02:00:00Z"}}, /* midnight of the 4th did not exist */
    {"",
     "TZ=Europe/Berlin 0 12 1 1,7 *",
     "2045-02-01T00:00:00Z",
     {"2045-07-01T10:00:00Z",
      "2046-01-01T11:00:00Z"}}, /* by the rule at the file's end */
    {"", "TZ=UTC 0 9 * * *", SATURDAY, {"2026-02-07T09:00:00Z"}},
};

Test(cronexpr, finds_the_ticks_of_a_schedule)
{
    for (size_t i = 0; i < ARRAY_LEN(schedules); i++) {
        SCOPED(cronexpr) struct cronexpr *c = parsed(schedules[i].text);
        int64_t t = seconds(schedules[i].from);
        bool good = true;
        for (size_t k = 0; k < 6 && schedules[i].ticks[k] != NULL; k++) {
            t = cronexpr_next(c, t);
            good &= strcmp(written(t), schedules[i].ticks[k]) == 0;
            cr_expect_str_eq(written(t), schedules[i].ticks[k], "%s", schedules[i].text);
        }
        if (good && schedules[i].row[0] != '\0')
            row_claim(schedules[i].row);
    }
}

Test(cronexpr, names_a_work_item_after_its_tick)
{
    SCOPED(cronexpr) struct cronexpr *c = parsed("0 9 7 2 *");
    char id[CRONEXPR_ID_SIZE];
    int64_t t = cronexpr_next(c, seconds("2026-02-07T08:59:00Z"));

    cronexpr_id(t, id);
    cr_assert_str_eq(id, "20260207-0900");
    cr_assert_str_eq(written(t), "2026-02-07T09:00:00Z");
    row_claim("SP/S9");
}

Test(cronexpr, hands_out_what_was_missed_oldest_first)
{
    SCOPED(cronexpr)
    struct cronexpr *c = parsed("* * * * *"), *yearly = parsed("0 0 1 1 *");
    static int64_t ticks[LIMIT_CRON_CATCH_UP + 1];
    int64_t now = seconds("2026-02-07T08:59:30Z");
    size_t n = cronexpr_ticks(c, now - 300, now, ticks, LIMIT_CRON_CATCH_UP);

    cr_assert(n >= 4 && n <= 6, "%zu", n);
    for (size_t i = 1; i < n; i++)
        cr_assert_eq(ticks[i], ticks[i - 1] + 60);
    row_claim("SP/S10");
    n = cronexpr_ticks(c, now - 365 * 86400, now, ticks, LIMIT_CRON_CATCH_UP);
    cr_assert_eq(n, 1000);
    cr_assert_eq(ticks[0], seconds("2025-02-07T09:00:00Z"));
    row_claim("SP/S11");
    cr_assert_eq(cronexpr_ticks(yearly, now, now, ticks, LIMIT_CRON_CATCH_UP), 0);
    row_claim("SP/S12");
    cr_assert_eq(cronexpr_ticks(c, now, now - 3600, ticks, LIMIT_CRON_CATCH_UP), 0);
}

Test(cronexpr, includes_now_and_excludes_the_watermark)
{
    SCOPED(cronexpr) struct cronexpr *c = parsed("0 9 * * *");
    int64_t nine = seconds("2026-02-07T09:00:00Z"), tick;

    cr_assert_eq(cronexpr_ticks(c, nine - 1, nine, &tick, 1), 1);
    cr_assert_eq(cronexpr_ticks(c, nine, nine, &tick, 1), 0);
    cr_assert_eq(cronexpr_next(c, nine), nine + 86400);
}

static const struct {
    const char *row, *text, *error;
    unsigned flags;
} mistakes[] = {
    {"SP/E1", "", "empty spec string", 0},
    {"SP/E2", "invalid", "expected exactly 5 fields, found 1: [invalid]", 0},
    {"SP/E3", "60 * * * *", "end of range (60) above maximum (59): 60", 0},
    {"SP/E4", "* * 0 * *", "beginning of range (0) below minimum (1): 0", 0},
    {"SP/E5", "5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1", 0},
    {"SP/E6", "*/0 * * * *", "step of range should be a positive number: */0", 0},
    {"SP/E7", "1-2-3 * * * *", "too many hyphens: 1-2-3", 0},
    {"SP/E8", "1/2/3 * * * *", "too many slashes: 1/2/3", 0},
    {"SP/E9", "a * * * *", "failed to parse int from a: ", 0},
    {"SP/E10", "@daily", "parser does not accept descriptors: @daily", 0},
    {"", "* * * * 7", "end of range (7) above maximum (6): 7", 0},
    {"", "-1 * * * *", "failed to parse int from : ", 0},
    {"", "* * * jan-foo *", "failed to parse int from foo: ", 0},
    {"", "* * mon * *", "failed to parse int from mon: ", 0},
    {"", "*/-2 * * * *", "negative number (-2) not allowed: -2", 0},
    {"", "99999999999 * * * *", "failed to parse int from 99999999999: ", 0},
    {"", "* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]", 0},
    {"", "@reboot", "unrecognized descriptor: @reboot", CRONEXPR_DESCRIPTORS},
    {"", "TZ=Mars/Phobos * * * * *", "provided bad location Mars/Phobos: ", 0},
    {"", "TZ=../../etc/passwd * * * * *", "provided bad location ../../etc/passwd: ", 0},
    {"", "TZ=Europe/Berlin", "expected exactly 5 fields, found 0: []", 0},
    {"", "TZ=Europe * * * * *", "provided bad location Europe: ", 0},
};

Test(cronexpr, says_what_is_wrong)
{
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        struct err e = ERR_INIT;
        struct cronexpr *c = cronexpr_parse(mistakes[i].text, mistakes[i].flags, &e);
        cr_expect_null(c, "%s", mistakes[i].text);
        size_t n = strlen(mistakes[i].error);
        bool open = mistakes[i].error[n - 1] == ' ';
        bool good = e.code == ERR_INVALID && strncmp(e.text, mistakes[i].error, n) == 0 &&
                    (open || e.text[n] == '\0');
        cr_expect(good, "%s: %s", mistakes[i].text, e.text);
        if (good && mistakes[i].row[0] != '\0')
            row_claim(mistakes[i].row);
        cronexpr_free(c);
    }
}
