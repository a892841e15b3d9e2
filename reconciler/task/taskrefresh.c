/* taskrefresh.c - see taskrefresh.h. */
#include "reconciler/task/taskrefresh.h"

#include "common/base64.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/data/apptoken.h"
#include "reconciler/auth/credentials.h"
#include "reconciler/job/repo.h"
#include "reconciler/task/taskmemory.h"
#include "reconciler/writes.h"

#define WRITING "updating token secret with refreshed token"

/* One call to the API server about a Task's token Secret. */
struct refresh {
    struct shard *shard;
    char key[SHARD_KEY_MAX];
    char uid[65];                 /* of the Task */
    int64_t expires_ms, renew_ms; /* of the token that is being written */
    struct kube_call *call;
};

void
refresh_free(struct refresh *r)
{
    if (r == NULL)
        return;
    if (r->call != NULL)
        kube_cancel(r->call);
    free(r);
}

void
refresh_made(struct token_known *t, const char *app_secret, const struct credential *c)
{
    token_forget(t);
    t->read = true;
    if (app_secret == NULL)
        return;
    if ((t->app_secret = strdup(app_secret)) == NULL)
        abort();
    t->refreshable = true;
    t->expires_ms = c->expires_ms;
    t->renew_ms = c->renew_ms;
}

/* ---- what is told ---- */

static const struct task_view *
task_of(const struct shard *s, const char *key)
{
    char ns[64], name[254];
    unsigned profile;
    bool task;

    if (!shard_parse_key(key, &task, &profile, ns, name))
        return NULL;
    return (const struct task_view *)store_get(s->store, KIND_TASK, profile, ns, name);
}

static void
tell(struct shard *s, const char *key, bool warning, const char *reason, const char *text)
{
    const struct task_view *t = task_of(s, key);

    if (warning)
        log_warn(key, "%s", text);
    else
        log_info(key, "%s", text);
    if (t != NULL && profile_of(t->view.meta.profile)->events)
        writes_event(s->writes, KIND_TASK, &t->view.meta, warning, reason, text);
}

static void
failed(struct shard *s, const char *key, struct task_memory *m, const char *cause)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    shard_count_error(s, key);
    if (token_failed(&m->token, clock_wall_ms())) {
        buf_printf(&text, "Failed to refresh GitHub App installation token: %s", cause);
        tell(s, key, true, "GitHubTokenRefreshFailed", buf_str(&text));
    }
    shard_add_at(s, key, m->token.again_ms);
}

static void
failed_call(struct shard *s, const char *key, struct task_memory *m, const char *doing,
            const struct err *why)
{
    struct err e = *why;

    err_wrap(&e, "%s", doing);
    failed(s, key, m, e.text);
}

/* Takes the ended call out of the memory it belongs to. NULL: the Task is another one now. */
static struct task_memory *
ended(struct refresh *r)
{
    struct task_memory *m = task_memory_find(r->shard, r->key);

    r->call = NULL;
    if (m == NULL || m->refresh != r)
        return NULL;
    m->refresh = NULL;
    return m;
}

/* Where the App's installation is: the host of the Workspace's repository. */
static void
api_base(const struct shard *s, const struct task_view *t, char *out, size_t room)
{
    const struct workspace_view *w =
        store_workspace(s->store, &t->view.meta, t->workspace);

    out[0] = '\0';
    if (w != NULL)
        repo_api_of(w->repo, out, room);
}

/* ---- the Secret ---- */

static struct refresh *
refresh_new(struct shard *s, const char *key, struct task_memory *m)
{
    struct refresh *r = calloc(1, sizeof *r);

    if (r == NULL)
        abort();
    r->shard = s;
    snprintf(r->key, sizeof r->key, "%s", key);
    snprintf(r->uid, sizeof r->uid, "%s", m->uid);
    m->refresh = r;
    return r;
}

/* The request about <task>-github-token; `name` holds 300 bytes. */
static struct kube_request
about_secret(const struct task_view *t, enum kube_verb verb, char *name)
{
    snprintf(name, 300, "%s-github-token", t->view.meta.name);
    return (struct kube_request){.verb = verb,
                                 .res = kube_res(KUBE_SECRETS),
                                 .ns = t->view.meta.ns,
                                 .name = name,
                                 .secret = true};
}

/* A token of before this process began: it is to be given back like those that came later. */
static void
learn(const struct refresh *r, const struct token_known *known, const json_t *secret)
{
    const struct task_view *t = task_of(r->shard, r->key);
    SCOPED(secret)
    struct secret *token = secret_value(json_object_get(secret, "data"), "GITHUB_TOKEN");
    char base[300];

    if (t == NULL || !known->refreshable)
        return;
    api_base(r->shard, t, base, sizeof base);
    credential_learn(r->shard->credentials, t->view.meta.ns, known->app_secret, base,
                     token, known->expires_ms);
}

static void
on_read(void *arg, const struct kube_result *res)
{
    struct refresh *r = arg;
    struct task_memory *m = ended(r);

    if (m != NULL && res->err.code == ERR_NOT_FOUND)
        refresh_made(&m->token, NULL, NULL); /* nothing to keep */
    else if (m != NULL && res->err.code != ERR_NONE)
        failed_call(r->shard, r->key, m, "fetching token secret", &res->err);
    else if (m != NULL) {
        token_read(&m->token, res->body, r->uid);
        learn(r, &m->token, res->body);
    }
    if (m != NULL)
        shard_add(r->shard, r->key);
    free(r);
}

static void
read_secret(struct shard *s, const char *key, struct task_memory *m,
            const struct task_view *t)
{
    char name[300];
    const struct kube_request q = about_secret(t, KUBE_GET, name);
    struct refresh *r = refresh_new(s, key, m);
    struct err e = ERR_INIT;

    if ((r->call = kube_call(s->kube, &q, on_read, r, &e)) != NULL)
        return;
    m->refresh = NULL;
    free(r);
    failed_call(s, key, m, "fetching token secret", &e);
}

static void
on_written(void *arg, const struct kube_result *res)
{
    struct refresh *r = arg;
    struct task_memory *m = ended(r);
    char expires[RFC3339_SIZE], text[120];

    if (m != NULL && res->err.code == ERR_NOT_FOUND) {
        m->token.refreshable = false; /* it was taken away: it is not made again */
    } else if (m != NULL && res->err.code != ERR_NONE) {
        failed_call(r->shard, r->key, m, WRITING, &res->err);
    } else if (m != NULL) {
        m->token.expires_ms = r->expires_ms;
        m->token.renew_ms = r->renew_ms;
        m->token.again_ms = m->token.warned_ms = 0;
        rfc3339_format(r->expires_ms, expires);
        snprintf(text, sizeof text,
                 "Refreshed GitHub App installation token (expires at %s)", expires);
        tell(r->shard, r->key, false, "GitHubTokenRefreshed", text);
    }
    if (m != NULL)
        shard_add(r->shard, r->key);
    free(r);
}

static void
write_secret(struct shard *s, const char *key, struct task_memory *m,
             const struct task_view *t, const struct credential *c)
{
    char name[300], expires[RFC3339_SIZE];
    struct kube_request q = about_secret(t, KUBE_PATCH_MERGE, name);
    struct refresh *r = refresh_new(s, key, m);
    SCOPED(buf) struct buf encoded = BUF_INIT;
    struct err e = ERR_INIT;

    r->expires_ms = c->expires_ms;
    r->renew_ms = c->renew_ms;
    rfc3339_format(c->expires_ms, expires);
    base64_encode(&encoded, secret_reveal(c->token), secret_size(c->token));
    SCOPED(json)
    json_t *body = json_pack("{s:{s:{s:s}},s:{s:s}}", "metadata", "annotations",
                             "kelos.dev/token-expires-at", expires, "data",
                             "GITHUB_TOKEN", buf_str(&encoded));
    buf_wipe(&encoded);
    q.body = body;
    if ((r->call = kube_call(s->kube, &q, on_written, r, &e)) != NULL)
        return;
    m->refresh = NULL;
    free(r);
    failed_call(s, key, m, WRITING, &e);
}

/* ---- the token ---- */

/* A credential's causes, in the words of a renewal. */
static const struct {
    const char *cause, *here;
} words[] = {
    {"fetching workspace secret ", "fetching GitHub App secret "},
    {"generating installation token: ", "generating refreshed installation token: "},
};

static void
failed_credential(struct shard *s, const char *key, struct task_memory *m,
                  const char *cause)
{
    SCOPED(buf) struct buf text = BUF_INIT;
    const char *rest = cause;

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strncmp(cause, words[i].cause, strlen(words[i].cause)) == 0) {
            buf_add_str(&text, words[i].here);
            rest = cause + strlen(words[i].cause);
        }
    buf_add_str(&text, rest);
    failed(s, key, m, buf_str(&text));
}

static void
renew(struct shard *s, const char *key, struct task_memory *m, const struct task_view *t)
{
    char base[300];

    api_base(s, t, base, sizeof base);
    const struct credential c = credential_get(
        s->credentials, CRED_GITHUB, t->view.meta.ns, m->token.app_secret, base, key);
    if (c.busy ||
        c.state == CRED_PENDING) /* the key comes again when there is an answer */
        return;
    if (c.state == CRED_READY && !c.app) {
        m->token.refreshable = false; /* the Secret holds no App any more */
    } else if (c.state == CRED_READY && c.renew_ms > m->token.renew_ms) {
        write_secret(s, key, m, t, &c);
    } else if (c.state == CRED_READY && *c.message == '\0') {
        m->token.again_ms = c.again_ms; /* ours is the newest there is, and good */
        shard_add_at(s, key, c.again_ms);
    } else {
        failed_credential(s, key, m, c.message);
    }
}

void
refresh_step(struct shard *s, const char *key, struct task_memory *m)
{
    const struct task_view *t = task_of(s, key);
    int64_t wake_ms;

    if (t == NULL || m->refresh != NULL)
        return;
    switch (token_judge(&m->token, clock_wall_ms(), &wake_ms)) {
    case TOKEN_READ:
        read_secret(s, key, m, t);
        return;
    case TOKEN_RENEW:
        renew(s, key, m, t);
        return;
    case TOKEN_REST:
        return;
    }
}
