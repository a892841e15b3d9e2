/* test_bearer.c - requests that a token authorises. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/http/bearer.h"

Test(bearer, the_token_is_in_the_head_and_wiped_at_the_end)
{
    SCOPED(secret) struct secret *token = secret_new("ghs_1", 5);
    SCOPED(bearer) struct bearer b = {.authorization = BUF_INIT};

    bearer_fill(&b, "POST", "https://h/app", token);
    cr_assert_str_eq(b.request.headers[0], "Authorization: Bearer ghs_1");
    cr_assert_str_eq(b.request.headers[1], "Accept: application/vnd.github.v3+json");
    cr_assert_null(b.request.headers[2]);
    cr_assert_str_eq(b.request.body, ""); /* GitHub wants a POST, with nothing in it */
    cr_assert_eq(b.request.total_ms, 10000);
    cr_assert(b.request.secret);
    bearer_scoped_free(&b);
    cr_assert_eq(b.authorization.size, 0);
    bearer_fill(&b, "DELETE", "https://h/token", token);
    cr_assert_null(b.request.body);
}
