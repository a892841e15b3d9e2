/* spawnermemory.c - see spawnermemory.h. */
#include "reconciler/plan/spawnermemory.h"

#include "common/clock.h"
#include "reconciler/plan/sources.h"

static void
free_item(void **item)
{
    free(*item);
    *item = NULL;
}

static void
drop_gone(struct spawner_memory *m)
{
    for (size_t i = 0; i < m->n_gone; i++)
        free((char *)m->gone[i].name);
    m->n_gone = 0;
}

/* Those that are passing, or the others. */
static void
drop_refusals(struct spawner_memory *m, bool passing)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n_refusals; i++) {
        if (m->refusals[i].passing != passing) {
            m->refusals[kept++] = m->refusals[i];
            continue;
        }
        free((char *)m->refusals[i].name);
        free((char *)m->refusals[i].message);
    }
    m->n_refusals = kept;
}

static void
clear(struct spawner_memory *m)
{
    drop_gone(m);
    drop_refusals(m, false);
    drop_refusals(m, true);
    free(m->gone);
    free(m->refusals);
    free(m->uid);
    free(m->error_reason);
    free(m->error_message);
    free(m->template_error);
    item_set_free(m->items);
    item_set_free(m->incoming);
    free(m->intent);
    echo_forget(&m->echo);
    zhashx_destroy(&m->expected);
    zhashx_destroy(&m->deleted);
    *m = (struct spawner_memory){.uid = NULL};
}

void
spawner_memory_free(void **item)
{
    struct spawner_memory *m = *item;

    if (m != NULL)
        clear(m);
    free(m);
    *item = NULL;
}

struct spawner_memory *
spawner_memory_find(const struct shard *s, const char *key)
{
    return zhashx_lookup(s->spawners, key);
}

struct spawner_memory *
spawner_memory_of(struct shard *s, const char *key, const struct spawner_view *v)
{
    struct spawner_memory *m = spawner_memory_find(s, key);

    if (m == NULL) {
        if ((m = calloc(1, sizeof *m)) == NULL)
            abort();
        zhashx_insert(s->spawners, key, m);
    }
    if (m->uid == NULL || strcmp(m->uid, v->view.meta.uid) != 0) {
        clear(m);
        m->uid = strdup(v->view.meta.uid);
        m->expected = zhashx_new();
        m->deleted = zhashx_new();
        zhashx_set_destructor(m->expected, free_item);
        zhashx_set_destructor(m->deleted, free_item);
    }
    return m;
}

void
spawner_memory_polled(struct spawner_memory *m, struct item_set **set,
                      int64_t keep_after_ms)
{
    if (keep_after_ms >= 0 && m->items != NULL)
        item_set_keep(*set, m->items, keep_after_ms);
    item_set_free(m->items);
    m->items = TAKE(*set);
    drop_refusals(m, false);
    /* What has gone before this poll is judged by this poll. */
    size_t kept = 0;
    for (size_t i = 0; i < m->n_gone; i++) {
        if (m->gone[i].gone_ms < m->items->polled_ms)
            free((char *)m->gone[i].name);
        else
            m->gone[kept++] = m->gone[i];
    }
    m->n_gone = kept;
}

void
spawner_memory_error(struct spawner_memory *m, const char *reason, const char *message)
{
    free(m->error_reason);
    free(m->error_message);
    m->error_reason = reason != NULL ? strdup(reason) : NULL;
    m->error_message = reason != NULL ? strdup(message) : NULL;
    m->failures = reason != NULL ? m->failures + 1 : 0;
}

void
spawner_memory_poll(struct spawner_memory *m, const struct msg_poll *poll)
{
    m->quota =
        (struct plan_quota){poll->quota_limit, poll->quota_left, poll->quota_reset};
    m->next_poll_ms = poll->next_poll;
}

static void
add_refusal(struct spawner_memory *m, const char *task, const char *message, bool passing)
{
    m->refusals = reallocarray(m->refusals, m->n_refusals + 1, sizeof *m->refusals);
    if (m->refusals == NULL)
        abort();
    m->refusals[m->n_refusals++] =
        (struct plan_refusal){strdup(task), strdup(message), passing};
}

void
spawner_memory_refuse(struct spawner_memory *m, const char *task, const char *message)
{
    add_refusal(m, task, message, false);
}

void
spawner_memory_bar(struct spawner_memory *m, const char *task, const char *message,
                   int64_t now_ms)
{
    add_refusal(m, task, message, true);
    if (m->barred_ms == 0)
        m->barred_ms = now_ms + shard_refusal_ms(m->bars++);
}

void
spawner_memory_unbar(struct spawner_memory *m, int64_t now_ms)
{
    if (m->barred_ms == 0 || now_ms < m->barred_ms)
        return;
    drop_refusals(m, true);
    m->barred_ms = 0;
}

void
spawner_memory_gone(struct spawner_memory *m, const char *task, int64_t completed_ms)
{
    m->gone = reallocarray(m->gone, m->n_gone + 1, sizeof *m->gone);
    if (m->gone == NULL)
        abort();
    m->gone[m->n_gone++] =
        (struct plan_gone){strdup(task), clock_wall_ms(), completed_ms};
}

void
spawner_task_gone(struct shard *s, const struct task_view *t)
{
    const struct meta *meta = &t->view.meta;
    char key[SHARD_KEY_MAX];
    struct spawner_memory *m;

    if (t->spawner == NULL ||
        (m = spawner_memory_find(
             s, spawner_key(key, meta->profile, meta->ns, t->spawner))) == NULL ||
        m->uid == NULL)
        return;
    /* Of that name there may be a newer one, which is not in view yet. */
    const struct expected *x = zhashx_lookup(m->expected, meta->name);
    if (x != NULL && strcmp(x->uid, meta->uid) == 0)
        zhashx_delete(m->expected, meta->name);
    zhashx_delete(m->deleted, meta->name);
    if (t->ordinal > m->total)
        m->total = t->ordinal;
    spawner_memory_gone(m, meta->name, t->completed_ms);
}

void
spawner_workload_gone(struct shard *s, const struct workload_view *w)
{
    const struct meta *meta = &w->view.meta;
    char key[SHARD_KEY_MAX];
    struct spawner_memory *m =
        w->spawner != NULL ? spawner_memory_find(
                                 s, spawner_key(key, meta->profile, meta->ns, w->spawner))
                           : NULL;

    if (m != NULL && strcmp(m->pod.uid, meta->uid) == 0)
        m->pod.uid[0] = '\0';
}

void
spawners_synced(struct shard *s)
{
    sources_synced(s->sources);
}
