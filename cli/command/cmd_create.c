/* cmd_create.c - kelos create workspace, kelos create agentconfig. */
#include "cli/command/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/agentconfig.h"
#include "cli/cli.h"
#include "cli/dialect.h"
#include "cli/print.h"
#include "cli/upsert.h"
#include "cli/value.h"
#include "common/data/json.h"

static int
print_document(const json_t *object, struct err *e)
{
    SCOPED(buf) struct buf out = BUF_INIT;

    return print_object(PRINT_YAML, object, &out, e) < 0 ? -1 : print_flush(&out, e);
}

static int
create(struct cli *c, enum kube_res id, const char *ns, const json_t *object,
       struct err *e)
{
    const char *name = json_str_or(object, "metadata.name", "");
    struct kube_request r = {.verb = KUBE_CREATE,
                             .res = dialect_res(id),
                             .ns = ns,
                             .name = name,
                             .body = object};

    if (cli_call(c, &r, NULL, NULL, e) < 0)
        return -1;
    printf("%s/%s created\n", dialect_res(id)->singular, name);
    return 0;
}

/* ---- workspace ---- */

static const struct flag workspace_flags[] = {
    {.name = "repo",
     .type = FLAG_STRING,
     .value = "URL",
     .required = true,
     .help = "repository: https://, http://, git:// or git@host:path",
     .complete = COMPLETE_NOTHING},
    {.name = "ref",
     .type = FLAG_STRING,
     .value = "REF",
     .help = "branch, tag or commit",
     .complete = COMPLETE_NOTHING},
    {.name = "secret",
     .type = FLAG_STRING,
     .value = "NAME",
     .help = "existing Secret with GITHUB_TOKEN, or appID, installationID and privateKey",
     .complete = COMPLETE_NOTHING},
    {.name = "token",
     .type = FLAG_STRING,
     .value = "TOKEN",
     .help = "token to put in Secret NAME-credentials: text, @FILE, $VARIABLE or - for "
             "stdin"},
    {.name = "remote",
     .type = FLAG_ARRAY,
     .value = "NAME=URL",
     .help = "further remote (repeatable)",
     .complete = COMPLETE_NOTHING},
    {.name = "file",
     .type = FLAG_ARRAY,
     .value = "PATH=CONTENT",
     .help = "file to put in the checkout; content or @FILE (repeatable)"},
    {.name = "dry-run",
     .type = FLAG_BOOL,
     .help = "print the Workspace, contact nothing"},
    {.name = "yes",
     .letter = 'y',
     .type = FLAG_BOOL,
     .help = "replace what is there without asking"},
};

/* Adds "NAME=VALUE" texts as objects of two fields. */
static int
add_pairs(struct cli *c, json_t *spec, const char *flag, const char *path,
          const char *name_key, const char *value_key, struct err *e)
{
    char *const *texts;
    size_t count = args_list(c->args, flag, &texts);
    json_t *list = count > 0 ? json_array() : NULL;

    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(texts[i], '=');
        char *value;

        if (equals == NULL || equals == texts[i]) {
            json_decref(list);
            return err_set(e, ERR_INVALID, "--%s \"%s\": expected %s=%s", flag, texts[i],
                           name_key, value_key);
        }
        if ((value = value_read(flag, equals + 1, VALUE_FILE, e)) == NULL) {
            json_decref(list);
            return -1;
        }
        json_t *pair = json_object();
        json_object_set_new(pair, name_key,
                            json_stringn(texts[i], (size_t)(equals - texts[i])));
        json_object_set_new(pair, value_key, json_string(value));
        json_array_append_new(list, pair);
        value_free(value);
    }
    if (list != NULL)
        json_object_set_new(spec, path, list);
    return 0;
}

static int
check_repo(const char *repo, struct err *e)
{
    static const char *const starts[] = {"http://", "https://", "git://", "git@"};

    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (strncmp(repo, starts[i], strlen(starts[i])) == 0)
            return 0;
    return err_set(e, ERR_INVALID,
                   "--repo \"%s\": expected https://, http://, git:// or git@host:path",
                   repo);
}

static json_t *
workspace_object(struct cli *c, const char *ns, const char *secret, struct err *e)
{
    SCOPED(json)
    json_t *o = cli_object(dialect_res(KUBE_WORKSPACES), ns, args_word(c->args, 0));

    json_put_str(o, "spec.repo", args_string(c->args, "repo"));
    if (args_string(c->args, "ref")[0] != '\0')
        json_put_str(o, "spec.ref", args_string(c->args, "ref"));
    if (secret[0] != '\0')
        json_put_str(o, "spec.secretRef.name", secret);
    json_t *spec = json_object_get(o, "spec");
    if (add_pairs(c, spec, "remote", "remotes", "name", "url", e) < 0 ||
        add_pairs(c, spec, "file", "files", "path", "content", e) < 0)
        return NULL;
    return TAKE(o);
}

/* The name is checked before the Secret is written, so that a clash changes nothing. */
static int
check_free(struct cli *c, const char *ns, const char *name, struct err *e)
{
    struct kube_request r = {
        .verb = KUBE_GET, .res = dialect_res(KUBE_WORKSPACES), .ns = ns, .name = name};
    struct err why = ERR_INIT;

    if (cli_call(c, &r, NULL, NULL, &why) == 0)
        return err_set(e, ERR_EXISTS,
                       "create workspace: workspaces.kelos.dev \"%s\" already exists",
                       name);
    if (why.code == ERR_NOT_FOUND)
        return 0;
    *e = why;
    return -1;
}

static int
write_token(struct cli *c, const char *ns, const char *secret, struct err *e)
{
    char *token = value_read("--token", args_string(c->args, "token"),
                             VALUE_FILE | VALUE_ENV | VALUE_STDIN, e);
    if (token == NULL)
        return -1;
    SCOPED(json) json_t *values = json_pack("{s:s}", "GITHUB_TOKEN", token);
    value_free(token);
    if (values == NULL)
        return err_set(e, ERR_INVALID, "--token: not a text");
    if (check_free(c, ns, args_word(c->args, 0), e) < 0)
        return -1;
    return upsert_secret(c, ns, secret, values, args_bool(c->args, "yes"), e);
}

static int
run_workspace(struct cli *c, struct err *e)
{
    const char *name = args_word(c->args, 0);
    bool token = args_string(c->args, "token")[0] != '\0';
    bool dry = args_bool(c->args, "dry-run");
    char made[300];
    const char *secret = args_string(c->args, "secret");

    if (secret[0] != '\0' && token)
        return err_set(e, ERR_INVALID, "use --secret or --token, not both");
    if (kube_check_subdomain(name, e) < 0)
        return err_wrap(e, "workspace \"%s\"", name);
    if (check_repo(args_string(c->args, "repo"), e) < 0)
        return -1;
    const char *ns = cli_namespace(c, dry, e);
    if (ns == NULL)
        return -1;
    if (token) {
        snprintf(made, sizeof(made), "%s-credentials", name);
        secret = made;
    }
    SCOPED(json) json_t *object = workspace_object(c, ns, secret, e);
    if (object == NULL)
        return -1;
    if (dry)
        return print_document(object, e);
    if (token && write_token(c, ns, secret, e) < 0)
        return -1;
    return create(c, KUBE_WORKSPACES, ns, object, e);
}

static const char *const ws[] = {"ws", NULL};
static const struct command create_workspace = {
    .name = "workspace",
    .aliases = ws,
    .words = "NAME",
    .summary = "Describe a repository that agents work in",
    .examples = "  kelos create workspace shop --repo https://github.com/acme/shop.git "
                "--ref main\n"
                "  kelos create workspace shop --repo https://github.com/acme/shop.git "
                "--token @token.txt\n",
    .flags = FLAGS(workspace_flags),
    .min_words = 1,
    .max_words = 1,
    .noun = "workspace",
    .completes = COMPLETE_NOTHING,
    .run = run_workspace,
};

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
    {.name = "dry-run",
     .type = FLAG_BOOL,
     .help = "print the AgentConfig, contact nothing"},
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
    bool dry = args_bool(c->args, "dry-run");
    const char *ns;

    if (kube_check_subdomain(name, e) < 0)
        return err_wrap(e, "agentconfig \"%s\"", name);
    if ((ns = cli_namespace(c, dry, e)) == NULL)
        return -1;
    SCOPED(json) json_t *object = agentconfig_object(c, ns, e);
    if (object == NULL)
        return -1;
    return dry ? print_document(object, e) : create(c, KUBE_AGENT_CONFIGS, ns, object, e);
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

static const struct command *const children[] = {&create_agentconfig, &create_workspace,
                                                 NULL};

const struct command command_create = {
    .name = "create",
    .summary = "Create a Workspace or an AgentConfig",
    .children = children,
    .verb = "created",
    .choices = "workspace or agentconfig",
};
