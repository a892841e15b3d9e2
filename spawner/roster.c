/* roster.c - for whom a source works: assignments come in, groups are formed. */
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/log.h"
#include "spawner/delivery.h"
#include "spawner/engine_self.h"

/* ---- spawns and groups ---- */

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

void
roster_drop(struct engine *en, struct spawn *s)
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

struct spawn *
roster_find(const struct engine *en, unsigned shard, const char *uid)
{
    struct spawn *s = en->spawns;

    while (s != NULL && (s->shard != shard || strcmp(s->uid, uid) != 0))
        s = s->next;
    return s;
}

/* A common listing was too long: from now on each filter has its own. */
void
roster_regroup(struct engine *en)
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

/* ---- assignments ---- */

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
    s->handed = m->handed;
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
void
roster_force(struct spawn *s)
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
            roster_force(s);
        }
    }
    if (s->poll_ms != at_least_floor(m->poll_ms)) {
        s->poll_ms = at_least_floor(m->poll_ms);
        if (s->group != NULL && s->group->due > clock_mono_ms() + s->poll_ms)
            s->group->due = clock_mono_ms() + s->poll_ms;
    }
    if (m->watermark > s->watermark)
        s->watermark = m->watermark;
    s->handed = m->handed;
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
engine_credential(struct engine *en, const char *user, const char *token)
{
    bool changed = false;

    if (set_secret(&en->source.user, user, &changed) < 0 ||
        set_secret(&en->source.token, token, &changed) < 0)
        return -1;
    if (changed)
        credential_changed(en);
    engine_plan(en, 0);
    return 0;
}

int
engine_assign(struct engine *en, unsigned shard, const struct msg_assign *m,
              struct err *e)
{
    if (strcmp(m->key, en->key) != 0)
        return err_set(e, ERR_PROTO, "source.assign is for another source");
    if (open_source(en, m, e) < 0)
        return -1;
    if (engine_credential(en, m->user, m->token) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    en->one_shot = m->one_shot;
    for (struct spawn *s = en->spawns, *next; s != NULL; s = next) {
        next = s->next;
        if (s->shard == shard && !is_named(m, s->uid))
            roster_drop(en, s);
    }
    for (size_t i = 0; i < m->spawns.count; i++) {
        struct spawn *s = roster_find(en, shard, m->spawns.items[i].uid);

        if (s != NULL && is_same(s, &m->spawns.items[i])) {
            keep_spawn(s, &m->spawns.items[i]);
            continue;
        }
        if (s != NULL)
            roster_drop(en, s);
        add_spawn(en, shard, &m->spawns.items[i]);
    }
    engine_plan(en, 0);
    return 0;
}
