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
    cr_assert_eq(p.status.discovered_ms, AT("2026-01-01T00:10:00Z"));
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
