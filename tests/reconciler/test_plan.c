/* test_plan.c - which Tasks a TaskSpawner wants: limits, order, what was seen before. */
#include "tests/reconciler/planfixture.h"
#include "tests/support/rows.h"

#include "reconciler/plan/spawnermemory.h"

Test(plan, limits_hold)
{
    static const struct {
        const char *row, *spec, *status, *items, *want;
        size_t active, done;
    } rows[] = {
        {"SP/L1", "", "", "1 2 3", "1 2 3", 0, 0},
        {"SP/L1", "'maxConcurrency':0,'maxTotalTasks':0", "", "1 2 3", "1 2 3", 0, 0},
        {"SP/L2", "'maxConcurrency':2", "", "1 2 3 4", "1 2", 0, 0},
        {"SP/L3", "'maxConcurrency':3", "", "1 2 3", "1", 2, 0},
        {"SP/L4", "'maxConcurrency':2", "", "1 2", "1", 1, 2},
        {"SP/L5", "'maxConcurrency':2", "", "1 2", "", 2, 0},
        {"SP/L6", "'maxTotalTasks':2", "", "1 2 3 4", "1 2", 0, 0},
        {"SP/L7", "'maxTotalTasks':3", "'totalTasksCreated':2", "1 2 3", "1", 0, 0},
        {"SP/L8", "'maxTotalTasks':5", "'totalTasksCreated':5", "1 2", "", 0, 0},
        {"SP/L9", "'maxConcurrency':2,'maxTotalTasks':3", "", "1 2 3 4 5", "1 2", 0, 0},
        {"SP/L11", "'suspend':false", "", "1", "1", 0, 0},
        {"SP/O5", "", "", "", "", 0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spawner_view *s = make_spawner(rows[i].spec, "", "", rows[i].status);
        struct plan_task tasks[8];
        char names[8][32];
        struct plan_facts f = facts(s, make_items(rows[i].items));
        struct plan p;
        for (size_t t = 0; t < rows[i].active + rows[i].done; t++) {
            snprintf(names[t], sizeof names[t], "bugs-9%zu", t);
            tasks[t] = (struct plan_task){.name = names[t],
                                          .uid = "x",
                                          .phase = t < rows[i].active ? PHASE_RUNNING
                                                                      : PHASE_FAILED};
        }
        f.tasks = tasks;
        f.n_tasks = rows[i].active + rows[i].done;
        plan(&f, &p);
        cr_assert_str_eq(created(&p), rows[i].want, "%s: %s", rows[i].row, created(&p));
        cr_assert_eq(p.status.active, (int64_t)(rows[i].active + p.n_creates));
        row_claim(rows[i].row);
    }
}

Test(plan, the_budget_is_told)
{
    struct spawner_view *s = make_spawner("'maxTotalTasks':2", "", "", "");
    struct plan_facts f = facts(s, make_items("1 2 3"));
    struct plan p;

    plan(&f, &p);
    cr_assert_eq(p.status.total_created, 2);
    cr_assert_str_eq(condition(&p, "TaskBudgetExhausted")->status, "True");
    cr_assert_str_eq(condition(&p, "TaskBudgetExhausted")->message,
                     "Total tasks created (2) has reached maxTotalTasks (2)");
    cr_assert_str_eq(condition(&p, "TaskBudgetExhausted")->reason, "LimitReached");
    cr_assert_str_eq(condition(&p, "MaxTotalTasksReached")->status, "True");
    cr_assert_str_eq(condition(&p, "MaxTotalTasksReached")->reason, "LimitReached");
    cr_assert_str_eq(p.status.message, "Discovered 3 items, created 2 tasks total");
    cr_assert_str_eq(p.status.phase, "Running");
    s = make_spawner("'maxTotalTasks':9", "", "", "");
    f = facts(s, make_items("1 2 3"));
    plan(&f, &p);
    cr_assert_str_eq(condition(&p, "TaskBudgetExhausted")->status, "False");
    cr_assert_str_eq(condition(&p, "TaskBudgetExhausted")->reason, "LimitAvailable");
    cr_assert_str_eq(condition(&p, "MaxTotalTasksReached")->status, "False");
    cr_assert_str_eq(condition(&p, "MaxTotalTasksReached")->reason, "LimitAvailable");
    cr_assert_str_eq(condition(&p, "MaxTotalTasksReached")->message,
                     "maxTotalTasks limit has not been reached");
    row_claim("SP/C11");
}

Test(plan, the_total_is_the_highest_number_seen)
{
    struct spawner_view *s =
        make_spawner("'maxTotalTasks':8", "", "", "'totalTasksCreated':3");
    struct plan_task tasks[] = {
        {.name = "bugs-90", .uid = "x", .phase = PHASE_FAILED, .ordinal = 7}};
    struct plan_facts f = facts(s, make_items("1 2"));
    struct plan p;

    f.tasks = tasks;
    f.n_tasks = 1;
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "1");
    cr_assert_eq(p.creates[0].ordinal, 8);
    cr_assert_str_eq(
        json_str_or(p.creates[0].task, "metadata.annotations[kelos.dev/ordinal]", ""),
        "8");
}

Test(plan, order_is_by_priority_and_stable)
{
    static const struct {
        const char *row, *labels, *spec, *items, *want;
    } rows[] = {
        {"SP/O1", "'critical','important','low'", "", "1:low 2:critical 3:important",
         "2 3 1"},
        {"SP/O2", "'critical','low'", "", "1 2:low 3:critical", "3 2 1"},
        {"SP/O3", "'critical'", "", "3:critical 1:critical 2", "3 1 2"},
        {"SP/O4", "'critical','low'", "", "1:low 2:low+critical", "2 1"},
        {"SP/O6", "'critical','low'", "'maxConcurrency':2", "1 2:low 3 4:critical",
         "4 2"},
        {"SP/O7", "'priority/important-soon','priority/backlog'", "",
         "1 2:priority/backlog 3:priority/important-soon", "3 2 1"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char github[200];
        snprintf(github, sizeof github, "'priorityLabels':[%s]", rows[i].labels);
        struct spawner_view *s = make_spawner(rows[i].spec, github, "", "");
        struct plan_facts f = facts(s, make_items(rows[i].items));
        struct plan p;
        plan(&f, &p);
        cr_assert_str_eq(created(&p), rows[i].want, "%s: %s", rows[i].row, created(&p));
        row_claim(rows[i].row);
    }
}

Test(plan, a_newer_trigger_makes_the_task_anew)
{
    static const struct {
        const char *row, *github;
        enum phase phase;
        int64_t completed_s, trigger_s;
        bool deleted;
    } rows[] = {
        {"SP/X1", "'triggerComment':'/go'", PHASE_SUCCEEDED, -3600, 0, true},
        {"SP/X2", "'triggerComment':'/go'", PHASE_SUCCEEDED, -3600, -7200, false},
        {"SP/X3", "'triggerComment':'/go'", PHASE_FAILED, -3600, 0, true},
        {"SP/X4", "", PHASE_SUCCEEDED, -3600, 0, false},
        {"SP/X5", "'triggerComment':'/go'", PHASE_RUNNING, 0, 0, false},
        {"SP/X7", "'triggerComment':'/go'", PHASE_SUCCEEDED, -60, -60, false},
        {"SP/X8", "'triggerComment':'/go'", PHASE_SUCCEEDED, 0, 0, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spawner_view *s =
            make_spawner("'maxConcurrency':1", rows[i].github, "", "");
        struct item_set *set = make_items("42");
        struct plan_task tasks[] = {
            {.name = "bugs-42",
             .uid = "x",
             .phase = rows[i].phase,
             .completed_ms =
                 rows[i].completed_s != 0 ? NOW + rows[i].completed_s * 1000 : 0}};
        struct plan_facts f = facts(s, set);
        struct plan p;
        set->items[0].trigger_ms = NOW + rows[i].trigger_s * 1000;
        f.tasks = tasks;
        f.n_tasks = 1;
        plan(&f, &p);
        cr_assert_eq(p.n_deletes, rows[i].deleted, "%s", rows[i].row);
        cr_assert_eq(p.n_creates, 0);
        row_claim(rows[i].row);
        if (!rows[i].deleted)
            continue;
        const struct plan_gone gone = {"bugs-42", NOW + 1, tasks[0].completed_ms};
        f.n_tasks = 0; /* the deletion was seen: the item is new */
        f.gone = &gone;
        f.n_gone = 1;
        plan(&f, &p);
        cr_assert_str_eq(created(&p), "42");
    }
}

Test(plan, a_retrigger_loses_its_task_even_when_no_slot_is_free)
{
    struct spawner_view *s =
        make_spawner("'maxConcurrency':1", "'triggerComment':'/go'", "", "");
    struct item_set *set = make_items("42");
    struct plan_task tasks[] = {{.name = "bugs-42",
                                 .uid = "x",
                                 .phase = PHASE_FAILED,
                                 .completed_ms = NOW - 1000},
                                {.name = "bugs-7", .uid = "y", .phase = PHASE_RUNNING}};
    struct plan_facts f = facts(s, set);
    struct plan p;

    set->items[0].trigger_ms = NOW;
    f.tasks = tasks;
    f.n_tasks = 2;
    plan(&f, &p);
    cr_assert_eq(p.n_deletes, 1);
    cr_assert_eq(p.n_creates, 0);
    row_claim("SP/X6");
}

Test(plan, an_item_is_worked_again_only_when_a_later_poll_still_finds_it)
{
    struct spawner_view *s = make_spawner("", "", "", "");
    struct item_set *set = make_items("1");
    const struct plan_gone gone = {"bugs-1", NOW + 5, NOW};
    struct plan_facts f = facts(s, set);
    struct plan p;

    f.gone = &gone;
    f.n_gone = 1;
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "");
    set->polled_ms = NOW + 6;
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "1");
}

Test(plan, a_poll_from_before_the_process_knew_its_tasks_confirms_nothing)
{
    struct spawner_view *s = make_spawner("", "", "", "");
    struct item_set *set = make_items("1");
    struct plan_facts f = facts(s, set);
    struct plan p;

    f.since_ms = NOW + 1;
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "");
    cr_assert_eq(p.verdicts[0].state, PLAN_WAITS_POLL);
    set->polled_ms = NOW + 1;
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "1");
}

Test(plan, a_create_that_may_still_come_up_goes_first)
{
    struct spawner_view *s =
        make_spawner("'maxConcurrency':1", "'priorityLabels':['p0']", "", "");
    struct plan_facts f = facts(s, make_items("2:p0 1"));
    struct plan p;

    f.unsettled = "bugs-1";
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "1", "not the one with the better label");
    cr_assert_eq(p.creates[0].ordinal, 1);
}

Test(plan, nothing_starts_while_one_that_is_not_wanted_may_come_up)
{
    struct spawner_view *s = make_spawner("'maxConcurrency':5", "", "", "");
    struct plan_facts f = facts(s, make_items("2 3"));
    struct plan p;

    f.unsettled = "bugs-1";
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "");
    cr_assert_eq(p.verdicts[0].state, PLAN_WAITS_WRITE);
    cr_assert_eq(p.status.total_created, 0, "what may come is not counted as made");
    f.unsettled = NULL;
    plan(&f, &p);
    cr_assert_eq(p.n_creates, 2);
}

Test(plan, what_a_quota_refuses_waits_is_told_and_is_tried_again)
{
    struct spawner_view *s = make_spawner("", "", "", "");
    struct plan_refusal refusals[] = {{"bugs-1", "exceeded quota: few", true},
                                      {"bugs-2", "exceeded quota: few", true},
                                      {"bugs-3", "exceeded quota: few", true}};
    struct plan_facts f = facts(s, make_items("1 2 3 4"));
    struct plan p;

    f.refusals = refusals;
    f.n_refusals = 1;
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "2 3 4", "a policy may be about that one alone");
    cr_assert_eq(p.verdicts[0].state, PLAN_WAITS_SERVER);
    f.n_refusals = 3;
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "", "all are refused, then");
    cr_assert_eq(p.verdicts[3].state, PLAN_WAITS_SERVER);
    cr_assert(p.flawed);
    cr_assert_str_eq(condition(&p, "DiscoveryError")->reason, "TaskCreationFailed");
    cr_assert_str_eq(condition(&p, "DiscoveryError")->message,
                     "bugs-1: exceeded quota: few; bugs-2: exceeded quota: few; "
                     "bugs-3: exceeded quota: few; bugs-4: exceeded quota: few");
}

Test(plan, what_was_refused_for_a_while_outlasts_polls_and_ends_with_its_time)
{
    struct spawner_memory m = {.uid = NULL};
    struct item_set *set = item_set_new();

    spawner_memory_refuse(&m, "bugs-1", "wrong");
    spawner_memory_bar(&m, "bugs-2", "exceeded quota", NOW);
    int64_t until = m.barred_ms;
    cr_assert_eq(until, NOW + shard_refusal_ms(0));
    spawner_memory_bar(&m, "bugs-3", "exceeded quota", NOW + 500);
    cr_assert_eq(m.barred_ms, until, "one pass asks for all at once");
    spawner_memory_polled(&m, &set, -1);
    cr_assert_eq(m.n_refusals, 2);
    cr_assert(m.refusals[0].passing && m.refusals[1].passing);
    spawner_memory_unbar(&m, until - 1);
    cr_assert_eq(m.n_refusals, 2);
    spawner_memory_unbar(&m, until);
    cr_assert_eq(m.n_refusals, 0);
    spawner_memory_bar(&m, "bugs-2", "exceeded quota", NOW);
    cr_assert_eq(m.barred_ms, NOW + shard_refusal_ms(1), "ever more rarely");
    spawner_memory_unbar(&m, m.barred_ms);
    item_set_free(m.items);
    free(m.refusals);
}

Test(plan, the_same_items_make_nothing_new)
{
    struct spawner_view *s = make_spawner("", "", "", "");
    struct plan_task tasks[] = {
        {.name = "bugs-1", .uid = "x", .phase = PHASE_RUNNING, .ordinal = 1},
        {.name = "bugs-2", .uid = "y", .phase = PHASE_FAILED, .ordinal = 2}};
    struct plan_facts f = facts(s, make_items("1 2"));
    struct plan p;

    f.tasks = tasks;
    f.n_tasks = 2;
    plan(&f, &p);
    cr_assert_eq(p.n_creates + p.n_deletes, 0);
    cr_assert_eq(p.status.total_created, 2);
    row_claim("SP/L12");
}

Test(plan, suspension_is_shown_and_creates_nothing)
{
    struct spawner_view *s = make_spawner("'suspend':true", "", "", "'phase':'Running'");
    struct plan_facts f = facts(s, make_items("1"));
    struct plan p;

    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert_str_eq(p.status.phase, "Suspended");
    cr_assert_str_eq(p.status.message, "Suspended by user");
    cr_assert_str_eq(condition(&p, "Suspended")->status, "True");
    cr_assert_str_eq(condition(&p, "Suspended")->message,
                     "TaskSpawner is suspended by user");
    cr_assert(p.write);
    row_claim("SP/L10");

    s = make_spawner(
        "", "", "",
        "'phase':'Suspended','message':'Suspended by user','conditions':[{'type':"
        "'Suspended','status':'True','reason':'UserSuspended','message':'x',"
        "'lastTransitionTime':'2026-01-01T00:00:00Z'}]");
    f = facts(s, NULL);
    plan(&f, &p);
    cr_assert_str_eq(p.status.phase, "Running");
    cr_assert_str_eq(p.status.message, "Resumed");
    cr_assert_str_eq(condition(&p, "Suspended")->status, "False");
    cr_assert_str_eq(condition(&p, "Suspended")->reason, "Running");
    cr_assert_str_eq(condition(&p, "Suspended")->since, "2026-01-01T01:00:00Z");
    row_claim("SP/L13");
}

/* Every way a Task or a TaskSpawner may be, beside the words that readers know. */
Test(plan, writes_only_the_phases_that_there_are)
{
    static const char *const task_phases[] = {"",        "Pending",   "Waiting",
                                              "Running", "Succeeded", "Failed"};
    static const char *const before[] = {"", "Pending", "Running", "Suspended", "Failed"};
    static const char *const specs[] = {"", "'suspend':true"};
    struct item_set *sets[] = {NULL, make_items("1 2")};

    for (int p = PHASE_NONE; p <= PHASE_FAILED; p++)
        cr_assert_str_eq(phase_name((enum phase)p), task_phases[p]);
    for (unsigned i = 0; i < 5 * 2 * 2 * 2 * 2 * 2; i++) {
        char status[60];
        struct plan p;
        const char *was = before[i / 32];
        snprintf(status, sizeof status, "'phase':'%s'", was);
        const struct spawner_view *s = make_spawner(specs[i & 1], "", "", status);
        struct plan_facts f = facts(s, sets[i >> 1 & 1]);
        f.config_error = i & 4 ? "no" : NULL;
        f.workspace_missing = i & 8;
        f.failures = i & 16 ? PLAN_FAILURES_MAX : 0;
        f.error_reason = f.error_message = i & 16 ? "Refused" : NULL;
        plan(&f, &p);
        bool known = false;
        for (size_t k = 1; k < ARRAY_LEN(before); k++)
            known |= strcmp(p.status.phase, before[k]) == 0;
        /* Nothing is said while the Workspace is missing. */
        cr_assert(known || (f.workspace_missing && *was == '\0'), "%u: %s", i,
                  p.status.phase);
    }
    row_claim("RES/R7");
}

/* The status that the plan wants stands from now on. */
static void
take_as_written(struct spawner_view *s, const struct plan *p)
{
    s->phase = p->status.phase;
    s->message = p->status.message;
    s->total_discovered = p->status.total_discovered;
    s->discovered_ms = p->status.discovered_ms;
    s->next_poll_ms = p->status.next_poll_ms;
    s->quota_left = p->status.quota_left;
    s->conditions = (struct condition *)p->status.conditions;
    s->n_conditions = p->status.n_conditions;
}

Test(plan, a_poll_that_found_nothing_new_is_written_down_once_in_fifty)
{
    struct plan p, again;
    struct spawner_view *s = make_spawner("", "", "", "");
    struct plan_facts f = facts(s, make_items(""));

    plan(&f, &p);
    take_as_written(s, &p);
    s->discovered_ms -= (int64_t)PLAN_STAMP_POLLS * 300000 - 1000;
    f = facts(s, make_items(""));
    plan(&f, &again);
    cr_assert_not(again.write, "before fifty polls have passed");
    s->discovered_ms -= 1000;
    plan(&f, &again);
    cr_assert(again.write, "after them");
    s->discovered_ms += 1000;
    f.next_poll_ms = NOW + 300000;
    s->next_poll_ms = NOW;
    plan(&f, &again);
    cr_assert_not(again.write, "the next poll is as far as it always is");
    s->active = 7;
    plan(&f, &again);
    cr_assert(again.write, "or with anything else that changes");
    row_claim("KC/WR-6");
}

Test(plan, an_idle_taskspawner_costs_the_api_next_to_nothing)
{
    enum { POLLS = 2000, EVERY_MS = 300000 };
    struct spawner_view *s = make_spawner("", "", "", "");
    struct item_set *set = make_items("1 2");
    static struct plan made[POLLS];
    struct plan_task tasks[] = {{.name = "bugs-1", .uid = "1", .phase = PHASE_SUCCEEDED},
                                {.name = "bugs-2", .uid = "2", .phase = PHASE_SUCCEEDED}};
    size_t writes = 0;

    for (size_t i = 0; i < POLLS; i++) {
        struct plan_facts f = facts(s, set);
        int64_t now = NOW + (int64_t)i * EVERY_MS + (int64_t)(i * 7919 % 30000);

        set->polled_ms = now;
        f.tasks = tasks;
        f.n_tasks = ARRAY_LEN(tasks);
        f.next_poll_ms = now + EVERY_MS;
        f.quota = (struct plan_quota){5000, 4990 - (int64_t)(i % 12), now + 1800000};
        plan_make(&f, now, &made[i]);
        if (!made[i].write)
            continue;
        take_as_written(s, &made[i]);
        writes += i > 0;
    }
    for (size_t i = 0; i < POLLS; i++)
        plan_free(&made[i]);
    cr_expect_gt(writes, 0, "the stamp is never written");
    cr_assert_leq(writes, POLLS / 50, "%zu writes", writes);
    row_claim("PERF/P12");
}

/* One planner serves every source that there is: the limit cannot be kept by some of them only. */
Test(plan, the_total_holds_for_every_source)
{
    static const struct {
        const char *when, *kind, *items;
    } sources[] = {
        {"'githubIssues':{}", "Issue", "1 2 3"},
        {"'githubPullRequests':{}", "PR", "1 2 3"},
        {"'jira':{'baseUrl':'https://j','project':'P','secretRef':{'name':'s'}}", "",
         "P-1 P-2 P-3"},
        {"'cron':{'schedule':'* * * * *','catchUp':'all'}", "",
         "20260101-0057 20260101-0058 20260101-0059"},
    };
    static const char *const times[] = {"2026-01-01T00:57:00Z", "2026-01-01T00:58:00Z",
                                        "2026-01-01T00:59:00Z"};

    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct spawner_view *s = make_view(
            KIND_TASK_SPAWNER, 0,
            js("{'metadata':{'name':'a','namespace':'d','uid':'u','generation':1},"
               "'spec':{'when':{%s},'maxTotalTasks':2,'taskTemplate':{'type':'codex',"
               "'credentials':{'type':'none'},'workspaceRef':{'name':'web'}}},"
               "'status':{'phase':'Running','totalTasksCreated':1,"
               "'lastDiscoveryTime':'2026-01-01T00:56:00Z'}}",
               sources[i].when));
        struct item_set *set = make_items(sources[i].items);
        struct plan_facts f = facts(s, set);
        struct plan p;

        for (size_t k = 0; k < set->n; k++) {
            set->items[k].kind = sources[i].kind;
            if (s->source == SOURCE_CRON)
                set->items[k].time = times[k];
        }
        plan(&f, &p);
        cr_expect_eq(p.n_creates, 1, "%s: %s", sources[i].when, created(&p));
        f.total = 2;
        plan(&f, &p);
        cr_expect_eq(p.n_creates, 0, "%s", sources[i].when);
        cr_expect_str_eq(condition(&p, "MaxTotalTasksReached")->status, "True");
    }
    row_claim("SP/V12");
}
