/* test_kube_rights.c - resources and names, and what each process may do with them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/kube/kube_retry.h"
#include "tests/support/kube_rig.h"
#include "tests/support/rows.h"

/* ---- what each actor may do ---- */

Test(kube, refuses_what_the_table_does_not_give_an_actor)
{
    static const struct {
        enum kube_actor actor;
        enum kube_verb verb;
        enum kube_res res;
        const char *sub;
        bool may;
    } rows[] = {
        {KUBE_AS_USER, KUBE_DELETE, KUBE_SECRETS, NULL, true},
        {KUBE_AS_WATCHER, KUBE_WATCH, KUBE_TASKS, NULL, true},
        {KUBE_AS_WATCHER, KUBE_GET, KUBE_SECRETS, NULL, false},
        {KUBE_AS_WATCHER, KUBE_WATCH, KUBE_SECRETS, NULL, false},
        {KUBE_AS_WATCHER, KUBE_LIST, KUBE_SECRETS, NULL, false},
        {KUBE_AS_SECRETS_WATCHER, KUBE_WATCH, KUBE_TASKS, NULL, true},
        {KUBE_AS_SECRETS_WATCHER, KUBE_LIST, KUBE_SECRETS, NULL, true},
        {KUBE_AS_SECRETS_WATCHER, KUBE_WATCH, KUBE_SECRETS, NULL, true},
        {KUBE_AS_SECRETS_WATCHER, KUBE_GET, KUBE_SECRETS, NULL, false},
        {KUBE_AS_SECRETS_WATCHER, KUBE_CREATE, KUBE_SECRETS, NULL, false},
        {KUBE_AS_WATCHER, KUBE_CREATE, KUBE_JOBS, NULL, false},
        {KUBE_AS_WATCHER, KUBE_PATCH_MERGE, KUBE_TASKS, "status", false},
        {KUBE_AS_WATCHER, KUBE_UPDATE, KUBE_LEASES, NULL, true},
        {KUBE_AS_WATCHER, KUBE_DELETE, KUBE_LEASES, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_CREATE, KUBE_JOBS, NULL, true},
        {KUBE_AS_RECONCILER, KUBE_DELETE, KUBE_AXON_TASKS, NULL, true},
        {KUBE_AS_RECONCILER, KUBE_GET, KUBE_SECRETS, NULL, true},
        {KUBE_AS_RECONCILER, KUBE_LIST, KUBE_SECRETS, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_WATCH, KUBE_TASKS, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_PATCH_MERGE, KUBE_TASKS, "status", false},
        {KUBE_AS_RECONCILER, KUBE_UPDATE, KUBE_TASKS, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_DELETE, KUBE_WORKSPACES, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_CREATE, KUBE_CLUSTER_ROLES, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_CREATE, KUBE_EVENTS, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_UPDATE, KUBE_LEASES, NULL, false},
        {KUBE_AS_STATUSWRITER, KUBE_PATCH_MERGE, KUBE_TASKS, "status", true},
        {KUBE_AS_STATUSWRITER, KUBE_PATCH_MERGE, KUBE_TASKS, NULL, false},
        {KUBE_AS_STATUSWRITER, KUBE_GET, KUBE_PODS, "log", true},
        {KUBE_AS_STATUSWRITER, KUBE_CREATE, KUBE_EVENTS, NULL, true},
        {KUBE_AS_STATUSWRITER, KUBE_GET, KUBE_SECRETS, NULL, false},
        {KUBE_AS_STATUSWRITER, KUBE_DELETE, KUBE_TASKS, NULL, false},
        {KUBE_AS_STATUSWRITER, KUBE_CREATE, KUBE_JOBS, NULL, false},
        {KUBE_AS_RUNNER, KUBE_PATCH_MERGE, KUBE_PODS, "status", true},
        {KUBE_AS_RUNNER, KUBE_CREATE, KUBE_JOBS, NULL, false},
        {KUBE_AS_RUNNER, KUBE_LIST, KUBE_SECRETS, NULL, false},
        {KUBE_AS_RUNNER, KUBE_PATCH_MERGE, KUBE_TASKS, NULL, false},
        {KUBE_AS_SPAWNER, KUBE_GET, KUBE_TASKS, NULL, false},
        {KUBE_AS_SPAWNER, KUBE_CREATE, KUBE_TASKS, NULL, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        int rc = kube_allowed(rows[i].actor, rows[i].verb, kube_res(rows[i].res),
                              rows[i].sub, &e);
        cr_expect_eq(rc == 0, rows[i].may, "row %zu: %s", i, e.text);
        cr_expect(rc == 0 || e.code == ERR_FORBIDDEN);
    }
}

Test(kube, sends_nothing_that_the_table_refuses)
{
    static const struct fault_rule rules[] = {{"", 0, 0, "json {}"}};
    struct rig r = rig_up_as(rules, 1, KUBE_AS_WATCHER);
    struct err e = ERR_INIT;

    SCOPED(json) json_t *body = json_object();
    const struct kube_request req = {.verb = KUBE_CREATE,
                                     .res = kube_res(KUBE_JOBS),
                                     .ns = "d",
                                     .name = "j",
                                     .body = body};

    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1);
    cr_assert_eq(e.code, ERR_FORBIDDEN);
    cr_assert_eq(fault_count(r.fault), 0);
    rig_down(&r);
}

Test(kube, knows_its_resources)
{
    cr_assert_eq(kube_res_find(NULL, "task"), kube_res(KUBE_TASKS));
    cr_assert_eq(kube_res_find("axon.io", "Tasks"), kube_res(KUBE_AXON_TASKS));
    cr_assert_eq(kube_res_find(NULL, "jobs.batch"), kube_res(KUBE_JOBS));
    cr_assert_eq(kube_res_find(NULL, "po"), kube_res(KUBE_PODS));
    cr_assert_eq(kube_res_find(NULL, "nothing"), NULL);
    cr_assert_eq(kube_res_of("batch/v1", "Job"), kube_res(KUBE_JOBS));
    cr_assert_eq(kube_res_of("v1", "Job"), NULL);
}

Test(kube, orders_versions_only_where_they_are_ordered)
{
    static const struct {
        const char *a, *b;
        bool can;
        int order;
    } rows[] = {
        {"9", "10", true, -1}, {"10", "9", true, 1},
        {"7", "7", true, 0},   {"340282366920938463463374607431768211455", "9", true, 1},
        {"", "1", false, 0},   {"01", "1", false, 0},
        {"1a", "1", false, 0}, {"-1", "1", false, 0}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int order = 0;
        cr_expect_eq(kube_version_compare(rows[i].a, rows[i].b, &order), rows[i].can,
                     "%zu", i);
        cr_expect_eq((order > 0) - (order < 0), rows[i].order, "%zu", i);
    }
    row_claim("KC/OBJ-3");
}

Test(kube, knows_names)
{
    struct err e = ERR_INIT;

    cr_assert_eq(kube_check_subdomain("a.b-c.1", &e), 0);
    cr_assert_eq(kube_check_label("fix-42", &e), 0);
    static const char *const bads[] = {"",     "A",  "a_b", "-a",   "a-",
                                       "a..b", ".a", "a.",  "a-.b", "a.-b"};
    for (size_t i = 0; i < ARRAY_LEN(bads); i++)
        cr_expect_eq(kube_check_subdomain(bads[i], &e), -1, "%s", bads[i]);
    cr_assert_eq(kube_check_label("a.b", &e), -1);
}
