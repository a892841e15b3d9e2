/* kinds.c - see kinds.h. */
#include "watcher/kinds.h"

#include <string.h>

#include "common/macros.h"

#define OURS "app.kubernetes.io/managed-by in (kelos-controller,axon-controller)"
#define NOISE                                                                            \
    "metadata.managedFields",                                                            \
        "metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]"

/* Kind and apiVersion are told by the message that carries the object. */
static const struct projection custom = {
    .drop = (const char *const[]){NOISE, "metadata.selfLink", "kind", "apiVersion", NULL},
};

static const struct projection job = {
    .keep = (const char *const[]){"metadata", "spec.suspend", "spec.backoffLimit",
                                  "spec.parallelism", "spec.activeDeadlineSeconds",
                                  "spec.ttlSecondsAfterFinished", "status", NULL},
    .drop = (const char *const[]){NOISE, "status.uncountedTerminatedPods", NULL},
};

static const struct projection pod = {
    .keep = (const char *const[]){"metadata", "spec.nodeName", "spec.containers.name",
                                  "spec.initContainers.name", "status.phase",
                                  "status.reason", "status.message", "status.startTime",
                                  "status.conditions", "status.initContainerStatuses",
                                  "status.containerStatuses", NULL},
    .drop = (const char *const[]){NOISE, "status.initContainerStatuses.imageID",
                                  "status.containerStatuses.imageID",
                                  "status.initContainerStatuses.containerID",
                                  "status.containerStatuses.containerID", NULL},
};

/* Whose it is, and whether its spec has changed: metadata.generation. */
static const struct projection workload = {
    .keep = (const char *const[]){"metadata", NULL},
    .drop = (const char *const[]){NOISE, NULL},
};

/* That it has changed is all that is wanted. Annotations may hold what it holds: kubectl apply
 * writes the whole Secret into one. */
static const struct projection secret = {
    .keep = (const char *const[]){"metadata.name", "metadata.namespace", "metadata.uid",
                                  "metadata.resourceVersion",
                                  "metadata.creationTimestamp", NULL},
    .drop = (const char *const[]){NULL},
};

#define ALWAYS 0

/* clang-format off */
static const struct row {
    const char *group; /* served when the group is; NULL: always */
    unsigned with;     /* only when it is asked for */
    struct watched watched;
} rows[] = {
    {"kelos.dev", ALWAYS, {KIND_WORKSPACE,    PROFILE_KELOS, KUBE_WORKSPACES,         NULL, &custom, false}},
    {"kelos.dev", ALWAYS, {KIND_AGENT_CONFIG, PROFILE_KELOS, KUBE_AGENT_CONFIGS,      NULL, &custom, false}},
    {"kelos.dev", ALWAYS, {KIND_TASK_SPAWNER, PROFILE_KELOS, KUBE_TASK_SPAWNERS,      NULL, &custom, false}},
    {"kelos.dev", ALWAYS, {KIND_TASK,         PROFILE_KELOS, KUBE_TASKS,              NULL, &custom, false}},
    {"axon.io",   ALWAYS, {KIND_WORKSPACE,    PROFILE_AXON,  KUBE_AXON_WORKSPACES,    NULL, &custom, false}},
    {"axon.io",   ALWAYS, {KIND_TASK_SPAWNER, PROFILE_AXON,  KUBE_AXON_TASK_SPAWNERS, NULL, &custom, false}},
    {"axon.io",   ALWAYS, {KIND_TASK,         PROFILE_AXON,  KUBE_AXON_TASKS,         NULL, &custom, false}},
    {NULL,        ALWAYS, {KIND_JOB,          PROFILE_KELOS, KUBE_JOBS,               OURS, &job, false}},
    {NULL,        ALWAYS, {KIND_POD,          PROFILE_KELOS, KUBE_PODS,               OURS, &pod, false}},
    {NULL,        KINDS_WORKLOADS, {KIND_DEPLOYMENT,   PROFILE_KELOS, KUBE_DEPLOYMENTS,        OURS, &workload, false}},
    {NULL,        KINDS_WORKLOADS, {KIND_CRON_JOB,     PROFILE_KELOS, KUBE_CRON_JOBS,          OURS, &workload, false}},
    {NULL,        KINDS_SECRETS, {KIND_SECRET,   PROFILE_KELOS, KUBE_SECRETS,            NULL, &secret, true}},
};
/* clang-format on */

static bool
in_list(const char *list, const char *word)
{
    size_t size = strlen(word);

    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        if (n == size && strncmp(list, word, n) == 0)
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

static int
check_groups(const char *groups, struct err *e)
{
    while (*groups != '\0') {
        size_t n = strcspn(groups, ",");
        if (n > 0 && !(n == 9 && strncmp(groups, "kelos.dev", n) == 0) &&
            !(n == 7 && strncmp(groups, "axon.io", n) == 0))
            return err_set(e, ERR_INVALID,
                           "--api-groups: %.*s is none of kelos.dev, axon.io", (int)n,
                           groups);
        groups += n + (groups[n] == ',');
    }
    return 0;
}

int
kinds_select(const char *groups, unsigned with, struct watched *out, struct err *e)
{
    int n = 0;

    if (check_groups(groups, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if ((rows[i].group != NULL && !in_list(groups, rows[i].group)) ||
            (rows[i].with & ~with) != 0)
            continue;
        out[n++] = rows[i].watched;
    }
    return n;
}
