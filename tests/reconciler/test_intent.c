/* test_intent.c - what stands on a TaskSpawner before its Tasks are created. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "common/macros.h"
#include "reconciler/plan/intent.h"

Test(intent, comes_back_as_it_was_written)
{
    struct intent x = {.first = 41, .made_ms = 1700000000000, .n = INTENT_MAX}, y;
    char text[INTENT_TEXT_SIZE];

    for (size_t i = 0; i < x.n; i++) {
        memset(x.names[i], 'a' + (int)i, ITEM_NAME_SIZE - 1);
        x.names[i][ITEM_NAME_SIZE - 1] = '\0';
    }
    intent_format(&x, text);
    cr_assert(intent_parse(text, &y));
    cr_expect_eq(y.first, 41);
    cr_expect_eq(y.made_ms, 1700000000000);
    cr_assert_eq(y.n, x.n);
    for (size_t i = 0; i < x.n; i++)
        cr_expect_str_eq(y.names[i], x.names[i]);
}

Test(intent, what_somebody_edited_is_none)
{
    static const char *const bads[] = {"",
                                       " ",
                                       "7",
                                       "7 1700000000",
                                       "0 1700000000 a",
                                       "-1 1700000000 a",
                                       "x 1700000000 a",
                                       "7 soon a",
                                       "99999999999999999999 1700000000 a",
                                       "1 1 a b c d e f g h i j k l m n o p q"};
    struct intent x;

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        cr_expect(!intent_parse(bads[i], &x), "\"%s\"", bads[i]);
        cr_expect_eq(x.n, 0);
        cr_expect_null(intent_name(&x, 0));
    }
}

Test(intent, covers_its_names_in_order_and_only_for_a_while)
{
    struct intent x;

    cr_assert(intent_parse("7 1700000000 a-1 a-2", &x));
    cr_expect_str_eq(intent_name(&x, 8), "a-2");
    cr_expect_null(intent_name(&x, 6));
    cr_expect_null(intent_name(&x, 9));
    cr_expect(intent_covers(&x, "a-1", 7, 1700000000000));
    cr_expect(!intent_covers(&x, "a-2", 7, 1700000000000), "another ordinal");
    cr_expect(!intent_covers(&x, "a-3", 9, 1700000000000), "not named");
    cr_expect(!intent_covers(&x, "a-1", 7, 1700000000000 + INTENT_SEND_MS), "too late");
    cr_expect(!intent_covers(&x, "a-1", 7, 1699999999999), "the clock was set back");
}
