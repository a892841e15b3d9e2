#include "spawner/engine.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "spawner/delivery.h"

enum {
    RECHECK_MS = 60000 /* the wall clock may be set while we wait for one of its times */
};

struct engine {
    struct engine_config config;
    char key[65];
    struct source source; /* .type NULL: not opened yet */
    struct spawn *spawns;
    struct group *groups;
    size_t polling;
    uint64_t serial;
    bool one_shot;
    bool regroup_due; /* see source.wide */
    int timer;
};

static void plan(struct engine *en, int64_t in_ms);

/* ---- spawns and groups ----------------------------------------------------------- */

static void
group_free(struct engine *en, struct group *g)
{
    for (struct group **p = &en->groups; *p != NULL; p = &(*p)->next)
        if (*p == g) {
            *p = g->next;
            break;
        }
    free(g->members);
    free(g->key);
    free(g);
}

/* A poll that runs is ended: its members are about to change. */
static void
interrupt(struct engine *en, struct group *g)
{
    if (!g->busy)
        return;
    en->source.type->forget(g);
    g->busy = false;
    g->due = clock_mono_ms();
    en->polling--;
    for (size_t i = 0; i < g->n; i++) {
        parcel_clear(&g->members[i]->delivery->next);
        g->members[i]->delivery->staged = STAGED_NOTHING;
    }
}

static void
leave_group(struct engine *en, struct spawn *s)
{
    struct group *g = s->group;

    if (g == NULL)
        return;
    interrupt(en, g);
    for (size_t i = 0; i < g->n; i++)
        if (g->members[i] == s) {
            g->members[i] = g->members[--g->n];
            break;
        }
    s->group = NULL;
    if (g->n == 0) {
        en->source.type->forget(g);
        group_free(en, g);
    } else if (en->source.type->changed != NULL)
        en->source.type->changed(g);
}

static struct group *
group_of_key(struct engine *en, const char *key)
{
    struct group *g = en->groups;

    while (g != NULL && strcmp(g->key, key) != 0)
        g = g->next;
    if (g != NULL || (g = calloc(1, sizeof(*g))) == NULL)
        return g;
    g->source = &en->source;
    g->key = strdup(key);
    g->next = en->groups;
    en->groups = g;
    return g;
}

static int
join_group(struct engine *en, struct spawn *s)
{
    SCOPED(buf) struct buf key = BUF_INIT;
    struct spawn **members;
    struct group *g;

    if (en->source.type->group_key(&en->source, s, &key) < 0 ||
        (g = group_of_key(en, buf_str(&key))) == NULL)
        return -1;
    interrupt(en, g);
    if ((members = realloc(g->members, (g->n + 1) * sizeof(struct spawn *))) == NULL)
        return -1;
    g->members = members;
    g->members[g->n++] = s;
    g->due = clock_mono_ms();
    s->group = g;
    if (en->source.type->changed != NULL)
        en->source.type->changed(g);
    return 0;
}

static void
spawn_free(struct engine *en, struct spawn *s)
{
    leave_group(en, s);
    for (struct spawn **p = &en->spawns; *p != NULL; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            break;
        }
    if (s->spec != NULL)
        en->source.type->spec_free(s->spec);
    delivery_free(s->delivery);
    free(s->owner);
    free(s->repo);
    free(s->cache);
    free(s);
}

static struct spawn *
find(const struct engine *en, unsigned shard, const char *uid)
{
    struct spawn *s = en->spawns;

    while (s != NULL && (s->shard != shard || strcmp(s->uid, uid) != 0))
        s = s->next;
    return s;
}

/* ---- when ------------------------------------------------------------------------ */

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

/* A common listing was too long: from now on each filter has its own. */
static void
regroup(struct engine *en)
{
    en->regroup_due = false;
    for (struct spawn *s = en->spawns; s != NULL; s = s->next) {
        SCOPED(buf) struct buf key = BUF_INIT;

        if (s->group == NULL || s->group->busy ||
            en->source.type->group_key(&en->source, s, &key) < 0 ||
            strcmp(buf_str(&key), s->group->key) == 0)
            continue;
        leave_group(en, s);
        (void)join_group(en, s);
    }
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

static void
tick(void *arg)
{
    struct engine *en = arg;
    int64_t now = clock_mono_ms(), wall = clock_wall_ms(), next = deliver(en, now);

    en->timer = 0;
    if (en->regroup_due)
        regroup(en);
    for (struct group *g = en->groups; g != NULL; g = g->next) {
        if (g->busy || g->n == 0)
            continue;
        if (g->due <= now && en->source.gate > wall)
            hold(en, g, now, wall);
        if (g->due <= now && en->polling < LIMIT_SOURCE_POLLS)
            begin_poll(en, g);
        else if (g->due > now && g->due < next)
            next = g->due;
    }
    if (next != INT64_MAX)
        plan(en, next - now);
}

/* Looks again in so many ms at the latest. */
static void
plan(struct engine *en, int64_t in_ms)
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

/* ---- the end of a poll ----------------------------------------------------------- */

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

static void
count_poll(struct engine *en, const struct group *g, const struct failure *f)
{
    const char *result = f != NULL ? f->reason : "unchanged";

    for (size_t i = 0; f == NULL && i < g->n; i++)
        if (g->members[i]->delivery->staged == STAGED_SET)
            result = "items";
    metric_add(en->config.metrics, METRIC_SOURCE_POLLS, 1, en->source.type->name, result);
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

    g->busy = false;
    en->polling--;
    g->due = now + delay;
    count_poll(en, g, f);
    if (f != NULL)
        log_warn(g->key, "%s", f->message);
    for (size_t i = 0; i < g->n; i++) {
        struct spawn *s = g->members[i];

        s->delivery->poll = (struct msg_poll){
            .polled = wall,
            .next_poll = f == NULL && next_at > 0 ? next_at : wall + delay,
            .quota_left = en->source.quota.left,
            .quota_reset = en->source.quota.reset,
            .calls = g->calls};
        settle(en, s, f);
    }
    if (en->source.n_wide > 0)
        en->regroup_due = true;
    check_finished(en);
    plan(en, 0);
}

/* ---- assignments ----------------------------------------------------------------- */

static int
set_secret(struct secret **held, const char *text, bool *changed)
{
    const char *old = *held != NULL ? secret_reveal(*held) : "";

    if (strcmp(old, text) == 0)
        return 0;
    *changed = true;
    secret_free(*held);
    *held = NULL;
    if (*text != '\0' && (*held = secret_new(text, strlen(text))) == NULL)
        return -1;
    return 0;
}

/* Only the source's own host may be asked. */
static int
allow_host(struct http *http, const char *base, struct err *e)
{
    const char *from = strstr(base, "://");
    char host[512];
    const char *const hosts[] = {host, NULL};
    size_t n;

    if (from == NULL)
        return err_set(e, ERR_INVALID, "api_base: \"%.200s\" is no URL", base);
    from += 3;
    n = *from == '[' ? strcspn(from, "]") + 1 : strcspn(from, ":/?#");
    if (n == 0 || n >= sizeof(host) || memchr(from, '@', strcspn(from, "/?#")) != NULL)
        return err_set(e, ERR_INVALID, "api_base: \"%.200s\" must be https://HOST/...",
                       base);
    /* The brackets of an IPv6 address belong to the URL only. */
    snprintf(host, sizeof(host), "%.*s", (int)(*from == '[' ? n - 2 : n),
             *from == '[' ? from + 1 : from);
    return http_allow_hosts(http, hosts, e);
}

static int
open_source(struct engine *en, const struct msg_assign *m, struct err *e)
{
    struct source *src = &en->source;
    const struct source_type *type = source_type(m->type);
    const char *base =
        *m->api_base != '\0' || type == NULL ? m->api_base : type->default_base;
    size_t n = strlen(base);

    if (type == NULL)
        return err_set(e, ERR_INVALID, "type: \"%s\" is no kind of source", m->type);
    if (src->type == type && src->base != NULL)
        return 0;
    if (src->type != NULL)
        return err_set(e, ERR_INVALID, "type: is %s and cannot become %s",
                       src->type->name, m->type);
    while (n > 0 && base[n - 1] == '/')
        n--;
    if (n > 0 && allow_host(en->config.http, base, e) < 0)
        return -1;
    if ((src->base = strndup(base, n)) == NULL)
        return err_errno(e, "source");
    src->type = type;
    src->engine = en;
    src->loop = en->config.loop;
    src->http = en->config.http;
    src->metrics = en->config.metrics;
    return 0;
}

static void
refuse(struct engine *en, struct spawn *s, const struct err *why)
{
    struct failure f = {0};

    failure_set(&f, "InvalidSource", "%s", why->text);
    (void)delivery_send_failure(&en->config, s, &f, &en->source.quota, ++en->serial);
    s->delivery->answered = true;
    log_warn(NULL, "%s/%s: %s", s->ns, s->name, why->text);
}

static int64_t
at_least_floor(int64_t poll_ms)
{
    return poll_ms < PACE_FLOOR_MS ? PACE_FLOOR_MS : poll_ms;
}

static void
add_spawn(struct engine *en, unsigned shard, const struct msg_spawn *m)
{
    struct spawn *s = calloc(1, sizeof(*s));
    SCOPED(json) json_t *when = NULL;
    struct err e = ERR_INIT;

    if (s == NULL || (s->delivery = delivery_new()) == NULL) {
        free(s);
        log_error(NULL, "%s/%s: out of memory", m->ns, m->name);
        return;
    }
    s->shard = shard;
    snprintf(s->ns, sizeof(s->ns), "%s", m->ns);
    snprintf(s->name, sizeof(s->name), "%s", m->name);
    snprintf(s->uid, sizeof(s->uid), "%s", m->uid);
    snprintf(s->digest, sizeof(s->digest), "%s", m->digest);
    s->generation = m->generation;
    s->created = m->created;
    s->poll_ms = at_least_floor(m->poll_ms);
    s->watermark = m->watermark;
    s->owner = strdup(m->owner);
    s->repo = strdup(m->repo);
    s->cache = strdup(m->cache);
    digest_hex(m->when, strlen(m->when), s->when_digest);
    s->next = en->spawns;
    en->spawns = s;
    if ((when = json_parse(m->when, strlen(m->when), 262144, &e)) == NULL ||
        (s->spec = en->source.type->read(s, when, &e)) == NULL || join_group(en, s) < 0)
        refuse(en, s, &e);
}

static bool
is_same(const struct spawn *s, const struct msg_spawn *m)
{
    char digest[DIGEST_SIZE];

    digest_hex(m->when, strlen(m->when), digest);
    return strcmp(digest, s->when_digest) == 0 && strcmp(s->owner, m->owner) == 0 &&
           strcmp(s->repo, m->repo) == 0 && s->spec != NULL;
}

/* The shard does not hold the set: the next poll must give it whole, and soon. */
static void
force(struct spawn *s)
{
    int64_t soonest, now = clock_mono_ms();

    s->force = true;
    if (s->group == NULL || s->group->busy)
        return;
    /* A shard that keeps on asking makes no storm of requests. */
    soonest = s->group->polled + PACE_FLOOR_MS;
    s->group->due = soonest > now ? soonest : now;
}

/* The spawn stays as it is; what may change beside `when` is taken over. */
static void
keep_spawn(struct spawn *s, const struct msg_spawn *m)
{
    s->generation = m->generation;
    if (s->resync) {
        /* Another process of the shard: it says which set it holds. */
        s->resync = false;
        s->delivery->out.sent_at = 0;
        if (strcmp(s->digest, m->digest) != 0) {
            s->watermark = m->watermark; /* what it had taken beyond is lost with it */
            force(s);
        }
    }
    if (s->poll_ms != at_least_floor(m->poll_ms)) {
        s->poll_ms = at_least_floor(m->poll_ms);
        if (s->group->due > clock_mono_ms() + s->poll_ms)
            s->group->due = clock_mono_ms() + s->poll_ms;
    }
    if (m->watermark > s->watermark)
        s->watermark = m->watermark;
}

static bool
is_named(const struct msg_assign *m, const char *uid)
{
    for (size_t i = 0; i < m->spawns.count; i++)
        if (strcmp(m->spawns.items[i].uid, uid) == 0)
            return true;
    return false;
}

/* A fresh credential: what waited because of the old one is tried at once. */
static void
credential_changed(struct engine *en)
{
    en->source.gate = 0;
    en->source.limit_hits = 0;
    en->source.quota = (struct quota)QUOTA_UNKNOWN;
    for (struct group *g = en->groups; g != NULL; g = g->next)
        if (!g->busy && g->failures > 0)
            g->due = clock_mono_ms();
}

int
engine_assign(struct engine *en, unsigned shard, const struct msg_assign *m,
              struct err *e)
{
    bool changed = false;

    if (strcmp(m->key, en->key) != 0)
        return err_set(e, ERR_PROTO, "source.assign is for another source");
    if (open_source(en, m, e) < 0)
        return -1;
    if (set_secret(&en->source.user, m->user, &changed) < 0 ||
        set_secret(&en->source.token, m->token, &changed) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if (changed)
        credential_changed(en);
    en->one_shot = m->one_shot;
    for (struct spawn *s = en->spawns, *next; s != NULL; s = next) {
        next = s->next;
        if (s->shard == shard && !is_named(m, s->uid))
            spawn_free(en, s);
    }
    for (size_t i = 0; i < m->spawns.count; i++) {
        struct spawn *s = find(en, shard, m->spawns.items[i].uid);

        if (s != NULL && is_same(s, &m->spawns.items[i])) {
            keep_spawn(s, &m->spawns.items[i]);
            continue;
        }
        if (s != NULL)
            spawn_free(en, s);
        add_spawn(en, shard, &m->spawns.items[i]);
    }
    plan(en, 0);
    return 0;
}

void
engine_ack(struct engine *en, unsigned shard, const struct msg_source_ack *m)
{
    struct spawn *s = find(en, shard, m->uid);

    if (s == NULL || strcmp(m->key, en->key) != 0)
        return;
    if (m->want_full) {
        force(s);
        if (s->delivery->out.set != NULL)
            s->delivery->out.sent_at = 0;
    } else
        (void)delivery_taken(s, m->serial);
    check_finished(en);
    plan(en, 0);
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
        spawn_free(en, en->spawns);
    secret_free(en->source.user);
    secret_free(en->source.token);
    for (size_t i = 0; i < en->source.n_wide; i++)
        free(en->source.wide[i]);
    free(en->source.base);
    free(en);
}
