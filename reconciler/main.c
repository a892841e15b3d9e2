/* main.c - kelos-reconciler: decides what Tasks and TaskSpawners need, and does it. */
#include "common/worker/cluster.h"
#include "common/clock.h"
#include "common/log.h"
#include "reconciler/auth/credentials.h"
#include "reconciler/plan/planonce.h"
#include "reconciler/shard.h"
#include "reconciler/plan/sourcekeys.h"
#include "reconciler/plan/sources.h"
#include "reconciler/plan/spawnermemory.h"
#include "reconciler/resync.h"
#include "reconciler/task/taskmemory.h"
#include "reconciler/writes.h"

#define STOP_MS 20000

static int
prepare(void *arg, struct worker *w, struct sandbox *sandbox, struct err *e)
{
    struct shard *s = arg;

    return cluster_prepare(w, sandbox, &s->config, e);
}

static void
stop_waiting(void *arg, struct worker *w)
{
    struct shard *s = arg;

    log_warn(NULL, "%zu keys are still in work after %d s", queue_processing(s->queue),
             STOP_MS / 1000);
    worker_drained(w);
}

/* No new key is taken; what is in work ends. */
static void
on_stop(void *arg, struct worker *w)
{
    struct shard *s = arg;

    s->stopping = true;
    if (s->queue == NULL || queue_processing(s->queue) == 0)
        worker_drained(w);
    else
        worker_after(w, STOP_MS, stop_waiting, s);
}

static void
free_plain(void **item)
{
    free(*item);
    *item = NULL;
}

static void
open_memory(struct shard *s)
{
    s->store = store_new();
    s->queue = queue_new();
    queue_measure(s->queue, clock_mono_ms);
    s->tasks = table_new(task_memory_free);
    s->spawners = zhashx_new();
    s->accounts = zhashx_new();
    s->held = zhashx_new();
    zhashx_set_destructor(s->spawners, spawner_memory_free);
    zhashx_set_destructor(s->accounts, free_plain);
    zhashx_set_destructor(s->held, free_plain);
    s->credentials = credentials_new(s);
    s->token_ends = token_ends_new(s);
}

static int
open_parts(struct shard *s, struct worker *w, struct err *e)
{
    const struct bus_calls calls = {.rows = objects_handlers,
                                    .n_rows = objects_n_handlers,
                                    .joined = objects_joined,
                                    .arg = s};

    s->worker = w;
    open_memory(s);
    if ((s->loop = loop_worker_new(w, e)) == NULL ||
        (s->kube = cluster_connect(w, s->loop, &s->config, KUBE_AS_RECONCILER,
                                   "kelos-reconciler", e)) == NULL ||
        (s->writes = writes_new(w, e)) == NULL ||
        (s->sources = sources_new(s, e)) == NULL ||
        (s->keys = source_keys_new(s, e)) == NULL ||
        (s->objects = worker_connect(w, "objects", &calls, e)) == NULL)
        return -1;
    kube_share(s->kube, (unsigned)s->count);
    kube_on_room(s->kube, shard_go_on, s);
    writes_on_room(s->writes, shard_go_on, s);
    writes_yield(s->writes, s->kube);
    resync_start(s);
    /* There from the start, so that a rate sees the first error. */
    metric_add(worker_metrics(w), METRIC_RECONCILE_ERRORS, 0, "task");
    metric_add(worker_metrics(w), METRIC_RECONCILE_ERRORS, 0, "taskspawner");
    return worker_ready(w, e);
}

static void
close_parts(struct shard *s)
{
    token_ends_free(s->token_ends);
    credentials_free(s->credentials);
    source_keys_free(s->keys);
    table_free(s->tasks); /* before the client: they hold calls of it */
    kube_free(s->kube);
    loop_free(s->loop);
    writes_free(s->writes);
    sources_free(s->sources);
    zhashx_destroy(&s->held);
    zhashx_destroy(&s->accounts);
    zhashx_destroy(&s->spawners);
    queue_free(s->queue);
    store_free(s->store);
    kubeconfig_free(s->config);
}

/* ---- the command line ---- */

static struct shard self = {
    .count = 1,
    .reference_grace_s = 60,
    .github_api = "",
    .images = {.git = "alpine/git:v2.47.2", .node = "node:22.14.0-alpine"},
    .isolation = {.image = "kelos-dev/kelos-spawner:latest",
                  .pull_policy = "",
                  .refresher_image = "kelos-dev/kelos-token-refresher:latest",
                  .refresher_pull_policy = "",
                  .address = "kelos-controller-bus.kelos-system.svc"}};
static const char *isolation = "process", *pod_security = "default",
                  *github_token = "env";
static const char *branch_lock = "workspace";
static const char *requests = ISOLATION_REQUESTS, *limits; /* NULL: ISOLATION_LIMITS */
static const struct flag flags[] = {
    {"shard", FLAG_NUMBER, &self.index, "N", "which shard this is, from 0"},
    {"shard-count", FLAG_NUMBER, &self.count, "N", "how many shards there are"},
    {"claude-code-image", FLAG_TEXT, &self.images.image[AGENT_CLAUDE_CODE], "IMAGE",
     "image of claude-code Tasks"},
    {"codex-image", FLAG_TEXT, &self.images.image[AGENT_CODEX], "IMAGE",
     "of codex Tasks"},
    {"gemini-image", FLAG_TEXT, &self.images.image[AGENT_GEMINI], "IMAGE",
     "of gemini Tasks"},
    {"opencode-image", FLAG_TEXT, &self.images.image[AGENT_OPENCODE], "IMAGE",
     "of opencode Tasks"},
    {"cursor-image", FLAG_TEXT, &self.images.image[AGENT_CURSOR], "IMAGE",
     "of cursor Tasks"},
    {"claude-code-image-pull-policy", FLAG_TEXT,
     &self.images.pull_policy[AGENT_CLAUDE_CODE], "POLICY",
     "Always, IfNotPresent or Never"},
    {"codex-image-pull-policy", FLAG_TEXT, &self.images.pull_policy[AGENT_CODEX],
     "POLICY", "the same for codex"},
    {"gemini-image-pull-policy", FLAG_TEXT, &self.images.pull_policy[AGENT_GEMINI],
     "POLICY", "the same for gemini"},
    {"opencode-image-pull-policy", FLAG_TEXT, &self.images.pull_policy[AGENT_OPENCODE],
     "POLICY", "the same for opencode"},
    {"spawner-isolation", FLAG_TEXT, &isolation, "MODE",
     "where sources run whose TaskSpawner does not say: process, in the controller; "
     "or pod, in a Pod for each"},
    {"spawner-resource-requests", FLAG_TEXT, &requests, "LIST",
     "what each container of such a Pod asks for (" ISOLATION_REQUESTS ")"},
    {"spawner-resource-limits", FLAG_TEXT, &limits, "LIST",
     "and the most that it gets (" ISOLATION_LIMITS ", or what is requested if that is "
     "more)"},
    {"spawner-image", FLAG_TEXT, &self.isolation.image, "IMAGE",
     "of sources in Pods; has /kelos-spawner"},
    {"spawner-image-pull-policy", FLAG_TEXT, &self.isolation.pull_policy, "POLICY",
     "Always, IfNotPresent or Never"},
    {"token-refresher-image", FLAG_TEXT, &self.isolation.refresher_image, "IMAGE",
     "of what keeps a GitHub App's token fresh there; has /kelos-spawner, too"},
    {"token-refresher-image-pull-policy", FLAG_TEXT,
     &self.isolation.refresher_pull_policy, "POLICY", "the same for it"},
    {"controller-address", FLAG_TEXT, &self.isolation.address, "HOST",
     "that sources in Pods dial (kelos-controller-bus.kelos-system.svc)"},
    {"bus-port", FLAG_NUMBER, &self.isolation.port, "N",
     "there, of shard 0; shard 1 is at N+1 ... (0: no source has a Pod)"},
    {"cursor-image-pull-policy", FLAG_TEXT, &self.images.pull_policy[AGENT_CURSOR],
     "POLICY", "the same for cursor"},
    {"reference-grace", FLAG_NUMBER, &self.reference_grace_s, "SECONDS",
     "how long a Secret or ConfigMap that a Task needs may be missing before the "
     "Task fails"},
    {"git-image", FLAG_TEXT, &self.images.git, "IMAGE",
     "image of the init containers with git"},
    {"node-image", FLAG_TEXT, &self.images.node, "IMAGE", "image of skills-install"},
    {"git-image-pull-policy", FLAG_TEXT, &self.images.git_pull, "POLICY",
     "Always, IfNotPresent or Never, of --git-image"},
    {"node-image-pull-policy", FLAG_TEXT, &self.images.node_pull, "POLICY",
     "the same of --node-image"},
    {"pod-security", FLAG_TEXT, &pod_security, "LEVEL",
     "what our containers run under: default, as the original's; or restricted, the "
     "Pod Security level of that name"},
    {"github-token", FLAG_TEXT, &github_token, "HOW",
     "how the agent gets it: env, as a file and in variables; or file, only as a "
     "file"},
    {"refuse-pod-overrides", FLAG_TEXT, &self.policy.refused, "LIST",
     "podOverrides members that no Task may set: "
     "volumes.hostPath,serviceAccountName"},
    {"github-api-url", FLAG_TEXT, &self.github_api, "URL",
     "API of repositories on github.com (https://api.github.com)"},
    {"branch-lock", FLAG_TEXT, &branch_lock, "SCOPE",
     "Tasks of one branch exclude each other in one workspace, or in all Workspaces "
     "of one repository"},
};

static int
read_resources(struct isolation *o, struct err *e)
{
    if (resource_list_parse(requests, &o->requests, e) < 0)
        return err_wrap(e, "--spawner-resource-requests");
    if (resource_list_parse(limits != NULL ? limits : ISOLATION_LIMITS, &o->limits, e) <
        0)
        return err_wrap(e, "--spawner-resource-limits");
    if (limits == NULL)
        resource_list_raise(&o->limits, &o->requests);
    return 0;
}

int
main(int argc, char **argv)
{
    const struct worker_spec spec = {
        .role = ROLE_RECONCILER,
        .usage = "kelos-reconciler --run-dir DIR [--shard N] ...\n"
                 "       kelos-reconciler --plan-once < QUESTION.json",
        .flags = flags,
        .n_flags = ARRAY_LEN(flags),
        .prepare = prepare,
        .on_stop = on_stop,
        .arg = &self};
    struct err e = ERR_INIT;
    int status = 0;

    if (argc == 2 && strcmp(argv[1], "--plan-once") == 0) {
        log_init("kelos-reconciler", LEVEL_WARN, LOG_TEXT);
        return planonce_run(stdin, stdout);
    }
    SCOPED(worker) struct worker *w = worker_join(argc, argv, &spec, &e);

    if (w == NULL)
        return worker_exit(w, &e);
    self.policy.restricted = strcmp(pod_security, "restricted") == 0;
    self.policy.token_file = strcmp(github_token, "file") == 0;
    self.isolation.by_default = strcmp(isolation, "pod") == 0;
    self.isolation.possible = self.isolation.port > 0;
    self.lock_repository = strcmp(branch_lock, "repository") == 0;
    if (read_resources(&self.isolation, &e) < 0 || open_parts(&self, w, &e) < 0 ||
        worker_run(w, &e) < 0)
        status = worker_exit(w, &e);
    close_parts(&self);
    return status;
}
