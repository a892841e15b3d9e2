/* tasklive.c - reads a Task from the server when the watch does not show what we wrote.
 *
 * The answer takes the place of the view, unless the watch has overtaken it: the Task went,
 * another one has its name, or a newer version was shown while the answer was on its way.
 * Older ones that the watch shows later are known by their version and not acted upon.
 */
#include "reconciler/task/taskrun.h"

#include "common/clock.h"
#include "common/log.h"

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

/* Whether what the watch has shown by now is newer than the answer: that stands. */
static bool
overtaken(const struct task_run *r, const char *answered)
{
    const struct view *shown =
        store_get(r->shard->store, KIND_TASK, r->meta.profile, r->meta.ns, r->meta.name);
    int order;

    return shown == NULL || strcmp(shown->meta.uid, r->meta.uid) != 0 ||
           (kube_version_compare(shown->meta.version, answered, &order) && order > 0);
}

static void
on_read(void *arg, const struct kube_result *res)
{
    struct task_run *r = arg;
    struct shard *s = r->shard;
    struct task_memory *m = task_run_memory(r);
    struct err e = ERR_INIT, why = ERR_INIT;
    TASK_RUN_BUSY(r);

    if (res->err.code != ERR_NONE && res->err.code != ERR_NOT_FOUND) {
        task_run_fail(r, &res->err);
        return;
    }
    if (m == NULL || res->err.code == ERR_NOT_FOUND ||
        strcmp(res->uid, r->meta.uid) != 0) {
        wait_again(r);
        return;
    }
    /* The server has the last word, also when it is older than what was thought to be ours:
     * else the question would be put again at once, and for ever. */
    m->echo.version[0] = '\0';
    echo_wrote(&m->echo, res->version);
    if (overtaken(r, res->version)) {
        shard_add(s, r->key);
        task_run_end(r);
        return;
    }
    struct view *v = view_new(KIND_TASK, r->meta.profile, res->body, &why), *now;
    if (v == NULL)
        v = view_wrong(KIND_TASK, r->meta.profile, res->body, why.text, &e);
    if ((now = v) == NULL) {
        task_run_fail(r, &e);
        return;
    }
    SCOPED(view) struct view *old = store_put(s->store, &v, s->epoch);
    wake(s, old, now); /* the key, too */
    task_run_end(r);
}

void
task_run_reread(struct task_run *r)
{
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res = shard_resource(KIND_TASK, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = r->meta.name};
    struct err e = ERR_INIT;

    log_info(r->key, "the watch has not shown our last write for %d s: asking the server",
             ECHO_MS / 1000);
    if (kube_call(r->shard->kube, &q, on_read, r, &e) == NULL)
        task_run_fail(r, &e);
}
