#include <criterion/criterion.h>

#include "common/macros.h"
#include "common/value/quantity.h"

Test(quantity, is_written_in_one_way)
{
    static const char *const pairs[][2] = {
        {"0", "0"},
        {"0Mi", "0"},
        {"1024Mi", "1Gi"},
        {"0.5", "500m"},
        {"0.0532", "53200u"},
        {"2.35", "2350m"},
        {"2", "2"},
        {"1000", "1k"},
        {"1500m", "1500m"},
        {"1000m", "1"},
        {"1.5Gi", "1536Mi"},
        {"512", "512"},
        {"128974848", "128974848"},
        {"129e6", "129e6"},
        {"129M", "129M"},
        {"123Mi", "123Mi"},
        {"1e3", "1e3"},
        {"100e1", "1e3"},
        {"-1", "-1"},
        {"-0.5", "-500m"},
        {"+5", "5"},
        {".5", "500m"},
        {"5.", "5"},
        {"1Ei", "1Ei"},
        {"1E", "1E"},
        {"1n", "1n"},
        {"0.1n", "1n"},
        {"1.0000000001", "1000000001n"},
        {"0.5Ki", "512"},
        {"100Ki", "100Ki"},
        {"1E2", "100"},
        {"1000Ki", "1000Ki"},
        {"1100m", "1100m"},
        {"0.001Mi", "1048576m"},
        {"99999999999E", "9223372036854775807"},
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct quantity q;
        char out[QUANTITY_SIZE];
        cr_expect_eq(quantity_parse(pairs[i][0], &q), 0, "%s", pairs[i][0]);
        quantity_format(&q, out);
        cr_expect_str_eq(out, pairs[i][1], "%s: %s", pairs[i][0], out);
    }
}

Test(quantity, refuses_what_is_none)
{
    static const char *const bad[] = {"",   "-",   "Mi",  "4 GB", "1.2.3", "1mi",
                                      "1K", "1ki", "0x1", "1e",   "1e+",   "1e1.5",
                                      " 1", "1 ",  "abc", "1Gib"};
    struct quantity q;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_expect_eq(quantity_parse(bad[i], &q), -1, "%s", bad[i]);
    cr_expect_eq(quantity_parse(NULL, &q), -1);
}

Test(quantity, compares_by_amount_not_by_spelling)
{
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {{"1", "1000m", 0}, {"1Gi", "1024Mi", 0}, {"1Gi", "1G", 1},
                {"500m", "1", -1}, {"-1", "1", -1},      {"1e3", "1k", 0},
                {"0.1", "100m", 0}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct quantity a, b;
        cr_assert_eq(quantity_parse(rows[i].a, &a) + quantity_parse(rows[i].b, &b), 0);
        cr_expect_eq(quantity_compare(&a, &b), rows[i].order, "%s %s", rows[i].a,
                     rows[i].b);
    }
}

Test(quantity, gives_bytes_and_thousandths)
{
    struct quantity q;

    cr_assert_eq(quantity_parse("1.5Gi", &q), 0);
    cr_assert_eq(quantity_value(&q), 1610612736);
    cr_assert_eq(quantity_parse("500m", &q), 0);
    cr_assert_eq(quantity_value(&q), 1);
    cr_assert_eq(quantity_milli(&q), 500);
    cr_assert_eq(quantity_parse("99999E", &q), 0);
    cr_assert_eq(quantity_value(&q), INT64_MAX);
    cr_assert_eq(quantity_milli(&q), INT64_MAX);
    cr_assert_eq(quantity_parse("-2500m", &q), 0);
    cr_assert_eq(quantity_value(&q), -3);
}
