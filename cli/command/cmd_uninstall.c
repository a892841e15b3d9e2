/* cmd_uninstall.c - kelos uninstall: work, controller and definitions leave a cluster. */
#include "cli/command/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/follow.h"
#include "cli/install/apply.h"
#include "cli/install/bundle.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/value/duration.h"

static const struct flag flags[] = {
    {.name = "yes", .letter = 'y', .type = FLAG_BOOL, .help = "do not ask"},
    {.name = "keep-crds",
     .type = FLAG_BOOL,
     .help = "leave the definitions, without their objects"},
    {.name = "keep-data",
     .type = FLAG_BOOL,
     .help = "leave Tasks, TaskSpawners, Workspaces, AgentConfigs and the definitions"},
    {.name = "timeout",
     .type = FLAG_STRING,
     .value = "DURATION",
     .complete = COMPLETE_NOTHING,
     .help = "how long to wait until objects are gone, e.g. 10m (default 5m)"},
};

/* What is deleted while the controller still runs, in this order: Tasks and TaskSpawners have a
 * finalizer that only it takes away. */
static const enum kube_res work[] = {
    KUBE_TASKS,      KUBE_TASK_SPAWNERS,      KUBE_WORKSPACES,      KUBE_AGENT_CONFIGS,
    KUBE_AXON_TASKS, KUBE_AXON_TASK_SPAWNERS, KUBE_AXON_WORKSPACES,
};

/* ---- how much there is ---- */

static int
count_work(struct cli *c, size_t *count, char *words, size_t room, struct err *e)
{
    size_t at = 0;

    *count = 0;
    words[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(work); i++) {
        SCOPED(json) json_t *list = NULL;

        if (cli_list_served(c, kube_res(work[i]), &list, e) < 0)
            return -1;
        size_t n = json_array_size(json_object_get(list, "items"));
        *count += n;
        if (n > 0 && at < room)
            at += (size_t)snprintf(
                words + at, room - at, "%s%zu %s", at > 0 ? ", " : "", n,
                n > 1 ? kube_res(work[i])->plural : kube_res(work[i])->singular);
    }
    return 0;
}

/* A person is asked first; a script, which has no terminal, has said what it wants. */
static int
may_go_on(struct cli *c, struct err *e)
{
    size_t count;
    char words[256], question[384];

    if (args_bool(c->args, "yes") || args_bool(c->args, "keep-data") ||
        !isatty(STDIN_FILENO))
        return 0;
    if (count_work(c, &count, words, sizeof(words), e) < 0)
        return -1;
    snprintf(question, sizeof(question), "Uninstall Kelos from %s and delete %s?",
             kube_server(c->kube), count > 0 ? words : "its definitions");
    return cli_ask(question)
               ? 0
               : err_set(e, ERR_INVALID,
                         "nothing deleted (use --yes to skip this question)");
}

/* ---- the work ---- */

static int
delete_kind(struct cli *c, enum kube_res id, struct err *e)
{
    SCOPED(json) json_t *list = NULL;
    size_t i;
    json_t *o;

    if (cli_list_served(c, kube_res(id), &list, e) < 0)
        return -1;
    json_array_foreach(json_object_get(list, "items"), i, o)
    {
        struct kube_request r = {.verb = KUBE_DELETE,
                                 .res = kube_res(id),
                                 .ns = json_str_or(o, "metadata.namespace", ""),
                                 .name = json_str_or(o, "metadata.name", "")};
        struct err why = ERR_INIT;

        if (json_at(o, "metadata.deletionTimestamp") != NULL)
            continue;
        if (cli_call(c, &r, NULL, NULL, &why) < 0 && why.code != ERR_NOT_FOUND) {
            *e = why;
            return err_wrap(e, "%s/%s in %s", r.res->singular, r.name, r.ns);
        }
    }
    return 0;
}

static int
on_change(void *arg UNUSED, const json_t *object UNUSED, bool gone, struct err *e UNUSED)
{
    return gone ? 1 : 0;
}

static int
wait_kind(struct cli *c, enum kube_res id, int64_t wait_ms, int64_t deadline_ms,
          struct err *e)
{
    const struct kube_resource *res = kube_res(id);
    SCOPED(json) json_t *list = NULL;
    size_t i;
    json_t *o;

    if (cli_list_served(c, res, &list, e) < 0)
        return -1;
    json_array_foreach(json_object_get(list, "items"), i, o)
    {
        int64_t now = clock_mono_ms();
        struct err why = ERR_INIT;
        int rc = follow(c, res, json_str_or(o, "metadata.namespace", ""),
                        json_str_or(o, "metadata.name", ""), NULL,
                        deadline_ms > now ? deadline_ms - now : 0, on_change, NULL, &why);

        if (rc == 0) {
            char waited[DURATION_SIZE];

            duration_format(wait_ms * 1000000, waited);
            return err_set(e, ERR_UNAVAILABLE,
                           "custom resources still present after %s: %s/%s and others "
                           "(list them with `kelos get %s -A`); is the controller "
                           "running?",
                           waited, res->singular, json_str_or(o, "metadata.name", ""),
                           res->plural);
        }
        if (rc < 0 && why.code != ERR_NOT_FOUND) {
            *e = why;
            return -1;
        }
    }
    return 0;
}

static int
delete_work(struct cli *c, int64_t wait_ms, struct err *e)
{
    int64_t deadline_ms = clock_mono_ms() + wait_ms;

    printf("Deleting Tasks, TaskSpawners, Workspaces and AgentConfigs\n");
    fflush(stdout);
    for (size_t i = 0; i < ARRAY_LEN(work); i++)
        if (delete_kind(c, work[i], e) < 0)
            return -1;
    printf("Waiting until they are gone\n");
    fflush(stdout);
    for (size_t i = 0; i < ARRAY_LEN(work); i++)
        if (wait_kind(c, work[i], wait_ms, deadline_ms, e) < 0)
            return -1;
    return 0;
}

/* A definition goes when the API server has taken its objects away. */
static int
delete_definitions(struct cli *c, const json_t *crds, int64_t wait_ms, struct err *e)
{
    const struct kube_resource *res = kube_res(KUBE_CRDS);
    int64_t deadline_ms = clock_mono_ms() + wait_ms;
    size_t i;
    json_t *o;

    printf("Deleting the definitions\n");
    fflush(stdout);
    if (install_delete(c, crds, e) < 0)
        return -1;
    json_array_foreach(crds, i, o)
    {
        const char *name = json_str_or(o, "metadata.name", "");
        int64_t now = clock_mono_ms();
        struct err why = ERR_INIT;
        int rc = follow(c, res, NULL, name, NULL,
                        deadline_ms > now ? deadline_ms - now : 0, on_change, NULL, &why);

        if (rc == 0)
            return err_set(e, ERR_UNAVAILABLE,
                           "%s/%s is still being deleted; look at its conditions with "
                           "kubectl get crd %s -o yaml",
                           res->singular, name, name);
        if (rc < 0 && why.code != ERR_NOT_FOUND) {
            *e = why;
            return -1;
        }
    }
    return 0;
}

/* ---- what stays ---- */

/* Names what was made beside the installation and is not deleted with it: Secrets of the CLI, and
 * what sources run as in the namespaces of their TaskSpawners. */
static void
print_leftovers(struct cli *c)
{
    static const struct {
        enum kube_res res;
        const char *selector, *name; /* NULL: any */
    } rows[] = {
        {KUBE_SECRETS, "app.kubernetes.io/managed-by=kelos-cli", NULL},
        {KUBE_SERVICE_ACCOUNTS, NULL, "kelos-spawner"},
        {KUBE_ROLE_BINDINGS, NULL, "kelos-spawner"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct kube_resource *res = kube_res(rows[i].res);
        struct err ignored = ERR_INIT;
        SCOPED(json) json_t *list = cli_list(c, res, NULL, rows[i].selector, &ignored);
        size_t j;
        json_t *o;

        json_array_foreach(json_object_get(list, "items"), j, o)
        {
            const char *name = json_str_or(o, "metadata.name", "");

            if (rows[i].name == NULL || strcmp(rows[i].name, name) == 0)
                printf("left: %s/%s in %s\n", res->singular, name,
                       json_str_or(o, "metadata.namespace", ""));
        }
    }
}

static int
run_uninstall(struct cli *c, struct err *e)
{
    SCOPED(bundle) struct bundle b = {NULL, NULL};
    bool keep_data = args_bool(c->args, "keep-data");
    bool keep_crds = keep_data || args_bool(c->args, "keep-crds");
    int64_t wait_ms;

    if (install_timeout(c->args, &wait_ms, e) < 0 || bundle_read(NULL, &b, e) < 0 ||
        cli_kube(c, e) == NULL || may_go_on(c, e) < 0)
        return -1;
    if (!keep_data && delete_work(c, wait_ms, e) < 0)
        return -1;
    printf("Deleting the controller\n");
    if (install_delete(c, b.controller, e) < 0 ||
        install_prune(c, &(struct bundle){NULL, NULL}, e) < 0)
        return -1;
    if (!keep_crds && delete_definitions(c, b.crds, wait_ms, e) < 0)
        return -1;
    print_leftovers(c);
    printf("Kelos is uninstalled\n");
    return 0;
}

const struct command command_uninstall = {
    .name = "uninstall",
    .summary =
        "Take the controller, its definitions and all their objects from a cluster",
    .examples = "  kelos uninstall\n"
                "  kelos uninstall --keep-data    # for a new installation later\n",
    .flags = FLAGS(flags),
    .no_config = true,
    .cluster_only = true,
    .run = run_uninstall,
};
