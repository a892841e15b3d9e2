/* test_plan.c - which Tasks a TaskSpawner wants: limits, order, what was seen before. */
#include "tests/reconciler/planfixture.h"
#include "tests/support/rows.h"

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
    cr_assert_str_eq(p.status.message, "Discovered 3 items, created 2 tasks total");
    cr_assert_str_eq(p.status.phase, "Running");
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


Test(plan, a_broken_template_skips_its_items_and_says_why)
{
    struct spawner_view *s = make_spawner("", "", "'promptTemplate':'{{.Nope'", "");
    struct plan_facts f = facts(s, make_items("1 2 3"));
    struct plan p;

    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert(p.write);
    cr_assert_not_null(
        strstr(condition(&p, "TaskCreationError")->message,
               "3 of 3 items become no Task; the first: bugs-1: promptTemplate: "
               "parsing template: "));
    row_claim("SP/L14");
    s = make_spawner("", "", "'branch':'{{.Nope}}'", "");
    f = facts(s, make_items("1"));
    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert_not_null(
        strstr(condition(&p, "TaskCreationError")->message, "can't evaluate field Nope"));
    row_claim("SP/L17");
}

static struct task_view *
make_spawned(const char *name, const char *label, const char *owner_uid)
{
    char meta[300];

    snprintf(meta, sizeof meta, "'labels':{'kelos.dev/taskspawner':'%s'}%s%s%s", label,
             *owner_uid ? ",'ownerReferences':[{'kind':'TaskSpawner','name':'bugs',"
                          "'controller':true,'uid':'"
                        : "",
             owner_uid, *owner_uid ? "'}]" : "");
    return make_task(name, meta, "", "");
}

Test(plan, a_task_belongs_to_its_controller)
{
    struct spawner_view *s = make_spawner("", "", "", "");

    cr_assert(plan_owns(s, make_spawned("bugs-1", "bugs", "u1")));
    cr_assert_not(plan_owns(s, make_spawned("bugs-1", "bugs", "u0")));
    cr_assert(plan_owns(s, make_spawned("bugs-1", "bugs", "")));
    cr_assert_not(plan_owns(s, make_spawned("bugs-1", "other", "")));
    row_claim("SP/OW4");

    struct plan_task own = plan_task_of(make_spawned("bugs-1", "bugs", "u1"));
    struct plan_facts f = facts(s, make_items("1"));
    struct plan p;
    f.tasks = &own;
    f.n_tasks = 1;
    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert_null(condition(&p, "TaskCreationError"));
    row_claim("SP/OW1");

    /* That of a spawner that was there before under the same name is another's. */
    f = facts(s, make_items("1"));
    taken_name = "bugs-1";
    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert_not_null(strstr(condition(&p, "TaskCreationError")->message, "collides"));
    row_claim("SP/OW3");
    row_claim("SP/I11");
}

Test(plan, items_with_one_name_become_one_task)
{
    struct spawner_view *s = make_spawner("", "", "'nameTemplate':'{{.Title}}'", "");
    struct plan_facts f = facts(s, make_items("1 2 3"));
    struct plan p;

    plan(&f, &p);
    cr_assert_str_eq(created(&p), "1");
    cr_assert_str_eq(p.creates[0].name, "title");
    cr_assert_str_eq(json_str_or(p.creates[0].task, "metadata.name", ""), "title");
    row_claim("SP/OW5");
}

Test(plan, a_broken_name_stops_everything)
{
    struct spawner_view *s =
        make_spawner("", "", "'nameTemplate':'{{.Nope}}'",
                     "'lastDiscoveryTime':'2026-01-01T00:00:00Z','phase':'Running'");
    struct plan_facts f = facts(s, make_items("1 2"));
    struct plan p;

    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert_str_eq(p.status.phase, "Failed");
    cr_assert_not_null(strstr(p.status.message, "failed to render name template"));
    cr_assert_str_eq(condition(&p, "DiscoveryError")->status, "True");
    cr_assert_eq(p.status.discovered_ms, AT("2026-01-01T00:00:00Z"));
    row_claim("SP/C10");
}

Test(plan, a_low_quota_and_a_broken_template_are_told_once)
{
    struct spawner_view *s = make_spawner("", "", "'branch':'x{{if}}'", "");
    struct plan_facts f = facts(s, make_items(""));
    struct err e = ERR_INIT;
    struct plan p;

    cr_assert_eq(item_check_templates(s, &e), -1);
    cr_assert_not_null(strstr(e.text, "taskTemplate.branch: template: tmpl:1"), "%s",
                       e.text);
    f.template_error = e.text;
    f.quota = (struct plan_quota){5000, 499, NOW};
    plan(&f, &p);
    cr_assert_str_eq(condition(&p, "TemplateError")->message, e.text);
    row_claim("SP/W17");
    cr_assert_not_null(strstr(condition(&p, "SourceQuotaLow")->message, "5000 requests"));
    cr_assert_eq(p.n_news, 2);
    f.quota.left = 500;
    plan(&f, &p);
    cr_assert_null(condition(&p, "SourceQuotaLow"));

    s = make_spawner("", "", "",
                     "'conditions':[{'type':'TemplateError','status':'True',"
                     "'reason':'Invalid','message':'m'}]");
    f = facts(s, make_items(""));
    f.template_error = "m";
    plan(&f, &p);
    cr_assert_eq(p.n_news, 0, "told again");
    f.template_error = NULL;
    plan(&f, &p);
    cr_assert_eq(p.n_news, 1);
    cr_assert_not(p.news[0].warning);
    cr_assert_str_eq(condition(&p, "TemplateError")->status, "False");
}

Test(plan, the_sources_own_interval_wins)
{
    struct spawner_view *s =
        make_spawner("'pollInterval':'9m'", "'pollInterval':'30s'", "", "");

    cr_assert_eq(plan_poll_ms(s), 30000);
    s = make_spawner("'pollInterval':'9m'", "", "", "");
    cr_assert_eq(plan_poll_ms(s), 540000);
    s = make_spawner("", "", "", "");
    cr_assert_eq(plan_poll_ms(s), 300000);
    row_claim("SP/C2");
}

Test(plan, a_task_is_what_the_template_says)
{
    struct spawner_view *s = make_spawner(
        "", "",
        "'branch':'kelos-task-{{.Number}}','model':'m','agentConfigRef':{'name':'c'},"
        "'podOverrides':{'nodeSelector':{'a':'b'}},'ttlSecondsAfterFinished':60,"
        "'promptTemplate':'Fix #{{.Number}} {{.Title}}: {{.Labels}}'",
        "");
    struct plan_facts f = facts(s, make_items("42:bug+p0"));
    struct plan p;

    plan(&f, &p);
    const json_t *t = p.creates[0].task;
    cr_assert_str_eq(json_str_or(t, "metadata.name", ""), "bugs-42");
    cr_assert_str_eq(json_str_or(t, "metadata.labels[kelos.dev/taskspawner]", ""),
                     "bugs");
    cr_assert_str_eq(json_str_or(t, "spec.branch", ""), "kelos-task-42");
    row_claim("SP/L15");
    cr_assert_str_eq(json_str_or(t, "spec.prompt", ""), "Fix #42 Title: bug, p0");
    cr_assert_str_eq(json_str_or(t, "spec.agentConfigRef.name", ""), "c");
    cr_assert_str_eq(json_str_or(t, "spec.podOverrides.nodeSelector.a", ""), "b");
    cr_assert_eq(json_int_or(t, "spec.ttlSecondsAfterFinished", 0), 60);
    cr_assert_null(json_at(t, "spec.promptTemplate"));
    row_claim("SP/L18");
    s = make_spawner("", "", "'branch':'feature/static'", "");
    f = facts(s, make_items("42"));
    plan(&f, &p);
    cr_assert_str_eq(json_str_or(p.creates[0].task, "spec.branch", ""), "feature/static");
    row_claim("SP/L16");
    cr_assert_str_eq(json_str_or(p.creates[0].task, "spec.prompt", ""),
                     "Issue #42: Title\n\nBody");
}

Test(plan, text_of_the_outside_is_no_template_the_second_time)
{
    struct spawner_view *s =
        make_spawner("", "", "'dependsOn':['a'],'promptTemplate':'{{.Title}}'", "");
    struct item_set *set = make_items("1");
    struct plan_facts f = facts(s, set);
    struct plan p;

    set->items[0].title = "evil {{index .Deps}}";
    plan(&f, &p);
    cr_assert_str_eq(json_str_or(p.creates[0].task, "spec.prompt", ""),
                     "evil {{\"{{\"}}index .Deps}}");
    row_claim("SP/W27");
}

Test(plan, a_key_in_capitals_is_worked_on_once)
{
    struct spawner_view *s = make_spawner("", "", "", "");
    struct plan_facts f = facts(s, make_items("PROJ-42"));
    struct plan p;

    plan(&f, &p);
    cr_assert_str_eq(p.creates[0].name, "bugs-proj-42");
    struct plan_task own = {.name = "bugs-proj-42", .uid = "u", .ordinal = 1};
    f.tasks = &own;
    f.n_tasks = 1;
    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    row_claim("SP/C12");
}

Test(plan, a_source_that_fails_is_shown_and_recovers)
{
    struct spawner_view *s = make_spawner("", "", "", "'phase':'Running'");
    struct plan_facts f = facts(s, make_items(""));
    struct plan p;

    f.failures = 1;
    f.error_reason = "Unauthorized";
    f.error_message = "GitHub API returned status 401";
    plan(&f, &p);
    cr_assert_str_eq(p.status.phase, "Running");
    cr_assert_str_eq(condition(&p, "DiscoveryError")->reason, "Unauthorized");
    f.failures = PLAN_FAILURES_MAX;
    plan(&f, &p);
    cr_assert_str_eq(p.status.phase, "Failed");
    cr_assert_str_eq(p.status.message, "GitHub API returned status 401");
    f.failures = 0;
    f.error_reason = f.error_message = NULL;
    plan(&f, &p);
    cr_assert_str_eq(p.status.phase, "Running");
    row_claim("SP/W3");
}

Test(plan, what_cannot_work_is_failed_with_the_field)
{
    static const struct {
        const char *row, *when, *why;
    } rows[] = {
        {"RES/S4", "",
         "spec.when: holds 0 sources, exactly one of githubIssues, jira and cron is "
         "needed"},
        {"RES/S5", "'cron':{'schedule':'* * * * *'},'githubIssues':{}",
         "spec.when: holds 2 sources, exactly one of githubIssues, jira and cron is "
         "needed"},
        {"RES/S7", "'cron':{'schedule':'every monday'}",
         "parsing cron schedule \"every monday\": expected exactly 5 fields, found 2: "
         "[every monday]"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[512];
        struct spawner_view *s = make_view(
            KIND_TASK_SPAWNER, 0,
            js("{'metadata':{'name':'x','namespace':'dev','uid':'u'},'spec':{'when':{%s},"
               "'taskTemplate':{'type':'codex'}}}",
               rows[i].when));
        struct plan p;
        struct plan_facts f = facts(s, NULL);
        cr_assert(plan_config_error(s, why, sizeof why), "%s", rows[i].row);
        cr_assert_str_eq(why, rows[i].why);
        f.config_error = why;
        plan(&f, &p);
        cr_assert_str_eq(p.status.phase, "Failed");
        cr_assert_str_eq(p.status.message, rows[i].why);
        row_claim(rows[i].row);
    }
    row_claim("SP/W1");
}

Test(plan, an_odd_poll_interval_is_told)
{
    struct spawner_view *s = make_spawner("'pollInterval':'soon'", "", "", "");
    struct plan_facts f = facts(s, NULL);
    struct plan p;

    plan(&f, &p);
    cr_assert_not_null(condition(&p, "ConfigurationWarning"));
    cr_assert_eq(plan_poll_ms(s), 300000);
    row_claim("RES/S8");
    s = make_spawner("'pollInterval':'0'", "", "", "");
    cr_assert_geq(plan_poll_ms(s), 1000);
    row_claim("RES/S9");
}

/* ---- cron ---- */

static struct item_set *
ticks(const char *first, const char *second)
{
    struct item_set *set = make_items("20260101-0010 20260101-0020");

    set->items[0].time = first;
    set->items[1].time = second;
    set->watermark_ms = AT(second);
    return set;
}

Test(plan, ticks_that_wait_are_not_lost_and_none_comes_twice)
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

Test(plan, a_schedule_runs_at_once_and_skips_what_passed_while_suspended)
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

/* ---- names ---- */

Test(plan, names_are_what_an_object_may_have)
{
    char name[64], other[64];

    item_task_name("ts", "PROJ-42", name);
    cr_assert_str_eq(name, "ts-proj-42");
    row_claim("SP/J14");
    row_claim("RES/S12");
    item_task_name("ts", "org/repo:Tag_1.", name);
    cr_assert_str_eq(name, "ts-org-repo-tag-1");
    item_task_name("a-rather-long-name-of-a-spawner-that-somebody-liked",
                   "20260207-0900-x1", name);
    item_task_name("a-rather-long-name-of-a-spawner-that-somebody-liked",
                   "20260207-0900-x2", other);
    cr_assert_eq(strlen(name), 63);
    cr_assert_str_neq(name, other);
    row_claim("RES/S11");
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
