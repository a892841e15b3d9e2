/* secretnews.c - see shard.h: who reads a Secret again when it has changed. */
#include "common/clock.h"
#include "reconciler/auth/credentials.h"
#include "reconciler/plan/spawnermemory.h"
#include "reconciler/shard.h"
#include "reconciler/task/taskmemory.h"

static void
tell_spawner(struct shard *s, const struct meta *m)
{
    char key[SHARD_KEY_MAX];
    struct spawner_memory *memory =
        spawner_memory_find(s, spawner_key(key, m->profile, m->ns, m->name));

    if (memory != NULL) {
        memory->pod.secret_ms = 0;
        memory->pod.news = true;
    }
    shard_add(s, key);
}

/* A Task that waits for the token of its Workspace. */
static void
tell_auth(struct shard *s, const struct meta *m)
{
    char key[SHARD_KEY_MAX];
    struct task_memory *memory =
        task_memory_find(s, task_key(key, m->profile, m->ns, m->name));

    if (memory == NULL || memory->auth != AUTH_RETRY)
        return;
    memory->auth_until = clock_wall_ms();
    shard_add(s, key);
}

/* A Task that waits for a value of its AgentConfig. */
static void
tell_input(struct shard *s, const struct meta *m)
{
    char key[SHARD_KEY_MAX];
    struct task_memory *memory =
        task_memory_find(s, task_key(key, m->profile, m->ns, m->name));

    if (memory == NULL || memory->input_since == 0)
        return;
    memory->input_again = clock_wall_ms();
    shard_add(s, key);
}

static void
tell_workspace(struct shard *s, const struct meta *w)
{
    struct views found = store_find(s->store, BY_WORKSPACE, w->profile, w->ns, w->name);

    for (size_t i = 0; i < found.n; i++)
        if (found.at[i]->kind == KIND_TASK_SPAWNER)
            tell_spawner(s, &found.at[i]->meta);
        else
            tell_auth(s, &found.at[i]->meta);
}

static void
tell_config(struct shard *s, const struct meta *a)
{
    struct views found =
        store_find(s->store, BY_AGENT_CONFIG, a->profile, a->ns, a->name);

    for (size_t i = 0; i < found.n; i++)
        tell_input(s, &found.at[i]->meta);
}

/* The one that has the Secret itself, for Jira, when it waits for it. */
static void
tell_waiting(struct shard *s, const struct meta *m)
{
    char key[SHARD_KEY_MAX];
    const struct spawner_memory *memory =
        spawner_memory_find(s, spawner_key(key, m->profile, m->ns, m->name));

    if (memory != NULL && memory->error_reason != NULL &&
        strcmp(memory->error_reason, "CredentialError") == 0)
        shard_add(s, key);
}

void
secret_news(struct shard *s, const char *ns, const char *name)
{
    credential_changed(s->credentials, ns, name);
    for (unsigned p = 0; p < profile_count(); p++) {
        struct views found = store_find(s->store, BY_SECRET, p, ns, name);

        for (size_t i = 0; i < found.n; i++) {
            const struct meta *m = &found.at[i]->meta;

            if (found.at[i]->kind == KIND_WORKSPACE)
                tell_workspace(s, m);
            else if (found.at[i]->kind == KIND_AGENT_CONFIG)
                tell_config(s, m);
            else
                tell_waiting(s, m);
        }
    }
}
