#include <criterion/criterion.h>

#include "common/limits.h"
#include "common/macros.h"
#include "spawner/items.h"

static const struct msg_item plain = {.id = "1", .number = 1, .title = "t", .body = "b"};

static void
digest_of(const struct msg_item *rows, size_t n, char out[DIGEST_SIZE])
{
    SCOPED(items) struct items *s = items_new();

    for (size_t i = 0; i < n; i++)
        items_add(s, &rows[i]);
    items_digest(s, out);
}

Test(items, digest_changes_with_every_field)
{
    const char *const labels[] = {"a", "b"}, *const other[] = {"ab"};
    struct msg_item variants[] = {plain, plain, plain, plain, plain, plain, plain, plain};
    char seen[ARRAY_LEN(variants)][DIGEST_SIZE];

    variants[1].title = "u";
    variants[2].body = "c";
    variants[3].comments = "x";
    variants[4].trigger_time = 5;
    variants[5].labels = (struct msg_strs){labels, 2};
    variants[6].labels = (struct msg_strs){other, 1};
    variants[7].kind = "PR";
    for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
        digest_of(&variants[i], 1, seen[i]);
        for (size_t k = 0; k < i; k++)
            cr_assert_str_neq(seen[i], seen[k], "%zu and %zu", i, k);
    }
}

Test(items, digest_knows_borders_and_order)
{
    const struct msg_item ab[] = {{.id = "1", .title = "ab", .body = "c"}};
    const struct msg_item a_bc[] = {{.id = "1", .title = "a", .body = "bc"}};
    const struct msg_item two[] = {{.id = "1"}, {.id = "2"}},
                          swapped[] = {{.id = "2"}, {.id = "1"}};
    char x[DIGEST_SIZE], y[DIGEST_SIZE];

    digest_of(ab, 1, x);
    digest_of(a_bc, 1, y);
    cr_assert_str_neq(x, y);
    digest_of(two, 2, x);
    digest_of(swapped, 2, y);
    cr_assert_str_neq(x, y);
    digest_of(two, 2, y);
    cr_assert_str_eq(x, y);
}

Test(items, texts_are_cut_at_a_characters_border)
{
    SCOPED(items) struct items *s = items_new();
    char title[4098];
    struct msg_item item = plain;

    memset(title, 'x', 4095);
    strcpy(title + 4095, "\xc3\xa9");
    item.title = title;
    items_add(s, &item);
    cr_assert_eq(strlen(s->rows[0].title), 4095);
}

Test(items, what_does_not_fit_is_counted)
{
    SCOPED(items) struct items *s = items_new();
    struct msg_item item = plain;
    char id[200];

    memset(id, 'i', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    item.id = id;
    cr_assert_eq(items_add(s, &item), -1);
    item.id = "";
    cr_assert_eq(items_add(s, &item), -1);
    item.id = "ok";
    for (int i = 0; i < LIMIT_SOURCE_SET_ITEMS; i++)
        cr_assert_eq(items_add(s, &item), 0);
    cr_assert_eq(items_add(s, &item), -1);
    cr_assert_eq(s->left_out, 3);
}

Test(items, pages_are_bounded_and_cover_all)
{
    SCOPED(items) struct items *s = items_new();
    static char body[200001];
    struct msg_item big = plain;
    size_t from = 0, pages = 0;

    memset(body, 'b', sizeof(body) - 1);
    big.body = body;
    for (int i = 0; i < 300; i++)
        items_add(s, i % 10 == 0 ? &big : &plain);
    while (from < s->n) {
        size_t n = items_page(s, from), bytes = 0;

        cr_assert_gt(n, 0);
        cr_assert_leq(n, LIMIT_SOURCE_PAGE_ITEMS);
        for (size_t i = from; i < from + n; i++)
            bytes += strlen(s->rows[i].body);
        cr_assert(bytes <= LIMIT_SOURCE_PAGE_BYTES);
        from += n;
        pages++;
    }
    cr_assert_eq(from, s->n);
    cr_assert_gt(pages, 5);
    cr_assert_eq(items_page(s, s->n), 0);
}
