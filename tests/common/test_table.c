/* test_table.c - values under text keys. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"
#include "common/table.h"

Test(table, holds_gives_and_ends_values)
{
    SCOPED(table) struct table *t = table_new(free);

    cr_assert_null(table_get(t, "a"));
    table_put(t, "a", strdup("one"));
    table_put(t, "b", strdup("two"));
    table_put(t, "a", strdup("three")); /* the first is ended */
    cr_assert_str_eq(table_get(t, "a"), "three");
    cr_assert_eq(table_size(t), 2);
    char *taken = table_take(t, "a");
    cr_assert_str_eq(taken, "three");
    free(taken);
    cr_assert_null(table_take(t, "a"));
    table_delete(t, "a");
    table_delete(t, "b");
    cr_assert_eq(table_size(t), 0);
    table_put(t, "left", strdup("for the end"));
}

Test(table, is_gone_through_in_order_while_what_was_given_is_deleted)
{
    SCOPED(table) struct table *t = table_new(NULL);
    static const char *const keys[] = {"c", "a", "b"};
    char seen[4] = "";
    struct table_at at = {0};
    const char *key;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        table_put(t, keys[i], (void *)keys[i]);
    while ((key = table_next(t, &at)) != NULL) {
        strcat(seen, key);
        table_delete(t, key);
        cr_assert_null(table_get(t, key), "a lookup does not move the place");
    }
    cr_assert_str_eq(seen, "cab");
    cr_assert_null(table_next(t, &at));
    cr_assert_eq(table_size(t), 0);
}

Test(table, takes_no_more_room_than_its_values_ask_for)
{
    enum { N = 20000 };
    SCOPED(table) struct table *t = table_new(NULL);
    char key[60];

    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "%d/0/space-%d/task-%d", 1 + i % 2 * 3, i % 64, i / 2);
        cr_assert_null(table_get(t, key));
        table_put(t, key, t);
        cr_assert_not_null(table_get(t, key));
    }
    size_t each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) / N;
    cr_assert_lt(each, 160, "%zu bytes each", each);
    cr_assert_eq(table_size(t), N);
}
