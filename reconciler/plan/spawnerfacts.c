/* spawnerfacts.c - gathers what a plan needs, and plans. */
#include "common/clock.h"
#include "reconciler/plan/spawnerrun.h"

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct plan_task *)a)->name,
                  ((const struct plan_task *)b)->name);
}

/* Tasks in view with our label, and those that we created and do not see yet. */
static struct plan_task *
gather_tasks(struct spawner_run *r, const struct spawner_view *v, size_t *n)
{
    struct shard *s = r->shard;
    struct spawner_memory *m = spawner_run_memory(r);
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
        const struct expected *x = zhashx_lookup(m->expected, tm->name);
        if (!plan_owns(v, t))
            continue;
        if (x != NULL &&
            strcmp(x->uid, tm->uid) != 0) /* the one before it, gone by now */
            continue;
        all[*n] = plan_task_of(t);
        all[*n].deleting |= deleted != NULL && strcmp(deleted, tm->uid) == 0;
        (*n)++;
        if (t->ordinal > m->total)
            m->total = t->ordinal;
        zhashx_delete(m->expected, tm->name);
    }
    for (const struct expected *x = zhashx_first(m->expected); x != NULL;
         x = zhashx_next(m->expected))
        all[(*n)++] = (struct plan_task){
            .name = zhashx_cursor(m->expected), .uid = x->uid, .ordinal = x->ordinal};
    qsort(all, *n, sizeof *all, by_name);
    return all;
}

static bool
is_taken(void *arg, const char *name)
{
    struct spawner_run *r = arg;

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

/* What the status names: the workload that stands, and nothing in the controller's own
 * processes. NULL: what it names now. */
static const char *
pod_name_of(const struct spawner_run *r, unsigned kind)
{
    if (!r->pod)
        return "";
    if (r->pod_kind == N_KINDS)
        return NULL;
    return r->pod_kind == kind ? r->meta.name : "";
}

void
spawner_run_make_plan(struct spawner_run *r, const struct spawner_view *v)
{
    struct spawner_memory *m = spawner_run_memory(r);
    size_t n;

    spawner_memory_unbar(m, clock_wall_ms());
    if (m->barred_ms != 0)
        shard_add_at(r->shard, r->key, m->barred_ms);
    struct plan_task *tasks = gather_tasks(r, v, &n);
    const struct plan_facts f = {
        .spawner = v,
        .items = m->items,
        .tasks = tasks,
        .n_tasks = n,
        .gone = m->gone,
        .n_gone = m->n_gone,
        .since_ms = r->shard->synced_ms,
        .refusals = m->refusals,
        .n_refusals = m->n_refusals,
        .taken = is_taken,
        .arg = r,
        .total = m->total,
        .unsettled = m->unsettled != 0 ? intent_name(m->intent, m->unsettled) : NULL,
        .config_error = r->config_error[0] != '\0' ? r->config_error : NULL,
        .template_error = check_templates(m, v),
        .quota = m->quota,
        .next_poll_ms = m->next_poll_ms,
        .deployment_name = pod_name_of(r, KIND_DEPLOYMENT),
        .cron_job_name = pod_name_of(r, KIND_CRON_JOB),
        .workspace_missing = r->workspace_missing,
        .failures = m->failures,
        .error_reason = m->error_reason,
        .error_message = m->error_message,
    };

    if (r->planned)
        plan_free(&r->plan);
    plan_make(&f, clock_wall_ms(), &r->plan);
    r->planned = true;
    r->cycle = m->cycle.serial;
    r->next_create = r->next_delete = 0;
    /* The plan points at uids of views: keep what the deletes need. */
    for (size_t i = 0; i < r->plan.n_deletes; i++) {
        struct plan_task *copy = pool_alloc(&r->plan.arena, sizeof *copy);
        *copy = *r->plan.deletes[i];
        copy->name = pool_str(&r->plan.arena, copy->name);
        copy->uid = pool_str(&r->plan.arena, copy->uid);
        copy->version = pool_str(&r->plan.arena, copy->version);
        r->plan.deletes[i] = copy;
    }
    free(tasks);
}
