/* test_branch.c - who may work on a branch. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/task/branch.h"

static struct task_view *
contender(const char *name, const char *created)
{
    char meta[80];

    snprintf(meta, sizeof meta, "'creationTimestamp':'%s'", created);
    return make_task(name, meta, "'branch':'x'", "");
}

Test(branch, runs_one_at_a_time_in_order_of_age)
{
    struct task_view *a = contender("a", "2026-01-01T00:00:00Z"),
                     *b = contender("b", "2026-01-01T00:00:00Z"),
                     *c = contender("c", "2025-01-01T00:00:00Z");
    struct contender all[] = {{a, CLAIM_WAITING}, {b, CLAIM_WAITING}, {c, CLAIM_NONE}};

    cr_assert_eq(branch_judge(a, all, 3).state, BRANCH_FREE);
    cr_assert_eq(branch_judge(b, all, 3).state, BRANCH_QUEUED);
    cr_assert_str_eq(branch_judge(b, all, 3).by, "a");
    all[2].claim = CLAIM_WAITING; /* the eldest is ready now */
    cr_assert_str_eq(branch_judge(a, all, 3).by, "c");
    all[1].claim = CLAIM_RUNNING; /* but who runs, runs */
    cr_assert_eq(branch_judge(c, all, 3).state, BRANCH_HELD);
    cr_assert_str_eq(branch_judge(c, all, 3).by, "b");
    all[1].claim = CLAIM_NONE; /* deleted, or ended */
    cr_assert_eq(branch_judge(c, all, 3).state, BRANCH_FREE);
    row_claim("TE/BR5");
    row_claim("TE/BR8");
}

/* The locker of the row, told as what the Tasks show: the claim is the acquisition. */
Test(branch, a_claim_is_kept_by_its_owner_alone)
{
    struct task_view *a = contender("a", "2026-01-01T00:00:00Z"),
                     *b = contender("b", "2026-01-01T00:00:01Z");
    struct contender all[] = {{a, CLAIM_RUNNING}, {b, CLAIM_WAITING}};

    cr_assert_eq(branch_judge(a, all, 2).state, BRANCH_FREE, "the owner, again");
    cr_assert_eq(branch_judge(b, all, 2).state, BRANCH_HELD, "another");
    cr_assert_str_eq(branch_judge(b, all, 2).by, "a");
    all[1].claim = CLAIM_NONE; /* one that holds nothing lets go */
    cr_assert_eq(branch_judge(b, all, 2).state, BRANCH_HELD, "the owner kept it");
    all[1].claim = CLAIM_WAITING;
    all[0].claim = CLAIM_NONE;
    cr_assert_eq(branch_judge(b, all, 2).state, BRANCH_FREE, "after the release");
    cr_assert_null(branch_judge(b, all, 2).by, "nobody holds it");
    cr_assert_eq(branch_judge(b, NULL, 0).state, BRANCH_FREE, "a key nobody has");
    row_claim("TE/BR6");
}
