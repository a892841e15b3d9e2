/* cmd_delete.c - kelos delete. */
#include "cli/command/commands.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/dialect.h"
#include "cli/follow.h"
#include "cli/resource.h"
#include "common/data/json.h"

static const struct flag flags[] = {
    {.name = "all", .type = FLAG_BOOL, .help = "every one in the namespace"},
    {.name = "selector",
     .letter = 'l',
     .type = FLAG_STRING,
     .value = "LABELS",
     .help = "with --all: only those with these labels",
     .complete = COMPLETE_NOTHING},
    {.name = "wait", .type = FLAG_BOOL, .help = "return when they are gone"},
    {.name = "dry-run",
     .type = FLAG_BOOL,
     .help = "let the server check, delete nothing"},
    {.name = "yes", .letter = 'y', .type = FLAG_BOOL, .help = "do not ask"},
};

static int
on_object(void *arg UNUSED, const json_t *object UNUSED, bool gone, struct err *e UNUSED)
{
    return gone ? 1 : 0;
}

static int
wait_gone(struct cli *c, const struct kube_resource *res, const char *ns,
          const char *name, struct err *e)
{
    struct err why = ERR_INIT;

    if (follow(c, res, ns, name, NULL, -1, on_object, NULL, &why) >= 0 ||
        why.code == ERR_NOT_FOUND)
        return 0;
    *e = why;
    return -1;
}

static int
delete_one(struct cli *c, const char *ns, const char *name, struct err *e)
{
    const struct resource *resource = command_leaf(c->path)->resource;
    const struct kube_param dry[] = {{"dryRun", "All"}, {NULL, NULL}};
    bool dry_run = args_bool(c->args, "dry-run");
    struct kube_request r = {.verb = KUBE_DELETE,
                             .res = dialect_res(resource->id),
                             .ns = ns,
                             .name = name,
                             .params = dry_run ? dry : NULL};

    if (cli_call(c, &r, NULL, NULL, e) < 0)
        return -1;
    printf("%s/%s deleted%s\n", resource->name, name, dry_run ? " (dry run)" : "");
    fflush(stdout);
    if (args_bool(c->args, "wait") && !dry_run)
        return wait_gone(c, dialect_res(resource->id), ns, name, e);
    return 0;
}

/* A person is asked first; a script, which has no terminal, has said what it wants. */
static bool
may_delete(struct cli *c, size_t count, const char *ns)
{
    char question[256];

    if (args_bool(c->args, "yes") || args_bool(c->args, "dry-run") ||
        !isatty(STDIN_FILENO))
        return true;
    snprintf(question, sizeof(question), "Delete %zu %s%s in namespace %s?", count,
             command_leaf(c->path)->resource->name, count > 1 ? "s" : "", ns);
    return cli_ask(question);
}

static int
delete_all(struct cli *c, const char *ns, struct err *e)
{
    const struct resource *resource = command_leaf(c->path)->resource;
    const char *selector = args_string(c->args, "selector");
    SCOPED(json)
    json_t *list = cli_list(c, dialect_res(resource->id), ns,
                            selector[0] != '\0' ? selector : NULL, e);
    const json_t *items = json_object_get(list, "items");

    if (list == NULL)
        return -1;
    if (json_array_size(items) == 0) {
        printf("%s in namespace %s\n", resource->none_found, ns);
        return 0;
    }
    if (!may_delete(c, json_array_size(items), ns))
        return err_set(e, ERR_INVALID,
                       "nothing deleted (use --yes to skip this question)");
    for (size_t i = 0; i < json_array_size(items); i++) {
        struct err why = ERR_INIT;

        if (delete_one(c, ns, json_str_or(json_array_get(items, i), "metadata.name", ""),
                       &why) < 0 &&
            why.code != ERR_NOT_FOUND) {
            *e = why;
            return -1;
        }
    }
    return 0;
}

static int
run_delete(struct cli *c, struct err *e)
{
    const char *noun = command_leaf(c->path)->noun;
    size_t count = args_count(c->args);
    bool all = args_bool(c->args, "all");
    const char *ns;

    if (all && count > 0)
        return err_set(e, ERR_INVALID, "use NAME or --all, not both");
    if (!all && count == 0)
        return err_set(
            e, ERR_INVALID,
            "%s NAME missing; usage: %s delete %s NAME... (--all for every one)", noun,
            dialect()->program, noun);
    if (!all && args_given(c->args, "selector"))
        return err_set(e, ERR_INVALID,
                       "-l chooses among all of them: use it with --all, without NAME");
    for (size_t i = 0; i < count; i++)
        if (kube_check_subdomain(args_word(c->args, i), e) < 0)
            return err_wrap(e, "%s \"%s\"", noun, args_word(c->args, i));
    if ((ns = cli_namespace(c, false, e)) == NULL)
        return -1;
    if (all)
        return delete_all(c, ns, e);
    for (size_t i = 0; i < count; i++)
        if (delete_one(c, ns, args_word(c->args, i), e) < 0)
            return -1;
    return 0;
}

#define ROW(kind, kind_aliases, kind_resource, kind_complete, text)                      \
    {                                                                                    \
        .name = kind, .aliases = kind_aliases, .words = "[NAME...]", .summary = text,    \
        .flags = FLAGS(flags), .max_words = SIZE_MAX, .noun = kind,                      \
        .completes = kind_complete, .resource = &(kind_resource), .run = run_delete      \
    }

static const struct command task = ROW("task", task_aliases, resource_task, COMPLETE_TASK,
                                       "Delete Tasks and their runs");
static const struct command spawner =
    ROW("taskspawner", spawner_aliases, resource_spawner, COMPLETE_SPAWNER,
        "Delete TaskSpawners");
static const struct command workspace =
    ROW("workspace", workspace_aliases, resource_workspace, COMPLETE_WORKSPACE,
        "Delete Workspaces");
static const struct command agentconfig = {
    .name = "agentconfig",
    .newer = true,
    .aliases = agentconfig_aliases,
    .words = "[NAME...]",
    .summary = "Delete AgentConfigs",
    .flags = FLAGS(flags),
    .max_words = SIZE_MAX,
    .noun = "agentconfig",
    .completes = COMPLETE_AGENTCONFIG,
    .resource = &resource_agentconfig,
    .run = run_delete,
};

static const struct command *const children[] = {
    &agentconfig, &task, &spawner, &workspace, NULL,
};

const struct command command_delete = {
    .name = "delete",
    .summary = "Delete Tasks, TaskSpawners, Workspaces and AgentConfigs",
    .children = children,
    .verb = "deleted",
    .choices = "task, taskspawner, workspace or agentconfig",
};
