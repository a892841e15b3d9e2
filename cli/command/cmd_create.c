/* cmd_create.c - kelos create, and its agentconfig. */
#include "cli/command/create.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/agentconfig.h"
#include "cli/cli.h"
#include "cli/dialect.h"
#include "common/data/json.h"

json_t *
create_object(struct cli *c, const char *ns, json_t *object, struct err *e)
{
    const struct kube_resource *res = kube_res_of(json_str_or(object, "apiVersion", ""),
                                                  json_str_or(object, "kind", ""));
    const char *name = json_str_or(object, "metadata.name", "");
    struct kube_request r = {
        .verb = KUBE_CREATE, .res = res, .ns = ns, .name = name, .body = object};
    json_t *made = NULL;

    cli_mark(object);
    if (cli_call(c, &r, &made, NULL, e) < 0)
        return NULL;
    printf("%s/%s created\n", res->singular, name);
    fflush(stdout);
    return made;
}

int
create_or_show(struct cli *c, const char *ns, json_t *object, enum dryrun dry,
               enum print_format format, struct err *e)
{
    SCOPED(json) json_t *objects = NULL, *made = NULL;

    if (dry == DRYRUN_NONE)
        return (made = create_object(c, ns, object, e)) != NULL ? 0 : -1;
    objects = json_pack("[O]", object);
    return dryrun_show(c, objects, dry == DRYRUN_SERVER, format, e);
}

/* ---- agentconfig ---- */

static const struct flag agentconfig_flags[] = {
    {.name = "agents-md",
     .type = FLAG_STRING,
     .value = "TEXT",
     .help = "instructions, or @FILE"},
    {.name = "skill",
     .type = FLAG_ARRAY,
     .value = "NAME=TEXT",
     .help = "skill; text or @FILE (repeatable)"},
    {.name = "agent",
     .type = FLAG_ARRAY,
     .value = "NAME=TEXT",
     .help = "agent; text or @FILE (repeatable)"},
    {.name = "mcp",
     .type = FLAG_ARRAY,
     .value = "NAME=JSON",
     .help = "MCP server: JSON or @FILE with type stdio, http or sse (repeatable)"},
    {.name = "skills-sh",
     .type = FLAG_ARRAY,
     .value = "SOURCE[:SKILL]",
     .help = "skill package (repeatable)",
     .complete = COMPLETE_NOTHING},
    DRYRUN_FLAGS,
};

static json_t *
agentconfig_object(struct cli *c, const char *ns, struct err *e)
{
    SCOPED(json)
    json_t *o = cli_object(dialect_res(KUBE_AGENT_CONFIGS), ns, args_word(c->args, 0));
    struct agentconfig_flags f = {.agents_md = args_string(c->args, "agents-md")};

    f.n_skills = args_list(c->args, "skill", &f.skills);
    f.n_agents = args_list(c->args, "agent", &f.agents);
    f.n_servers = args_list(c->args, "mcp", &f.servers);
    f.n_packages = args_list(c->args, "skills-sh", &f.packages);
    json_t *spec = agentconfig_spec(&f, e);
    if (spec == NULL)
        return NULL;
    json_object_set_new(o, "spec", spec);
    return TAKE(o);
}

static int
run_agentconfig(struct cli *c, struct err *e)
{
    const char *name = args_word(c->args, 0);
    enum print_format format;
    const char *ns;
    int dry = dryrun_read(c->args, &format, e);

    if (dry < 0)
        return -1;
    if (kube_check_subdomain(name, e) < 0)
        return err_wrap(e, "agentconfig \"%s\"", name);
    if ((ns = cli_namespace(c, dry == DRYRUN_CLIENT, e)) == NULL)
        return -1;
    SCOPED(json) json_t *object = agentconfig_object(c, ns, e);
    if (object == NULL)
        return -1;
    return create_or_show(c, ns, object, (enum dryrun)dry, format, e);
}

static const char *const ac[] = {"ac", NULL};
static const struct command create_agentconfig = {
    .name = "agentconfig",
    .newer = true,
    .aliases = ac,
    .words = "NAME",
    .summary = "Bundle instructions, skills, agents and MCP servers",
    .examples =
        "  kelos create agentconfig house --agents-md @AGENTS.md --skill ship=@ship.md\n"
        "  kelos create agentconfig db --mcp "
        "'pg={\"type\":\"stdio\",\"command\":\"pg-mcp\"}'\n",
    .flags = FLAGS(agentconfig_flags),
    .min_words = 1,
    .max_words = 1,
    .noun = "agentconfig",
    .completes = COMPLETE_NOTHING,
    .run = run_agentconfig,
};

static const struct command *const children[] = {&create_agentconfig, &create_spawner,
                                                 &create_workspace, NULL};

const struct command command_create = {
    .name = "create",
    .summary = "Create a Workspace, an AgentConfig or a TaskSpawner",
    .children = children,
    .verb = "created",
    .choices = "workspace, agentconfig or taskspawner",
};
