/* The documents that run and create make. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/agentconfig.h"
#include "cli/taskdoc.h"
#include "cli/upsert.h"
#include "common/data/json.h"
#include "common/macros.h"
#include "common/data/yaml.h"
#include "tests/support/rows.h"

static void
check_yaml(const json_t *value, const char *text)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    struct err e = ERR_INIT;

    cr_assert_eq(yaml_dump(value, &out, &e), 0, "%s", e.text);
    cr_assert_str_eq(buf_str(&out), text, "%s", buf_str(&out));
}

Test(taskdoc, a_minimal_task_is_this_document)
{
    struct taskdoc t = {.name = "demo",
                        .ns = "team-a",
                        .type = "claude-code",
                        .prompt = "tidy the changelog",
                        .secret = "my-secret",
                        .credential_type = "api-key"};
    SCOPED(json) json_t *o = taskdoc_build(&t);

    check_yaml(o,
               "apiVersion: kelos.dev/v1alpha1\nkind: Task\nmetadata:\n  name: demo\n"
               "  namespace: team-a\nspec:\n  credentials:\n    secretRef:\n"
               "      name: my-secret\n    type: api-key\n  prompt: tidy the changelog\n"
               "  type: claude-code\nstatus: {}\n");
}

Test(taskdoc, every_flag_has_its_field)
{
    char *const configs[] = {(char *)"house"};
    char *const depends[] = {(char *)"a", (char *)"b,c"};
    SCOPED(json) json_t *env = json_pack("[{s:s,s:s}]", "name", "A", "value", "1");
    struct taskdoc t = {.name = "n",
                        .ns = "ns",
                        .type = "codex",
                        .prompt = "p",
                        .secret = "s",
                        .credential_type = "oauth",
                        .model = "m",
                        .effort = "high",
                        .image = "i",
                        .branch = "b",
                        .workspace = "w",
                        .agent_configs = configs,
                        .n_agent_configs = 1,
                        .depends_on = depends,
                        .n_depends_on = 2,
                        .timeout_s = 1800,
                        .env = env};
    SCOPED(json) json_t *o = taskdoc_build(&t);

    check_yaml(
        json_object_get(o, "spec"),
        "agentConfigRef:\n  name: house\nbranch: b\ncredentials:\n  secretRef:\n"
        "    name: s\n  type: oauth\ndependsOn:\n- a\n- b,c\neffort: high\nimage: i\n"
        "model: m\npodOverrides:\n  activeDeadlineSeconds: 1800\n  env:\n  - name: A\n"
        "    value: \"1\"\nprompt: p\ntype: codex\nworkspaceRef:\n  name: w\n");
    row_claim("CLI/R12");
}

Test(taskdoc, no_secret_no_reference)
{
    struct taskdoc t = {.name = "n",
                        .ns = "ns",
                        .type = "claude-code",
                        .prompt = "p",
                        .secret = "",
                        .credential_type = "none"};
    SCOPED(json) json_t *o = taskdoc_build(&t);

    cr_expect_str_eq(json_str_or(o, "spec.credentials.type", ""), "none");
    cr_expect_null(json_at(o, "spec.credentials.secretRef"));
    row_claim("CLI/B09");
}

Test(taskdoc, timeouts_are_whole_seconds)
{
    static const struct {
        const char *text;
        int64_t seconds;
        const char *mentions;
    } rows[] = {
        {"", 0, ""},
        {"30m", 1800, ""},
        {"1500ms", 1, ""},
        {"1h30m", 5400, ""},
        {"500ms", -1, "1s"},
        {"0", -1, "1s"},
        {"-5s", -1, "1s"},
        {"abc", -1, "expected"},
        {"1d", -1, "expected"},
        {"10", -1, "expected"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;

        cr_expect_eq(taskdoc_timeout(rows[i].text, &e), rows[i].seconds, "%s",
                     rows[i].text);
        cr_expect_not_null(strstr(e.text, rows[i].mentions), "%s: %s", rows[i].text,
                           e.text);
    }
    row_claim("CLI/R10");
}

Test(taskdoc, variables_are_split_at_the_first_equals_sign)
{
    char *const good[] = {(char *)"A=1", (char *)"B=", (char *)"C=x=y"};
    static const char *const bads[] = {"=v", "A"};
    struct err e = ERR_INIT;
    SCOPED(json) json_t *env = taskdoc_env(NULL, good, 3, &e);

    check_yaml(env, "- name: A\n  value: \"1\"\n- name: B\n- name: C\n  value: x=y\n");
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        char *const bad[] = {(char *)bads[i]};

        cr_expect_null(taskdoc_env(NULL, bad, 1, &e));
        cr_expect_not_null(strstr(e.text, "expected NAME=VALUE"));
    }
    row_claim("CLI/R11");
}

Test(taskdoc, the_last_variable_of_a_name_counts_and_keeps_its_place)
{
    char *const texts[] = {(char *)"AWS_REGION=b"};
    SCOPED(json)
    json_t *configured = json_pack("[{s:s,s:s},{s:s,s:s}]", "name", "AWS_REGION", "value",
                                   "a", "name", "OTHER", "value", "o");
    struct err e = ERR_INIT;
    SCOPED(json) json_t *env = taskdoc_env(configured, texts, 1, &e);

    check_yaml(env, "- name: OTHER\n  value: o\n- name: AWS_REGION\n  value: b\n");
    row_claim("CLI/B10");
}

Test(taskdoc, bad_variables_of_the_configuration_are_named_by_place)
{
    static const char *const bads[] = {
        "- value: x\n",
        "- name: 1A\n  value: x\n",
        "- name: A\n",
        "- {name: A, value: x, valueFrom: {secretKeyRef: {name: n, key: k}}}\n",
        "- {name: A, valueFrom: {}}\n",
        "- {name: A, valueFrom: {secretKeyRef: {name: n}}}\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct err e = ERR_INIT;
        SCOPED(json) json_t *list = yaml_parse_one(bads[i], strlen(bads[i]), "x", &e);

        cr_expect_null(taskdoc_env(list, NULL, 0, &e), "%s", bads[i]);
        cr_expect_not_null(strstr(e.text, "env[0]"), "%s", e.text);
    }
}

/* ---- agentconfig ---- */

Test(agentconfig, flags_fill_one_plugin_servers_and_packages)
{
    char *const skills[] = {(char *)"ship=ship text"}, *const agents[] = {
                                                           (char *)"critic=critic"};
    char *const servers[] = {
        (char *)"db={\"type\":\"stdio\",\"command\":\"x\",\"args\":[\"a\"],\"env\":{"
                "\"K\":\"V\"}}",
        (char *)"web={\"type\":\"http\",\"url\":\"http://"
                "a\",\"headers\":{\"H\":\"v\"},\"extra\":1}",
        (char *)"ev={\"type\":\"sse\",\"url\":\"http://b\"}",
    };
    char *const packages[] = {(char *)"acme/pack:deploy", (char *)"acme/other",
                              (char *)"https://git.example.com:8443/o/r"};
    struct agentconfig_flags f = {"Follow TDD", skills, 1,        agents, 1,
                                  servers,      3,      packages, 3};
    struct err e = ERR_INIT;
    SCOPED(json) json_t *spec = agentconfig_spec(&f, &e);

    cr_assert_not_null(spec, "%s", e.text);
    check_yaml(
        spec,
        "agentsMD: Follow TDD\n"
        "mcpServers:\n"
        "- args:\n  - a\n  command: x\n  env:\n    K: V\n  name: db\n  type: stdio\n"
        "- headers:\n    H: v\n  name: web\n  type: http\n  url: http://a\n"
        "- name: ev\n  type: sse\n  url: http://b\n"
        "plugins:\n"
        "- agents:\n  - content: critic\n    name: critic\n  name: kelos\n"
        "  skills:\n  - content: ship text\n    name: ship\n"
        "skills:\n- skill: deploy\n  source: acme/pack\n- source: acme/other\n"
        "- source: https://git.example.com:8443/o/r\n");
    row_claim("CLI/X08");
    row_claim("CLI/X10");
}

Test(agentconfig, nothing_given_is_an_empty_spec)
{
    struct agentconfig_flags f = {.agents_md = ""};
    struct err e = ERR_INIT;
    SCOPED(json) json_t *spec = agentconfig_spec(&f, &e);

    cr_expect_eq(json_object_size(spec), 0);
}

static void
check_server_mistake(const char *one, const char *two, const char *mentions)
{
    char *const servers[] = {(char *)one, (char *)two};
    struct agentconfig_flags f = {
        .agents_md = "", .servers = servers, .n_servers = two != NULL ? 2 : 1};
    struct err e = ERR_INIT;

    cr_expect_null(agentconfig_spec(&f, &e), "%s", one);
    cr_expect_not_null(strstr(e.text, mentions), "%s: %s", one, e.text);
}

Test(agentconfig, mistakes_in_servers_name_server_and_field)
{
    static const char good[] = "x={\"type\":\"stdio\",\"command\":\"c\"}";

    check_server_mistake("x={\"command\":\"c\"}", NULL, "field \"type\" missing");
    check_server_mistake("x=not-json", NULL, "invalid JSON");
    check_server_mistake("x=[1]", NULL, "invalid JSON");
    check_server_mistake("={\"type\":\"sse\"}", NULL, "expected name=JSON");
    check_server_mistake("just-a-name", NULL, "expected name=JSON");
    check_server_mistake("", NULL, "expected name=JSON");
    check_server_mistake("x={\"type\":\"websocket\"}", NULL,
                         "type \"websocket\" unsupported");
    check_server_mistake("x={\"type\":\"stdio\",\"command\":\"c\",\"args\":\"a\"}", NULL,
                         "args");
    row_claim("CLI/X14");
    check_server_mistake(good, good, "given twice");
    row_claim("CLI/X15");
    check_server_mistake("x={\"type\":\"stdio\"}", NULL, "\"command\" missing");
    check_server_mistake("x={\"type\":\"http\"}", NULL, "\"url\" missing");
    check_server_mistake("x={\"type\":\"sse\"}", NULL, "\"url\" missing");
    row_claim("CLI/X16");
}

Test(agentconfig, mistakes_in_packages_and_skills_are_named)
{
    static const struct {
        const char *one, *two, *mentions;
    } rows[] = {
        {"acme/p", "acme/p", "given twice"},
        {"acme/p:s", "acme/p:s", "given twice"},
        {":x", NULL, "source is empty"},
        {"acme/p:", NULL, "skill after the colon is empty"},
        {"", NULL, "source is empty"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *const packages[] = {(char *)rows[i].one, (char *)rows[i].two};
        struct agentconfig_flags f = {.agents_md = "",
                                      .packages = packages,
                                      .n_packages = rows[i].two != NULL ? 2 : 1};
        struct err e = ERR_INIT;

        cr_expect_null(agentconfig_spec(&f, &e));
        cr_expect_not_null(strstr(e.text, rows[i].mentions), "%s", e.text);
    }
    row_claim("CLI/X11");
    char *const skills[] = {(char *)"x"};
    struct agentconfig_flags f = {.agents_md = "", .skills = skills, .n_skills = 1};
    struct err e = ERR_INIT;
    cr_expect_null(agentconfig_spec(&f, &e));
    cr_expect_not_null(strstr(e.text, "expected name=content"), "%s", e.text);
}

Test(upsert, only_keys_that_differ_are_named)
{
    SCOPED(json) json_t *data = json_pack("{s:s,s:s}", "A", "YWJj", "B", "eA==");
    SCOPED(json)
    json_t *values = json_pack("{s:s,s:s,s:s}", "A", "abc", "B", "y", "C", "z");
    SCOPED(buf) struct buf names = BUF_INIT;
    size_t missing;

    cr_expect_eq(upsert_differences(data, values, &missing, &names), 2);
    cr_expect_eq(missing, 1);
    cr_expect_str_eq(buf_str(&names), "B, C");
}
