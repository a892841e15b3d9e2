/* AGE, DURATION, tables, suggestions. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/age.h"
#include "cli/suggest.h"
#include "cli/table.h"
#include "common/clock.h"
#include "common/macros.h"
#include "tests/support/rows.h"

#define M 60LL
#define H (60 * M)
#define D (24 * H)

Test(age, each_span_has_its_format)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {-2, "<invalid>"},       {-1, "0s"},           {0, "0s"},
        {119, "119s"},           {120, "2m"},          {125, "2m5s"},
        {9 * M, "9m"},           {599, "9m59s"},       {600, "10m"},
        {100 * M, "100m"},       {179 * M, "179m"},    {180 * M, "3h"},
        {3 * H + 5 * M, "3h5m"}, {8 * H - 1, "7h59m"}, {8 * H, "8h"},
        {26 * H, "26h"},         {48 * H, "2d"},       {51 * H, "2d3h"},
        {8 * D, "8d"},           {400 * D, "400d"},    {730 * D, "2y"},
        {770 * D, "2y40d"},      {8 * 365 * D, "8y"},  {9 * 365 * D, "9y"},
    };
    char out[AGE_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_str_eq(age_format(rows[i].seconds * 1000, out), rows[i].text,
                         "%lld: %s", (long long)rows[i].seconds, out);
    cr_expect_str_eq(age_format(-1999, out), "0s");
    cr_expect_str_eq(age_format(1999, out), "1s");
}

Test(age, a_duration_runs_until_its_end)
{
    char out[AGE_SIZE];
    int64_t now;

    rfc3339_parse("2026-01-01T12:00:00Z", &now);
    cr_expect_str_eq(age_between("", "", now, out), "-");
    cr_expect_str_eq(
        age_between("2026-01-01T10:00:00Z", "2026-01-01T10:20:00Z", now, out), "20m");
    cr_expect_str_eq(age_between("2026-01-01T11:30:00Z", "", now, out), "30m");
    cr_expect_str_eq(age_since("nonsense", now, out), "<unknown>");
    row_claim("CLI/G12");
}

static void
add_row(struct table *t, const char *a, const char *b, const char *c)
{
    table_row(t);
    table_cell(t, a);
    table_cell(t, b);
    table_cell(t, c);
}

Test(table, columns_are_padded_by_characters)
{
    SCOPED(table) struct table *t = table_new();
    SCOPED(buf) struct buf out = BUF_INIT;

    add_row(t, "NAME", "REPO", "AGE");
    add_row(t, "m\xc3\xbcnchen", "r", "3h");
    add_row(t, "x", "", "9d");
    table_write(t, 0, NULL, 0, &out);
    cr_assert_str_eq(buf_str(&out), "NAME      REPO   AGE\n"
                                    "m\xc3\xbcnchen   r      3h\n"
                                    "x                9d\n");
}

Test(table, no_line_ends_in_blanks)
{
    SCOPED(table) struct table *t = table_new();
    SCOPED(buf) struct buf out = BUF_INIT;

    add_row(t, "A", "B", "C");
    add_row(t, "x", "", "");
    table_write(t, 0, NULL, 0, &out);
    cr_assert_str_eq(buf_str(&out), "A   B   C\nx\n");
}

Test(table, rows_are_ordered_by_a_column)
{
    SCOPED(table) struct table *t = table_new();

    add_row(t, "NAME", "N", "");
    add_row(t, "b", "10", "");
    add_row(t, "a", "9", "");
    table_sort(t, 1);
    cr_expect_str_eq(table_at(t, 1, 0), "a");
    table_sort(t, 0);
    cr_expect_str_eq(table_at(t, 1, 0), "a");
    cr_expect_str_eq(table_at(t, 0, 0), "NAME");
}

Test(table, spans_are_ordered_by_their_length)
{
    static const char *const ordered[] = {"-",    "0s",   "59s",  "2m5s", "100m",
                                          "3h5m", "2d3h", "400d", "2y40d"};
    SCOPED(table) struct table *t = table_new();

    add_row(t, "AGE", "", "");
    for (size_t i = 0; i < ARRAY_LEN(ordered); i++)
        add_row(t, ordered[i * 4 % ARRAY_LEN(ordered)], "", "");
    table_sort(t, 0);
    for (size_t i = 0; i < ARRAY_LEN(ordered); i++)
        cr_expect_str_eq(table_at(t, i + 1, 0), ordered[i]);
}

Test(suggest, near_words_are_offered)
{
    static const char *const known[] = {"get", "delete", "logs", "workspace"};

    cr_expect_str_eq(suggest_best("gt", known, ARRAY_LEN(known)), "get");
    cr_expect_str_eq(suggest_best("delet", known, ARRAY_LEN(known)), "delete");
    cr_expect_str_eq(suggest_best("work", known, ARRAY_LEN(known)), "workspace");
    cr_expect_null(suggest_best("zebra", known, ARRAY_LEN(known)));
}
