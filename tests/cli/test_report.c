/* test_report.c - what a heartbeat says: counts, in our own words. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/install/report.h"
#include "common/data/json.h"
#include "common/data/yaml.h"

static const char objects[] =
    "kind: Task\n"
    "metadata: {name: secret-plan, namespace: team-a}\n"
    "spec: {type: codex, prompt: build the thing}\n"
    "status: {phase: Succeeded, message: done, results: {cost-usd: '0.25', input-tokens: "
    "'100', output-tokens: '7', branch: b}}\n"
    "---\n"
    "kind: Task\n"
    "metadata: {name: two, namespace: team-b}\n"
    "spec: {type: their-own-agent, prompt: x}\n"
    "status: {phase: Failed, results: {cost-usd: '0.5', input-tokens: '11'}}\n"
    "---\n"
    "kind: Task\n"
    "metadata: {name: three, namespace: team-b}\n"
    "spec: {type: codex, prompt: x}\n"
    "---\n"
    "kind: TaskSpawner\n"
    "metadata: {name: s, namespace: team-b}\n"
    "spec: {when: {jira: {project: SECRET}}}\n"
    "---\n"
    "kind: TaskSpawner\n"
    "metadata: {name: p, namespace: team-c}\n"
    "spec: {when: {githubPullRequests: {}}}\n"
    "---\n"
    "kind: Workspace\n"
    "metadata: {name: w, namespace: team-c}\n"
    "spec: {repo: https://secret.example.com/x.git}\n"
    "---\n"
    "kind: Secret\n"
    "metadata: {name: not-counted, namespace: team-d}\n";

static json_t *
report_of(const char *text)
{
    const struct report_about about = {"v1", "v1.35.4", "production", "0000"};
    struct err e = ERR_INIT;
    SCOPED(report) struct report *r = report_new();
    SCOPED(yaml_docs)
    struct yaml_docs *docs = yaml_parse(text, strlen(text), "objects", &e);

    cr_assert_not_null(docs, "%s", e.text);
    for (size_t i = 0; i < docs->count; i++)
        report_add(r, docs->docs[i].value);
    return report_json(r, &about);
}

Test(report, counts_and_sums_with_the_keys_that_are_written)
{
    SCOPED(json) json_t *o = report_of(objects);
    json_t *p = json_object_get(o, "properties");
    SCOPED(string) char *types = json_dump_canonical(json_at(p, "tasks_by_type"));
    SCOPED(string) char *phases = json_dump_canonical(json_at(p, "tasks_by_phase"));
    SCOPED(string) char *kinds = json_dump_canonical(json_at(p, "feature_source_types"));

    cr_expect_str_eq(json_str_or(o, "event", ""), "telemetry_report");
    cr_expect_str_eq(json_str_or(o, "distinct_id", ""), "0000");
    cr_expect_eq(json_int_or(p, "tasks_total", 0), 3);
    cr_expect_str_eq(types, "{\"codex\":2,\"other\":1}");
    cr_expect_str_eq(phases, "{\"Failed\":1,\"Pending\":1,\"Succeeded\":1}");
    cr_expect_str_eq(kinds, "[\"github\",\"jira\"]");
    cr_expect_eq(json_int_or(p, "feature_task_spawners", 0), 2);
    cr_expect_eq(json_int_or(p, "feature_workspaces", 0), 1);
    cr_expect_eq(json_int_or(p, "feature_agent_configs", -1), 0);
    cr_expect_eq(json_int_or(p, "scale_namespaces", 0), 3);
    cr_expect_float_eq(json_real_value(json_object_get(p, "usage_total_cost_usd")), 0.75,
                       1e-9);
    cr_expect_eq(json_int_or(p, "usage_total_input_tokens", 0), 111);
    cr_expect_eq(json_int_or(p, "usage_total_output_tokens", 0), 7);
}

Test(report, holds_no_word_of_a_user)
{
    static const char *const words[] = {"secret", "plan",      "team",    "thing",
                                        "SECRET", "their-own", "example", "branch"};
    SCOPED(json) json_t *o = report_of(objects);
    SCOPED(string) char *text = json_dump_pretty(o);

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        cr_expect_null(strstr(text, words[i]), "%s stands in %s", words[i], text);
}

Test(report, do_not_track_is_anything_but_no)
{
    static const struct {
        const char *said;
        bool unwanted;
    } rows[] = {{"1", true}, {"true", true}, {"0", false}, {"", false}, {"False", false}};

    unsetenv("DO_NOT_TRACK");
    cr_expect_not(report_unwanted());
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        setenv("DO_NOT_TRACK", rows[i].said, 1);
        cr_expect_eq(report_unwanted(), rows[i].unwanted, "\"%s\"", rows[i].said);
    }
}
