#include <criterion/criterion.h>
#include <stdio.h>

#include "common/limits.h"
#include "statuswriter/versions.h"

Test(versions, the_latest_of_a_key_is_known_until_it_is_dropped)
{
    struct versions *v = versions_new();

    cr_assert_str_eq(versions_get(v, "a"), "");
    versions_put(v, "a", "7");
    versions_put(v, "b", "8");
    versions_put(v, "a", "9");
    cr_assert_str_eq(versions_get(v, "a"), "9");
    versions_drop(v, "a");
    versions_drop(v, "a");
    cr_assert_str_eq(versions_get(v, "a"), "");
    cr_assert_str_eq(versions_get(v, "b"), "8");
    versions_free(v);
}

Test(versions, more_than_the_limit_are_forgotten)
{
    struct versions *v = versions_new();
    char key[32];

    for (int i = 0; i < LIMIT_STATUS_VERSIONS; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        versions_put(v, key, "1");
    }
    cr_assert_str_eq(versions_get(v, "k0"), "1");
    versions_put(v, "last", "2");
    cr_assert_str_eq(versions_get(v, "k0"), "");
    cr_assert_str_eq(versions_get(v, "last"), "2");
    versions_free(v);
}
