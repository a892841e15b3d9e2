/* credentials.c - see credentials.h. */
#include "reconciler/auth/credentials_self.h"

#include <openssl/sha.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/data/apptoken.h"
#include "common/http/bearer.h"

#define RETRY_FIRST_MS 1000
#define RETRY_CAP_MS 30000

static void
entry_free(void **item)
{
    struct entry *en = *item;

    if (en == NULL)
        return;
    if (en->call != NULL)
        kube_cancel(en->call);
    if (en->exchange != NULL)
        http_cancel(en->exchange);
    free(en->ns);
    free(en->name);
    free(en->api_base);
    revoke_forget(en);
    secret_free(en->token);
    secret_free(en->user);
    zlistx_destroy(&en->keys);
    free(en);
    *item = NULL;
}

struct credentials *
credentials_new(struct shard *s)
{
    struct credentials *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    c->shard = s;
    c->entries = zhashx_new();
    zhashx_set_destructor(c->entries, entry_free);
    c->revokes = zlistx_new();
    return c;
}

void
credentials_free(struct credentials *c)
{
    if (c == NULL)
        return;
    revoke_stop(c);
    zlistx_destroy(&c->revokes);
    zhashx_destroy(&c->entries);
    free(c);
}

static void
text_free(void **item)
{
    free(*item);
    *item = NULL;
}

struct entry *
credentials_entry(struct credentials *c, enum cred_kind kind, const char *ns,
                  const char *name, const char *api_base)
{
    bool github = kind == CRED_GITHUB && *api_base == '\0';
    char key[2600];

    if (github)
        api_base = c->shard->github_api;

    snprintf(key, sizeof key, "%d/%s/%s/%s", kind, ns, name, api_base);
    struct entry *en = zhashx_lookup(c->entries, key);
    if (en != NULL)
        return en;
    if ((en = calloc(1, sizeof *en)) == NULL)
        abort();
    *en = (struct entry){.all = c,
                         .kind = kind,
                         .ns = strdup(ns),
                         .name = strdup(name),
                         .api_base = strdup(api_base),
                         .keys = zlistx_new()};
    zlistx_set_destructor(en->keys, text_free);
    zhashx_insert(c->entries, key, en);
    return en;
}

/* ---- the end of a reading ---- */

/* When the Secret is read, or the token asked for, again. */
static int64_t
next_reading(const struct entry *en, int64_t now)
{
    int64_t at = now + SECRET_AGE_MS,
            renew = apptoken_renew_ms(en->issued_ms, en->expires_ms);
    unsigned shift = en->failures < 6 ? en->failures : 6;
    int64_t delay = RETRY_FIRST_MS << shift;

    if (en->state == CRED_FAILED)
        return now + RETRY_CAP_MS;
    if (en->state == CRED_RETRY)
        return now + (delay < RETRY_CAP_MS ? delay : RETRY_CAP_MS);
    if (en->message[0] != '\0')
        return now + apptoken_retry_ms(en->expires_ms, now);
    if (!en->app || renew > at)
        return at;
    return renew > now + RETRY_FIRST_MS ? renew : now + RETRY_FIRST_MS;
}

/* A token that still lives outlasts a failure that may pass. */
static void
settle(struct entry *en, enum cred_state state, const char *message)
{
    int64_t now = clock_wall_ms();
    bool lives = en->app && en->token != NULL && en->expires_ms > now && !en->doubted;

    en->busy = false;
    en->doubted = false;
    en->read_ms = now;
    en->failures = state == CRED_RETRY ? en->failures + 1 : 0;
    en->state = state == CRED_RETRY && lives ? CRED_READY : state;
    snprintf(en->message, sizeof en->message, "%s", message);
    en->again_ms = en->changed ? now : next_reading(en, now);
    en->changed = false;
    for (char *key = zlistx_first(en->keys); key != NULL; key = zlistx_next(en->keys))
        shard_add(en->all->shard, key);
    zlistx_purge(en->keys);
}

/* A request that could not even be sent: what this process lacks may be there later. */
static void
settle_unsent(struct entry *en, struct err *e, const char *doing)
{
    enum cred_state state = e->code == ERR_SYSTEM ? CRED_RETRY : CRED_FAILED;

    err_wrap(e, "%s", doing);
    settle(en, state, e->text);
}

static void
set_identity(struct entry *en, const char *what, const char *user)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SCOPED(buf) struct buf text = BUF_INIT;

    buf_printf(&text, "%s\n%s", what, user);
    SHA256((const unsigned char *)buf_str(&text), text.size, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(en->identity + 2 * i, 3, "%02x", digest[i]);
    buf_wipe(&text);
}

static void
keep(struct secret **slot, struct secret *value)
{
    secret_free(*slot);
    *slot = value;
}

/* ---- GitHub Apps ---- */

static void
on_exchanged(void *arg, const struct http_response *r)
{
    struct entry *en = arg;
    struct err e = ERR_INIT;
    int64_t expires = 0;

    en->exchange = NULL;
    if (r->err.code != ERR_NONE) {
        e = r->err;
        e.code = ERR_BUSY;
        err_wrap(&e, "generating installation token: requesting installation token");
    } else {
        struct secret *token =
            apptoken_answer(r->status, r->body, r->body_size, &expires, &e);
        if (token != NULL) {
            revoke_keep(en);
            keep(&en->token, token);
            en->issued_ms = clock_wall_ms();
            en->expires_ms = expires;
            settle(en, CRED_READY, "");
            tokens_look(en->all->shard); /* who asked for it may have gone meanwhile */
            return;
        }
        err_wrap(&e, "generating installation token");
    }
    settle(en, e.code == ERR_BUSY ? CRED_RETRY : CRED_FAILED, e.text);
}

static void
exchange(struct entry *en, const struct apptoken *a)
{
    char url[2300];
    SCOPED(bearer) struct bearer q = {.authorization = BUF_INIT};
    struct err e = ERR_INIT;
    SCOPED(secret) struct secret *jwt = apptoken_jwt(a, clock_wall_ms(), &e);

    if (jwt == NULL) {
        err_wrap(&e, "generating installation token");
        settle(en, CRED_FAILED, e.text);
        return;
    }
    apptoken_url(a, en->api_base, url, sizeof url);
    bearer_fill(&q, "POST", url, jwt);
    q.request.on_done = on_exchanged;
    q.request.arg = en;
    en->exchange = http_start(kube_http(en->all->shard->kube), &q.request, &e);
    if (en->exchange == NULL)
        settle_unsent(en, &e,
                      "generating installation token: requesting installation token");
}

/* A token that still lives is used again. */
static bool
token_lives(const struct entry *en)
{
    return en->app && en->token != NULL && !en->doubted &&
           apptoken_renew_ms(en->issued_ms, en->expires_ms) > clock_wall_ms();
}

static void
take_app(struct entry *en, const json_t *data)
{
    struct err e = ERR_INIT;
    SCOPED(apptoken) struct apptoken *a = apptoken_new(data, &e);
    char what[140], before[65];

    if (a == NULL) {
        err_wrap(&e, "parsing GitHub App credentials");
        settle(en, CRED_FAILED, e.text);
        return;
    }
    snprintf(what, sizeof what, "app/%s/%s", apptoken_app(a), apptoken_installation(a));
    memcpy(before, en->identity, sizeof before);
    set_identity(en, what, "");
    if (strcmp(before, en->identity) == 0 && token_lives(en)) {
        settle(en, CRED_READY, "");
        return;
    }
    en->app = true;
    exchange(en, a);
}

/* ---- reading ---- */

static void
take_data(struct entry *en, const json_t *data)
{
    bool jira = en->kind == CRED_JIRA;
    const char *key = jira ? "JIRA_TOKEN" : "GITHUB_TOKEN";

    if (!jira && apptoken_is(data)) {
        take_app(en, data);
        return;
    }
    revoke_keep(en);
    en->app = false;
    en->expires_ms = 0;
    keep(&en->token, secret_value(data, key));
    keep(&en->user, jira ? secret_value(data, "JIRA_USER") : NULL);
    set_identity(en, en->token != NULL ? secret_reveal(en->token) : "",
                 en->user != NULL ? secret_reveal(en->user) : "");
    if (en->token == NULL) {
        char message[400];
        snprintf(message, sizeof message, "secret \"%s\" has no key %s", en->name, key);
        settle(en, CRED_RETRY, message);
        return;
    }
    settle(en, CRED_READY, "");
}

static void
what_of(const struct entry *en, char *out, size_t room)
{
    snprintf(out, room, "fetching %s secret \"%s\"",
             en->kind == CRED_JIRA ? "jira" : "workspace", en->name);
}

static void
on_read(void *arg, const struct kube_result *r)
{
    struct entry *en = arg;
    char what[300];

    en->call = NULL;
    if (r->err.code == ERR_NONE) {
        take_data(en, json_object_get(r->body, "data"));
        return;
    }
    struct err e = r->err;
    if (e.code == ERR_NOT_FOUND) { /* taken back: a token of it is not used on */
        revoke_keep(en);
        keep(&en->token, NULL);
    }
    what_of(en, what, sizeof what);
    err_wrap(&e, "%s", what);
    settle(en, CRED_RETRY, e.text);
}

static void
start(struct entry *en)
{
    const struct kube_request r = {.verb = KUBE_GET,
                                   .res = kube_res(KUBE_SECRETS),
                                   .ns = en->ns,
                                   .name = en->name,
                                   .secret = true};
    struct err e = ERR_INIT;
    char what[300];

    en->busy = true;
    en->call = kube_call(en->all->shard->kube, &r, on_read, en, &e);
    if (en->call == NULL) {
        what_of(en, what, sizeof what);
        settle_unsent(en, &e, what);
    }
}

static bool
waits(const struct entry *en, const char *key)
{
    for (const char *k = zlistx_first(en->keys); k != NULL; k = zlistx_next(en->keys))
        if (strcmp(k, key) == 0)
            return true;
    return false;
}

struct credential
credential_get(struct credentials *c, enum cred_kind kind, const char *ns,
               const char *name, const char *api_base, const char *key)
{
    struct entry *en = credentials_entry(c, kind, ns, name, api_base);
    bool stale = en->read_ms == 0 || en->doubted || clock_wall_ms() >= en->again_ms;

    if (stale && !en->busy)
        start(en);
    if (en->busy && !waits(en, key))
        zlistx_add_end(en->keys, strdup(key));
    /* What was good stays good while it is read again, unless it was refused. */
    bool usable =
        !en->busy || (en->state == CRED_READY && en->read_ms != 0 && !en->doubted);
    return (struct credential){
        .state = usable ? en->state : CRED_PENDING,
        .app = en->app,
        .token = en->token,
        .user = en->user,
        .expires_ms = en->expires_ms,
        .renew_ms = apptoken_renew_ms(en->issued_ms, en->expires_ms),
        .identity = en->identity,
        .message = en->message,
        .busy = en->busy,
        .again_ms = en->busy ? clock_wall_ms() + SECRET_AGE_MS : en->again_ms};
}

void
credential_doubt(struct credentials *c, const char *ns, const char *name)
{
    for (struct entry *en = zhashx_first(c->entries); en != NULL;
         en = zhashx_next(c->entries))
        if (strcmp(en->ns, ns) == 0 && strcmp(en->name, name) == 0)
            en->doubted = true;
}

void
credential_changed(struct credentials *c, const char *ns, const char *name)
{
    for (struct entry *en = zhashx_first(c->entries); en != NULL;
         en = zhashx_next(c->entries))
        if (strcmp(en->ns, ns) == 0 && strcmp(en->name, name) == 0) {
            en->again_ms = 0;
            en->changed = en->busy;
        }
}
