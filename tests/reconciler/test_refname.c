/* test_refname.c - names of branches. */
#include <criterion/criterion.h>

#include "reconciler/job/refname.h"

Test(refname, names_are_those_that_git_takes)
{
    static const char *const good[] = {"main", "feature/x-1", "a.b", "kelos-task-42",
                                       "ä"};
    static const char *const bad[] = {"",     "-x",     "bad..name", "a b", "a~1",
                                      "a:b",  "x.lock", "a.lock/b",  "/a",  "a/",
                                      "a//b", ".a",     "a/.b",      "a.",  "@",
                                      "a@{b", "a\\b",   "a\001b",    "HEAD"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(refname_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(refname_valid(bad[i]), "%s", bad[i]);
}
