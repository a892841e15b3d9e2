/* test_inputs.c - values that AgentConfigs take from Secrets and ConfigMaps. */
#include "tests/reconciler/jobfixture.h"
#include "tests/support/rows.h"

#include "reconciler/job/agentmerge.h"
#include "reconciler/job/inputs.h"
#include "reconciler/job/mcp.h"

/* Base64 of the values below. */
#define B64_SECRET "c2VjcmV0" /* "secret" */
#define B64_OTHER "b3RoZXI="  /* "other" */
#define B64_LINE "YQpi"       /* "a", line feed, "b" */
#define B64_BYTES "//8="      /* two bytes that are no text */

static const char *
text_of(const json_t *servers, const json_t *values)
{
    struct err e = ERR_INIT;
    json_t *resolved = keep(mcp_resolve(servers, values, &e));

    cr_assert_not_null(resolved, "%s", e.text);
    const char *text = keep(mcp_text(resolved, &e));
    cr_assert_not_null(text, "%s", e.text);
    return text;
}

static void
expect_missing(const char *servers, const char *values, const char *want)
{
    struct agentconfig_view *a = make_config(
        keep(strdup(json_string_value(keep(json_sprintf("'mcpServers':%s", servers))))));
    struct err e = ERR_INIT;
    const char *reason = NULL;
    char whole[600];

    cr_assert_eq(inputs_check(a, js("%s", values), &reason, &e), -1);
    snprintf(whole, sizeof whole, "Failed to resolve MCP server secret: %s", want);
    cr_assert_str_eq(e.text, whole, "%s", e.text);
    cr_assert_str_eq(reason, "MCPSecretFailed");
}

Test(mcp, headers_of_a_secret_win_in_any_case)
{
    const json_t *servers = js("[{'name':'m','type':'http','url':'https://m','headers':{"
                               "'X-Inline':'i','authorization':'plain'},"
                               "'headersFrom':{'secretRef':{'name':'s'}}}]");
    const json_t *values = js("{'secret/s':{'data':{'Authorization':'" B64_SECRET
                              "','X-From-Secret':'" B64_OTHER "'}}}");

    cr_assert_str_eq(text_of(servers, values),
                     "{\"mcpServers\":{\"m\":{\"headers\":{\"Authorization\":\"secret\","
                     "\"X-From-Secret\":\"other\",\"X-Inline\":\"i\"},\"type\":\"http\","
                     "\"url\":\"https://m\"}}}");
    row_claim("ADD/MS1");
}

Test(mcp, variables_of_a_whole_secret_win_over_single_ones_over_literals)
{
    const json_t *servers = js(
        "[{'name':'m','type':'stdio','command':'c','env':{'DSN':'d','SHARED':'1'},"
        "'envValueFrom':[{'name':'SHARED','valueFrom':{'secretKeyRef':{'name':'s','key':'"
        "K'}}}],'envFrom':{'secretRef':{'name':'all'}}}]");
    const json_t *values =
        js("{'secret/s':{'data':{'K':'" B64_OTHER "'}},'secret/all':{'data':{"
           "'DB_PASSWORD':'" B64_SECRET "','DB_HOST':'" B64_OTHER
           "','SHARED':'" B64_SECRET "'}}}");

    cr_assert_str_eq(text_of(servers, values),
                     "{\"mcpServers\":{\"m\":{\"command\":\"c\",\"env\":{\"DB_HOST\":"
                     "\"other\",\"DB_PASSWORD\":\"secret\",\"DSN\":\"d\",\"SHARED\":"
                     "\"secret\"},\"type\":\"stdio\"}}}");
    row_claim("ADD/MS2");
}

#define SINGLE(ref)                                                                      \
    "[{'name':'m','type':'stdio','command':'c','envValueFrom':[{'name':'A','valueFrom'"  \
    ":{" ref "}}]}]"
#define SECRET_KEY(more) "'secretKeyRef':{'name':'s','key':'k'" more "}"
#define MAP_KEY(more) "'configMapKeyRef':{'name':'c','key':'k'" more "}"

Test(mcp, single_values_come_from_secrets_and_config_maps)
{
    const json_t *values =
        js("{'secret/s':{'data':{'k':'" B64_SECRET "'}},'configmap/c':{'data':{'k':'v'},"
           "'binaryData':{'b':'" B64_OTHER "'}}}");
    static const char *const want = "{\"mcpServers\":{\"m\":{\"command\":\"c\",\"env\":{"
                                    "\"A\":\"%s\"},\"type\":\"stdio\"}}"
                                    "}";
    static const struct {
        const char *servers, *value;
    } rows[] = {
        {SINGLE(SECRET_KEY("")), "secret"},
        {SINGLE(MAP_KEY("")), "v"},
        {SINGLE("'configMapKeyRef':{'name':'c','key':'b'}"), "other"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200];
        snprintf(text, sizeof text, want, rows[i].value);
        cr_assert_str_eq(text_of(js("%s", rows[i].servers), values), text);
    }
    row_claim("ADD/MS3");
}

Test(mcp, what_is_optional_may_be_absent)
{
    static const char *const optional = ",'optional':true";
    static const char *const values[] = {"{}", "{'secret/s':null,'configmap/c':null}",
                                         "{'secret/s':{'data':{}},'configmap/c':{}}"};
    const json_t *secret = js("%s", SINGLE(SECRET_KEY(",'optional':true")));
    const json_t *map = js("%s", SINGLE(MAP_KEY(",'optional':true")));

    (void)optional;
    for (size_t i = 0; i < 3; i++) {
        static const char *const want =
            "{\"mcpServers\":{\"m\":{\"command\":\"c\",\"type\":\"stdio\"}}}";
        cr_assert_str_eq(text_of(secret, js("%s", values[i])), want);
        cr_assert_str_eq(text_of(map, js("%s", values[i])), want);
    }
    row_claim("ADD/MS5");
}

Test(mcp, what_is_missing_is_named_and_no_value_is)
{
    expect_missing(
        SINGLE(SECRET_KEY("")), "{'secret/s':null}",
        "fetching secret \"s\" for MCP server \"m\" env \"A\": secrets \"s\" not "
        "found");
    expect_missing(SINGLE(MAP_KEY("")), "{'configmap/c':null}",
                   "fetching configmap \"c\" for MCP server \"m\" env \"A\": configmaps "
                   "\"c\" not found");
    expect_missing(SINGLE(SECRET_KEY("")), "{'secret/s':{'data':{'x':'" B64_SECRET "'}}}",
                   "secret \"s\" has no key \"k\" for MCP server \"m\" env \"A\"");
    expect_missing(SINGLE(MAP_KEY("")), "{'configmap/c':{'data':{}}}",
                   "configmap \"c\" has no key \"k\" for MCP server \"m\" env \"A\"");
    expect_missing(
        "[{'name':'m','type':'http','url':'u','headersFrom':{'secretRef':{"
        "'name':'s'}}}]",
        "{'secret/s':null}",
        "fetching headersFrom secret \"s\" for MCP server \"m\": secrets \"s\" not "
        "found");
    expect_missing(
        "[{'name':'m','type':'stdio','command':'u','envFrom':{'secretRef':{"
        "'name':'s'}}}]",
        "{'secret/s':null}",
        "fetching envFrom secret \"s\" for MCP server \"m\": secrets \"s\" not "
        "found");
    expect_missing(
        "[{'name':'m','type':'http','url':'u','headersFrom':{'secretRef':{"
        "'name':'s'}}}]",
        "{'secret/s':{'data':{'X':'" B64_LINE "'}}}",
        "header \"X\" of MCP server \"m\": the value holds bytes that cannot be "
        "passed on");
    expect_missing(/* a text that ends early for whoever reads it as one */
                   "[{'name':'m','type':'http','url':'u','headersFrom':{'secretRef':{"
                   "'name':'s'}}}]",
                   "{'secret/s':{'data':{'X':'YQBi'}}}",
                   "header \"X\" of MCP server \"m\": the value holds bytes that cannot "
                   "be "
                   "passed on");
    expect_missing(
        SINGLE(SECRET_KEY("")), "{'secret/s':{'data':{'k':'" B64_BYTES "'}}}",
        "variable \"A\" of MCP server \"m\": the value holds bytes that cannot be "
        "passed on");
}

Test(inputs, wants_each_object_once)
{
    struct agentconfig_view *a = make_config(
        "'skills':[{'source':'a/b','secretRef':{'name':'s'}}],'mcpServers':[{'name':'m',"
        "'type':'stdio','command':'c','envFrom':{'secretRef':{'name':'s'}},'envValueFrom'"
        ":["
        "{'name':'A','valueFrom':{'configMapKeyRef':{'name':'s','key':'k'}}}]}]");
    json_t *wanted = keep(inputs_wanted(a));
    char *text = keep(json_dump_canonical(wanted));

    cr_assert_str_eq(text, "[\"secret/s\",\"configmap/s\"]");
    cr_assert_eq(json_array_size(keep(inputs_wanted(
                     make_config("'skills':[{'source':'a/b'},{'source':'c/d'}]")))),
                 0);
    cr_assert_eq(json_array_size(keep(inputs_wanted(NULL))), 0);
}

/* ---- in the Job ---- */

static json_t *
build_with(const char *config, const char *values)
{
    struct task_view *t = make_task("fix", "", "", "");
    const struct job_wish w = {.task = t,
                               .agent_config = make_config(config),
                               .prompt = "x",
                               .values = js("%s", values),
                               .images = &images};

    return build(&w);
}

Test(mcp, secret_values_are_in_a_secret_alone)
{
    SCOPED(json)
    json_t *got =
        build_with("'mcpServers':[{'name':'m','type':'http','url':'u','headersFrom':{"
                   "'secretRef':{'name':'s'}}},{'name':'plain','type':'http','url':'v',"
                   "'headers':{'A':'$(GITHUB_TOKEN)'}}]",
                   "{'secret/s':{'data':{'Authorization':'" B64_SECRET "'}}}");
    char *job = keep(json_dump_canonical(json_object_get(got, "job")));
    const json_t *secret = json_at(got, "configMaps[0]");

    cr_assert_str_eq(env_text(agent(got)),
                     "KELOS_AGENT_TYPE=claude-code "
                     "ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY "
                     "KELOS_MCP_SERVERS=@fix-mcp/KELOS_MCP_SERVERS");
    cr_assert_null(strstr(job, "secret\""));
    cr_assert_null(strstr(job, B64_SECRET));
    cr_assert_str_eq(json_str_or(secret, "kind", ""), "Secret");
    cr_assert_str_eq(json_str_or(secret, "metadata.name", ""), "fix-mcp");
    cr_assert_str_eq(json_str_or(secret, "metadata.ownerReferences[0].uid", ""),
                     "uid-fix");
    cr_assert_eq(json_object_size(json_object_get(secret, "data")), 1);
}

Test(mcp, literal_servers_stay_as_they_were)
{
    SCOPED(json)
    json_t *got = build_with("'mcpServers':[{'name':'m','type':'http','url':'u',"
                             "'headers':{'A':'$(GITHUB_TOKEN)'}}]",
                             "{}");

    cr_assert_eq(json_array_size(json_at(got, "configMaps")), 0);
    cr_assert_not_null(strstr(env_text(agent(got)), "\"A\":\"$(GITHUB_TOKEN)\""), "%s",
                       env_text(agent(got)));
}

Test(mcp, too_much_is_said)
{
    struct err e = ERR_INIT;
    char *text = keep(malloc(MCP_BYTES + 100));

    memset(text, 'x', MCP_BYTES + 99);
    text[MCP_BYTES + 99] = '\0';
    json_t *servers =
        keep(json_pack("[{s:s,s:s,s:s}]", "name", "m", "type", "http", "url", text));
    cr_assert_null(mcp_text(servers, &e));
    cr_assert_not_null(strstr(e.text, "invalid MCP server configuration: "));
}

/* ---- private skills ---- */

Test(skills, each_private_source_sees_its_own_token)
{
    SCOPED(json)
    json_t *got = build_with(
        "'skills':[{'source':'corp/one','secretRef':{'name':'a'}},"
        "{'source':'https://git.corp.example:8443/t/two.git','secretRef':{'name':'b'}},"
        "{'source':'corp/three','skill':'x','secretRef':{'name':'a'}},"
        "{'source':'anthropics/skills'}]",
        "{'secret/a':{'data':{'GITHUB_TOKEN':'" B64_SECRET
        "'}},'secret/b':{'data':{'GITHUB_TOKEN':'" B64_OTHER "'}}}");
    const json_t *c = init_of(got, "skills-install");
    const char *script = script_of(c);

    cr_assert_str_eq(env_text(c),
                     "HOME=/kelos/plugin KELOS_SKILLS_GITHUB_TOKEN_0=@a/GITHUB_TOKEN "
                     "KELOS_SKILLS_GITHUB_TOKEN_1=@b/GITHUB_TOKEN");
    cr_assert_not_null(strstr(script,
                              "GH_HOST='git.corp.example:8443' GH_ENTERPRISE_TOKEN="
                              "\"$$KELOS_SKILLS_GITHUB_TOKEN_1\" npx"));
    cr_assert_not_null(strstr(script,
                              "GH_TOKEN=\"$$KELOS_SKILLS_GITHUB_TOKEN_0\" npx -y skills "
                              "add 'corp/three' -a universal -y -g -s 'x'\n"));
    cr_assert_not_null(
        strstr(script, "\nnpx -y skills add 'anthropics/skills' -a universal"));
    cr_assert_not_null(strstr(script, "KELOS_SKILLS_GIT_USERNAME=x-access-token"));
    cr_assert_not_null(strstr(script, "GIT_TERMINAL_PROMPT=0"));
    cr_assert_null(strstr(script, "'a'"));
    cr_assert_null(strstr(script, "'b'"));
    row_claim("ADD/SK2");
}

Test(skills, a_token_that_is_missing_is_said)
{
    static const struct {
        const char *values, *want;
    } rows[] = {
        {"{'secret/s':null}",
         "fetching secret \"s\" for skills.sh source \"a/b\": secrets \"s\" not found"},
        {"{'secret/s':{'data':{}}}",
         "secret \"s\" has no key \"GITHUB_TOKEN\" for skills.sh source \"a/b\""},
        {"{'secret/s':{'data':{'GITHUB_TOKEN':''}}}",
         "secret \"s\" has empty key \"GITHUB_TOKEN\" for skills.sh source \"a/b\""},
    };
    struct agentconfig_view *a =
        make_config("'skills':[{'source':'a/b','secretRef':{'name':'s'}}]");

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = ERR_INIT;
        const char *reason = NULL;
        char whole[300];
        cr_assert_eq(inputs_check(a, js("%s", rows[i].values), &reason, &e), -1);
        snprintf(whole, sizeof whole, "Failed to validate skills auth secret: %s",
                 rows[i].want);
        cr_assert_str_eq(e.text, whole);
        cr_assert_str_eq(reason, "SkillsAuthSecretFailed");
    }
}

/* ---- plugins ---- */

static const json_t *
map_data(const json_t *got, size_t i)
{
    return json_object_get(json_array_get(json_object_get(got, "configMaps"), i), "data");
}

Test(plugins, two_of_them_make_keys_in_order)
{
    SCOPED(json)
    json_t *got = build_with(
        "'plugins':[{'name':'a','skills':[{'name':'x','content':'1','files':[{'path':"
        "'references/"
        "r.md','content':'r'}]},{'name':'y','content':'2'}],'agents':[{'name':'"
        "r','content':'3'}]},{'name':'b','agents':[{'name':'s','content':'4'}]}]",
        "{}");
    static const char *const paths[] = {
        "a/skills/x/SKILL.md", "a/skills/x/references/r.md", "a/skills/y/SKILL.md",
        "a/agents/r.md", "b/agents/s.md"};
    static const char *const keys[] = {"p0-s0", "p0-s0-f0", "p0-s1", "p0-a0", "p1-a0"};
    const json_t *items =
        json_at(got, "job.spec.template.spec.volumes[1].configMap.items");

    cr_assert_eq(json_array_size(items), 5);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_str_eq(json_str_or(json_array_get(items, i), "key", ""), keys[i]);
        cr_assert_str_eq(json_str_or(json_array_get(items, i), "path", ""), paths[i]);
        cr_assert_not_null(json_object_get(map_data(got, 0), keys[i]));
    }
    row_claim("ADD/CD2");
    SCOPED(json) json_t *skills = build_with("'skills':[{'source':'a/b'}]", "{}");
    cr_assert_eq(json_array_size(json_object_get(skills, "configMaps")), 0);
    cr_assert_null(json_at(skills, "job.spec.template.spec.volumes[1]"));
}

static json_t *
plugin_of(const char *name, size_t bytes)
{
    char *text = malloc(bytes + 1);

    memset(text, 'x', bytes);
    text[bytes] = '\0';
    json_t *skill = json_pack("{s:s,s:s}", "name", name, "content", text);
    free(text);
    return skill;
}

Test(plugins, a_mebibyte_of_skills_fits_and_one_file_has_a_limit)
{
    json_t *skills = json_array(), *one = json_array();
    struct job_wanted out;
    struct err e = ERR_INIT;

    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%d", i);
        json_array_append_new(skills, plugin_of(name, 300 * 1024));
    }
    json_array_append_new(one, plugin_of("s", 921601));
    struct agentconfig_view *many =
        make_view(KIND_AGENT_CONFIG, 0,
                  keep(json_pack("{s:{s:s},s:{s:[{s:s,s:o}]}}", "metadata", "name", "c",
                                 "spec", "plugins", "name", "p", "skills", skills)));
    struct agentconfig_view *large =
        make_view(KIND_AGENT_CONFIG, 0,
                  keep(json_pack("{s:{s:s},s:{s:[{s:s,s:o}]}}", "metadata", "name", "c",
                                 "spec", "plugins", "name", "p", "skills", one)));
    struct job_wish w = {.task = make_task("fix", "", "", ""),
                         .agent_config = many,
                         .prompt = "x",
                         .images = &images};
    SCOPED(json) json_t *got = build(&w);
    const json_t *volume = json_at(got, "job.spec.template.spec.volumes[1]");
    cr_assert_eq(json_array_size(json_at(volume, "projected.sources")), 2);
    cr_assert_eq(json_object_size(map_data(got, 0)), 3);
    cr_assert_eq(json_object_size(map_data(got, 1)), 1);
    cr_assert_str_eq(json_str_or(volume, "projected.sources[1].configMap.name", ""),
                     "fix-plugins-2");
    w.agent_config = large;
    cr_assert_eq(job_build(&w, &out, &e), -1);
    cr_assert_not_null(
        strstr(e.text, "invalid plugin configuration: plugin content totals "
                       "921601 bytes, exceeding the 921600 byte ConfigMap budget"));
    row_claim("ADD/CD3");
}

Test(agentmerge, keeps_the_secret_of_a_skill_and_refuses_the_reserved_plugin)
{
    SCOPED(agentmerge) struct agentmerge m = {0};
    struct job_wanted out;
    struct err e = ERR_INIT;

    agentmerge_add(&m, make_config("'plugins':[{'name':'skills-sh'}]"));
    agentmerge_add(&m, make_config("'skills':[{'source':'a/b','secretRef':{'name':'s'}},"
                                   "{'source':'a/b'}]"));
    cr_assert_eq(m.config.n_skills, 2);
    cr_assert_str_eq(m.config.skills[0].secret, "s");
    const struct job_wish w = {.task = make_task("fix", "", "", ""),
                               .agent_config = &m.config,
                               .prompt = "x",
                               .values =
                                   js("{'secret/s':{'data':{'GITHUB_TOKEN':'eA=='}}}"),
                               .images = &images};
    cr_assert_eq(job_build(&w, &out, &e), -1);
    cr_assert_not_null(strstr(e.text, "is reserved for skills.sh"));
    row_claim("ADD/AR7");
}
