/* test_agentmerge.c - several AgentConfigs as one. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "common/json.h"
#include "reconciler/agentmerge.h"

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
