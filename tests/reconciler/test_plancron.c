/* test_plancron.c - ticks of a schedule. */
#include "tests/reconciler/planfixture.h"
#include "tests/support/rows.h"

static struct item_set *
ticks(const char *first, const char *second)
{
    struct item_set *set = make_items("20260101-0010 20260101-0020");

    set->items[0].time = first;
    set->items[1].time = second;
    set->watermark_ms = AT(second);
    return set;
}

Test(plancron, ticks_that_wait_are_not_lost_and_none_comes_twice)
{
    struct spawner_view *s =
        make_view(KIND_TASK_SPAWNER, 0,
                  js("{'metadata':{'name':'nightly','namespace':'dev','uid':'u'},'spec':{"
                     "'when':{'cron':"
                     "{'schedule':'*/10 * * * "
                     "*'}},'taskTemplate':{'type':'codex'},'maxConcurrency':1},"
                     "'status':{'lastDiscoveryTime':'2026-01-01T00:00:00Z'}}"));
    struct item_set *set = ticks("2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z");
    struct plan_facts f = facts(s, set);
    struct plan p;

    plan(&f, &p);
    cr_assert_str_eq(created(&p), "20260101-0010");
    /* All before the one that waits are done with. */
    cr_assert_eq(p.status.discovered_ms, AT("2026-01-01T00:19:59Z"));
    s->discovered_ms = AT("2026-01-01T00:10:00Z"); /* the first has ended and is gone */
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "20260101-0020");
    cr_assert_eq(p.status.discovered_ms, AT("2026-01-01T00:20:00Z"));
    s->discovered_ms = AT("2026-01-01T00:20:00Z");
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "");
    cr_assert_str_eq(json_str_or(f.items != NULL ? s->template_ : NULL, "type", ""),
                     "codex");
}

Test(plancron, a_schedule_runs_at_once_and_skips_what_passed_while_suspended)
{
    struct spawner_view *s = make_view(
        KIND_TASK_SPAWNER, 0,
        js("{'metadata':{'name':'nightly','namespace':'dev','uid':'u'},'spec':{'when':{'"
           "cron':"
           "{'schedule':'*/10 * * * *'}},'taskTemplate':{'type':'codex'}},'status':{}}"));
    struct plan_facts f = facts(s, NULL);
    struct plan p;

    plan(&f, &p);
    cr_assert_str_eq(p.status.phase, "Running");
    s->phase = "Suspended";
    plan(&f, &p);
    cr_assert_str_eq(p.status.phase, "Running");
    cr_assert_eq(p.status.discovered_ms, NOW);
}

Test(plancron, ticks_that_wait_are_known_as_handed_out)
{
    struct spawner_view *s =
        make_view(KIND_TASK_SPAWNER, 0,
                  js("{'metadata':{'name':'nightly','namespace':'dev','uid':'u'},'spec':{"
                     "'when':{'cron':{'schedule':'*/10 * * * *'}},"
                     "'taskTemplate':{'type':'codex'},'maxConcurrency':1},"
                     "'status':{'lastDiscoveryTime':'2025-12-01T00:00:00Z'}}"));
    struct plan_task running = {
        .name = "nightly-20251201-0000", .uid = "u", .phase = PHASE_RUNNING};
    struct item_set *set = ticks("2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z");
    struct plan_facts f = facts(s, set);
    struct plan p;

    f.tasks = &running;
    f.n_tasks = 1;
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "");
    /* Ticks of before the first that waits were skipped: they do not come again. */
    cr_assert_eq(p.status.discovered_ms, AT("2026-01-01T00:09:59Z"));
    cr_assert_eq(p.status.handed_ms, AT("2026-01-01T00:20:00Z"));
    cr_assert(p.write);
    json_t *patch = keep(plan_patch(s, &p.status));
    cr_assert_str_eq(json_str_or(patch, "status.lastTickTime", ""),
                     "2026-01-01T00:20:00Z");
    s->handed_ms = p.status.handed_ms;
    s->discovered_ms = p.status.discovered_ms;
    f.items = NULL; /* a new process: nothing is forgotten before the first look */
    plan(&f, &p);
    cr_assert_eq(p.status.handed_ms, AT("2026-01-01T00:20:00Z"));
    f.items = set;
    f.n_tasks = 0;
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "20260101-0010");
    cr_assert_eq(p.status.handed_ms, AT("2026-01-01T00:20:00Z"));
    s->discovered_ms = AT("2026-01-01T00:10:00Z"); /* it has ended and is gone */
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "20260101-0020");
    cr_assert_eq(p.status.handed_ms, 0);
}

Test(plancron, a_tick_that_a_quota_refuses_is_not_lost)
{
    struct spawner_view *s =
        make_view(KIND_TASK_SPAWNER, 0,
                  js("{'metadata':{'name':'nightly','namespace':'dev','uid':'u'},'spec':{"
                     "'when':{'cron':{'schedule':'*/10 * * * *'}},"
                     "'taskTemplate':{'type':'codex'}},"
                     "'status':{'lastDiscoveryTime':'2026-01-01T00:00:00Z'}}"));
    struct plan_refusal refusal = {"nightly-20260101-0010", "exceeded quota: few", true};
    struct plan_facts f = facts(s, ticks("2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z"));
    struct plan p;

    f.refusals = &refusal;
    f.n_refusals = 1;
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "20260101-0020");
    cr_assert_lt(p.status.discovered_ms, AT("2026-01-01T00:10:00Z"));
    refusal.passing = false; /* it can never be one */
    plan(&f, &p);
    cr_assert_eq(p.status.discovered_ms, AT("2026-01-01T00:20:00Z"));
}
