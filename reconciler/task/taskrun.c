/* taskrun.c - one run of a Task's key: gather, decide, carry out in order. */
#include "reconciler/owner.h"
#include "reconciler/task/taskrun.h"

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/finalizer.h"
#include "reconciler/task/status.h"
#include "reconciler/writes.h"

struct task_memory *
task_run_memory(struct task_run *r)
{
    return task_memory_find(r->shard, r->key);
}

static void
run_free(struct task_run *r)
{
    if (task_run_memory(r) != NULL)
        task_run_memory(r)->creating = false;
    json_decref(r->patch);
    job_make_free(r->make);
    inputs_read_free(r->inputs);
    decision_free(&r->decision);
    pool_free(&r->arena);
    free(r);
}

void
task_run_end(struct task_run *r)
{
    shard_done(r->shard, r->key);
    run_free(r);
}

void
task_run_fail(struct task_run *r, const struct err *e)
{
    shard_failed(r->shard, r->key, e);
    run_free(r);
}

/* Facts have changed through our own action: decide anew at once. */
void
task_run_again(struct task_run *r)
{
    shard_add(r->shard, r->key);
    task_run_end(r);
}

static void
wrote(struct task_run *r, const char *version)
{
    struct task_memory *m = task_run_memory(r);

    if (m == NULL)
        return;
    m->conflicts = 0;
    echo_wrote(&m->echo, version);
    if (version != NULL && *version != '\0')
        r->meta.version = pool_str(&r->arena, version);
}

/* ---- writes on the Task itself ---- */

static void
on_patched(void *arg, const struct kube_result *res)
{
    struct task_run *r = arg;
    SHARD_BUSY(r->shard, r->key);

    if (res->err.code == ERR_NOT_FOUND || res->err.code == ERR_GONE) {
        task_run_end(r);
        return;
    }
    if (res->err.code == ERR_CONFLICT) {
        task_run_conflict(r, &res->err);
        return;
    }
    if (res->err.code != ERR_NONE) {
        task_run_fail(r, &res->err);
        return;
    }
    wrote(r, res->version);
    if (r->meta.deleted_ms != 0 && task_run_memory(r) != NULL)
        task_run_memory(r)->released_until = clock_mono_ms() + ECHO_MS;
    task_run_step(r);
}

static void
patch_finalizers(struct task_run *r, bool with)
{
    struct err e = ERR_INIT;

    if (finalizer_patch(r->shard, KIND_TASK, &r->meta,
                        profile_of(r->meta.profile)->task_finalizer, with, on_patched, r,
                        &e) < 0)
        task_run_fail(r, &e);
}

static void
add_finalizer(struct task_run *r)
{
    patch_finalizers(r, true);
}

static void
drop_finalizer(struct task_run *r)
{
    patch_finalizers(r, false);
}

/* Whether the object is no more, and not one that others keep for a while. */
static bool
is_deleted(const struct kube_result *res)
{
    return res->err.code == ERR_NONE &&
           (res->http_status >= 400 || /* it had gone before */
            (res->body != NULL &&
             strcmp(json_str_or(res->body, "kind", ""), "Status") == 0));
}

static void
on_deleted(void *arg, const struct kube_result *res)
{
    struct task_run *r = arg;
    SHARD_BUSY(r->shard, r->key);

    if (r->job_uid != NULL && is_deleted(res))
        objects_deleted(r->shard, KIND_JOB, r->meta.ns, r->meta.name, r->job_uid);
    if (res->err.code == ERR_CONFLICT) /* it has changed: judged anew */
        task_run_conflict(r, &res->err);
    else if (res->err.code != ERR_NONE && res->err.code != ERR_NOT_FOUND &&
             res->err.code != ERR_GONE)
        task_run_fail(r, &res->err);
    else
        task_run_end(r); /* its going is seen as an event */
}

/* `version` (NULL: any) is given where the decision depends on the object's state. */
static void
delete_object(struct task_run *r, unsigned kind, const char *uid, const char *version)
{
    const struct kube_request q = {.verb = KUBE_DELETE,
                                   .res = shard_resource(kind, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = r->meta.name,
                                   .uid = uid,
                                   .resource_version = version,
                                   .propagation = "Background"};
    struct err e = ERR_INIT;

    if (kube_call(r->shard->kube, &q, on_deleted, r, &e) == NULL)
        task_run_fail(r, &e);
}

static void
delete_task(struct task_run *r)
{
    delete_object(r, KIND_TASK, r->meta.uid, r->meta.version);
}

static void
delete_job(struct task_run *r)
{
    struct view *job =
        store_get(r->shard->store, KIND_JOB, r->meta.profile, r->meta.ns, r->meta.name);

    if (job == NULL) {
        task_run_end(r);
        return;
    }
    r->job_uid = pool_str(&r->arena, job->meta.uid);
    delete_object(r, KIND_JOB, r->job_uid, NULL);
}

/* ---- the Job ---- */

static void
on_found(void *arg, const struct kube_result *res)
{
    struct task_run *r = arg;
    struct task_memory *m = task_run_memory(r);
    SHARD_BUSY(r->shard, r->key);

    if (res->err.code != ERR_NONE && res->err.code != ERR_NOT_FOUND) {
        task_run_fail(r, &res->err);
        return;
    }
    if (res->err.code == ERR_NOT_FOUND || !owner_controls(res->body, r->meta.uid)) {
        if (m != NULL)
            m->job_absent = true;
        task_run_again(r);
        return;
    }
    if (m != NULL) { /* it is there: the watch will show it */
        m->job_created = true;
        m->job_until = clock_mono_ms() + ECHO_MS;
        shard_add_at(r->shard, r->key, clock_wall_ms() + ECHO_MS);
    }
    task_run_end(r);
}

static void
find_job(struct task_run *r)
{
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res = kube_res(KUBE_JOBS),
                                   .ns = r->meta.ns,
                                   .name = r->meta.name};
    struct err e = ERR_INIT;

    if (kube_call(r->shard->kube, &q, on_found, r, &e) == NULL)
        task_run_fail(r, &e);
}

/* ---- status and what follows it ---- */

static void
on_status(void *arg, enum write_code code, const char *version, const char *message)
{
    struct task_run *r = arg;
    struct err e = ERR_INIT;
    SHARD_BUSY(r->shard, r->key);

    if (code == WRITE_GONE) { /* or it is another than the one that was judged */
        err_set(&e, ERR_CONFLICT, "status: %s", message);
        task_run_conflict(r, &e);
    } else if (code == WRITE_REFUSED) {
        err_set(&e, ERR_INVALID, "status: %s", message);
        task_run_fail(r, &e);
    } else {
        const struct task_status *st = &r->decision.status;
        log_info(r->key, "%s%s%.*s", phase_name(st->phase),
                 *st->message != '\0' ? ": " : "", (int)strcspn(st->message, "\n"),
                 st->message);
        wrote(r, version);
        task_run_step(r);
    }
}

static void
write_status(struct task_run *r)
{
    const struct task_memory *m = task_run_memory(r);

    /* Before our first write nobody knows what an earlier process of ours has written and is
     * not in view yet: the server is to compare. */
    if (m != NULL && m->echo.version == NULL)
        json_object_set_new(r->patch, "metadata",
                            json_pack("{s:s}", "resourceVersion", r->meta.version));
    writes_status(r->shard->writes, KIND_TASK, &r->meta, TAKE(r->patch), on_status, r);
}

static void
count_usage(struct task_run *r, const struct task_status *st)
{
    static const struct {
        const char *key;
        enum metric metric;
    } rows[] = {{"cost-usd", METRIC_TASK_COST},
                {"input-tokens", METRIC_TASK_INPUT},
                {"output-tokens", METRIC_TASK_OUTPUT}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double value = status_number(&st->keys, &st->values, rows[i].key);
        if (value > 0)
            metric_add(worker_metrics(r->shard->worker), rows[i].metric, value,
                       r->meta.ns, r->type, r->spawner, r->model);
    }
}

static void
count_finished(struct task_run *r)
{
    const struct task_status *st = &r->decision.status;
    struct metrics *m = worker_metrics(r->shard->worker);

    metric_add(m, METRIC_TASK_COMPLETED, 1, r->meta.ns, r->type, phase_name(st->phase));
    if (st->started_ms != 0 && st->completed_ms >= st->started_ms)
        metric_observe(m, METRIC_TASK_DURATION,
                       (double)(st->completed_ms - st->started_ms) / 1000.0, r->meta.ns,
                       r->type, phase_name(st->phase));
    if (st->with_outputs)
        count_usage(r, st);
}

static void
emit(struct task_run *r, const struct action *a)
{
    if (strcmp(a->reason, "BranchWithoutWorkspace") == 0 && task_run_memory(r) != NULL)
        task_run_memory(r)->branch_warned = true;
    if (profile_of(r->meta.profile)->events)
        writes_event(r->shard->writes, KIND_TASK, &r->meta, a->warning, a->reason,
                     a->text);
}

/* ---- the run ---- */

/* Those that wait for an answer continue in their callback; the others at once. */
static void (*const waiting[])(struct task_run *r) = {
    [ACT_ADD_FINALIZER] = add_finalizer,
    [ACT_DROP_FINALIZER] = drop_finalizer,
    [ACT_RESOLVE_AUTH] = task_run_resolve_auth,
    [ACT_FIND_JOB] = find_job,
    [ACT_FIND_PODS] = task_run_find_pods,
    [ACT_CREATE_JOB] = task_run_create_job,
    [ACT_DELETE_JOB] = delete_job,
    [ACT_DELETE_TASK] = delete_task,
    [ACT_STATUS] = write_status,
    [ACT_COUNT_FINISHED] = NULL,
    [ACT_WAKE] = NULL,
};

void
task_run_step(struct task_run *r)
{
    while (r->next < r->decision.n) {
        const struct action *a = &r->decision.actions[r->next++];
        if (a->kind == ACT_COLLECT) {
            task_run_collect(r, a->text, a->container);
            return;
        }
        if (waiting[a->kind] != NULL) {
            waiting[a->kind](r);
            return;
        }
        if (a->kind == ACT_EVENT)
            emit(r, a);
        else if (a->kind == ACT_KEEP_TOKEN && task_run_memory(r) != NULL)
            refresh_step(r->shard, r->key, task_run_memory(r));
        else if (a->kind == ACT_COUNT_CREATED)
            metric_add(worker_metrics(r->shard->worker), METRIC_TASK_CREATED, 1,
                       r->meta.ns, r->type);
        else if (a->kind == ACT_COUNT_FINISHED)
            count_finished(r);
        else if (a->kind == ACT_WAKE)
            shard_add_at(r->shard, r->key, a->at_ms);
    }
    task_run_end(r);
}

/* Texts of the decision that are borrowed from views must outlive them: those that are used
 * after the first wait are copied. */
static void
own_texts(struct task_run *r)
{
    struct pool *a = &r->arena;
    struct decision *d = &r->decision;

    for (size_t i = 0; i < d->n; i++) {
        d->actions[i].text = pool_str(a, d->actions[i].text);
        d->actions[i].container = pool_str(a, d->actions[i].container);
    }
    d->status.message = pool_str(a, d->status.message != NULL ? d->status.message : "");
    d->status.job_name = d->status.pod_name = NULL;
    struct texts keys = {NULL, 0}, values = {NULL, 0};
    if (d->status.keys.n > 0) {
        keys.at = pool_alloc(a, d->status.keys.n * sizeof(char *));
        values.at = pool_alloc(a, d->status.keys.n * sizeof(char *));
    }
    for (; keys.n < d->status.keys.n; keys.n++) {
        keys.at[keys.n] = pool_str(a, d->status.keys.at[keys.n]);
        values.at[values.n++] = pool_str(a, d->status.values.at[keys.n]);
    }
    d->status.keys = keys;
    d->status.values = values;
    d->status.outputs = (struct texts){NULL, 0};
}

static struct task_run *
run_new(struct shard *s, const char *key, const struct task_view *t)
{
    struct task_run *r = calloc(1, sizeof *r);

    if (r == NULL)
        abort();
    r->shard = s;
    snprintf(r->key, sizeof r->key, "%s", key);
    meta_copy(&r->meta, &t->view.meta, &r->arena);
    return r;
}

static void
start(struct shard *s, const char *key, const struct task_view *t, struct task_memory *m)
{
    struct task_run *r = run_new(s, key, t);

    r->type = pool_str(&r->arena, t->type != NULL ? t->type : "");
    r->spawner = pool_str(&r->arena, t->spawner != NULL ? t->spawner : "");
    r->model = pool_str(&r->arena, t->model != NULL ? t->model : "");
    const struct task_facts f = facts_gather(s, t, m);
    /* A key has one deadline: an earlier one that has just passed took this one's place. */
    if (f.job_created)
        queue_add_at(s->queue, key, m->job_until);
    task_decide(&f, clock_wall_ms(), &r->decision);
    r->failed = f.job != NULL && f.job->succeeded == 0;
    r->dep_uids = deps_uids(t, facts_lookup, s, &r->arena);
    /* Also while the finalizer is being written: nobody else may take the branch. */
    m->creating = decision_find(&r->decision, ACT_CREATE_JOB) != NULL;
    if (decision_find(&r->decision, ACT_STATUS) != NULL)
        r->patch = status_patch(t, &r->decision.status);
    own_texts(r);
    task_run_step(r);
}

/* Without our finalizer it has gone, or is another's now. The answer to that write bears no new
 * version, so it is not known by it. */
static bool
released(const struct task_view *t, const struct task_memory *m)
{
    const struct meta *meta = &t->view.meta;

    return clock_mono_ms() < m->released_until &&
           meta_has_finalizer(meta, profile_of(meta->profile)->task_finalizer);
}

void
task_run(struct shard *s, const char *key, unsigned profile, const char *ns,
         const char *name)
{
    const struct task_view *t =
        (const struct task_view *)store_get(s->store, KIND_TASK, profile, ns, name);

    if (t == NULL) {
        task_memory_forget(s, key);
        queue_forget(s->queue, key);
        return;
    }
    struct task_memory *m = task_memory_of(s, key, t);
    if (released(t, m)) {
        queue_add_at(s->queue, key, m->released_until);
        shard_done(s, key);
    } else if (m->look) {
        struct task_run *r = run_new(s, key, t);
        m->look = false;
        r->conflict = true;
        task_run_reread(r);
    } else if (echo_seen(&m->echo, t->view.meta.version)) {
        start(s, key, t, m);
    } else if (clock_mono_ms() >= m->echo.until_ms) {
        task_run_reread(run_new(s, key, t));
    } else { /* what we wrote comes as an event */
        queue_add_at(s->queue, key, m->echo.until_ms);
        shard_done(s, key);
    }
}
