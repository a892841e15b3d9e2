/* sources.c - see sources.h. */
#include "reconciler/plan/sources_self.h"

#include "common/clock.h"

/* The first set waits so long at most for TaskSpawners whose Secrets are still read. */
#define FIRST_WANT_MS 3000

static void
text_free(void **item)
{
    free(*item);
    *item = NULL;
}

void
sources_drop(struct sources *c, const char *key)
{
    const char *group_key = zhashx_lookup(c->group_of, key);
    struct source *g = group_key != NULL ? zhashx_lookup(c->groups, group_key) : NULL;

    if (g != NULL) {
        zhashx_delete(g->members, key);
        g->changed = true;
        if (zhashx_size(g->members) == 0) {
            zhashx_delete(c->groups, group_key);
            c->want_changed = true;
        }
        sources_flush_soon(c);
        tokens_look(c->shard);
    }
    zhashx_delete(c->group_of, key);
}

bool
sources_poll(const struct sources *c, const char *key, const char *api_base)
{
    const char *group_key = zhashx_lookup(c->group_of, key);
    const struct source *g =
        group_key != NULL ? zhashx_lookup(c->groups, group_key) : NULL;

    return g != NULL && !g->pod && strcmp(g->api_base, api_base) == 0;
}

bool
sources_hold(const struct sources *c, const struct secret *token)
{
    for (const struct source *g = zhashx_first(c->groups); g != NULL;
         g = zhashx_next(c->groups))
        if (source_same_secret(g->token, token))
            return true;
    return false;
}

void
sources_set(struct sources *c, const char *key, const struct spawner_view *v,
            const struct source_wish *w)
{
    char group_key[65];
    const char *before = zhashx_lookup(c->group_of, key);

    source_key(group_key, w);
    if (before != NULL && strcmp(before, group_key) != 0)
        sources_drop(c, key);
    if (zhashx_lookup(c->group_of, key) == NULL)
        zhashx_insert(c->group_of, key, strdup(group_key));
    struct source *g = source_of(c, group_key, w);
    source_set_secret(g, &g->user, w->user);
    source_set_secret(g, &g->token, w->token);
    source_put(g, key, v, w);
    if (g->changed || c->want_changed)
        sources_flush_soon(c);
}

void
sources_synced(struct sources *c)
{
    c->synced = true;
    c->want_changed = true;
    c->first_until = clock_mono_ms() + FIRST_WANT_MS;
    sources_flush_after(c, FIRST_WANT_MS);
    sources_flush_soon(c);
}

void
sources_resolved(struct sources *c)
{
    if (!c->told && c->want_changed)
        sources_flush_soon(c);
}

/* A supervisor that came back has forgotten what we want. */
static void
on_control(void *arg, struct bus *bus, const struct peer *peer)
{
    struct sources *c = arg;

    (void)bus;
    (void)peer;
    c->want_changed = true;
    if (c->synced)
        sources_flush_soon(c);
}

struct sources *
sources_new(struct shard *s, struct err *e)
{
    struct sources *c = calloc(1, sizeof *c);
    const struct bus_calls calls = {.rows = sources_handlers,
                                    .n_rows = sources_n_handlers,
                                    .gone = sources_worker_gone,
                                    .arg = c};
    const struct bus_calls control = {
        .rows = sources_handlers, .joined = on_control, .arg = c};
    char name[40];

    if (c == NULL)
        abort();
    c->shard = s;
    c->groups = zhashx_new();
    c->group_of = zhashx_new();
    c->joined = zhashx_new();
    zhashx_set_destructor(c->joined, text_free);
    zhashx_set_destructor(c->groups, source_free);
    zhashx_set_destructor(c->group_of, text_free);
    snprintf(name, sizeof name, "source-%lld", (long long)s->index);
    if ((c->bus = worker_bind(s->worker, name, &calls, e)) == NULL) {
        sources_free(c);
        return NULL;
    }
    worker_on_control(s->worker, &control);
    return c;
}

void
sources_free(struct sources *c)
{
    if (c == NULL)
        return;
    zhashx_destroy(&c->joined);
    zhashx_destroy(&c->group_of);
    zhashx_destroy(&c->groups);
    free(c);
}
