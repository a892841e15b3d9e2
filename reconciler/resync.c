/* resync.c - see resync.h. */
#include "reconciler/resync.h"

#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"

int64_t
resync_delay_ms(double random)
{
    return RESYNC_MS * 9 / 10 + (int64_t)(random * (double)(RESYNC_MS / 5));
}

static void
add_low(void *arg, struct view *v)
{
    const struct meta *m = &v->meta;
    struct shard *s = arg;
    char key[SHARD_KEY_MAX];

    if (v->kind == KIND_TASK)
        queue_add_low(s->queue, task_key(key, m->profile, m->ns, m->name));
    else
        queue_add_low(s->queue, spawner_key(key, m->profile, m->ns, m->name));
}

void
resync_all(struct shard *s)
{
    store_each(s->store, KIND_TASK, add_low, s);
    store_each(s->store, KIND_TASK_SPAWNER, add_low, s);
}

static void
on_time(void *arg, struct worker *w)
{
    struct shard *s = arg;

    (void)w;
    resync_all(s);
    log_info(NULL, "resync: %zu keys", queue_depth(s->queue));
    resync_start(s);
    shard_work(s);
}

void
resync_start(struct shard *s)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint32_t)clock_mono_ns();
    worker_after(s->worker, resync_delay_ms((double)random / UINT32_MAX), on_time, s);
}
