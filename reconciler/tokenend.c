/* tokenend.c - see shard.h: who still uses the token of a GitHub App, and what became of those that
 * were made before this process began. */
#include "common/clock.h"
#include "common/data/apptoken.h"
#include "common/log.h"
#include "reconciler/auth/credentials.h"
#include "reconciler/job/repo.h"
#include "reconciler/plan/sources.h"
#include "reconciler/plan/spawnermemory.h"
#include "reconciler/task/taskmemory.h"

/* After the last user has ended so long for another to come, who would need a new token. */
#define LOOK_MS 2000
/* No token lives longer. */
#define TOKEN_LIFE_MS 3600000
/* Ended Tasks whose Secret is still to be read; the tokens of more end by themselves. */
#define ENDED_MAX 256

struct ended {
    char ns[64], name[254], uid[65], base[300];
};

struct token_ends {
    struct shard *shard;
    struct ended queue[ENDED_MAX];
    size_t head, count;
    struct kube_call *call; /* about the first of the queue */
    int timer;
};

struct token_ends *
token_ends_new(struct shard *s)
{
    struct token_ends *t = calloc(1, sizeof *t);

    if (t == NULL)
        abort();
    t->shard = s;
    return t;
}

void
token_ends_free(struct token_ends *t)
{
    if (t != NULL && t->call != NULL)
        kube_cancel(t->call);
    free(t);
}

/* ---- who uses it ---- */

static bool
same_api(const struct shard *s, const struct workspace_view *w, const char *api_base)
{
    char base[300];

    repo_api_of(w->repo, base, sizeof base);
    return strcmp(*base != '\0' ? base : s->github_api, api_base) == 0;
}

/* A TaskSpawner that has not been looked at yet may be one. */
static bool
spawner_uses(const struct shard *s, const struct meta *m, const char *api_base)
{
    char key[SHARD_KEY_MAX];
    const struct spawner_memory *memory =
        spawner_memory_find(s, spawner_key(key, m->profile, m->ns, m->name));

    return memory == NULL || !memory->resolved || sources_poll(s->sources, key, api_base);
}

static bool
workspace_used(const struct shard *s, const struct workspace_view *w,
               const char *api_base)
{
    const struct meta *m = &w->view.meta;
    struct views found = store_find(s->store, BY_WORKSPACE, m->profile, m->ns, m->name);
    bool here = same_api(s, w, api_base);

    for (size_t i = 0; i < found.n; i++) {
        const struct view *v = found.at[i];
        if (v->kind == KIND_TASK
                ? here && !phase_terminal(((const struct task_view *)v)->phase)
                : spawner_uses(s, &v->meta, api_base))
            return true;
    }
    return false;
}

static bool
app_used(void *arg, const char *ns, const char *name, const char *api_base)
{
    const struct shard *s = arg;

    for (unsigned p = 0; p < profile_count(); p++) {
        struct views found = store_find(s->store, BY_SECRET, p, ns, name);
        for (size_t i = 0; i < found.n; i++)
            if (found.at[i]->kind == KIND_WORKSPACE &&
                workspace_used(s, (const struct workspace_view *)found.at[i], api_base))
                return true;
    }
    return false;
}

/* Sources of several namespaces share a process, and with it a token. */
static bool
token_held(void *arg, const struct secret *token)
{
    const struct shard *s = arg;

    return sources_hold(s->sources, token);
}

/* ---- tokens that only the Secret of an ended Task knows ---- */

static void read_next(struct token_ends *t);

static void
on_read(void *arg, const struct kube_result *r)
{
    struct token_ends *t = arg;
    const struct ended *ended = &t->queue[t->head];
    struct token_known known = {.read = false};

    t->call = NULL;
    if (r->err.code == ERR_NONE) {
        SCOPED(secret)
        struct secret *token =
            secret_value(json_object_get(r->body, "data"), "GITHUB_TOKEN");
        token_read(&known, r->body, ended->uid);
        if (known.refreshable)
            credential_learn(t->shard->credentials, ended->ns, known.app_secret,
                             ended->base, token, known.expires_ms);
        token_forget(&known);
    } else if (r->err.code != ERR_NOT_FOUND) {
        log_info(ended->name,
                 "its token's Secret cannot be read, the token is not revoked: %s",
                 r->err.text);
    }
    t->head = (t->head + 1) % ENDED_MAX;
    t->count--;
    read_next(t);
}

static void
read_next(struct token_ends *t)
{
    char name[300];
    struct err e = ERR_INIT;

    while (t->call == NULL && t->count > 0 && t->shard->leader) {
        const struct ended *ended = &t->queue[t->head];
        snprintf(name, sizeof name, "%s-github-token", ended->name);
        const struct kube_request q = {.verb = KUBE_GET,
                                       .res = kube_res(KUBE_SECRETS),
                                       .ns = ended->ns,
                                       .name = name,
                                       .secret = true};
        if ((t->call = kube_call(t->shard->kube, &q, on_read, t, &e)) != NULL)
            return;
        t->head = (t->head + 1) % ENDED_MAX;
        t->count--;
    }
}

static void
ask(struct token_ends *t, const struct task_view *task)
{
    const struct meta *m = &task->view.meta;
    const struct workspace_view *w = store_workspace(t->shard->store, m, task->workspace);

    if (w == NULL || w->secret == NULL || *task->job_name == '\0' ||
        t->count == ENDED_MAX)
        return;
    struct ended *ended = &t->queue[(t->head + t->count++) % ENDED_MAX];
    snprintf(ended->ns, sizeof ended->ns, "%s", m->ns);
    snprintf(ended->name, sizeof ended->name, "%s", m->name);
    snprintf(ended->uid, sizeof ended->uid, "%s", m->uid);
    repo_api_of(w->repo, ended->base, sizeof ended->base);
}

/* ---- the looks ---- */

static void
on_look(void *arg, struct worker *w)
{
    struct token_ends *t = arg;
    struct shard *s = t->shard;
    const struct token_users users = {app_used, token_held, s};

    (void)w;
    t->timer = 0;
    if (!s->synced || !s->leader || s->stopping)
        return;
    read_next(t);
    credentials_revoke(s->credentials, &users);
}

void
tokens_look(struct shard *s)
{
    struct token_ends *t = s->token_ends;

    if (t != NULL && t->timer <= 0)
        t->timer = worker_after(s->worker, LOOK_MS, on_look, t);
}

void
tokens_task_ended(struct shard *s, const struct task_view *task)
{
    const struct meta *m = &task->view.meta;
    char key[SHARD_KEY_MAX];
    const struct task_memory *memory =
        task_memory_find(s, task_key(key, m->profile, m->ns, m->name));

    if (s->token_ends == NULL)
        return;
    if (memory == NULL || !memory->token.read)
        ask(s->token_ends, task);
    tokens_look(s);
}

static void
ask_of_old(void *arg, struct view *v)
{
    const struct task_view *task = (const struct task_view *)v;

    if (phase_terminal(task->phase) &&
        task->completed_ms > clock_wall_ms() - TOKEN_LIFE_MS)
        ask(arg, task);
}

void
tokens_synced(struct shard *s)
{
    store_each(s->store, KIND_TASK, ask_of_old, s->token_ends);
    tokens_look(s);
}
