/* spawnerrun.c - one run of a TaskSpawner's key: its source, its plan, its status. */
#include "common/clock.h"
#include "common/log.h"
#include "reconciler/plan/sources.h"
#include "reconciler/plan/spawnersource.h"
#include "reconciler/writes.h"

/* How long our own write may take to be seen; then the view counts as it is. */
#define ECHO_MS 30000
/* How long a Task that we created counts without being seen: forgotten too early it would let
 * one more than the limits allow be created. */
#define EXPECT_MS 300000

/* A plan under way. */
struct run {
    struct shard *shard;
    char key[SHARD_KEY_MAX];
    struct meta meta; /* texts in the arena */
    struct pool arena;
    struct plan plan;
    bool planned;
    bool workspace_missing;
    char config_error[512];
    size_t next_delete, next_create;
};

static void plan(struct run *r);
static void carry_out(struct run *r);

static void
run_free(struct run *r)
{
    if (r->planned)
        plan_free(&r->plan);
    pool_free(&r->arena);
    free(r);
}

static void
end(struct run *r)
{
    struct shard *s = r->shard;
    char key[SHARD_KEY_MAX];

    memcpy(key, r->key, sizeof key);
    run_free(r);
    shard_done(s, key);
}

static void
fail(struct run *r, const struct err *e)
{
    struct shard *s = r->shard;
    char key[SHARD_KEY_MAX];

    memcpy(key, r->key, sizeof key);
    run_free(r);
    shard_failed(s, key, e);
}

static struct spawner_memory *
memory(struct run *r)
{
    return spawner_memory_find(r->shard, r->key);
}

/* The TaskSpawner as it is now; NULL when it has gone or is another one by now. */
static const struct spawner_view *
view(struct run *r)
{
    const struct view *v = store_get(r->shard->store, KIND_TASK_SPAWNER, r->meta.profile,
                                     r->meta.ns, r->meta.name);

    return v != NULL && strcmp(v->meta.uid, r->meta.uid) == 0
               ? (const struct spawner_view *)v
               : NULL;
}

static void
wrote(struct run *r, const char *version)
{
    struct spawner_memory *m = memory(r);

    if (m == NULL || *version == '\0')
        return;
    snprintf(m->version, sizeof m->version, "%s", version);
    m->version_until = clock_mono_ms() + ECHO_MS;
}

/* ---- finalizer ---- */

static void
on_patched(void *arg, const struct kube_result *res)
{
    struct run *r = arg;

    if (res->err.code == ERR_NOT_FOUND || res->err.code == ERR_GONE) {
        end(r);
        return;
    }
    if (res->err.code != ERR_NONE) {
        fail(r, &res->err);
        return;
    }
    wrote(r, res->version);
    if (r->meta.deleted_ms != 0)
        end(r);
    else
        plan(r);
}

static void
patch_finalizers(struct run *r, bool with)
{
    const char *ours = profile_of(r->meta.profile)->spawner_finalizer;
    json_t *list = json_array();
    struct err e = ERR_INIT;

    for (size_t i = 0; i < r->meta.finalizers.n; i++)
        if (strcmp(r->meta.finalizers.at[i], ours) != 0)
            json_array_append_new(list, json_string(r->meta.finalizers.at[i]));
    if (with)
        json_array_append_new(list, json_string(ours));
    SCOPED(json)
    json_t *body = json_pack("{s:{s:s,s:s,s:o}}", "metadata", "uid", r->meta.uid,
                             "resourceVersion", r->meta.version, "finalizers", list);
    const struct kube_request q = {.verb = KUBE_PATCH_MERGE,
                                   .res =
                                       shard_resource(KIND_TASK_SPAWNER, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = r->meta.name,
                                   .body = body};
    if (kube_call(r->shard->kube, &q, on_patched, r, &e) == NULL)
        fail(r, &e);
}

/* ---- facts ---- */

static void
tell_workspace(struct run *r, const struct spawner_view *v)
{
    struct spawner_memory *m = memory(r);
    char text[320];

    if (!r->workspace_missing) {
        m->workspace_told = false;
        return;
    }
    if (m->workspace_told)
        return;
    m->workspace_told = true;
    snprintf(text, sizeof text, "Workspace %s not found, requeuing", v->workspace);
    writes_event(r->shard->writes, KIND_TASK_SPAWNER, &r->meta, false,
                 "WorkspaceNotFound", text);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct plan_task *)a)->name,
                  ((const struct plan_task *)b)->name);
}

/* Tasks in view with our label, and those that we created and do not see yet. */
static struct plan_task *
gather_tasks(struct run *r, const struct spawner_view *v, size_t *n)
{
    struct shard *s = r->shard;
    struct spawner_memory *m = memory(r);
    struct views found =
        store_find(s->store, BY_SPAWNER, r->meta.profile, r->meta.ns, r->meta.name);
    struct plan_task *all = calloc(found.n + zhashx_size(m->expected) + 1, sizeof *all);

    if (all == NULL)
        abort();
    *n = 0;
    for (size_t i = 0; i < found.n; i++) {
        const struct task_view *t = (const struct task_view *)found.at[i];
        const struct meta *tm = &t->view.meta;
        const char *deleted = zhashx_lookup(m->deleted, tm->name);
        if (!plan_owns(v, t))
            continue;
        all[*n] = plan_task_of(t);
        all[*n].deleting |= deleted != NULL && strcmp(deleted, tm->uid) == 0;
        (*n)++;
        if (t->ordinal > m->total)
            m->total = t->ordinal;
        zhashx_delete(m->expected, tm->name);
    }
    int64_t now = clock_mono_ms();
    for (struct expected *x = zhashx_first(m->expected); x != NULL;
         x = zhashx_next(m->expected))
        if (now < x->until_ms)
            all[(*n)++] = (struct plan_task){
                .name = zhashx_cursor(m->expected), .uid = x->uid, .ordinal = x->ordinal};
    qsort(all, *n, sizeof *all, by_name);
    return all;
}

static bool
is_taken(void *arg, const char *name)
{
    struct run *r = arg;

    return store_get(r->shard->store, KIND_TASK, r->meta.profile, r->meta.ns, name) !=
           NULL;
}

/* Why a template cannot be parsed, looked at once per change of the spec; NULL: it can. */
static const char *
check_templates(struct spawner_memory *m, const struct spawner_view *v)
{
    struct err e = ERR_INIT;

    if (m->checked == v->view.meta.generation && m->checked != 0)
        return m->template_error;
    free(m->template_error);
    m->template_error = item_check_templates(v, &e) < 0 ? strdup(e.text) : NULL;
    m->checked = v->view.meta.generation;
    return m->template_error;
}

static void
make_plan(struct run *r, const struct spawner_view *v)
{
    struct spawner_memory *m = memory(r);
    size_t n;
    struct plan_task *tasks = gather_tasks(r, v, &n);
    const struct plan_facts f = {
        .spawner = v,
        .items = m->items,
        .tasks = tasks,
        .n_tasks = n,
        .gone = m->gone,
        .n_gone = m->n_gone,
        .refusals = m->refusals,
        .n_refusals = m->n_refusals,
        .taken = is_taken,
        .arg = r,
        .total = m->total,
        .config_error = r->config_error[0] != '\0' ? r->config_error : NULL,
        .template_error = check_templates(m, v),
        .quota = m->quota,
        .workspace_missing = r->workspace_missing,
        .failures = m->failures,
        .error_reason = m->error_reason,
        .error_message = m->error_message,
    };

    if (r->planned)
        plan_free(&r->plan);
    plan_make(&f, clock_wall_ms(), &r->plan);
    r->planned = true;
    r->next_create = r->next_delete = 0;
    /* The plan points at uids of views: keep what the deletes need. */
    for (size_t i = 0; i < r->plan.n_deletes; i++) {
        struct plan_task *copy = pool_alloc(&r->plan.arena, sizeof *copy);
        *copy = *r->plan.deletes[i];
        copy->name = pool_str(&r->plan.arena, copy->name);
        copy->uid = pool_str(&r->plan.arena, copy->uid);
        r->plan.deletes[i] = copy;
    }
    free(tasks);
}

/* ---- carrying out ---- */

static void
on_deleted(void *arg, const struct kube_result *res)
{
    struct run *r = arg;
    struct spawner_memory *m = memory(r);
    const struct plan_task *t = r->plan.deletes[r->next_delete++];

    if (res->err.code != ERR_NONE && res->err.code != ERR_NOT_FOUND &&
        res->err.code != ERR_GONE && res->err.code != ERR_CONFLICT)
        log_warn(r->key, "delete of Task %s to work on its item anew: %s", t->name,
                 res->err.text);
    if (m != NULL) {
        zhashx_delete(m->deleted, t->name);
        zhashx_insert(m->deleted, t->name, strdup(t->uid));
    }
    carry_out(r);
}

static void
delete_next(struct run *r)
{
    const struct plan_task *t = r->plan.deletes[r->next_delete];
    const struct kube_request q = {.verb = KUBE_DELETE,
                                   .res = shard_resource(KIND_TASK, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = t->name,
                                   .uid = t->uid,
                                   .propagation = "Background"};
    struct err e = ERR_INIT;

    if (kube_call(r->shard->kube, &q, on_deleted, r, &e) == NULL)
        fail(r, &e);
}

static void
expect(struct run *r, const char *name, const char *uid, int64_t ordinal)
{
    struct spawner_memory *m = memory(r);
    struct expected *x = calloc(1, sizeof *x);

    if (x == NULL)
        abort();
    snprintf(x->uid, sizeof x->uid, "%s", uid);
    x->ordinal = ordinal;
    x->until_ms = clock_mono_ms() + EXPECT_MS;
    zhashx_delete(m->expected, name);
    zhashx_insert(m->expected, name, x);
    if (ordinal > m->total)
        m->total = ordinal;
}

/* The name exists already: made by us before a crash, or somebody else's. */
static void
on_looked(void *arg, const struct kube_result *res)
{
    struct run *r = arg;
    const struct plan_create *c = &r->plan.creates[r->next_create];
    const struct spawner_view *v = view(r);
    struct err e = ERR_INIT;
    char text[400];

    if (res->err.code != ERR_NONE || v == NULL || memory(r) == NULL) {
        fail(r, &res->err);
        return;
    }
    SCOPED(view) struct view *found = view_new(KIND_TASK, r->meta.profile, res->body, &e);
    const struct task_view *t = (const struct task_view *)found;
    if (t != NULL && plan_owns(v, t)) {
        expect(r, c->name, t->view.meta.uid, t->ordinal);
    } else {
        snprintf(text, sizeof text,
                 "task %s name collides with an existing Task not owned by spawner %s",
                 c->name, r->meta.name);
        spawner_memory_refuse(memory(r), c->name, text);
    }
    plan(r); /* the ordinals that follow may be others now */
}

static void
look(struct run *r)
{
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res = shard_resource(KIND_TASK, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = r->plan.creates[r->next_create].name};
    struct err e = ERR_INIT;

    if (kube_call(r->shard->kube, &q, on_looked, r, &e) == NULL)
        fail(r, &e);
}

static void
on_created(void *arg, const struct kube_result *res)
{
    struct run *r = arg;
    const struct plan_create *c = &r->plan.creates[r->next_create];
    enum kube_reason why = res->status.reason;

    if (memory(r) == NULL) {
        end(r);
    } else if (res->err.code == ERR_NONE) {
        log_info(r->key, "created Task %s", c->name);
        expect(r, c->name, res->uid, c->ordinal);
        r->next_create++;
        carry_out(r);
    } else if (res->err.code == ERR_EXISTS) {
        look(r);
    } else if (why == KUBE_INVALID || why == KUBE_BAD_REQUEST || why == KUBE_TOO_LARGE) {
        spawner_memory_refuse(memory(r), c->name, res->err.text);
        plan(r);
    } else {
        fail(r, &res->err);
    }
}

static void
create_next(struct run *r)
{
    const struct plan_create *c = &r->plan.creates[r->next_create];
    const struct kube_request q = {.verb = KUBE_CREATE,
                                   .res = shard_resource(KIND_TASK, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = c->name,
                                   .body = c->task,
                                   .repeat = KUBE_REPEAT_NAMED};
    struct err e = ERR_INIT;

    if (kube_call(r->shard->kube, &q, on_created, r, &e) == NULL)
        fail(r, &e);
}

/* What the status says newly, once per change. */
static void
tell_changes(struct run *r)
{
    struct writes *w = r->shard->writes;

    for (size_t i = 0; i < r->plan.n_news; i++)
        writes_event(w, KIND_TASK_SPAWNER, &r->meta, r->plan.news[i].warning,
                     r->plan.news[i].reason, r->plan.news[i].text);
}

/* Tasks that the server knows and the view does not show yet. */
static void
expect_unseen(struct run *r, const json_t *list)
{
    const struct profile *p = profile_of(r->meta.profile);
    size_t i;
    json_t *item;

    json_array_foreach((json_t *)list, i, item)
    {
        const char *name = json_str_or(item, "metadata.name", "");
        const char *ordinal = json_string_value(
            json_object_get(json_at(item, "metadata.annotations"), p->note_ordinal));

        if (store_get(r->shard->store, KIND_TASK, r->meta.profile, r->meta.ns, name) == NULL)
            expect(r, name, json_str_or(item, "metadata.uid", ""),
                   ordinal != NULL ? strtoll(ordinal, NULL, 10) : 0);
    }
}

static void ask_count(struct run *r, const char *next);

static void
on_counted(void *arg, const struct kube_result *res)
{
    struct run *r = arg;
    struct spawner_memory *m = memory(r);

    if (m == NULL) {
        end(r);
        return;
    }
    if (res->err.code != ERR_NONE) {
        fail(r, &res->err);
        return;
    }
    expect_unseen(r, json_at(res->body, "items"));
    const char *next = json_str_or(res->body, "metadata.continue", "");
    if (*next != '\0') {
        ask_count(r, next);
        return;
    }
    m->counted = true;
    plan(r);
}

/* The view may be older than what the process before this one has created: limits hold only
 * when the server itself is asked once before the first Task is. */
static void
ask_count(struct run *r, const char *next)
{
    char selector[400];
    const struct kube_param params[] = {{"labelSelector", selector},
                                        {"limit", "250"},
                                        {*next != '\0' ? "continue" : NULL, next},
                                        {NULL, NULL}};
    const struct kube_request q = {
        .verb = KUBE_LIST,
        .res = shard_resource(KIND_TASK, r->meta.profile),
        .ns = r->meta.ns,
        .params = params,
        .accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"};
    struct err e = ERR_INIT;

    snprintf(selector, sizeof selector, "%s=%s", profile_of(r->meta.profile)->label_spawner,
             r->meta.name);
    if (kube_call(r->shard->kube, &q, on_counted, r, &e) == NULL)
        fail(r, &e);
}

static void
on_status(void *arg, enum write_code code, const char *version, const char *message)
{
    struct run *r = arg;
    struct err e = ERR_INIT;

    if (code == WRITE_REFUSED) {
        err_set(&e, ERR_INVALID, "status: %s", message);
        fail(r, &e);
        return;
    }
    if (code == WRITE_DONE) {
        wrote(r, version);
        tell_changes(r);
    }
    end(r);
}

static void
carry_out(struct run *r)
{
    const struct spawner_view *v = view(r);
    bool stop = v == NULL || v->suspend || v->view.meta.deleted_ms != 0 ||
                !r->shard->leader || r->shard->stopping;

    if (v == NULL) {
        end(r);
    } else if (!stop && r->next_delete < r->plan.n_deletes) {
        delete_next(r);
    } else if (!stop && r->next_create < r->plan.n_creates) {
        if (memory(r) != NULL && !memory(r)->counted)
            ask_count(r, "");
        else
            create_next(r);
    } else if (r->next_create > 0 || r->next_delete > 0) {
        plan(r); /* what was done is counted now; the rest is status */
    } else if (r->plan.write && r->plan.n_creates == 0) {
        writes_status(r->shard->writes, KIND_TASK_SPAWNER, &r->meta,
                      plan_patch(v, &r->plan.status), on_status, r);
    } else {
        end(r);
    }
}

static void
plan(struct run *r)
{
    const struct spawner_view *v = view(r);

    if (v == NULL || memory(r) == NULL) {
        end(r);
        return;
    }
    make_plan(r, v);
    carry_out(r);
}

/* ---- the run ---- */

static void
copy_meta(struct run *r, const struct meta *m)
{
    struct pool *a = &r->arena;

    r->meta = *m;
    r->meta.ns = pool_str(a, m->ns);
    r->meta.name = pool_str(a, m->name);
    r->meta.uid = pool_str(a, m->uid);
    r->meta.version = pool_str(a, m->version);
    r->meta.controller_uid = NULL;
    if (m->finalizers.n > 0)
        r->meta.finalizers.at = pool_alloc(a, m->finalizers.n * sizeof(char *));
    for (size_t i = 0; i < m->finalizers.n; i++)
        r->meta.finalizers.at[i] = pool_str(a, m->finalizers.at[i]);
}

static void
start(struct shard *s, const char *key, const struct spawner_view *v)
{
    const char *finalizer = profile_of(v->view.meta.profile)->spawner_finalizer;
    struct run *r = calloc(1, sizeof *r);

    if (r == NULL)
        abort();
    r->shard = s;
    snprintf(r->key, sizeof r->key, "%s", key);
    copy_meta(r, &v->view.meta);
    if (r->meta.deleted_ms != 0) {
        sources_drop(s->sources, key);
        if (meta_has_finalizer(&r->meta, finalizer))
            patch_finalizers(r, false);
        else
            end(r);
        return;
    }
    account_ensure(s, key, r->meta.profile, r->meta.ns);
    struct source_ask ask = {.shard = s,
                             .key = r->key,
                             .ns = r->meta.ns,
                             .profile = r->meta.profile,
                             .memory = memory(r)};
    spawner_source(&ask, v);
    r->workspace_missing = ask.workspace_missing;
    memcpy(r->config_error, ask.config_error, sizeof r->config_error);
    tell_workspace(r, v);
    sources_resolved(s->sources);
    if (!meta_has_finalizer(&r->meta, finalizer))
        patch_finalizers(r, true);
    else
        plan(r);
}

static bool
current(const struct spawner_memory *m, const struct spawner_view *v)
{
    int order;

    if (*m->version == '\0' || clock_mono_ms() >= m->version_until)
        return true;
    if (kube_version_compare(v->view.meta.version, m->version, &order))
        return order >= 0;
    return strcmp(v->view.meta.version, m->version) == 0;
}

void
spawner_run(struct shard *s, const char *key, unsigned profile, const char *ns,
            const char *name)
{
    const struct spawner_view *v = (const struct spawner_view *)store_get(
        s->store, KIND_TASK_SPAWNER, profile, ns, name);

    if (v == NULL) {
        sources_drop(s->sources, key);
        zhashx_delete(s->spawners, key);
        queue_forget(s->queue, key);
        return;
    }
    struct spawner_memory *m = spawner_memory_of(s, key, v);
    if (!current(m, v)) {
        queue_add_at(s->queue, key, m->version_until);
        shard_done(s, key);
        return;
    }
    start(s, key, v);
}
