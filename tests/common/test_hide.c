#include <criterion/criterion.h>

#include "common/hide.h"

#include <string.h>

static void
check(const char *const *values, const char *text, const char *want)
{
    SCOPED(hide) struct hide *h = hide_new();
    SCOPED(buf) struct buf out = BUF_INIT;

    for (; *values != NULL; values++)
        cr_assert_eq(hide_add(h, *values, strlen(*values)), 0);
    hide_text(h, text, strlen(text), &out);
    cr_expect_str_eq(buf_str(&out), want);
}
#define CHECK(text, want, ...) check((const char *const[]){__VA_ARGS__, NULL}, text, want)

Test(hide, hides_each_value_wherever_it_stands)
{
    CHECK("plain", "plain", NULL);
    CHECK("a secret-1 and secret-1secret-1", "a *** and ******", "secret-1");
    CHECK("second-2 before first-11", "*** before ***", "first-11", "second-2");
    CHECK("", "", "secret-1");
}

Test(hide, takes_the_longest_of_those_that_begin_at_one_place)
{
    CHECK("secret-1-long secret-1", "*** ***", "secret-1", "secret-1-long");
    CHECK("abcdefghijkl", "***kl", "cdefghij", "abcdefghij");
}

Test(hide, each_line_of_a_value_is_one_and_short_ones_are_none)
{
    CHECK("a BEGIN KEY b AAAABBBB c x", "a *** b *** c x", "BEGIN KEY\nAAAABBBB\r\nx\n");
    CHECK("user short", "user short", "short");
}
