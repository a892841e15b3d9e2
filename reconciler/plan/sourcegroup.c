/* sourcegroup.c - the TaskSpawners that share one source. */
#include "reconciler/plan/sources_self.h"

#include <openssl/sha.h>

#include "common/bus/buskey.h"
#include "common/clock.h"
#include "reconciler/job/wish.h"
#include "reconciler/plan/plan.h"

static void
member_free(void **item)
{
    struct member *m = *item;

    if (m != NULL) {
        free(m->owner);
        free(m->repo);
        free(m->when);
    }
    free(m);
    *item = NULL;
}

void
source_free(void **item)
{
    struct source *g = *item;

    if (g != NULL) {
        free(g->api_base);
        secret_free(g->user);
        secret_free(g->token);
        zhashx_destroy(&g->members);
    }
    free(g);
    *item = NULL;
}

void
source_key(char *out, const struct source_wish *w)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SCOPED(buf) struct buf text = BUF_INIT;

    if (w->public_key != NULL) {
        buskey_source(w->public_key, out);
        return;
    }
    buf_printf(&text, "%s\n%s\n%s", wish_type(w->kind), w->api_base, w->identity);
    SHA256((const unsigned char *)buf_str(&text), text.size, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

struct source *
source_of(struct sources *c, const char *key, const struct source_wish *w)
{
    struct source *g = zhashx_lookup(c->groups, key);

    if (g != NULL)
        return g;
    if ((g = calloc(1, sizeof *g)) == NULL)
        abort();
    snprintf(g->key, sizeof g->key, "%s", key);
    g->kind = w->kind;
    g->pod = w->public_key != NULL;
    g->api_base = strdup(w->api_base);
    g->members = zhashx_new();
    zhashx_set_destructor(g->members, member_free);
    g->alone_ms = clock_mono_ms();
    const char *worker = zhashx_lookup(c->joined, key);
    snprintf(g->worker, sizeof g->worker, "%s", worker != NULL ? worker : "");
    zhashx_insert(c->groups, key, g);
    c->want_changed = true;
    return g;
}

bool
source_same_secret(const struct secret *a, const struct secret *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return secret_size(a) == secret_size(b) &&
           strcmp(secret_reveal(a), secret_reveal(b)) == 0;
}

void
source_set_secret(struct source *g, struct secret **slot, const struct secret *from)
{
    if (source_same_secret(*slot, from))
        return;
    secret_free(*slot);
    *slot = from != NULL ? secret_new(secret_reveal(from), secret_size(from)) : NULL;
    g->changed = true;
}

static bool
member_differs(const struct member *m, const struct spawner_view *v,
               const struct source_wish *w, const char *when)
{
    return m == NULL || strcmp(m->uid, v->view.meta.uid) != 0 ||
           strcmp(m->when, when) != 0 || strcmp(m->owner, w->owner) != 0 ||
           strcmp(m->repo, w->repo) != 0 || m->poll_ms != plan_poll_ms(v);
}

void
source_put(struct source *g, const char *key, const struct spawner_view *v,
           const struct source_wish *w)
{
    struct member *m = zhashx_lookup(g->members, key);
    SCOPED(string) char *when = json_dump_canonical(v->when);
    const struct meta *meta = &v->view.meta;

    if (m != NULL) {
        m->watermark_ms = v->discovered_ms;
        m->handed_ms = v->handed_ms;
    }
    if (!member_differs(m, v, w, when))
        return;
    if ((m = calloc(1, sizeof *m)) == NULL)
        abort();
    snprintf(m->ns, sizeof m->ns, "%s", meta->ns);
    snprintf(m->name, sizeof m->name, "%s", meta->name);
    snprintf(m->uid, sizeof m->uid, "%s", meta->uid);
    m->owner = strdup(w->owner);
    m->repo = strdup(w->repo);
    m->when = TAKE(when);
    m->generation = meta->generation;
    m->created_ms = meta->created_ms;
    m->poll_ms = plan_poll_ms(v);
    m->watermark_ms = v->discovered_ms;
    m->handed_ms = v->handed_ms;
    zhashx_update(g->members, key, m);
    g->changed = true;
}
