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
    m->echo.version[0] = '\0';
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
