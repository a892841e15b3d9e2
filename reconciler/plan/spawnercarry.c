/* spawnercarry.c - does what a plan says: deletes, creates, then the status. */
#include "common/clock.h"
#include "common/log.h"
#include "reconciler/plan/spawnerrun.h"
#include "reconciler/writes.h"

static void
on_deleted(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    struct spawner_memory *m = spawner_run_memory(r);
    const struct plan_task *t = r->plan.deletes[r->next_delete++];
    SHARD_BUSY(r->shard, r->key);

    if (res->err.code == ERR_CONFLICT) { /* changed: judged anew when that is in view */
        spawner_run_fail(r, &res->err);
        return;
    }
    if (res->err.code != ERR_NONE && res->err.code != ERR_NOT_FOUND &&
        res->err.code != ERR_GONE)
        log_warn(r->key, "delete of Task %s to work on its item anew: %s", t->name,
                 res->err.text);
    if (m != NULL) {
        zhashx_delete(m->deleted, t->name);
        zhashx_insert(m->deleted, t->name, strdup(t->uid));
    }
    spawner_run_step(r);
}

static void
delete_next(struct spawner_run *r)
{
    const struct plan_task *t = r->plan.deletes[r->next_delete];
    const struct kube_request q = {.verb = KUBE_DELETE,
                                   .res = shard_resource(KIND_TASK, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = t->name,
                                   .uid = t->uid,
                                   .resource_version = t->version,
                                   .propagation = "Background"};
    struct err e = ERR_INIT;

    if (kube_call(r->shard->kube, &q, on_deleted, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

/* The name exists already: made by us before a crash, or somebody else's. */
static void
on_looked(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    const struct plan_create *c = &r->plan.creates[r->next_create];
    const struct spawner_view *v = spawner_run_view(r);
    struct err e = ERR_INIT;
    char text[400];
    SHARD_BUSY(r->shard, r->key);

    if (res->err.code != ERR_NONE || v == NULL || spawner_run_memory(r) == NULL) {
        spawner_run_fail(r, &res->err);
        return;
    }
    SCOPED(view) struct view *found = view_new(KIND_TASK, r->meta.profile, res->body, &e);
    const struct task_view *t = (const struct task_view *)found;
    if (t != NULL && plan_owns(v, t)) {
        spawner_run_expect(r, c->name, t->view.meta.uid, t->ordinal);
    } else {
        snprintf(text, sizeof text,
                 "task %s name collides with an existing Task not owned by spawner %s",
                 c->name, r->meta.name);
        spawner_memory_refuse(spawner_run_memory(r), c->name, text);
    }
    spawner_run_plan(r); /* the ordinals that follow may be others now */
}

static void
look(struct spawner_run *r)
{
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res = shard_resource(KIND_TASK, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = r->plan.creates[r->next_create].name};
    struct err e = ERR_INIT;

    if (kube_call(r->shard->kube, &q, on_looked, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

static void
on_created(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    const struct plan_create *c = &r->plan.creates[r->next_create];
    enum kube_reason why = res->status.reason;
    struct spawner_memory *m = spawner_run_memory(r);
    SHARD_BUSY(r->shard, r->key);

    if (m == NULL) {
        spawner_run_end(r);
        return;
    }
    m->unsettled = 0; /* while one is, it is the only one that is created */
    if (res->err.code == ERR_NONE) {
        const struct cycle_of cycle = spawner_run_cycle(r);

        log_info(r->key, "created Task %s", c->name);
        m->bars = 0;
        cycle_created(&cycle);
        spawner_run_expect(r, c->name, res->uid, c->ordinal);
        r->next_create++;
        spawner_run_step(r);
    } else if (res->err.code == ERR_EXISTS) {
        look(r);
    } else if (why == KUBE_INVALID || why == KUBE_BAD_REQUEST || why == KUBE_TOO_LARGE) {
        spawner_memory_refuse(m, c->name, res->err.text);
        spawner_run_plan(r);
    } else if (res->err.code == ERR_FORBIDDEN) {
        shard_count_error(r->shard, r->key);
        log_info(r->key, "%s", res->err.text);
        spawner_memory_bar(m, c->name, res->err.text, clock_wall_ms());
        spawner_run_plan(r); /* which says so, and when it is asked again */
    } else {
        m->counted = false; /* it may come up yet */
        spawner_run_fail(r, &res->err);
    }
}

static void
create_next(struct spawner_run *r)
{
    const struct plan_create *c = &r->plan.creates[r->next_create];
    const struct kube_request q = {.verb = KUBE_CREATE,
                                   .res = shard_resource(KIND_TASK, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = c->name,
                                   .body = c->task,
                                   .deadline_ms = INTENT_CREATE_MS,
                                   .repeat = KUBE_REPEAT_NAMED};
    struct err e = ERR_INIT;

    if (kube_call(r->shard->kube, &q, on_created, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

/* What the status says newly, once per change. */
static void
tell_changes(struct spawner_run *r)
{
    struct writes *w = r->shard->writes;

    for (size_t i = 0; i < r->plan.n_news; i++)
        writes_event(w, KIND_TASK_SPAWNER, &r->meta, r->plan.news[i].warning,
                     r->plan.news[i].reason, r->plan.news[i].text);
}

/* What follows from the last poll stands. */
static void
end_cycle(struct spawner_run *r)
{
    const struct cycle_of c = spawner_run_cycle(r);

    cycle_end(&c, r->cycle, !r->plan.flawed);
}

static void
on_status(void *arg, enum write_code code, const char *version, const char *message)
{
    struct spawner_run *r = arg;
    struct err e = ERR_INIT;
    SHARD_BUSY(r->shard, r->key);

    if (code == WRITE_REFUSED) {
        err_set(&e, ERR_INVALID, "status: %s", message);
        spawner_run_fail(r, &e);
        return;
    }
    if (code == WRITE_DONE) {
        spawner_run_wrote(r, version);
        tell_changes(r);
        end_cycle(r);
    }
    spawner_run_end(r);
}

/* The next create, and what it needs to be sent. */
static void
create_or_prepare(struct spawner_run *r)
{
    const struct spawner_memory *m = spawner_run_memory(r);
    const struct plan_create *c = &r->plan.creates[r->next_create];

    if (m == NULL)
        spawner_run_end(r);
    else if (!m->counted)
        spawner_run_count(r);
    else if (!intent_covers(m->intent, c->name, c->ordinal, clock_wall_ms()))
        spawner_run_intend(r);
    else
        create_next(r);
}

void
spawner_run_step(struct spawner_run *r)
{
    const struct spawner_view *v = spawner_run_view(r);
    bool stop = v == NULL || v->suspend || v->view.meta.deleted_ms != 0 ||
                !r->shard->leader || r->shard->stopping;

    if (v == NULL) {
        spawner_run_end(r);
    } else if (!stop && r->next_delete < r->plan.n_deletes) {
        delete_next(r);
    } else if (!stop && r->next_create < r->plan.n_creates) {
        create_or_prepare(r);
    } else if (r->next_create > 0 || r->next_delete > 0) {
        spawner_run_plan(r); /* what was done is counted now; the rest is status */
    } else if (r->plan.write && r->plan.n_creates == 0) {
        writes_status(r->shard->writes, KIND_TASK_SPAWNER, &r->meta,
                      plan_patch(v, &r->plan.status), on_status, r);
    } else {
        if (!stop)
            end_cycle(r);
        spawner_run_end(r);
    }
}
