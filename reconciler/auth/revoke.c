/* revoke.c - see credentials.h: a token that nobody uses is given back. */
#include <strings.h>

#include "common/clock.h"
#include "common/data/apptoken.h"
#include "common/http/bearer.h"
#include "common/log.h"
#include "reconciler/auth/credentials_self.h"

/* One call. */
struct revoke {
    struct credentials *all;
    char ns[64], name[254];
    struct http_call *call;
};

/* ---- tokens that were given out ---- */

static void
issued_drop(struct token_issued *t)
{
    secret_free(t->token);
    *t = (struct token_issued){.token = NULL};
}

static bool
is_token(const struct secret *a, const struct secret *b)
{
    return a != NULL && secret_size(a) == secret_size(b) &&
           strcmp(secret_reveal(a), secret_reveal(b)) == 0;
}

/* A free place, or that of the one that ends first. */
static struct token_issued *
place(struct entry *en)
{
    struct token_issued *first = &en->issued[0];

    for (size_t i = 0; i < TOKENS_ISSUED; i++) {
        struct token_issued *t = &en->issued[i];
        if (t->token != NULL && t->expires_ms <= clock_wall_ms())
            issued_drop(t);
        if (t->token == NULL)
            return t;
        if (t->expires_ms < first->expires_ms)
            first = t;
    }
    return first;
}

static void
add(struct entry *en, const struct secret *token, int64_t expires_ms)
{
    if (token == NULL || expires_ms <= clock_wall_ms() || is_token(en->token, token))
        return;
    for (size_t i = 0; i < TOKENS_ISSUED; i++)
        if (is_token(en->issued[i].token, token))
            return;
    struct token_issued *t = place(en);
    issued_drop(t);
    t->token = secret_new(secret_reveal(token), secret_size(token));
    t->expires_ms = expires_ms;
}

void
revoke_keep(struct entry *en)
{
    SCOPED(secret) struct secret *token = NULL;

    if (!en->app)
        return;
    token = TAKE(en->token);
    add(en, token, en->expires_ms);
}

void
revoke_forget(struct entry *en)
{
    for (size_t i = 0; i < TOKENS_ISSUED; i++)
        issued_drop(&en->issued[i]);
}

void
credential_learn(struct credentials *c, const char *ns, const char *name,
                 const char *api_base, const struct secret *token, int64_t expires_ms)
{
    add(credentials_entry(c, CRED_GITHUB, ns, name, api_base), token, expires_ms);
    tokens_look(c->shard);
}

/* ---- giving back ---- */

static void
revoke_done(struct revoke *v)
{
    void *handle = zlistx_find(v->all->revokes, v);

    if (handle != NULL)
        zlistx_detach(v->all->revokes, handle);
    free(v);
}

static void
on_revoked(void *arg, const struct http_response *r)
{
    struct revoke *v = arg;

    if (r->err.code != ERR_NONE)
        log_warn(v->name, "revoking an installation token of Secret %s/%s: %s", v->ns,
                 v->name, r->err.text);
    else if (r->status == 204)
        log_info(v->name,
                 "an installation token of Secret %s/%s was revoked: nobody uses "
                 "it any more",
                 v->ns, v->name);
    else if (r->status == 401)
        log_info(v->name, "an installation token of Secret %s/%s had ended already",
                 v->ns, v->name);
    else
        log_warn(v->name,
                 "revoking an installation token of Secret %s/%s: GitHub API "
                 "returned status %d",
                 v->ns, v->name, r->status);
    revoke_done(v);
}

static void
give_back(struct entry *en, const struct secret *token)
{
    char url[2300];
    SCOPED(bearer) struct bearer q = {.authorization = BUF_INIT};
    struct revoke *v = calloc(1, sizeof *v);
    struct err e = ERR_INIT;

    if (v == NULL)
        abort();
    v->all = en->all;
    snprintf(v->ns, sizeof v->ns, "%s", en->ns);
    snprintf(v->name, sizeof v->name, "%s", en->name);
    zlistx_add_end(en->all->revokes, v);
    apptoken_revoke_url(en->api_base, url, sizeof url);
    bearer_fill(&q, "DELETE", url, token);
    q.request.on_done = on_revoked;
    q.request.arg = v;
    v->call = http_start(kube_http(en->all->shard->kube), &q.request, &e);
    if (v->call == NULL) {
        log_warn(v->name, "revoking an installation token of Secret %s/%s: %s", v->ns,
                 v->name, e.text);
        revoke_done(v);
    }
}

static void
give_all_back(struct entry *en, const struct token_users *users)
{
    revoke_keep(en); /* whoever asks next gets a new one */
    for (size_t i = 0; i < TOKENS_ISSUED; i++) {
        struct token_issued *t = &en->issued[i];
        if (t->token == NULL || users->token(users->arg, t->token))
            continue;
        if (t->expires_ms > clock_wall_ms())
            give_back(en, t->token);
        issued_drop(t);
    }
    if (en->app) {
        en->read_ms = 0;
        en->issued_ms = en->expires_ms = 0;
    }
}

static bool
has_tokens(const struct entry *en)
{
    bool any = en->app && en->token != NULL;

    for (size_t i = 0; i < TOKENS_ISSUED; i++)
        any = any || en->issued[i].token != NULL;
    return any;
}

void
credentials_revoke(struct credentials *c, const struct token_users *users)
{
    for (struct entry *en = zhashx_first(c->entries); en != NULL;
         en = zhashx_next(c->entries))
        if (en->kind == CRED_GITHUB && !en->busy && has_tokens(en) &&
            !users->app(users->arg, en->ns, en->name, en->api_base))
            give_all_back(en, users);
}

void
revoke_stop(struct credentials *c)
{
    for (struct revoke *v = zlistx_first(c->revokes); v != NULL;
         v = zlistx_next(c->revokes)) {
        http_cancel(v->call);
        free(v);
    }
    zlistx_purge(c->revokes);
}
