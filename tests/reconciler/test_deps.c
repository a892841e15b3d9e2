/* test_deps.c - dependencies and branches. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/task/deps.h"

/* Tasks by name; ends with NULL. */
static const struct task_view *
lookup(void *arg, const struct task_view *of, const char *name)
{
    struct task_view **all = arg;

    (void)of;
    for (; *all != NULL; all++)
        if (strcmp((*all)->view.meta.name, name) == 0)
            return *all;
    return NULL;
}

static struct deps
judge(struct task_view **all, const char *name)
{
    return deps_judge(lookup(all, NULL, name), lookup, all);
}

Test(deps, a_cycle_is_found_from_every_task_on_it_and_before_it)
{
    struct task_view *all[] = {make_task("a", "", "'dependsOn':['b']", ""),
                               make_task("b", "", "'dependsOn':['a']", ""),
                               make_task("x", "", "'dependsOn':['a']", ""),
                               make_task("s", "", "'dependsOn':['s']", ""), NULL};

    cr_assert_eq(judge(all, "a").state, DEPS_CYCLE);
    cr_assert_eq(judge(all, "b").state, DEPS_CYCLE);
    row_claim("TE/DP5");
    cr_assert_eq(judge(all, "x").state, DEPS_CYCLE);
    row_claim("TE/DP7");
    cr_assert_str_eq(judge(all, "s").name, "s");
    row_claim("RES/T12");
}

Test(deps, a_cycle_whose_tasks_have_failed_of_it_is_still_one)
{
    struct task_view *all[] = {
        make_task("a", "", "'dependsOn':['b']", "'phase':'Failed'"),
        make_task("b", "", "'dependsOn':['a']", "'phase':'Failed'"),
        make_task("x", "", "'dependsOn':['a']", ""),
        make_task("y", "", "'dependsOn':['z']", ""),
        make_task("z", "", "'dependsOn':['y']", "'phase':'Succeeded'"),
        NULL};

    cr_assert_eq(judge(all, "x").state, DEPS_CYCLE);
    row_claim("TE/DP7");
    /* It succeeded when another had the name. */
    cr_assert_eq(judge(all, "y").state, DEPS_READY);
}

Test(deps, a_diamond_is_no_cycle)
{
    struct task_view *all[] = {make_task("d", "", "'dependsOn':['b','c']", ""),
                               make_task("b", "", "'dependsOn':['a']", ""),
                               make_task("c", "", "'dependsOn':['a']", ""),
                               make_task("a", "", "", "'phase':'Running'"), NULL};

    cr_assert_eq(judge(all, "d").state, DEPS_WAITING);
    cr_assert_str_eq(judge(all, "d").name, "b");
    row_claim("TE/DP8");
}

Test(deps, duplicates_count_once)
{
    struct task_view *all[] = {make_task("b", "", "'dependsOn':['a','a']", ""),
                               make_task("a", "", "", "'phase':'Succeeded'"), NULL};

    cr_assert_eq(all[0]->depends_on.n, 1);
    cr_assert_eq(judge(all, "b").state, DEPS_READY);
    row_claim("TE/DP9");
    row_claim("TE/DP2");
}

Test(deps, a_failed_entry_wins_over_an_earlier_one_that_runs)
{
    struct task_view *all[] = {make_task("b", "", "'dependsOn':['a','f']", ""),
                               make_task("a", "", "", "'phase':'Running'"),
                               make_task("f", "", "", "'phase':'Failed'"), NULL};

    cr_assert_eq(judge(all, "b").state, DEPS_FAILED);
    cr_assert_str_eq(judge(all, "b").name, "f");
    row_claim("TE/DP10");
}

Test(deps, a_long_chain_needs_no_deep_stack)
{
    enum { N = 3000 };
    struct task_view **all = keep(calloc(N + 1, sizeof *all));
    char name[16], spec[64];

    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "t%d", i);
        snprintf(spec, sizeof spec, "'dependsOn':['t%d']", (i + 1) % N);
        all[i] = make_task(name, "", spec, "");
    }
    cr_assert_eq(judge(all, "t0").state, DEPS_CYCLE);
}
