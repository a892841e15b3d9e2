/* taskauth.c - the Workspace's token: read, or exchanged for a GitHub App's key. */
#include "reconciler/task/taskrun.h"

#include "common/clock.h"
#include "reconciler/auth/credentials.h"
#include "reconciler/job/repo.h"

/* How long a token is taken for good that nobody can renew any sooner. */
#define GOOD_LEAST_MS 30000

static void
set_auth(struct task_memory *m, enum auth_state state, const char *message,
         int64_t until_ms)
{
    m->auth = state;
    free(m->auth_message);
    m->auth_message = strdup(message);
    m->auth_until = until_ms;
}

/* The Job may have to wait, for a quota or for its branch: with an older token its checkout would
 * be refused. A while in any case, so that it can begin. */
static int64_t
good_until(const struct token_known *token)
{
    int64_t least = clock_wall_ms() + GOOD_LEAST_MS;

    return token->renew_ms > least ? token->renew_ms : least;
}

/* 403: the Task says so, and asks again ever more rarely. */
static void
wait_for_right(struct task_run *r, struct task_memory *m, const struct err *e)
{
    int64_t again_ms = clock_wall_ms() + shard_refusal_ms(m->refusals++);

    shard_count_error(r->shard, r->key);
    set_auth(m, AUTH_RETRY, e->text, again_ms);
    task_run_again(r);
}

static void
on_token_kept(void *arg, enum job_made result, const struct err *e)
{
    struct task_run *r = arg;
    struct task_memory *m = task_run_memory(r);
    char name[300];
    SHARD_BUSY(r->shard, r->key);

    if (m == NULL) {
        task_run_end(r);
        return;
    }
    if (result == JOB_LATER && e->code == ERR_FORBIDDEN) {
        wait_for_right(r, m, e);
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
    if (result == JOB_MADE)
        set_auth(m, AUTH_READY, "", good_until(&m->token));
    else
        set_auth(m, AUTH_FAILED, e->text, 0);
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
    struct task_memory *m = task_run_memory(r);
    const struct task_view *t = (const struct task_view *)store_get(
        s->store, KIND_TASK, r->meta.profile, r->meta.ns, r->meta.name);
    const struct workspace_view *w =
        t != NULL ? store_workspace(s->store, &r->meta, t->workspace) : NULL;
    char base[300];

    if (w == NULL || w->secret == NULL || m == NULL) {
        task_run_end(r);
        return;
    }
    repo_api_of(w->repo, base, sizeof base);
    free(m->auth_secret);
    m->auth_secret = strdup(w->secret);
    const struct credential c =
        credential_get(s->credentials, CRED_GITHUB, r->meta.ns, w->secret, base, r->key);
    take_credential(r, w, &c);
}
