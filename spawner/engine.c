#include "spawner/engine_self.h"

#include <malloc.h>
#include <string.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "spawner/delivery.h"

enum {
    RECHECK_MS = 60000 /* the wall clock may be set while we wait for one of its times */
};

/* ---- when ---- */

static double
chance(void)
{
    return (double)random() / ((double)RAND_MAX + 1);
}

static int64_t
shortest_interval(const struct group *g)
{
    int64_t ms = INT64_MAX;

    for (size_t i = 0; i < g->n; i++)
        if (g->members[i]->poll_ms < ms)
            ms = g->members[i]->poll_ms;
    return ms;
}

static size_t
on_their_way(const struct engine *en, unsigned shard)
{
    size_t n = 0;

    for (const struct spawn *s = en->spawns; s != NULL; s = s->next)
        n += s->shard == shard && s->delivery->out.set != NULL &&
             s->delivery->out.sent_at > 0;
    return n;
}

/* Sends what waits for the window, and again what was not acknowledged. Returns when to look
 * again (monotonic ms). */
static int64_t
deliver(struct engine *en, int64_t now)
{
    int64_t next = INT64_MAX;

    for (struct spawn *s = en->spawns; s != NULL; s = s->next) {
        struct parcel *p = &s->delivery->out;

        if (p->set == NULL)
            continue;
        if (p->sent_at > 0 && now - p->sent_at >= ENGINE_RESEND_MS)
            p->sent_at = 0;
        if (p->sent_at == 0 && on_their_way(en, s->shard) < ENGINE_WINDOW &&
            delivery_send(&en->config, s, now) < 0)
            next = now + 1000;
        if (p->sent_at > 0 && p->sent_at + ENGINE_RESEND_MS < next)
            next = p->sent_at + ENGINE_RESEND_MS;
    }
    return next;
}

/* The source has said "too much": this group waits, too, and its spawns are told once. */
static void
hold(struct engine *en, struct group *g, int64_t now, int64_t wall)
{
    struct failure f = {.retry_at = en->source.gate};
    char until[RFC3339_SIZE];

    g->due = now + (en->source.gate - wall) + (int64_t)(1000 * chance());
    if (g->told == en->source.gate)
        return;
    g->told = en->source.gate;
    rfc3339_format(en->source.gate, until);
    failure_set(&f, "RateLimited",
                "%s API: the rate limit of this credential is used up until %s",
                en->source.type->who, until);
    for (size_t i = 0; i < g->n; i++) {
        g->members[i]->delivery->poll.next_poll = wall + (g->due - now);
        (void)delivery_send_failure(&en->config, g->members[i], &f, &en->source.quota,
                                    ++en->serial);
    }
}

static void
begin_poll(struct engine *en, struct group *g)
{
    g->busy = true;
    g->polled = clock_mono_ms();
    g->calls = 0;
    en->polling++;
    en->source.type->poll(g);
}

/* What fails, or has never answered, may hang till its time is up: it gets some of the
 * polls only, so that those which answer are never late behind it. */
static bool
is_suspect(const struct group *g)
{
    return g->failures > 0 || !g->proven;
}

static bool
has_room(const struct engine *en, const struct group *g)
{
    size_t suspects = 0;

    for (const struct group *o = en->groups; o != NULL; o = o->next)
        suspects += o->busy && is_suspect(o);
    return en->polling < LIMIT_SOURCE_POLLS &&
           (!is_suspect(g) || suspects < LIMIT_SOURCE_SUSPECTS);
}

static void
tick(void *arg)
{
    struct engine *en = arg;
    int64_t now = clock_mono_ms(), wall = clock_wall_ms(), next = deliver(en, now);

    en->timer = 0;
    if (en->regroup_due)
        roster_regroup(en);
    for (struct group *g = en->groups; g != NULL; g = g->next) {
        if (g->busy || g->n == 0)
            continue;
        if (g->due <= now && en->source.gate > wall)
            hold(en, g, now, wall);
        if (g->due <= now && has_room(en, g))
            begin_poll(en, g);
        else if (g->due > now && g->due < next)
            next = g->due;
    }
    if (next != INT64_MAX)
        engine_plan(en, next - now);
}

/* Looks again in so many ms at the latest. */
void
engine_plan(struct engine *en, int64_t in_ms)
{
    struct err e = ERR_INIT;

    /* An earlier look may be planned already: looking is cheap, and it plans the next. */
    if (en->timer > 0 && in_ms > 0)
        return;
    loop_timer_stop(en->config.loop, en->timer);
    if (in_ms > RECHECK_MS)
        in_ms = RECHECK_MS;
    if ((en->timer = loop_timer(en->config.loop, in_ms < 0 ? 0 : in_ms, tick, en, &e)) <
        0)
        log_error(NULL, "timer: %s", e.text);
}

/* ---- the end of a poll ---- */

static int64_t
delay_of(struct group *g, const struct failure *f, int64_t next_at, int64_t wall)
{
    if (f != NULL) {
        g->failures++;
        if (f->retry_at > wall)
            return f->retry_at - wall + (int64_t)(1000 * chance());
        return pace_failed_ms(shortest_interval(g), g->failures, chance());
    }
    g->failures = 0;
    g->proven = true;
    if (next_at > 0) {
        int64_t ms = next_at > wall ? next_at - wall : 0;

        return ms < RECHECK_MS ? ms : RECHECK_MS;
    }
    return pace_next_ms(shortest_interval(g), &g->source->quota, chance());
}

static void
settle(struct engine *en, struct spawn *s, const struct failure *f)
{
    struct delivery *d = s->delivery;
    int rc = 0;

    if (f != NULL)
        source_failed(s, f);
    if (d->staged == STAGED_SET)
        (void)delivery_settle(s, ++en->serial);
    if (d->staged == STAGED_UNCHANGED)
        rc = delivery_send_unchanged(&en->config, s, ++en->serial);
    else if (d->staged == STAGED_FAILURE)
        rc = delivery_send_failure(&en->config, s, &d->failure, &en->source.quota,
                                   ++en->serial);
    if (rc == 0 && d->staged != STAGED_NOTHING)
        d->answered = true;
    d->staged = STAGED_NOTHING;
}

/* Returns whether anything was read. */
static bool
count_poll(struct engine *en, const struct group *g, const struct failure *f)
{
    const char *result = f != NULL ? f->reason : "unchanged";

    for (size_t i = 0; f == NULL && i < g->n; i++)
        if (g->members[i]->delivery->staged == STAGED_SET)
            result = "items";
    metric_add(en->config.metrics, METRIC_SOURCE_POLLS, 1, en->source.type->name, result);
    return strcmp(result, "unchanged") != 0;
}

static void
check_finished(struct engine *en)
{
    if (!en->one_shot || en->config.finished == NULL || en->spawns == NULL)
        return;
    for (const struct spawn *s = en->spawns; s != NULL; s = s->next)
        if (!s->delivery->answered || s->delivery->out.set != NULL)
            return;
    en->one_shot = false;
    en->config.finished(en->config.arg);
}

void
source_done(struct group *g, const struct failure *f, int64_t next_at)
{
    struct engine *en = g->source->engine;
    int64_t now = clock_mono_ms(), wall = clock_wall_ms();
    int64_t delay = delay_of(g, f, next_at, wall);
    bool read = count_poll(en, g, f);

    g->busy = false;
    en->polling--;
    g->due = now + delay;
    if (f != NULL)
        log_warn(g->key, "%s", f->message);
    for (size_t i = 0; i < g->n; i++) {
        struct spawn *s = g->members[i];

        s->delivery->poll = (struct msg_poll){
            .polled = wall - (now - g->polled), /* what it says was so when it began */
            .next_poll = f == NULL && next_at > 0 ? next_at : wall + delay,
            .quota_left = en->source.quota.left,
            .quota_reset = en->source.quota.reset,
            .quota_limit = en->source.quota.limit,
            .calls = g->calls};
        settle(en, s, f);
    }
    if (en->source.n_wide > 0)
        en->regroup_due = true;
    check_finished(en);
    /* Till the next poll there is no use for what this one's answers took. */
    if (read && en->polling == 0)
        malloc_trim(0);
    engine_plan(en, 0);
}

/* ---- acknowledgements ---- */

void
engine_ack(struct engine *en, unsigned shard, const struct msg_source_ack *m)
{
    struct spawn *s = roster_find(en, shard, m->uid);

    if (s == NULL || strcmp(m->key, en->key) != 0)
        return;
    if (m->want_full) {
        roster_force(s);
        if (s->delivery->out.set != NULL)
            s->delivery->out.sent_at = 0;
    } else
        (void)delivery_taken(s, m->serial);
    check_finished(en);
    engine_plan(en, 0);
}

void
engine_rejoined(struct engine *en, unsigned shard)
{
    for (struct spawn *s = en->spawns; s != NULL; s = s->next)
        if (s->shard == shard)
            s->resync = true;
}

struct engine *
engine_new(const struct engine_config *c)
{
    struct engine *en = calloc(1, sizeof(*en));

    if (en == NULL)
        return NULL;
    en->config = *c;
    snprintf(en->key, sizeof(en->key), "%s", c->key);
    en->config.key = en->key;
    en->source.explain = c->explain;
    en->source.quota = (struct quota)QUOTA_UNKNOWN;
    /* Serials grow over restarts, too. */
    en->serial = (uint64_t)clock_wall_ms() * 1000;
    srandom((unsigned)clock_mono_ns());
    return en;
}

void
engine_free(struct engine *en)
{
    if (en == NULL)
        return;
    loop_timer_stop(en->config.loop, en->timer);
    while (en->spawns != NULL)
        roster_drop(en, en->spawns);
    secret_free(en->source.user);
    secret_free(en->source.token);
    for (size_t i = 0; i < en->source.n_wide; i++)
        free(en->source.wide[i]);
    free(en->source.base);
    free(en);
}
