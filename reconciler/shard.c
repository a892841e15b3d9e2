/* shard.c - see shard.h. */
#include "reconciler/shard.h"

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/quarantine.h"
#include "reconciler/writes.h"

/* How many keys one event may process before the loop is served again. */
#define BATCH 64
/* How soon what was refused is asked for again: at first, and in the end. */
#define REFUSED_FIRST_MS 4000
#define REFUSED_CAP_MS 60000

static const char *
make_key(char *out, const char *kind, unsigned profile, const char *ns, const char *name)
{
    snprintf(out, SHARD_KEY_MAX, "%s/%u/%s/%s", kind, profile, ns, name);
    return out;
}

const char *
task_key(char *out, unsigned profile, const char *ns, const char *name)
{
    return make_key(out, "task", profile, ns, name);
}

const char *
spawner_key(char *out, unsigned profile, const char *ns, const char *name)
{
    return make_key(out, "spawner", profile, ns, name);
}

bool
shard_parse_key(const char *key, bool *task, unsigned *profile, char *ns, char *name)
{
    char kind[16];

    *task = false;
    if (sscanf(key, "%15[^/]/%u/%63[^/]/%253[^/]", kind, profile, ns, name) != 4)
        return false;
    *task = strcmp(kind, "task") == 0;
    return *task || strcmp(kind, "spawner") == 0;
}

static void
on_timer(void *arg, struct worker *w)
{
    struct shard *s = arg;

    (void)w;
    s->timer = 0;
    shard_work(s);
}

/* What a key asks for is kept until its turn: no more keys are begun than that is of use. */
static bool
full(const struct shard *s)
{
    return kube_full(s->kube) || writes_full(s->writes);
}

/* One timer serves all deadlines; `now` when there is more to do than one batch. */
static void
arm(struct shard *s, int64_t now_ms)
{
    int64_t at = queue_depth(s->queue) > 0 && s->synced && s->leader
                     ? now_ms
                     : queue_deadline(s->queue);

    if (at < 0 || !s->synced || !s->leader || s->stopping || full(s))
        return;
    if (s->timer > 0 && s->timer_at <= at)
        return;
    worker_cancel(s->worker, s->timer);
    s->timer_at = at;
    s->timer = worker_after(s->worker, at > now_ms ? at - now_ms : 0, on_timer, s);
}

void
shard_go_on(void *shard)
{
    arm(shard, clock_mono_ms());
}

void
shard_add(struct shard *s, const char *key)
{
    if (s->background)
        queue_add_low(s->queue, key);
    else
        queue_add(s->queue, key);
    arm(s, clock_mono_ms());
}

void
shard_add_at(struct shard *s, const char *key, int64_t wall_ms)
{
    int64_t left = wall_ms - clock_wall_ms(), now = clock_mono_ms();

    /* The milliseconds of the two clocks do not begin together: not one too early. */
    queue_add_at(s->queue, key, now + (left > 0 ? left + 1 : 0));
    arm(s, now);
}

void
shard_add_task(struct shard *s, unsigned profile, const char *ns, const char *name)
{
    char key[SHARD_KEY_MAX];

    shard_add(s, task_key(key, profile, ns, name));
}

void
shard_add_spawner(struct shard *s, unsigned profile, const char *ns, const char *name)
{
    char key[SHARD_KEY_MAX];

    shard_add(s, spawner_key(key, profile, ns, name));
}

void
shard_done(struct shard *s, const char *key)
{
    queue_done(s->queue, key);
    arm(s, clock_mono_ms());
    if (s->stopping && queue_processing(s->queue) == 0)
        worker_drained(s->worker);
}

void
shard_count_error(struct shard *s, const char *key)
{
    bool task = strncmp(key, "task/", 5) == 0;

    metric_add(worker_metrics(s->worker), METRIC_RECONCILE_ERRORS, 1,
               task ? "task" : "taskspawner");
}

void
shard_failed(struct shard *s, const char *key, const struct err *e)
{
    int64_t delay = queue_failed(s->queue, key, clock_mono_ms());

    shard_count_error(s, key);
    if (delay > 1000)
        log_warn(key, "%s; again in %lld ms", e->text, (long long)delay);
    else
        log_info(key, "%s; again in %lld ms", e->text, (long long)delay);
    arm(s, clock_mono_ms());
    if (s->stopping && queue_processing(s->queue) == 0)
        worker_drained(s->worker);
}

int64_t
shard_refusal_ms(unsigned refusals)
{
    int64_t ms = REFUSED_FIRST_MS << (refusals < 4 ? refusals : 4);

    return ms < REFUSED_CAP_MS ? ms : REFUSED_CAP_MS;
}

struct busy
shard_busy(struct shard *s, const char *key)
{
    worker_busy(s->worker, key);
    return (struct busy){s->worker};
}

static void
process(struct shard *s, const char *taken)
{
    char key[SHARD_KEY_MAX], ns[64], name[254];
    unsigned profile;
    bool task;

    snprintf(key, sizeof key, "%s", taken);
    if (!shard_parse_key(key, &task, &profile, ns, name)) {
        queue_forget(s->queue, key);
        return;
    }
    if (quarantine_holds(s, key)) {
        queue_done(s->queue, key);
        return;
    }
    SHARD_BUSY(s, key);
    if (task)
        task_run(s, key, profile, ns, name);
    else
        spawner_run(s, key, profile, ns, name);
}

void
shard_work(struct shard *s)
{
    int64_t now = clock_mono_ms();
    const char *key;

    for (int i = 0; i < BATCH && s->synced && s->leader && !s->stopping && !full(s);
         i++) {
        if ((key = queue_take(s->queue, now)) == NULL)
            break;
        metric_observe(worker_metrics(s->worker), METRIC_QUEUE_WAIT,
                       (double)queue_waited(s->queue) / 1000, "reconcile");
        process(s, key);
    }
    metric_set(worker_metrics(s->worker), METRIC_QUEUE_DEPTH,
               (double)queue_depth(s->queue), "reconcile");
    arm(s, clock_mono_ms());
}

const struct kube_resource *
shard_resource(unsigned kind, unsigned profile)
{
    bool ours = object_kind_ours((enum object_kind)kind);

    return kube_res_find(ours ? api_profile_group((enum api_profile)profile) : NULL,
                         object_kind_plural((enum object_kind)kind));
}
