/* taskoutputs.c - the outputs of a finished Task: asked for once, kept until it is terminal. */
#include "reconciler/task/taskrun.h"

#include "reconciler/writes.h"

static struct texts
keep_texts(struct pool *a, const struct msg_strs *from)
{
    struct texts t = {from->count > 0 ? pool_alloc(a, from->count * sizeof *t.at) : NULL,
                      0};

    for (; t.n < from->count; t.n++)
        t.at[t.n] = pool_str(a, from->items[t.n]);
    return t;
}

/* What another container than the agent prints is no output. */
static void
keep_outputs(struct task_memory *m, const struct msg_outputs *o, bool agent)
{
    struct pool *a = &m->capture_arena;

    m->captured = (struct capture){.complete = o->complete,
                                   .message = pool_str(a, o->message),
                                   .tail = pool_str(a, o->tail)};
    m->capture = CAPTURE_DONE;
    if (!agent)
        return;
    size_t n = o->results.count;
    struct texts keys = {n > 0 ? pool_alloc(a, n * sizeof(char *)) : NULL, n};
    struct texts values = {n > 0 ? pool_alloc(a, n * sizeof(char *)) : NULL, n};

    for (size_t i = 0; i < n; i++) {
        keys.at[i] = pool_str(a, o->results.items[i].key);
        values.at[i] = pool_str(a, o->results.items[i].value);
    }
    m->captured.level = (unsigned)o->level;
    m->captured.setup = o->setup;
    m->captured.outputs = keep_texts(a, &o->outputs);
    m->captured.keys = keys;
    m->captured.values = values;
}

/* Who asked: the run is over when the answer comes. */
struct ask {
    struct shard *shard;
    char key[SHARD_KEY_MAX];
    char uid[65];
    bool agent; /* whose log it is */
    char pod[254];
};

static void
on_outputs(void *arg, const struct msg_outputs *o)
{
    struct ask *ask = arg;
    struct task_memory *m = o != NULL ? task_memory_find(ask->shard, ask->key) : NULL;

    if (m != NULL && m->uid != NULL && strcmp(m->uid, ask->uid) == 0 &&
        m->capture == CAPTURE_ASKED && strcmp(m->capture_pod, ask->pod) == 0) {
        keep_outputs(m, o, ask->agent);
        shard_add(ask->shard, ask->key);
    }
    free(ask);
}

void
task_run_collect(struct task_run *r, const char *pod, const char *container)
{
    struct ask *ask = calloc(1, sizeof *ask);
    struct task_memory *m = task_run_memory(r);

    if (ask == NULL)
        abort();
    ask->shard = r->shard;
    ask->agent = container == NULL;
    memcpy(ask->key, r->key, sizeof ask->key);
    snprintf(ask->uid, sizeof ask->uid, "%s", r->meta.uid);
    snprintf(ask->pod, sizeof ask->pod, "%s", pod);
    m->capture = CAPTURE_ASKED;
    free(m->capture_pod);
    m->capture_pod = strdup(pod);
    writes_collect(r->shard->writes, &r->meta, pod,
                   container != NULL ? container : r->type, r->failed, on_outputs, ask);
    task_run_step(r);
}
