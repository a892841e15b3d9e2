#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "common/value/duration.h"
#include "common/macros.h"
#include "tests/support/rows.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)
#define M (60 * S)

static const struct {
    const char *row, *text;
    int64_t ns;
    enum duration_poll what;
} polls[] = {
    {"SP/P1", "", 5 * M, DURATION_POLL_GOOD},
    {"SP/P2", "5m", 5 * M, DURATION_POLL_GOOD},
    {"SP/P3", "30", 30 * S, DURATION_POLL_GOOD},
    {"SP/P4", "1m30s", 90 * S, DURATION_POLL_GOOD},
    {"SP/P5", "1.5h", 90 * M, DURATION_POLL_GOOD},
    {"SP/P6", "300ms", 300 * MS, DURATION_POLL_GOOD},
    {"SP/P7", ".5s", 500 * MS, DURATION_POLL_GOOD},
    {"SP/P8", "1h1h", 120 * M, DURATION_POLL_GOOD},
    {"SP/P9", "+2m", 2 * M, DURATION_POLL_GOOD},
    {"SP/P10", "0", 0, DURATION_POLL_NEGATIVE},
    {"SP/P10", "0s", 0, DURATION_POLL_NEGATIVE},
    {"SP/P11", "-1m", -M, DURATION_POLL_NEGATIVE},
    {"SP/P11", "-5", -5 * S, DURATION_POLL_NEGATIVE},
    {"SP/P12", "5 m", 5 * M, DURATION_POLL_UNREAD},
    {"SP/P12", "5M", 5 * M, DURATION_POLL_UNREAD},
    {"SP/P12", "5m ", 5 * M, DURATION_POLL_UNREAD},
    {"SP/P13", "abc", 5 * M, DURATION_POLL_UNREAD},
    {"SP/P13", "1d", 5 * M, DURATION_POLL_UNREAD},
    {"SP/P13", "1e3s", 5 * M, DURATION_POLL_UNREAD},
    {"SP/P14", "9999999999s", 5 * M, DURATION_POLL_UNREAD},
    {"SP/P15", "1us", 1000, DURATION_POLL_GOOD},
    {"SP/P15", "1µs", 1000, DURATION_POLL_GOOD},
    {"SP/P15", "1μs", 1000, DURATION_POLL_GOOD},
    {"SP/P16", "10s", 10 * S, DURATION_POLL_GOOD},
    {"SP/P17", "1h0m0s", 60 * M, DURATION_POLL_GOOD},
    {"SP/P18", "+30", 30 * S, DURATION_POLL_GOOD},
};

Test(duration, reads_poll_intervals)
{
    bool good = true;

    for (size_t i = 0; i < ARRAY_LEN(polls); i++) {
        int64_t ns = 1;
        enum duration_poll what = duration_poll_parse(polls[i].text, &ns);
        if (i > 0 && strcmp(polls[i].row, polls[i - 1].row) != 0)
            good = true;
        good &= ns == polls[i].ns && what == polls[i].what;
        cr_expect_eq(ns, polls[i].ns, "%s: %lld", polls[i].text, (long long)ns);
        cr_expect_eq(what, polls[i].what, "%s", polls[i].text);
        if (good &&
            (i + 1 == ARRAY_LEN(polls) || strcmp(polls[i + 1].row, polls[i].row) != 0))
            row_claim(polls[i].row);
    }
}

Test(duration, refuses_what_is_no_duration)
{
    static const char *const bad[] = {"",
                                      "3",
                                      "-",
                                      "+",
                                      "s",
                                      ".",
                                      "-.",
                                      ".s",
                                      "+.s",
                                      "1.2.3s",
                                      "1 h",
                                      "h1",
                                      "1m2",
                                      "x",
                                      "1hh",
                                      "9223372036854775808ns",
                                      "9223372036854775.808us",
                                      "9223372036854ms775us809ns",
                                      "-9223372036854775809ns",
                                      "99999999999999999999s",
                                      NULL};
    int64_t ns;

    for (size_t i = 0; bad[i] != NULL; i++)
        cr_expect_eq(duration_parse(bad[i], &ns), -1, "%s", bad[i]);
    cr_expect_eq(duration_parse(NULL, &ns), -1);
}

Test(duration, reads_the_whole_range)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {{"9223372036854775807ns", INT64_MAX},
                {"-9223372036854775808ns", INT64_MIN},
                {"9223372036854ms775us807ns", INT64_MAX},
                {"-2m3.4s", -(2 * M + 3400 * MS)},
                {"0.100000000000000000000h", 6 * M},
                {"0.3333333333333333333h", 20 * M},
                {"5.s", 5 * S},
                {"-0", 0}};
    int64_t ns;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        cr_expect_eq(duration_parse(good[i].text, &ns), 0, "%s", good[i].text);
        cr_expect_eq(ns, good[i].ns, "%s: %lld", good[i].text, (long long)ns);
    }
}

Test(duration, is_written_as_go_writes_it)
{
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {{0, "0s"},
                {1, "1ns"},
                {1100, "1.1µs"},
                {2200 * 1000, "2.2ms"},
                {3300 * MS, "3.3s"},
                {4 * M + 5 * S, "4m5s"},
                {4 * M + 5001 * MS, "4m5.001s"},
                {5 * 60 * M + 6 * M + 7001 * MS, "5h6m7.001s"},
                {8 * M + 1, "8m0.000000001s"},
                {INT64_MAX, "2562047h47m16.854775807s"},
                {INT64_MIN, "-2562047h47m16.854775808s"},
                {-90 * S, "-1m30s"}};
    char out[DURATION_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t back;
        duration_format(rows[i].ns, out);
        cr_expect_str_eq(out, rows[i].text);
        cr_expect(duration_parse(out, &back) == 0 && back == rows[i].ns, "%s", out);
    }
}
