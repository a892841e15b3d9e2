/* taskauth.c - the Workspace's token: read, or exchanged for a GitHub App's key. */
#include "reconciler/task/taskrun.h"

#include "reconciler/auth/credentials.h"
#include "reconciler/job/repo.h"

static void
set_auth(struct task_memory *m, enum auth_state state, const char *message,
         int64_t until_ms)
{
    m->auth = state;
    free(m->auth_message);
    m->auth_message = strdup(message);
    m->auth_until = until_ms;
}

static void
on_token_kept(void *arg, enum job_made result, const struct err *e)
{
    struct task_run *r = arg;
    struct task_memory *m = task_run_memory(r);
    char name[300];
    TASK_RUN_BUSY(r);

    if (m == NULL) {
        task_run_end(r);
        return;
    }
    if (result == JOB_LATER || result == JOB_ENDING) {
        set_auth(m, AUTH_UNKNOWN, "", 0);
        task_run_fail(r, e);
        return;
    }
    if (result != JOB_MADE)
        shard_count_error(r->shard, r->key);
    snprintf(name, sizeof name, "%s-github-token", r->meta.name);
    free(m->token_secret);
    m->token_secret = strdup(name);
    set_auth(m, result == JOB_MADE ? AUTH_READY : AUTH_FAILED, e->text, 0);
    task_run_again(r);
}

static void
take_credential(struct task_run *r, const struct workspace_view *w,
                const struct credential *c)
{
    struct task_memory *m = task_run_memory(r);

    switch (c->state) {
    case CRED_PENDING: /* the key comes again when there is an answer */
        task_run_end(r);
        return;
    case CRED_RETRY:
        shard_count_error(r->shard, r->key);
        set_auth(m, AUTH_RETRY, c->message, c->again_ms);
        shard_add_at(r->shard, r->key, c->again_ms);
        task_run_again(r);
        return;
    case CRED_FAILED:
        shard_count_error(r->shard, r->key);
        set_auth(m, AUTH_FAILED, c->message, 0);
        task_run_again(r);
        return;
    case CRED_READY:
        break;
    }
    refresh_made(&m->token, c->app ? w->secret : NULL, c);
    if (c->app) {
        struct err e = ERR_INIT;
        enum job_made why;
        r->make = job_make_token(r->shard->kube, &r->meta, w->secret, c->token,
                                 c->expires_ms, on_token_kept, r, &why, &e);
        if (r->make == NULL)
            on_token_kept(r, why, &e);
        return;
    }
    free(m->token_secret);
    m->token_secret = strdup(w->secret);
    set_auth(m, AUTH_READY, "", 0);
    task_run_again(r);
}

void
task_run_resolve_auth(struct task_run *r)
{
    struct shard *s = r->shard;
    const struct task_view *t = (const struct task_view *)store_get(
        s->store, KIND_TASK, r->meta.profile, r->meta.ns, r->meta.name);
    const struct workspace_view *w =
        t == NULL || t->workspace == NULL
            ? NULL
            : (const struct workspace_view *)store_get(
                  s->store, KIND_WORKSPACE, r->meta.profile, r->meta.ns, t->workspace);
    char base[300];
    struct repo repo;

    if (w == NULL || w->secret == NULL || task_run_memory(r) == NULL) {
        task_run_end(r);
        return;
    }
    repo_parse(w->repo, &repo);
    repo_api_base(&repo, base, sizeof base);
    const struct credential c =
        credential_get(s->credentials, CRED_GITHUB, r->meta.ns, w->secret, base, r->key);
    take_credential(r, w, &c);
}
