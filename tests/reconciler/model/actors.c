/* actors.c - those around the controller: the watch that shows, users, kubelet, garbage
 * collector, a source that polls. */
#include "tests/reconciler/model/model.h"

#define TASKS_MAX 10

/* ---- the watch ---- */

static void
forget(struct shard *s, struct view *gone)
{
    if (gone == NULL)
        return;
    if (gone->kind == KIND_TASK)
        spawner_task_gone(s, (const struct task_view *)gone);
    wake(s, gone, NULL);
    view_free(gone);
}

/* As objects.c does with a message. */
static void
show(struct change *c)
{
    struct shard *s = &model.shard;
    struct err e = ERR_INIT;

    if (c->doc == NULL) {
        forget(s, store_take(s->store, c->kind, 0, NS, c->name, c->uid));
    } else {
        struct view *v = view_new(c->kind, 0, c->doc, &e), *now = v;
        if (v == NULL)
            violated("the schema", "%s: %s", c->name, e.text);
        SCOPED(view) struct view *old = store_put(s->store, &v, 1);
        if (old != NULL && strcmp(old->meta.uid, now->meta.uid) != 0 &&
            old->kind == KIND_TASK)
            spawner_task_gone(s, (const struct task_view *)old);
        wake(s, old, now);
    }
    json_decref(c->doc);
    free(c);
}

void
show_step(unsigned kind)
{
    struct change *c = zlistx_detach(model.changes[kind], NULL);

    if (c == NULL)
        return;
    show(c);
    shard_work(&model.shard);
}

void
show_all(unsigned kind)
{
    struct change *c;

    while ((c = zlistx_detach(model.changes[kind], NULL)) != NULL)
        show(c);
}

/* ---- users ---- */

/* One of those with that beginning of the name and that phase, if a few tries find one. */
static const json_t *
task_like(char first, const char *phase)
{
    const json_t *t = NULL;

    for (int i = 0; i < 8; i++) {
        t = api_random(KIND_TASK);
        if (t != NULL && *doc_text(t, "metadata.name") == first &&
            strcmp(doc_text(t, "status.phase"), phase) == 0)
            break;
    }
    return t;
}

static void
add_dependencies(json_t *spec)
{
    json_t *list = json_array();
    char name[16];

    for (size_t n = pick(2) + 1; n > 0; n--) {
        const json_t *done = chance(50) ? task_like('t', "Succeeded") : NULL;
        snprintf(name, sizeof name, "t%llu", (unsigned long long)pick(8));
        json_array_append_new(
            list, json_string(done != NULL ? doc_text(done, "metadata.name") : name));
    }
    json_object_set_new(spec, "dependsOn", list);
}

static json_t *
random_spec(void)
{
    static const char *const workspaces[] = {"w", "private"};
    json_t *spec =
        json_pack("{s:s,s:s,s:{s:s,s:{s:s}}}", "type",
                  chance(5) ? "unheard-of" : "claude-code", "prompt", "Do it.",
                  "credentials", "type", "api-key", "secretRef", "name", "claude");

    if (chance(60))
        json_object_set_new(spec, "branch", json_string(chance(70) ? "b1" : "b2"));
    if (chance(30))
        json_object_set_new(spec, "workspaceRef",
                            json_pack("{s:s}", "name", workspaces[pick(2)]));
    if (chance(20))
        json_object_set_new(spec, "agentConfigRef", json_pack("{s:s}", "name", "c"));
    if (chance(30))
        add_dependencies(spec);
    if (chance(50))
        json_object_set_new(spec, "ttlSecondsAfterFinished",
                            json_integer((json_int_t)pick(3) * 20));
    return spec;
}

static void
put_task(const char *name)
{
    api_put(KIND_TASK, name,
            json_pack("{s:s,s:s,s:{s:s,s:s},s:o,s:{}}", "apiVersion",
                      "kelos.dev/v1alpha1", "kind", "Task", "metadata", "name", name,
                      "namespace", NS, "spec", random_spec(), "status"));
}

static void
create_task(void)
{
    char name[16];

    snprintf(name, sizeof name, "t%llu", (unsigned long long)pick(8));
    if (api_get(KIND_TASK, name) == NULL && api_count(KIND_TASK) < TASKS_MAX)
        put_task(name);
}

static void
delete_task(void)
{
    const json_t *t = chance(50) ? api_random(KIND_TASK) : task_like('s', "");
    char name[NAME_SPACE];

    if (t == NULL)
        return;
    snprintf(name, sizeof name, "%s", doc_text(t, "metadata.name"));
    api_delete(KIND_TASK, name);
}

/* Deletes a Task without waiting for anybody, with all that is its own, and makes another of
 * its name: what was decided about the old one must not hold for the new one. */
static void
replace_task(void)
{
    const json_t *t = task_like('t', "Succeeded");
    char name[NAME_SPACE];

    if (t == NULL || *doc_text(t, "metadata.name") != 't')
        return;
    snprintf(name, sizeof name, "%s", doc_text(t, "metadata.name"));
    const json_t *job = api_get(KIND_JOB, name);
    if (job != NULL && strcmp(owner_uid(job), doc_text(t, "metadata.uid")) == 0)
        api_remove(KIND_JOB, name);
    api_remove(KIND_TASK, name);
    put_task(name);
}

static void
create_foreign_job(void)
{
    char name[16];

    snprintf(name, sizeof name, "t%llu", (unsigned long long)pick(8));
    if (api_get(KIND_JOB, name) != NULL)
        return;
    json_t *job =
        json_pack("{s:{s:s,s:s},s:{s:i}}", "metadata", "name", name, "namespace", NS,
                  "status", chance(50) ? "active" : "succeeded", 1);
    if (chance(50)) /* one that an earlier Task of the name has left behind */
        json_object_set_new(json_object_get(job, "metadata"), "labels",
                            json_pack("{s:s}", "kelos.dev/task", name));
    api_put(KIND_JOB, name, job);
}

static bool
create_under_way(const char *name)
{
    for (const struct call *c = zlistx_first(model.calls); c != NULL;
         c = zlistx_next(model.calls))
        if (c->verb == KUBE_CREATE && strcmp(c->name, name) == 0)
            return true;
    return false;
}

/* Somebody deletes a Job: a foreign one, or ours when it is known to be there. */
static void
delete_job(bool any)
{
    const json_t *job = api_random(KIND_JOB);
    char name[NAME_SPACE];

    if (job == NULL)
        return;
    snprintf(name, sizeof name, "%s", doc_text(job, "metadata.name"));
    const struct task_view *t =
        (const struct task_view *)store_get(model.shard.store, KIND_TASK, 0, NS, name);
    bool known = t != NULL && strcmp(t->view.meta.uid, owner_uid(job)) == 0 &&
                 t->phase != PHASE_NONE && t->phase != PHASE_WAITING &&
                 !create_under_way(name);
    if (*owner_uid(job) == '\0' || (known && any))
        api_delete(KIND_JOB, name);
}

/* Creates it, or deletes it in one of four times. */
static void
toggle(unsigned kind, const char *name, const char *spec)
{
    if (api_get(kind, name) == NULL)
        api_put(kind, name,
                json_pack("{s:{s:s,s:s},s:o}", "metadata", "name", name, "namespace", NS,
                          "spec", json_loads(spec, 0, NULL)));
    else if (!model.quiet && chance(25))
        api_delete(kind, name);
}

static void
toggle_any(void)
{
    toggle(KIND_WORKSPACE, "w", "{\"repo\":\"https://github.com/o/r\"}");
    toggle(KIND_WORKSPACE, "private",
           "{\"repo\":\"https://github.com/o/p\",\"secretRef\":{\"name\":\"token\"}}");
    toggle(KIND_AGENT_CONFIG, "c", "{\"agentsMD\":\"Be brief.\"}");
}

/* ---- the TaskSpawner and its source ---- */

static void
raise_budget(void)
{
    const json_t *old = api_get(KIND_TASK_SPAWNER, "s");

    if (old == NULL) {
        api_put(
            KIND_TASK_SPAWNER, "s",
            json_loads(
                "{\"apiVersion\":\"kelos.dev/v1alpha1\",\"kind\":\"TaskSpawner\","
                "\"metadata\":{\"name\":\"s\",\"namespace\":\"dev\"},\"spec\":{"
                "\"when\":{\"githubIssues\":{}},\"maxTotalTasks\":3,\"maxConcurrency\":2,"
                "\"taskTemplate\":{\"type\":\"claude-code\",\"workspaceRef\":{\"name\":"
                "\"w\"},\"ttlSecondsAfterFinished\":20,\"credentials\":{\"type\":"
                "\"api-key\",\"secretRef\":{\"name\":\"claude\"}}}},\"status\":{}}",
                0, NULL));
        return;
    }
    json_t *doc = json_deep_copy(old);
    json_object_set_new(
        json_object_get(doc, "spec"), "maxTotalTasks",
        json_integer(json_int_or(doc, "status.totalTasksCreated", 0) + 2));
    api_put(KIND_TASK_SPAWNER, "s", doc);
}

static void
poll_source(void)
{
    char key[SHARD_KEY_MAX], id[16];
    struct spawner_memory *m =
        spawner_memory_find(&model.shard, spawner_key(key, 0, NS, "s"));

    if (m == NULL)
        return;
    struct item_set *set = item_set_new();
    struct msg_item items[3];
    char ids[3][16];
    struct msg_items page = {.items = {.items = items, .count = 0}};
    for (size_t n = pick(4); n > 0; n--) {
        snprintf(id, sizeof id, "%llu", (unsigned long long)pick(6));
        memcpy(ids[page.items.count], id, sizeof id);
        items[page.items.count] = (struct msg_item){.id = ids[page.items.count],
                                                    .number = 1,
                                                    .title = "Issue",
                                                    .body = "",
                                                    .url = "",
                                                    .comments = "",
                                                    .kind = "Issue",
                                                    .time = "",
                                                    .schedule = ""};
        page.items.count++;
    }
    item_set_add(set, &page);
    set->polled_ms = model.wall_ms;
    spawner_memory_polled(m, &set, -1);
    shard_add(&model.shard, key);
}

void
user_clear_jobs(void)
{
    char name[NAME_SPACE];

    for (unsigned i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "t%u", i);
        const json_t *job = api_get(KIND_JOB, name);
        if (job != NULL && *owner_uid(job) == '\0')
            api_delete(KIND_JOB, name);
    }
}

void
user_prepare(void)
{
    toggle_any();
    raise_budget();
}

void
user_step(void)
{
    static const struct {
        unsigned weight;
        void (*act)(void);
    } acts[] = {{40, create_task},       {12, delete_task}, {10, replace_task},
                {3, create_foreign_job}, {10, toggle_any},  {5, raise_budget},
                {15, poll_source}};
    uint64_t n = pick(100);

    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (n < acts[i].weight) {
            acts[i].act();
            return;
        }
        n -= acts[i].weight;
    }
    delete_job(chance(70));
}

/* ---- the kubelet ---- */

static void
set_pod(const json_t *job, const char *phase, const char *status)
{
    const char *name = doc_text(job, "metadata.name"),
               *uid = doc_text(job, "metadata.uid");
    char pod[NAME_SPACE];
    json_t *doc;

    snprintf(pod, sizeof pod, "%s-%s", name, uid);
    if (api_get(KIND_POD, pod) != NULL)
        doc = json_deep_copy(api_get(KIND_POD, pod));
    else
        doc = json_pack("{s:{s:s,s:s,s:{s:s},s:[{s:s,s:s,s:s,s:b}]},s:{}}", "metadata",
                        "name", pod, "namespace", NS, "labels", "kelos.dev/task", name,
                        "ownerReferences", "kind", "Job", "name", name, "uid", uid,
                        "controller", 1, "status");
    json_object_set_new(doc, "status", json_loads(status, 0, NULL));
    json_object_set_new(json_object_get(doc, "status"), "phase", json_string(phase));
    api_put(KIND_POD, pod, doc);
}

static void
set_job(const json_t *job, const char *status)
{
    json_t *doc = json_deep_copy(job);

    json_object_set_new(doc, "status", json_loads(status, 0, NULL));
    api_put(KIND_JOB, doc_text(doc, "metadata.name"), doc);
}

static void
end_pod(const json_t *job, bool ok)
{
    if (ok)
        set_pod(job, "Succeeded",
                "{\"containerStatuses\":[{\"name\":\"claude-code\",\"state\":{"
                "\"terminated\":{\"exitCode\":0}}}]}");
    else if (chance(70))
        set_pod(job, "Failed",
                "{\"containerStatuses\":[{\"name\":\"claude-code\",\"state\":{"
                "\"terminated\":{\"exitCode\":1,\"reason\":\"Error\"}}}]}");
    else
        set_pod(job, "Failed",
                "{\"initContainerStatuses\":[{\"name\":\"git-clone\",\"state\":{"
                "\"terminated\":{\"exitCode\":128}}}]}");
}

void
kubelet_step(void)
{
    json_t *job = api_random(KIND_JOB);
    bool ok = chance(70);

    if (job == NULL || *owner_uid(job) == '\0' ||
        json_int_or(job, "status.succeeded", 0) > 0 ||
        json_int_or(job, "status.failed", 0) > 0)
        return;
    job = json_incref(job);
    if (json_int_or(job, "status.active", 0) == 0 && chance(80)) {
        set_pod(job, "Pending", "{}");
        set_job(job, "{\"active\":1}");
    } else {
        end_pod(job, ok);
        set_job(
            job,
            ok ? "{\"succeeded\":1}"
               : "{\"failed\":1,\"conditions\":[{\"type\":\"Failed\",\"status\":\"True\","
                 "\"reason\":\"BackoffLimitExceeded\"}]}");
    }
    json_decref(job);
}
