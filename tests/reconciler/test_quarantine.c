/* test_quarantine.c - what an object that is left alone says, and when that ends. */
#include "tests/reconciler/taskfixture.h"
#include "tests/support/rows.h"

#include "reconciler/quarantine.h"

static const char held[] =
    "'phase':'Running','jobName':'fix','conditions':["
    "{'type':'Blocked','status':'False','reason':'Unblocked','message':'',"
    "'lastTransitionTime':'2026-01-01T00:30:00Z'},"
    "{'type':'Quarantined','status':'True','reason':'ProcessDied','message':'m',"
    "'lastTransitionTime':'2026-01-01T00:30:00Z'}]";

Test(quarantine, the_object_says_it_beside_what_it_said_before)
{
    struct task_view *t =
        make_task("fix", "'generation':4", "",
                  "'conditions':[{'type':'Blocked','status':'True','reason':'Dependency',"
                  "'message':'m','lastTransitionTime':'2026-01-01T00:30:00Z'}]");
    json_t *patch = keep(quarantine_patch(&t->view, NOW));
    const json_t *list = json_at(patch, "status.conditions");

    cr_assert_eq(json_array_size(list), 2);
    cr_assert_str_eq(json_str_or(view_condition(list, "Blocked"), "status", ""), "True");
    const json_t *c = view_condition(list, QUARANTINE_CONDITION);
    cr_assert_str_eq(json_str_or(c, "status", ""), "True");
    cr_assert_str_eq(json_str_or(c, "reason", ""), "ProcessDied");
    cr_assert_str_eq(json_str_or(c, "lastTransitionTime", ""), "2026-01-01T01:00:00Z");
    cr_assert_eq(json_int_or(c, "observedGeneration", 0), 4);
}

Test(quarantine, it_is_said_once_and_not_where_there_are_no_conditions)
{
    struct task_view *t = make_task("fix", "", "", "");
    json_t *patch = keep(quarantine_patch(&t->view, NOW));

    t->conditions = keep(json_deep_copy(json_at(patch, "status.conditions")));
    cr_assert_null(quarantine_patch(&t->view, NOW + 60000));
    t->view.meta.profile = PROFILE_AXON;
    t->conditions = NULL;
    cr_assert_null(quarantine_patch(&t->view, NOW));
}

Test(quarantine, a_task_spawner_keeps_its_other_conditions)
{
    struct spawner_view *s = make_view(
        KIND_TASK_SPAWNER, 0,
        js("{'metadata':{'name':'bugs','namespace':'dev','uid':'u1'},'spec':{'when':"
           "{'cron':{'schedule':'* * * * *'}},'taskTemplate':{'type':'claude-code'}},"
           "'status':{'conditions':[{'type':'Ready','status':'True','reason':'r',"
           "'message':'','lastTransitionTime':'2026-01-01T00:30:00Z'}]}}"));
    json_t *patch = keep(quarantine_patch(&s->view, NOW));

    cr_assert_eq(json_array_size(json_at(patch, "status.conditions")), 2);
    cr_assert_str_eq(json_str_or(patch, "status.conditions[0].lastTransitionTime", ""),
                     "2026-01-01T00:30:00Z");
}

Test(quarantine, ends_with_the_next_decision)
{
    static const char *const phases[] = {"Running", "Succeeded"};

    for (size_t i = 0; i < 2; i++) {
        struct task_view *t = make_task("fix", "", "", held);
        struct task_facts f = ready(t);
        cr_assert(t->quarantined);
        if (i == 0)
            f.job = make_job("fix", "'active':1");
        else {
            t->phase = PHASE_SUCCEEDED;
            t->completed_ms = NOW;
        }
        struct decision d = decide(&f);
        json_t *p = patch_of(t, &d);
        const json_t *c =
            view_condition(json_object_get(p, "conditions"), QUARANTINE_CONDITION);
        cr_assert_str_eq(json_str_or(c, "status", ""), "False", "%s", phases[i]);
        cr_assert_eq(json_array_size(json_object_get(p, "conditions")), 2);
    }
}
