/* fakes.c - what the reconciler reaches the world with, answered by the model. The linker
 * takes these instead of the real ones (--wrap, or the file is not linked). */
#include "tests/reconciler/model/model.h"

#include "reconciler/auth/credentials.h"
#include "reconciler/plan/spawnersource.h"
#include "reconciler/plan/sources.h"

/* ---- clocks and the loop ---- */

int64_t __wrap_clock_mono_ms(void);
int64_t __wrap_clock_wall_ms(void);
int __wrap_worker_after(struct worker *w, int64_t ms, worker_fn *fn, void *arg);
void __wrap_worker_cancel(struct worker *w, int timer);
bool __wrap_worker_quarantined(const struct worker *w, const char *key);
void __wrap_worker_busy(struct worker *w, const char *key);
void __wrap_worker_idle(struct worker *w);
void __wrap_worker_drained(struct worker *w);
struct metrics *__wrap_worker_metrics(struct worker *w);
void __wrap_metrics_add(struct metrics *m, enum metric id, double by,
                        const char *const *labels);
void __wrap_metrics_set(struct metrics *m, enum metric id, double to,
                        const char *const *labels);
void __wrap_metrics_observe(struct metrics *m, enum metric id, double v,
                            const char *const *labels);
void __wrap_task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d);
void __real_task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d);

int64_t
__wrap_clock_mono_ms(void)
{
    return model.mono_ms;
}

int64_t
__wrap_clock_wall_ms(void)
{
    return model.wall_ms;
}

void
objects_unseen(struct shard *s, unsigned kind, const struct meta *m, const char *version)
{
    (void)s;
    (void)kind;
    (void)m;
    (void)version;
}

void
objects_deleted(struct shard *s, unsigned kind, const char *ns, const char *name,
                const char *uid)
{
    struct view *gone = store_take(s->store, kind, 0, ns, name, uid);

    if (gone != NULL)
        wake(s, gone, NULL);
    view_free(gone);
}

int
__wrap_worker_after(struct worker *w, int64_t ms, worker_fn *fn, void *arg)
{
    (void)w;
    model.timer = fn;
    model.timer_arg = arg;
    model.timer_at = model.mono_ms + ms;
    return 1;
}

void
__wrap_worker_cancel(struct worker *w, int timer)
{
    (void)w;
    if (timer > 0)
        model.timer = NULL;
}

void
timer_fire(void)
{
    worker_fn *fn = model.timer;

    if (fn == NULL || model.mono_ms < model.timer_at)
        return;
    model.timer = NULL;
    fn(model.timer_arg, NULL);
}

bool
__wrap_worker_quarantined(const struct worker *w, const char *key)
{
    (void)w, (void)key;
    return false;
}

void
__wrap_worker_busy(struct worker *w, const char *key)
{
    (void)w, (void)key;
}

void
__wrap_worker_idle(struct worker *w)
{
    (void)w;
}

void
__wrap_worker_drained(struct worker *w)
{
    (void)w;
}

struct metrics *
__wrap_worker_metrics(struct worker *w)
{
    (void)w;
    return NULL;
}

void
__wrap_metrics_add(struct metrics *m, enum metric id, double by,
                   const char *const *labels)
{
    (void)m, (void)id, (void)by, (void)labels;
}

void
__wrap_metrics_set(struct metrics *m, enum metric id, double to,
                   const char *const *labels)
{
    (void)m, (void)id, (void)to, (void)labels;
}

void
__wrap_metrics_observe(struct metrics *m, enum metric id, double v,
                       const char *const *labels)
{
    (void)m, (void)id, (void)v, (void)labels;
}

void
__wrap_task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    __real_task_decide(f, now_ms, d);
    check_decision(f, d);
}

/* ---- the statuswriter ---- */

void
writes_status(struct writes *w, unsigned kind, const struct meta *m, json_t *patch,
              write_fn *done, void *arg)
{
    struct status_write *x = calloc(1, sizeof *x);

    (void)w;
    if (x == NULL)
        abort();
    *x = (struct status_write){.kind = kind, .patch = patch, .done = done, .arg = arg};
    snprintf(x->name, sizeof x->name, "%s", m->name);
    snprintf(x->uid, sizeof x->uid, "%s", m->uid);
    check_status(x);
    zlistx_add_end(model.statuses, x);
}

/* So few, that it happens. */
enum { STATUSES_FULL = 10 };

bool
writes_full(const struct writes *w UNUSED)
{
    return model.statuses != NULL && zlistx_size(model.statuses) >= STATUSES_FULL;
}

void
status_execute(struct status_write *x)
{
    json_t *old = api_get(x->kind, x->name);
    const char *version = doc_text(x->patch, "metadata.resourceVersion");

    x->executed = true;
    if (old == NULL || strcmp(x->uid, doc_text(old, "metadata.uid")) != 0 ||
        (*version != '\0' &&
         strcmp(version, doc_text(old, "metadata.resourceVersion")) != 0)) {
        x->code = WRITE_GONE;
        return;
    }
    json_t *doc = json_merge(old, x->patch);
    api_put(x->kind, x->name, doc);
    snprintf(x->version, sizeof x->version, "%s",
             doc_text(doc, "metadata.resourceVersion"));
}

void
status_answer(struct status_write *x)
{
    if (x->done != NULL) {
        if (x->kind == KIND_TASK && x->code == WRITE_DONE)
            check_wrote(x->name, x->uid, x->version);
        x->done(x->arg, x->code, x->version, "");
    }
    json_decref(x->patch);
    free(x);
}

void
writes_event(struct writes *w, unsigned kind, const struct meta *m, bool warning,
             const char *reason, const char *message)
{
    (void)w, (void)kind, (void)m, (void)warning, (void)reason, (void)message;
}

void
writes_collect(struct writes *w, const struct meta *task, const char *pod,
               const char *container, bool failed, outputs_fn *done, void *arg)
{
    struct ask *a = calloc(1, sizeof *a);

    (void)w, (void)task, (void)container, (void)failed;
    if (a == NULL)
        abort();
    *a = (struct ask){.done = done, .arg = arg};
    snprintf(a->pod, sizeof a->pod, "%s", pod);
    zlistx_add_end(model.asks, a);
}

void
ask_answer(struct ask *a)
{
    const char *line = "commit: abc";
    struct msg_outputs o = {.complete = api_get(KIND_POD, a->pod) != NULL,
                            .message = "the pod is gone"};

    if (o.complete) {
        o.message = "";
        o.outputs.items = &line;
        o.outputs.count = 1;
    }
    if (a->done != NULL)
        a->done(a->arg, &o);
    free(a);
}

/* ---- credentials and sources ---- */

void
credential_changed(struct credentials *c, const char *ns, const char *name)
{
    (void)c, (void)ns, (void)name;
}

void
credential_learn(struct credentials *c, const char *ns, const char *name,
                 const char *api_base, const struct secret *token, int64_t expires_ms)
{
    (void)c, (void)ns, (void)name, (void)api_base, (void)token, (void)expires_ms;
}

void
tokens_look(struct shard *s)
{
    (void)s;
}

void
tokens_task_ended(struct shard *s, const struct task_view *task)
{
    (void)s, (void)task;
}

struct credential
credential_get(struct credentials *c, enum cred_kind kind, const char *ns,
               const char *name, const char *api_base, const char *key)
{
    static struct secret *token;

    (void)c, (void)kind, (void)ns, (void)name, (void)api_base;
    if (token == NULL)
        token = secret_new("t", 1);
    if (model.quiet || chance(60))
        return (struct credential){.state = CRED_READY, .token = token, .message = ""};
    if (chance(50))
        return (struct credential){.state = CRED_FAILED,
                                   .message =
                                       "GitHub API returned status 401: Bad credentials"};
    (void)key;
    return (struct credential){
        .state = CRED_RETRY, .message = "timeout", .again_ms = model.wall_ms + 1000};
}

bool
account_ensure(struct shard *s, const char *key, unsigned profile, const char *ns)
{
    (void)s, (void)key, (void)profile, (void)ns;
    return true;
}

void
sources_drop(struct sources *c, const char *key)
{
    (void)c, (void)key;
}

void
sources_synced(struct sources *c)
{
    (void)c;
}

void
sources_resolved(struct sources *c)
{
    (void)c;
}

void
spawner_source(struct source_ask *r, const struct spawner_view *v)
{
    (void)v;
    r->workspace_missing = false;
    r->config_error[0] = '\0';
}

/* ---- the process ---- */

static void
free_plain(void **item)
{
    free(*item);
    *item = NULL;
}

static void
memory_open(struct shard *s)
{
    s->queue = queue_new();
    s->tasks = table_new(task_memory_free);
    s->spawners = zhashx_new();
    s->held = zhashx_new();

    zhashx_set_destructor(s->spawners, spawner_memory_free);
    zhashx_set_destructor(s->held, free_plain);
}

void
process_start(void)
{
    struct shard *s = &model.shard;

    *s = (struct shard){.count = 1,
                        .leader = true,
                        .synced = true,
                        .store = store_new(),
                        .images = {.git = "git", .node = "node"}};
    memory_open(s);
}

static void
bury(void *run)
{
    if (model.n_graves < sizeof model.graves / sizeof *model.graves)
        model.graves[model.n_graves++] = run;
}

/* What was on its way arrives, or does not. */
static void
land_calls(void)
{
    for (struct call *c = zlistx_first(model.calls); c != NULL;
         c = zlistx_next(model.calls))
        if (!c->executed && chance(50))
            call_execute(c);
}

/* Nobody hears the answers. What a call was made for is gone with the process; a call that the
 * process's own memory owned was cancelled when that was freed. */
static void
drop_calls(void)
{
    struct call *c;
    struct ask *a;

    while ((c = zlistx_detach(model.calls, NULL)) != NULL) {
        if (c->done != NULL)
            bury(c->arg);
        c->done = NULL;
        call_answer(c);
    }
    while ((a = zlistx_detach(model.asks, NULL)) != NULL) {
        bury(a->arg);
        free(a);
    }
}

static void
wake_all(void *arg, struct view *v)
{
    wake(arg, NULL, v);
}

void
process_kill(void)
{
    struct shard *s = &model.shard;

    land_calls();
    for (struct status_write *x = zlistx_first(model.statuses); x != NULL;
         x = zlistx_next(model.statuses)) {
        if (x->done != NULL)
            bury(x->arg);
        x->done = NULL; /* the patch itself is in the statuswriter's hands */
    }
    check_forget();
    queue_free(s->queue);
    table_free(s->tasks);
    zhashx_destroy(&s->spawners);
    zhashx_destroy(&s->held);
    drop_calls();
    s->timer = 0;
    model.timer = NULL;
    memory_open(s);
    for (unsigned kind = 0; kind < N_KINDS; kind++)
        show_all(kind); /* a process begins with a whole sweep */
    store_each(s->store, KIND_TASK, wake_all, s);
    store_each(s->store, KIND_TASK_SPAWNER, wake_all, s);
    shard_work(s);
}
