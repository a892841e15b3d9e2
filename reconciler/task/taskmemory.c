/* taskmemory.c - see taskmemory.h. */
#include "reconciler/task/taskmemory.h"

static void
clear(struct task_memory *m)
{
    free(m->uid);
    echo_forget(&m->echo);
    free(m->auth_message);
    free(m->auth_secret);
    free(m->token_secret);
    token_forget(&m->token);
    refresh_free(m->refresh);
    free(m->build_error);
    free(m->input_error);
    free(m->refused);
    free(m->conflict);
    free(m->capture_pod);
    pool_free(&m->capture_arena);
    *m = (struct task_memory){.uid = NULL};
}

void
task_memory_free(void *memory)
{
    clear(memory);
    free(memory);
}

struct task_memory *
task_memory_find(const struct shard *s, const char *key)
{
    return table_get(s->tasks, key);
}

struct task_memory *
task_memory_of(struct shard *s, const char *key, const struct task_view *t)
{
    struct task_memory *m = task_memory_find(s, key);

    if (m == NULL) {
        if ((m = calloc(1, sizeof *m)) == NULL)
            abort();
        table_put(s->tasks, key, m);
    }
    if (m->uid == NULL || strcmp(m->uid, t->view.meta.uid) != 0) {
        clear(m);
        m->uid = strdup(t->view.meta.uid);
    }
    return m;
}

void
task_memory_forget(struct shard *s, const char *key)
{
    table_delete(s->tasks, key);
}
