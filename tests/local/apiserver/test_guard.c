/* Who may ask the local API server: by which headers, under which name. */
#include <criterion/criterion.h>

#include "local/apiserver/guard.h"

#define TOKEN "s3cret"

static int
code_of(const char *host, const char *authorization, const char *proxy)
{
    SCOPED(fault) struct fault f = FAULT_INIT;
    struct guard g = {host, authorization, proxy};

    return guard_refuses(&g, TOKEN, &f) ? f.code : 0;
}

Test(guard, lets_in_who_shows_the_token_either_way)
{
    cr_expect_eq(code_of("127.0.0.1:7443", "Bearer s3cret", NULL), 0);
    cr_expect_eq(code_of("localhost", "bearer s3cret", NULL), 0);
    cr_expect_eq(code_of("[::1]:7443", "Bearer s3cret", NULL), 0);
    /* base64("kelos:s3cret") */
    cr_expect_eq(code_of("127.0.0.1", NULL, "Basic a2Vsb3M6czNjcmV0"), 0);
}

Test(guard, refuses_without_the_token)
{
    cr_expect_eq(code_of("127.0.0.1", NULL, NULL), 401);
    cr_expect_eq(code_of("127.0.0.1", "Bearer s3cre", NULL), 401);
    cr_expect_eq(code_of("127.0.0.1", "Bearer s3cret1", NULL), 401);
    cr_expect_eq(code_of("127.0.0.1", "Bearer ", NULL), 401);
    cr_expect_eq(code_of("127.0.0.1", "Basic s3cret", NULL), 401);
    /* base64("other:s3cret"), and what is no base64 */
    cr_expect_eq(code_of("127.0.0.1", NULL, "Basic b3RoZXI6czNjcmV0"), 401);
    cr_expect_eq(code_of("127.0.0.1", NULL, "Basic ***"), 401);
}

Test(guard, an_empty_token_opens_nothing)
{
    SCOPED(fault) struct fault f = FAULT_INIT;
    struct guard g = {"localhost", "Bearer ", NULL};

    cr_expect(guard_refuses(&g, "", &f));
}

Test(guard, a_foreign_name_is_refused_even_with_the_token)
{
    cr_expect_eq(code_of("evil.example", "Bearer s3cret", NULL), 421);
    cr_expect_eq(code_of("127.0.0.1.evil.example", "Bearer s3cret", NULL), 421);
    cr_expect_eq(code_of("localhost.evil.example:80", "Bearer s3cret", NULL), 421);
    cr_expect_eq(code_of(NULL, "Bearer s3cret", NULL), 421);
}
