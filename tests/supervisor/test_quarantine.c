#include <criterion/criterion.h>
#include <stdio.h>

#include "supervisor/quarantine.h"

Test(quarantine, three_deaths_in_a_row_with_one_key)
{
    struct quarantine q = {0};
    const char *keys[QUARANTINE_KEYS];

    quarantine_death(&q, "task/a", 1);
    quarantine_death(&q, "task/a", 2);
    cr_expect_eq(quarantine_list(&q, 3, keys), 0);
    quarantine_death(&q, "task/a", 3);
    cr_assert_eq(quarantine_list(&q, 4, keys), 1);
    cr_expect_str_eq(keys[0], "task/a");
}

Test(quarantine, another_key_or_none_in_between_starts_the_count_anew)
{
    struct quarantine q = {0};
    const char *keys[QUARANTINE_KEYS];

    for (int i = 0; i < 10; i++) {
        quarantine_death(&q, "task/a", i);
        quarantine_death(&q, "task/a", i);
        quarantine_death(&q, i % 2 == 0 ? "" : "task/b", i);
    }
    cr_expect_eq(quarantine_list(&q, 100, keys), 0);
}

Test(quarantine, forgets_half_an_hour_after_the_last_death)
{
    struct quarantine q = {0};
    const char *keys[QUARANTINE_KEYS];

    for (int i = 0; i < 3; i++)
        quarantine_death(&q, "task/a", 1000);
    cr_expect_eq(quarantine_list(&q, 1000 + QUARANTINE_FORGET_MS, keys), 1);
    quarantine_death(&q, "task/a", 1000 + QUARANTINE_FORGET_MS);
    cr_expect_eq(quarantine_list(&q, 1000 + 2 * QUARANTINE_FORGET_MS, keys), 1);
    cr_expect_eq(quarantine_list(&q, 1001 + 2 * QUARANTINE_FORGET_MS, keys), 0);
}

Test(quarantine, is_bounded_and_the_oldest_makes_room)
{
    struct quarantine q = {0};
    const char *keys[QUARANTINE_KEYS];
    char key[16];

    for (int i = 0; i < QUARANTINE_KEYS + 3; i++) {
        snprintf(key, sizeof key, "k%d", i);
        for (int d = 0; d < 3; d++)
            quarantine_death(&q, key, i);
    }
    cr_assert_eq(quarantine_list(&q, 100, keys), QUARANTINE_KEYS);
    cr_expect_str_eq(keys[0], "k3");
}
