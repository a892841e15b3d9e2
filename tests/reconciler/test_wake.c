/* test_wake.c - whom an object's event concerns, and nobody else. */
#include <czmq.h>

#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/auth/credentials.h"
#include "reconciler/plan/spawnermemory.h"
#include "reconciler/shard.h"
#include "reconciler/task/taskmemory.h"

static void
put_in(struct shard *s, const char *ns, unsigned kind, unsigned profile, const char *name,
       const char *spec)
{
    struct err e = ERR_INIT;
    struct view *v = view_new(kind, profile,
                              js("{'metadata':{'name':'%s','namespace':'%s','uid':'%s'},"
                                 "'spec':{%s}}",
                                 name, ns, name, spec),
                              &e);

    cr_assert_not_null(v, "%s", e.text);
    view_free(store_put(s->store, &v, 1));
}

static void
put(struct shard *s, unsigned kind, unsigned profile, const char *name, const char *spec)
{
    put_in(s, "dev", kind, profile, name, spec);
}

static void
put_spawner(struct shard *s, unsigned profile, const char *name, const char *workspace)
{
    char spec[300];

    snprintf(
        spec, sizeof spec,
        "'when':{'cron':{'schedule':'@daily'}},'taskTemplate':{'type':'codex'%s%s%s}",
        workspace != NULL ? ",'workspaceRef':{'name':'" : "",
        workspace != NULL ? workspace : "", workspace != NULL ? "'}" : "");
    put(s, KIND_TASK_SPAWNER, profile, name, spec);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The keys that were woken, sorted, joined by blanks. */
static const char *
woken(struct shard *s)
{
    static char text[600];
    char *keys[20];
    size_t n = 0;
    const char *key;

    while (n < 20 && (key = queue_take(s->queue, INT64_MAX)) != NULL) {
        keys[n++] = strdup(key);
        queue_forget(s->queue, keys[n - 1]);
    }
    qsort(keys, n, sizeof *keys, by_text);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        strcat(strcat(text, i > 0 ? " " : ""), keys[i]);
        free(keys[i]);
    }
    return text;
}

Test(wake, a_workspace_concerns_exactly_those_who_name_it)
{
    SCOPED(store) struct store *store = store_new();
    SCOPED(queue) struct queue *queue = queue_new();
    struct shard s = {.store = store, .queue = queue};

    put_spawner(&s, 0, "one", "web");
    put_spawner(&s, 0, "two", "web");
    put_spawner(&s, 0, "other", "api");
    put_spawner(&s, 0, "none", NULL);
    put_spawner(&s, 1, "older",
                "web"); /* of the other group, which has its own Workspaces */
    put(&s, KIND_TASK, 0, "fix",
        "'type':'codex','prompt':'p','workspaceRef':{'name':'web'}");
    put(&s, KIND_TASK, 0, "idle", "'type':'codex','prompt':'p'");
    const struct view *web = make_view(KIND_WORKSPACE, 0,
                                       js("{'metadata':{'name':'web','namespace':'dev'},'"
                                          "spec':{'repo':'https://h/a/b'}}"));
    const struct view *elsewhere =
        make_view(KIND_WORKSPACE, 0,
                  js("{'metadata':{'name':'web','namespace':'prod'},'spec':{'repo':'"
                     "https://h/a/b'}}"));

    wake(&s, NULL, web); /* it appears, changes, goes */
    cr_assert_str_eq(woken(&s), "spawner/0/dev/one spawner/0/dev/two task/0/dev/fix");
    wake(&s, web, web);
    cr_assert_str_eq(woken(&s), "spawner/0/dev/one spawner/0/dev/two task/0/dev/fix");
    wake(&s, web, NULL);
    cr_assert_str_eq(woken(&s), "spawner/0/dev/one spawner/0/dev/two task/0/dev/fix");
    wake(&s, NULL, elsewhere);
    cr_assert_str_eq(woken(&s), "");
    row_claim("RES/SP16");
}

/* ---- Secrets, as shown with --watch-secrets ---- */

static struct view *
secret(const char *ns, const char *name, int version)
{
    return make_view(KIND_SECRET, 0,
                     js("{'metadata':{'name':'%s','namespace':'%s','uid':'s-%s',"
                        "'resourceVersion':'%d'}}",
                        name, ns, name, version));
}

static void
shard_open(struct shard *s)
{
    *s = (struct shard){.store = store_new(),
                        .queue = queue_new(),
                        .tasks = table_new(task_memory_free),
                        .spawners = zhashx_new(),
                        .synced = true};

    zhashx_set_destructor(s->spawners, spawner_memory_free);
    s->credentials = credentials_new(s);
}

static void
shard_close(struct shard *s)
{
    credentials_free(s->credentials);
    zhashx_destroy(&s->spawners);
    table_free(s->tasks);
    queue_free(s->queue);
    store_free(s->store);
}

/* The Secret appears, changes, is seen again as it was, and goes: three events. */
static void
concerns(struct shard *s, const char *ns, const char *name, const char *whom)
{
    const struct view *first = secret(ns, name, 7), *second = secret(ns, name, 8);

    wake(s, NULL, first);
    cr_assert_str_eq(woken(s), whom);
    wake(s, first, second);
    cr_assert_str_eq(woken(s), whom);
    wake(s, second, second);
    cr_assert_str_eq(woken(s), "");
    wake(s, second, NULL);
    cr_assert_str_eq(woken(s), whom);
}

#define WITH_SECRET(name) "'repo':'https://h/a/b','secretRef':{'name':'" name "'}"

Test(wake,
     a_secret_concerns_exactly_the_spawners_of_its_namespace_whose_workspace_names_it)
{
    struct shard s;

    shard_open(&s);
    put(&s, KIND_WORKSPACE, 0, "web", WITH_SECRET("gh"));
    put(&s, KIND_WORKSPACE, 0, "api", WITH_SECRET("gh"));
    put(&s, KIND_WORKSPACE, 0, "own", WITH_SECRET("mine"));
    put(&s, KIND_WORKSPACE, 0, "open", "'repo':'https://h/a/b'");
    put_in(&s, "prod", KIND_WORKSPACE, 0, "web", WITH_SECRET("gh"));
    put_spawner(&s, 0, "one", "web");
    put_spawner(&s, 0, "two", "api");
    put_spawner(&s, 0, "other", "own");
    put_spawner(&s, 0, "public", "open");
    put_spawner(&s, 0, "none", NULL);
    put_in(&s, "prod", KIND_TASK_SPAWNER, 0, "far",
           "'when':{'cron':{'schedule':'@daily'}},'taskTemplate':{'type':'codex',"
           "'workspaceRef':{'name':'web'}}");

    concerns(&s, "dev", "gh", "spawner/0/dev/one spawner/0/dev/two");
    row_claim("RES/SP15");
    row_claim("SP/D20");
    concerns(&s, "dev", "unused", "");
    concerns(&s, "prod", "mine", "");
    row_claim("SP/D21"); /* no event was one for "public" */
    concerns(&s, "prod", "gh", "spawner/0/prod/far");
    concerns(&s, "dev", "mine", "spawner/0/dev/other");
    shard_close(&s);
}

Test(wake, the_secrets_of_the_first_sweep_are_no_news)
{
    struct shard s;

    shard_open(&s);
    s.synced = false;
    put(&s, KIND_WORKSPACE, 0, "web", WITH_SECRET("gh"));
    put_spawner(&s, 0, "one", "web");
    wake(&s, NULL, secret("dev", "gh", 7));
    cr_assert_str_eq(woken(&s), "");
    shard_close(&s);
}

static struct task_memory *
remember_task(struct shard *s, const char *name)
{
    char key[SHARD_KEY_MAX];

    return task_memory_of(
        s, task_key(key, 0, "dev", name),
        (const struct task_view *)store_get(s->store, KIND_TASK, 0, "dev", name));
}

Test(wake, a_secret_wakes_the_tasks_that_wait_for_it)
{
    struct shard s;

    shard_open(&s);
    put(&s, KIND_WORKSPACE, 0, "web", WITH_SECRET("gh"));
    put(&s, KIND_AGENT_CONFIG, 0, "tools",
        "'mcpServers':[{'name':'m','type':'http','url':'https://m',"
        "'headersFrom':{'secretRef':{'name':'headers'}}},"
        "{'name':'n','type':'stdio','command':'n','envValueFrom':[{'name':'A',"
        "'valueFrom':{'secretKeyRef':{'name':'env','key':'a'}}}]}],"
        "'skills':[{'source':'a/b','secretRef':{'name':'skill'}}]");
    put(&s, KIND_TASK, 0, "auth",
        "'type':'codex','prompt':'p','workspaceRef':{'name':'web'}");
    put(&s, KIND_TASK, 0, "runs",
        "'type':'codex','prompt':'p','workspaceRef':{'name':'web'}");
    put(&s, KIND_TASK, 0, "mcp",
        "'type':'codex','prompt':'p','agentConfigRef':{'name':'tools'}");
    remember_task(&s, "auth")->auth = AUTH_RETRY;
    remember_task(&s, "runs")->auth = AUTH_READY;
    struct task_memory *mcp = remember_task(&s, "mcp");
    mcp->input_since = 1;
    mcp->input_again = INT64_MAX;

    concerns(&s, "dev", "gh", "task/0/dev/auth");
    cr_assert_leq(remember_task(&s, "auth")->auth_until, clock_wall_ms());
    concerns(&s, "dev", "headers", "task/0/dev/mcp");
    concerns(&s, "dev", "env", "task/0/dev/mcp");
    concerns(&s, "dev", "skill", "task/0/dev/mcp");
    cr_assert_leq(mcp->input_again, clock_wall_ms());
    shard_close(&s);
}

Test(wake, a_task_that_cannot_begin_wakes_those_behind_it_on_its_branch)
{
    static const struct {
        const char *reason;
        bool gives_way;
    } rows[] = {
        {"Dependency", false},   {"BranchLocked", false}, {"ReferenceMissing", true},
        {"SecretMissing", true}, {"JobRefused", true},
    };
    struct shard s;

    shard_open(&s);
    put(&s, KIND_TASK, 0, "first", "'type':'codex','prompt':'p','branch':'b'");
    put(&s, KIND_TASK, 0, "behind", "'type':'codex','prompt':'p','branch':'b'");
    put(&s, KIND_TASK, 0, "elsewhere", "'type':'codex','prompt':'p','branch':'c'");
    struct task_view *queued =
        make_task("first", "", "'branch':'b'", "'phase':'Waiting'");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char status[200];
        snprintf(status, sizeof status,
                 "'phase':'Waiting','conditions':[{'type':'Blocked','status':'True',"
                 "'reason':'%s'}]",
                 rows[i].reason);
        struct task_view *now = make_task("first", "", "'branch':'b'", status);
        wake(&s, &queued->view, &now->view);
        cr_assert_str_eq(woken(&s),
                         rows[i].gives_way ? "task/0/dev/behind task/0/dev/first"
                                           : "task/0/dev/first",
                         "%s", rows[i].reason);
        wake(&s, &now->view, &now->view); /* as before */
        cr_assert_str_eq(woken(&s), "task/0/dev/first");
    }
    shard_close(&s);
}

Test(wake, a_secret_wakes_a_spawner_of_jira_only_while_it_waits_for_it)
{
    struct shard s;
    char key[SHARD_KEY_MAX];

    shard_open(&s);
    put(&s, KIND_TASK_SPAWNER, 0, "bugs",
        "'when':{'jira':{'baseUrl':'https://j','project':'P',"
        "'secretRef':{'name':'jira'}}},'taskTemplate':{'type':'codex'}");
    struct spawner_memory *m =
        spawner_memory_of(&s, spawner_key(key, 0, "dev", "bugs"),
                          (const struct spawner_view *)store_get(
                              s.store, KIND_TASK_SPAWNER, 0, "dev", "bugs"));
    concerns(&s, "dev", "jira", "");
    spawner_memory_error(m, "CredentialError", "not there");
    concerns(&s, "dev", "jira", "spawner/0/dev/bugs");
    shard_close(&s);
}
