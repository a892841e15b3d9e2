/* cmd_suspend.c - kelos suspend and resume: whether a TaskSpawner makes Tasks. */
#include "cli/command/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/resource.h"
#include "common/data/json.h"

/* How often a conflict with other writers is met with the same patch once more. */
#define TRIES 5

/* Only spec.suspend is sent, so that fields this program does not know survive; it depends on
 * nothing that was read, so a conflict is answered by sending it again. */
static int
send_patch(struct cli *c, struct kube_request *set, struct err *e)
{
    for (int i = 1;; i++) {
        struct err why = ERR_INIT;

        if (cli_call(c, set, NULL, NULL, &why) == 0)
            return 0;
        if (why.code != ERR_CONFLICT || i == TRIES) {
            *e = why;
            return -1;
        }
    }
}

static int
set_suspend(struct cli *c, bool suspend, struct err *e)
{
    const struct kube_resource *res = kube_res(KUBE_TASK_SPAWNERS);
    const char *name = args_word(c->args, 0);
    const char *ns;
    SCOPED(json) json_t *spawner = NULL;
    SCOPED(json) json_t *patch = json_pack("{s:{s:b}}", "spec", "suspend", suspend);

    if (kube_check_subdomain(name, e) < 0)
        return err_wrap(e, "taskspawner \"%s\"", name);
    if ((ns = cli_namespace(c, false, e)) == NULL)
        return -1;
    struct kube_request get = {.verb = KUBE_GET, .res = res, .ns = ns, .name = name};
    if (cli_call(c, &get, &spawner, NULL, e) < 0)
        return -1;
    if (json_bool_or(spawner, "spec.suspend", false) == suspend) {
        printf("taskspawner/%s is %s\n", name,
               suspend ? "already suspended" : "not suspended");
        return 0;
    }
    struct kube_request set = {
        .verb = KUBE_PATCH_MERGE, .res = res, .ns = ns, .name = name, .body = patch};
    if (send_patch(c, &set, e) < 0)
        return -1;
    printf("taskspawner/%s %s\n", name, suspend ? "suspended" : "resumed");
    return 0;
}

static int
run_suspend(struct cli *c, struct err *e)
{
    return set_suspend(c, true, e);
}

static int
run_resume(struct cli *c, struct err *e)
{
    return set_suspend(c, false, e);
}

static const struct command suspend_spawner = {
    .name = "taskspawner",
    .aliases = spawner_aliases,
    .words = "NAME",
    .summary = "Stop making Tasks; those that run go on",
    .min_words = 1,
    .max_words = 1,
    .noun = "taskspawner",
    .completes = COMPLETE_SPAWNER,
    .run = run_suspend,
};
static const struct command resume_spawner = {
    .name = "taskspawner",
    .aliases = spawner_aliases,
    .words = "NAME",
    .summary = "Make Tasks again",
    .min_words = 1,
    .max_words = 1,
    .noun = "taskspawner",
    .completes = COMPLETE_SPAWNER,
    .run = run_resume,
};
static const struct command *const suspend_children[] = {&suspend_spawner, NULL};
static const struct command *const resume_children[] = {&resume_spawner, NULL};

const struct command command_suspend = {
    .newer = true,
    .name = "suspend",
    .summary = "Stop a TaskSpawner from making Tasks",
    .children = suspend_children,
    .verb = "suspended",
    .choices = "taskspawner",
};
const struct command command_resume = {
    .newer = true,
    .name = "resume",
    .summary = "Let a TaskSpawner make Tasks again",
    .children = resume_children,
    .verb = "resumed",
    .choices = "taskspawner",
};
