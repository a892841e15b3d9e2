/* tasklive.c - reads a Task from the server: when the watch does not show what we wrote, and when
 * a write of ours met a version that is not in view. */
#include "reconciler/task/taskrun.h"

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/live.h"

/* Gone, or another one by now: the watch is going to say so; until then nothing is done. */
static void
wait_again(struct task_run *r)
{
    struct task_memory *m = task_run_memory(r);

    if (m != NULL) {
        m->echo.until_ms = clock_mono_ms() + ECHO_MS;
        shard_add_at(r->shard, r->key, clock_wall_ms() + ECHO_MS);
    }
    task_run_end(r);
}

static void
on_read(void *arg, const char *version, const struct err *e)
{
    struct task_run *r = arg;
    struct task_memory *m = task_run_memory(r);

    if (e != NULL && e->code != ERR_NOT_FOUND) {
        task_run_fail(r, e);
        return;
    }
    if (m == NULL || e != NULL) {
        wait_again(r);
        return;
    }
    /* The server has the last word, also when it is older than what was thought to be ours:
     * else the question would be put again at once, and for ever. */
    echo_forget(&m->echo);
    echo_wrote(&m->echo, version);
    if (!r->conflict)
        objects_unseen(r->shard, KIND_TASK, &r->meta, version);
    task_run_end(r);
}

void
task_run_reread(struct task_run *r)
{
    struct err e = ERR_INIT;

    if (!r->conflict)
        log_info(r->key,
                 "the watch has not shown our last write for %d s: asking the server",
                 ECHO_MS / 1000);
    if (live_read(r->shard, KIND_TASK, &r->meta, r->key, on_read, r, &e) < 0)
        task_run_fail(r, &e);
}

/* A Pod that is in view is left to its watch. */
static void
show_pod(struct task_run *r, const json_t *pod)
{
    struct shard *s = r->shard;
    struct err why = ERR_INIT;
    struct view *v = view_new(KIND_POD, r->meta.profile, pod, &why);

    if (v == NULL || store_get(s->store, KIND_POD, r->meta.profile, v->meta.ns,
                               v->meta.name) != NULL) {
        view_free(v);
        return;
    }
    view_free(store_put(s->store, &v, s->epoch));
}

static void
on_pods(void *arg, const struct kube_result *res)
{
    struct task_run *r = arg;
    struct task_memory *m = task_run_memory(r);
    json_t *pod;
    size_t i;
    SHARD_BUSY(r->shard, r->key);

    if (res->err.code != ERR_NONE) {
        task_run_fail(r, &res->err);
        return;
    }
    json_array_foreach(json_at(res->body, "items"), i, pod) show_pod(r, pod);
    if (m != NULL)
        m->pods_asked = true;
    task_run_again(r);
}

void
task_run_find_pods(struct task_run *r)
{
    char selector[400];
    const struct kube_param params[] = {{"labelSelector", selector}, {NULL, NULL}};
    const struct kube_request q = {.verb = KUBE_LIST,
                                   .res = kube_res(KUBE_PODS),
                                   .ns = r->meta.ns,
                                   .params = params};
    struct err e = ERR_INIT;

    snprintf(selector, sizeof selector, "%s=%s", profile_of(r->meta.profile)->label_task,
             r->meta.name);
    if (kube_call(r->shard->kube, &q, on_pods, r, &e) == NULL)
        task_run_fail(r, &e);
}

void
task_run_conflict(struct task_run *r, const struct err *why)
{
    struct task_memory *m = task_run_memory(r);

    if (m != NULL && ++m->conflicts > CONFLICTS_MAX) {
        m->conflicts = 0;
        task_run_fail(r, why);
        return;
    }
    if (m != NULL) {
        m->look = true;
        live_look_later(r->shard, r->key);
    }
    task_run_end(r);
}
