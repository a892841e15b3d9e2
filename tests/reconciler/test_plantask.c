/* test_plantask.c - what templates make of an item. */
#include "tests/reconciler/planfixture.h"
#include "tests/support/rows.h"

Test(plantask, a_broken_template_skips_its_items_and_says_why)
{
    struct spawner_view *s = make_spawner("", "", "'promptTemplate':'{{.Nope'", "");
    struct plan_facts f = facts(s, make_items("1 2 3"));
    struct plan p;

    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert(p.write);
    cr_assert_not_null(strstr(condition(&p, "DiscoveryError")->message,
                              "bugs-1: promptTemplate: parsing template: "));
    cr_assert_str_eq(condition(&p, "DiscoveryError")->reason, "TaskCreationFailed");
    cr_assert_not_null(strstr(p.status.message,
                              "created 0 tasks total; 3 creation error(s): "
                              "bugs-1: promptTemplate: "));
    cr_assert_not_null(strstr(p.status.message, "; bugs-3: "));
    cr_assert_str_eq(p.status.phase, "Running");
    row_claim("SP/L14");
    s = make_spawner("", "", "'branch':'{{.Nope}}'", "");
    f = facts(s, make_items("1"));
    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert_not_null(
        strstr(condition(&p, "DiscoveryError")->message, "can't evaluate field Nope"));
    row_claim("SP/L17");
}

Test(plantask, a_low_quota_and_a_broken_template_are_told_once)
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

Test(plantask, a_task_is_what_the_template_says)
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
    row_claim("SP/V1");
}

Test(plantask, text_of_the_outside_is_no_template_the_second_time)
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

Test(plantask, one_of_several_credentials_is_chosen_evenly_and_named)
{
    struct spawner_view *s = make_spawner(
        "'credentials':[{'name':'one','type':'oauth','secretRef':{'name':'k1'}}]", "", "",
        "");
    struct plan_facts f = facts(s, make_items("1"));
    struct plan p;
    size_t got[2] = {0, 0};

    plan(&f, &p);
    cr_assert_str_eq(
        json_str_or(p.creates[0].task, "spec.credentials.secretRef.name", ""), "k1");
    cr_assert_str_eq(json_str_or(p.creates[0].task, "spec.credentials.type", ""),
                     "oauth");
    cr_assert_str_eq(json_str_or(p.creates[0].task,
                                 "metadata.labels[kelos.dev/spawner-credential]", ""),
                     "one");
    row_claim("SP/C8");
    s = make_spawner(
        "'credentials':[{'name':'a','type':'api-key','secretRef':{'name':'k1'}},"
        "{'name':'b','type':'api-key','secretRef':{'name':'k2'}}]",
        "", "", "");
    f = facts(s,
              make_items("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 "
                         "25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40"));
    plan(&f, &p);
    cr_assert_eq(p.n_creates, 40);
    for (size_t i = 0; i < p.n_creates; i++)
        got[strcmp(json_str_or(p.creates[i].task,
                               "metadata.labels[kelos.dev/spawner-credential]", ""),
                   "b") == 0]++;
    cr_assert(got[0] > 8 && got[1] > 8, "%zu and %zu", got[0], got[1]);
}
