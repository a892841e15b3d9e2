/* spawnercycle.c - see spawnercycle.h. */
#include "reconciler/plan/spawnercycle.h"

#include "common/bus/shard.h"
#include "common/clock.h"
#include "common/limits.h"

/* Those beyond the limit are counted together: their series would fill the page. */
#define OTHERS "(others)"

static void
count(const struct cycle_of *c, enum metric id, double by)
{
    struct cycle *y = &c->memory->cycle;

    if (!y->named && c->shard->n_named_spawners < LIMIT_METRIC_SPAWNERS) {
        y->named = true;
        c->shard->n_named_spawners++;
    }
    metric_add(worker_metrics(c->shard->worker), id, by, c->ns,
               y->named ? c->name : OTHERS);
}

static void
observe(const struct cycle_of *c, int64_t ms)
{
    metric_observe(worker_metrics(c->shard->worker), METRIC_SPAWNER_DURATION,
                   ms > 0 ? (double)ms / 1000 : 0, c->ns,
                   c->memory->cycle.named ? c->name : OTHERS);
}

void
cycle_begin(const struct cycle_of *c, int64_t began_ms)
{
    struct cycle *y = &c->memory->cycle;

    y->open = true;
    y->serial++;
    y->began_ms = began_ms;
    y->unbuilt = 0;
    if (c->memory->items != NULL)
        count(c, METRIC_SPAWNER_ITEMS, (double)c->memory->items->n);
}

void
cycle_fail(const struct cycle_of *c, int64_t began_ms)
{
    c->memory->cycle.open = false;
    count(c, METRIC_SPAWNER_ERRORS, 1);
    observe(c, clock_wall_ms() - began_ms);
}

void
cycle_end(const struct cycle_of *c, uint64_t serial, bool good)
{
    struct cycle *y = c->memory != NULL ? &c->memory->cycle : NULL;

    if (y == NULL || !y->open || y->serial != serial)
        return;
    y->open = false;
    count(c, good ? METRIC_SPAWNER_DISCOVERIES : METRIC_SPAWNER_ERRORS, 1);
    observe(c, clock_wall_ms() - y->began_ms);
}

void
cycle_unbuilt(const struct cycle_of *c, const struct spawner_view *v, const char *why)
{
    struct cycle *y = &c->memory->cycle;
    uint64_t reason = fnv1a_64(why) ^ (uint64_t)v->view.meta.generation;
    int64_t now = clock_mono_ms();

    if (reason == y->unbuilt && now - y->unbuilt_ms < plan_poll_ms(v))
        return;
    y->unbuilt = reason;
    y->unbuilt_ms = now;
    y->open = false;
    count(c, METRIC_SPAWNER_ERRORS, 1);
    observe(c, 0);
}

void
cycle_created(const struct cycle_of *c)
{
    count(c, METRIC_SPAWNER_TASKS, 1);
}
