#include <criterion/criterion.h>

#include "common/macros.h"
#include "common/value/resourcelist.h"

Test(resourcelist, names_amounts_in_their_canonical_spelling)
{
    struct resource_list list;
    struct err e = ERR_INIT;

    cr_assert_eq(
        resource_list_parse("cpu=0.25, memory = 1024Mi,ephemeral-storage=1e9", &list, &e),
        0, "%s", e.text);
    cr_assert_eq(list.n, 3);
    cr_expect_str_eq(list.items[0].name, "cpu");
    cr_expect_str_eq(list.items[0].amount, "250m");
    cr_expect_str_eq(list.items[1].name, "memory");
    cr_expect_str_eq(list.items[1].amount, "1Gi");
    cr_expect_str_eq(list.items[2].amount, "1e9");
    cr_assert_eq(resource_list_parse(" ", &list, &e), 0);
    cr_expect_eq(list.n, 0);
}

Test(resourcelist, refuses_and_says_what_is_wrong)
{
    static const struct {
        const char *text, *why;
    } bads[] = {
        {"cpu", "\"cpu\" is not like cpu=250m"},
        {"cpu=", "\"cpu=\" is not like cpu=250m"},
        {"=1", "\"=1\" is not like cpu=250m"},
        {"cpu=1,", "\"\" is not like cpu=250m"},
        {"cpu=1,,memory=1", "\"\" is not like cpu=250m"},
        {"CPU=1", "\"CPU\" is no name of a resource"},
        {"cpu=fast", "cpu: \"fast\" is no amount such as 250m or 64Mi"},
        {"cpu=-1", "cpu: \"-1\" is no amount such as 250m or 64Mi"},
        {"cpu=1=2", "cpu: \"1=2\" is no amount such as 250m or 64Mi"},
        {"cpu=1,cpu=2", "cpu stands there twice"},
        {"a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1", "more than 8 resources"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct resource_list list;
        struct err e = ERR_INIT;

        cr_expect_eq(resource_list_parse(bads[i].text, &list, &e), -1, "%s",
                     bads[i].text);
        cr_expect_str_eq(e.text, bads[i].why, "%s: %s", bads[i].text, e.text);
    }
}

Test(resourcelist, a_limit_is_not_below_what_is_requested)
{
    struct resource_list requests, limits;
    struct err e = ERR_INIT;

    cr_assert_eq(resource_list_parse("cpu=250m,memory=512Mi", &requests, &e), 0);
    cr_assert_eq(resource_list_parse("memory=128Mi", &limits, &e), 0);
    cr_expect_eq(resource_list_within(&requests, &limits, &e), -1);
    cr_expect_str_eq(e.text, "memory: 512Mi is requested, and the limit is 128Mi");
    resource_list_raise(&limits, &requests);
    cr_expect_eq(limits.n, 1);
    cr_expect_str_eq(limits.items[0].amount, "512Mi");
    cr_expect_eq(resource_list_within(&requests, &limits, &e), 0);
}
