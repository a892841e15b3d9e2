/* test_agentmerge.c - several AgentConfigs as one. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "common/data/json.h"
#include "reconciler/job/agentmerge.h"
#include "reconciler/job/job.h"

static struct agentconfig_view *
config(const char *spec)
{
    return make_view(
        KIND_AGENT_CONFIG, 0,
        js("{'metadata':{'name':'rules','namespace':'dev'},'spec':{%s}}", spec));
}

Test(agentmerge, joins_instructions_by_an_empty_line)
{
    SCOPED(agentmerge) struct agentmerge m = {0};

    agentmerge_add(&m, config("'agentsMD':'A'"));
    agentmerge_add(&m, config("'agentsMD':''"));
    agentmerge_add(&m, config("'agentsMD':'B'"));
    cr_assert_str_eq(m.config.agents_md, "A\n\nB");
    row_claim("ADD/AR1");
}

Test(agentmerge, keeps_plugins_in_order_and_skills_once)
{
    SCOPED(agentmerge) struct agentmerge m = {0};

    agentmerge_add(&m, config("'plugins':[{'name':'p1'}],'skills':[{'source':'a/b'}]"));
    agentmerge_add(&m,
                   config("'plugins':[{'name':'p2'},{'name':'p3'}],"
                          "'skills':[{'source':'a/b','skill':'x'},{'source':'a/b'}]"));
    cr_assert_eq(m.config.n_plugins, 3);
    cr_assert_str_eq(m.config.plugins[0].name, "p1");
    cr_assert_str_eq(m.config.plugins[2].name, "p3");
    cr_assert_eq(m.config.n_skills, 2);
    cr_assert_str_eq(m.config.skills[1].skill, "x");
}

Test(agentmerge, a_later_server_replaces_the_earlier_in_its_place)
{
    SCOPED(agentmerge) struct agentmerge m = {0};
    const char *names[] = {"github", "db", "x"};

    agentmerge_add(
        &m, config("'mcpServers':[{'name':'github','type':'http','url':'1',"
                   "'headers':{'a':'b'}},{'name':'db','type':'stdio','command':'c'}]"));
    agentmerge_add(&m, config("'mcpServers':[{'name':'github','type':'http','url':'2'},"
                              "{'name':'x','type':'sse','url':'3'}]"));
    cr_assert_eq(json_array_size(m.config.mcp), 3);
    for (size_t i = 0; i < 3; i++)
        cr_assert_str_eq(json_str_or(json_array_get(m.config.mcp, i), "name", ""),
                         names[i]);
    cr_assert_str_eq(json_str_or(json_array_get(m.config.mcp, 0), "url", ""), "2");
    cr_assert_null(json_object_get(json_array_get(m.config.mcp, 0), "headers"));
    row_claim("ADD/AR4");
}

Test(agentmerge, plugins_of_one_name_unite_and_the_later_file_wins)
{
    static const struct images images = {.git = "git", .node = "node"};
    SCOPED(agentmerge) struct agentmerge m = {0};
    struct job_wanted out;
    struct err e = ERR_INIT;

    agentmerge_add(&m,
                   config("'plugins':[{'name':'p1'},{'name':'kit','skills':[{'name':'x',"
                          "'content':'1'}],'agents':[{'name':'a','content':'A'}]}]"));
    agentmerge_add(
        &m, config("'plugins':[{'name':'kit','skills':[{'name':'x','content':'2'}],"
                   "'agents':[{'name':'b','content':'B'}]}]"));
    const struct job_wish w = {
        .task = make_view(
            KIND_TASK, 0,
            js("{'metadata':{'name':'t','namespace':'dev','uid':'u'},'spec':{'type':"
               "'codex','prompt':'p','credentials':{'type':'none'}}}")),
        .agent_config = &m.config,
        .prompt = "p",
        .images = &images};
    cr_assert_eq(job_build(&w, &out, &e), 0, "%s", e.text);
    const json_t *data = json_at(json_array_get(out.config_maps, 0), "data");
    cr_assert_eq(json_object_size(data), 3);
    cr_assert_str_eq(json_str_or(data, "p2-s0", ""), "2");
    cr_assert_str_eq(json_str_or(data, "p1-a0", ""), "A");
    cr_assert_str_eq(json_str_or(data, "p2-a0", ""), "B");
    json_decref(out.config_maps);
    json_decref(out.job);
}
