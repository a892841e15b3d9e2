/* test_plansource.c - the state of a source, as the plan shows it. */
#include "tests/reconciler/planfixture.h"
#include "tests/support/rows.h"

Test(plansource, the_sources_own_interval_wins)
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

Test(plansource, each_kind_of_source_has_its_own_interval)
{
    static const char *const whens[] = {
        "'githubIssues':{'pollInterval':'30s'}",
        "'githubPullRequests':{'pollInterval':'30s'}",
        ("'jira':{'baseUrl':'https://j','project':'P','secretRef':{'name':'s'},"
         "'pollInterval':'30s'}"),
    };

    for (size_t i = 0; i < sizeof whens / sizeof *whens; i++) {
        struct spawner_view *s = make_view(
            KIND_TASK_SPAWNER, 0,
            js("{'metadata':{'name':'a','namespace':'d','uid':'u','generation':1},"
               "'spec':{'when':{%s},'pollInterval':'9m','taskTemplate':{'type':'codex'}},"
               "'status':{}}",
               whens[i]));

        cr_assert_eq(plan_poll_ms(s), 30000, "%s", whens[i]);
    }
    row_claim("SP/C1");
}

Test(plansource, pull_requests_need_a_workspace)
{
    char why[512];
    struct spawner_view *s =
        make_view(KIND_TASK_SPAWNER, 0,
                  js("{'metadata':{'name':'a','namespace':'d','uid':'u','generation':1},"
                     "'spec':{'when':{'githubPullRequests':{}},"
                     "'taskTemplate':{'type':'codex'}},'status':{}}"));

    cr_assert(plan_config_error(s, why, sizeof why));
    cr_assert_str_eq(
        why,
        "taskTemplate.workspaceRef is required when using githubPullRequests source");
}

Test(plansource, a_source_that_fails_is_shown_and_recovers)
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

Test(plansource, what_cannot_work_is_failed_with_the_field)
{
    static const struct {
        const char *row, *when, *why;
    } rows[] = {
        {"RES/S4", "",
         "spec.when: holds 0 sources, exactly one of githubIssues, "
         "githubPullRequests, jira and cron is needed"},
        {"RES/S5", "'cron':{'schedule':'* * * * *'},'githubIssues':{}",
         "spec.when: holds 2 sources, exactly one of githubIssues, "
         "githubPullRequests, jira and cron is needed"},
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

Test(plansource, an_odd_poll_interval_is_told)
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
    f = facts(s, NULL);
    plan(&f, &p);
    cr_assert(strstr(condition(&p, "ConfigurationWarning")->message,
                     "one second is used") != NULL);
    row_claim("SP/V3");
}

Test(plansource, the_next_look_and_the_quota_are_said_without_a_write_of_their_own)
{
    struct spawner_view *s = make_spawner("'pollInterval':'10s'", "", "", "");
    struct plan_facts f = facts(s, make_items("1"));
    struct plan p;

    f.next_poll_ms = NOW + 10000;
    f.quota = (struct plan_quota){5000, 4990, NOW + 3600000};
    plan(&f, &p);
    json_t *patch = keep(plan_patch(s, &p.status));
    cr_assert_str_eq(json_str_or(patch, "status.nextPollTime", ""),
                     "2026-01-01T01:00:10Z");
    cr_assert_eq(json_int_or(patch, "status.quotaLeft", -1), 4990);
    /* As it stands then; the next poll moves both, and that alone is not worth a write. */
    s->phase = p.status.phase;
    s->message = p.status.message;
    s->total_discovered = p.status.total_discovered;
    s->total_created = p.status.total_created;
    s->active = p.status.active;
    s->discovered_ms = p.status.discovered_ms;
    s->conditions = p.status.conditions;
    s->n_conditions = p.status.n_conditions;
    s->next_poll_ms = p.status.next_poll_ms;
    s->quota_left = p.status.quota_left;
    struct plan_task made = {.name = "bugs-1", .uid = "t", .ordinal = 1};
    f.tasks = &made;
    f.n_tasks = 1;
    f.next_poll_ms += 10000;
    f.quota.left -= 2;
    struct plan again;
    plan(&f, &again);
    cr_assert_not(again.write);
    f.next_poll_ms += 600000;
    plan(&f, &again);
    cr_assert(again.write, "the source has asked to wait");
    f.next_poll_ms = NOW + 15000;
    s->next_poll_ms = NOW + 600000;
    plan(&f, &again);
    cr_assert(again.write, "and need not wait any more");
    s->next_poll_ms = p.status.next_poll_ms;
    f.next_poll_ms = 0; /* a new process: not known yet */
    plan(&f, &again);
    cr_assert_not(again.write);
    s->suspend = true;
    plan(&f, &again);
    cr_assert_eq(again.status.next_poll_ms, 0);
}

/* Later versions' fields that nothing acts on are no secret of this program. */
Test(plansource, what_is_not_acted_on_is_said)
{
    static const struct {
        const char *when, *task, *reason, *text;
    } cases[] = {
        {"'githubIssues':{'reporting':{'enabled':true}}", "", "NotActedOn",
         "spec.when.githubIssues.reporting: not acted on, nothing is written back to "
         "GitHub"},
        {"'githubPullRequests':{'reporting':{'comments':{'mode':'Sticky'}}}",
         ",'contextSources':[{'name':'x','http':{'url':'https://x'}}]", "NotActedOn",
         "spec.when.githubPullRequests.reporting: not acted on, nothing is written back "
         "to GitHub; spec.taskTemplate.contextSources: not acted on, nothing is fetched, "
         "templates have no .Context"},
        {"'githubIssues':{'pollInterval':'0','reporting':{'checks':{}}}", "",
         "PollInterval",
         "spec.pollInterval: \"0\" is not above zero, one second is used; "
         "spec.when.githubIssues.reporting: not acted on, nothing is written back to "
         "GitHub"},
        {"'githubIssues':{'reporting':{'enabled':false}}", ",'contextSources':[]", NULL,
         NULL},
        {"'githubIssues':{'reporting':{}}", "", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct spawner_view *s = make_view(
            KIND_TASK_SPAWNER, 0,
            js("{'metadata':{'name':'a','namespace':'d','uid':'u','generation':1},"
               "'spec':{'when':{%s},'taskTemplate':{'type':'codex'%s}},'status':{}}",
               cases[i].when, cases[i].task));
        struct plan_facts f = facts(s, make_items(""));
        struct plan p;

        plan(&f, &p);
        const struct condition *c = condition(&p, "ConfigurationWarning");
        cr_assert_eq(c != NULL, cases[i].text != NULL, "%zu", i);
        if (c == NULL)
            continue;
        cr_expect_str_eq(c->reason, cases[i].reason);
        cr_expect_str_eq(c->message, cases[i].text, "%s", c->message);
        cr_expect_eq(p.n_news, 1, "an Event tells it, too");
    }
}
