/* wake.c - whom an object concerns: nobody polls, the event that frees one wakes it. */
#include <string.h>

#include "common/clock.h"
#include "reconciler/shard.h"

static void
add_views(struct shard *s, struct views found)
{
    for (size_t i = 0; i < found.n; i++) {
        const struct meta *m = &found.at[i]->meta;
        if (found.at[i]->kind == KIND_TASK)
            shard_add_task(s, m->profile, m->ns, m->name);
        else if (found.at[i]->kind == KIND_TASK_SPAWNER)
            shard_add_spawner(s, m->profile, m->ns, m->name);
    }
}

/* Those who wait for this Task's end, its appearance, its branch or its slot; and those who
 * stay only because this one needs them. */
static void
wake_neighbours(struct shard *s, const struct task_view *t)
{
    const struct meta *m = &t->view.meta;
    const char *branch = branch_key(t);

    add_views(s, store_find(s->store, BY_DEPENDENCY, m->profile, m->ns, m->name));
    if (branch != NULL && s->lock_repository)
        add_views(s, store_find(s->store, BY_BRANCH_NAME, m->profile, m->ns, t->branch));
    else if (branch != NULL)
        add_views(s, store_find(s->store, BY_BRANCH, m->profile, m->ns, branch));
    if (t->spawner != NULL)
        shard_add_spawner(s, m->profile, m->ns, t->spawner);
    for (size_t i = 0; i < t->depends_on.n; i++)
        shard_add_task(s, m->profile, m->ns, t->depends_on.at[i]);
}

/* It waits for something that nobody else ends: those behind it on its branch go first now. */
static bool
gives_way(const struct task_view *old, const struct task_view *now)
{
    return old->blocked != now->blocked &&
           (now->blocked == BLOCKED_BY_REFERENCE || now->blocked == BLOCKED_BY_SECRET ||
            now->blocked == BLOCKED_BY_REFUSAL);
}

static void
wake_task(struct shard *s, const struct task_view *old, const struct task_view *now)
{
    const struct meta *m = now != NULL ? &now->view.meta : &old->view.meta;
    bool turned = old == NULL || now == NULL || old->phase != now->phase ||
                  (old->view.meta.deleted_ms != 0) != (now->view.meta.deleted_ms != 0) ||
                  strcmp(old->view.meta.uid, now->view.meta.uid) != 0 ||
                  gives_way(old, now);

    shard_add_task(s, m->profile, m->ns, m->name);
    if (turned)
        wake_neighbours(s, now != NULL ? now : old);
    if (now == NULL)
        tokens_look(s);
    else if (old != NULL && phase_terminal(now->phase) && !phase_terminal(old->phase))
        tokens_task_ended(s, now);
}

/* A Job's name is its Task's; the other group's Task of that name waits for it, too. */
static void
wake_owner(struct shard *s, const struct meta *m, const char *task)
{
    for (unsigned p = 0; p < profile_count(); p++)
        if (p == m->profile || store_get(s->store, KIND_TASK, p, m->ns, task) != NULL)
            shard_add_task(s, p, m->ns, task);
}

/* A deleted Task keeps its branch until its Pods have ended. */
static void
wake_pod(struct shard *s, const struct pod_view *p)
{
    if (p->task != NULL)
        wake_owner(s, &p->view.meta, p->task);
}

/* How many of its Pods run is no concern of its TaskSpawner; that somebody changed it is. */
static void
wake_workload(struct shard *s, const struct workload_view *old,
              const struct workload_view *now)
{
    const struct workload_view *w = now != NULL ? now : old;
    const struct meta *m = &w->view.meta;
    bool same = old != NULL && now != NULL && strcmp(old->view.meta.uid, m->uid) == 0 &&
                old->view.meta.generation == m->generation &&
                (old->view.meta.deleted_ms != 0) == (m->deleted_ms != 0);

    if (!same && w->spawner != NULL)
        shard_add_spawner(s, m->profile, m->ns, w->spawner);
}

/* A spawned Task that is deleted stays until its spawner's status counts it. */
static void
wake_leaving(struct shard *s, const struct meta *spawner)
{
    struct views found =
        store_find(s->store, BY_SPAWNER, spawner->profile, spawner->ns, spawner->name);

    for (size_t i = 0; i < found.n; i++) {
        const struct meta *m = &found.at[i]->meta;
        if (m->deleted_ms != 0)
            shard_add_task(s, m->profile, m->ns, m->name);
    }
}

/* How old an object must be at first sight to be no fresh wish of a user. */
#define FRESH_MS 60000

bool
wake_has_time(const struct view *old, const struct view *now, int64_t wall_ms)
{
    if (now == NULL)
        return false;
    if (old == NULL)
        return now->meta.created_ms < wall_ms - FRESH_MS;
    return *now->meta.version != '\0' && strcmp(old->meta.uid, now->meta.uid) == 0 &&
           strcmp(old->meta.version, now->meta.version) == 0;
}

/* The first sweep shows what is there, which is read when it is needed. */
static void
wake_secret(struct shard *s, const struct view *old, const struct view *now)
{
    const struct meta *m = now != NULL ? &now->meta : &old->meta;
    bool same = old != NULL && now != NULL && strcmp(old->meta.uid, m->uid) == 0 &&
                strcmp(old->meta.version, m->version) == 0;

    if (!same && (old != NULL || s->synced))
        secret_news(s, m->ns, m->name);
}

void
wake(struct shard *s, const struct view *old, const struct view *now)
{
    const struct view *v = now != NULL ? now : old;
    const struct meta *m = &v->meta;

    s->background = wake_has_time(old, now, clock_wall_ms());
    switch ((enum object_kind)v->kind) {
    case KIND_TASK:
        wake_task(s, (const struct task_view *)old, (const struct task_view *)now);
        break;
    case KIND_TASK_SPAWNER:
        shard_add_spawner(s, m->profile, m->ns, m->name);
        wake_leaving(s, m);
        break;
    case KIND_WORKSPACE:
        tokens_look(s);
        add_views(s, store_find(s->store, BY_WORKSPACE, m->profile, m->ns, m->name));
        break;
    case KIND_AGENT_CONFIG:
        add_views(s, store_find(s->store, BY_AGENT_CONFIG, m->profile, m->ns, m->name));
        break;
    case KIND_JOB:
        wake_owner(s, m, m->name);
        break;
    case KIND_POD:
        wake_pod(s, (const struct pod_view *)v);
        break;
    case KIND_DEPLOYMENT:
    case KIND_CRON_JOB:
        wake_workload(s, (const struct workload_view *)old,
                      (const struct workload_view *)now);
        break;
    case KIND_SECRET:
        wake_secret(s, old, now);
        break;
    case N_KINDS:
        break;
    }
    s->background = false;
}
