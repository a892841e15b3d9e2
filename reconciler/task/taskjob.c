/* taskjob.c - the Job of a Task: its values are read, it is built and created. */
#include "reconciler/task/taskrun.h"

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/job/agentmerge.h"
#include "reconciler/task/prompt.h"
#include "reconciler/writes.h"

/* How soon a value that is missing is looked for again: nothing tells of a Secret unless the
 * controller was told to watch them, and nothing at all of a ConfigMap. */
#define LOOK_AGAIN_MS 2000
/* How soon a namespace that was being deleted is tried again. */
#define ENDING_AGAIN_MS 60000

/* 403: a quota, an admission policy, a right that is not given. The Task says so, and asks
 * again ever more rarely. */
static void
refused(struct task_run *r, const struct err *e)
{
    struct task_memory *m = task_run_memory(r);

    shard_count_error(r->shard, r->key);
    log_info(r->key, "%s", e->text);
    free(m->refused);
    m->refused = strdup(e->text);
    m->refused_again = clock_wall_ms() + shard_refusal_ms(m->refusals++);
    task_run_again(r);
}

static void
on_made(void *arg, enum job_made result, const struct err *e)
{
    struct task_run *r = arg;
    struct task_memory *m = task_run_memory(r);
    SHARD_BUSY(r->shard, r->key);

    job_make_free(TAKE(r->make)); /* ten times the Job's text, while its status waits */
    if (m == NULL) {              /* the Task has gone meanwhile; its Job goes with it */
        task_run_end(r);
        return;
    }
    switch (result) {
    case JOB_MADE:
        free(m->refused);
        m->refused = NULL;
        m->refusals = 0;
        m->job_created = true;
        m->job_until = clock_mono_ms() + ECHO_MS;
        shard_add_at(r->shard, r->key, clock_wall_ms() + ECHO_MS);
        task_run_step(r);
        return;
    case JOB_WRONG:
        shard_count_error(r->shard, r->key);
        m->build_error = strdup(e->text);
        task_run_again(r);
        return;
    case JOB_TAKEN:
        shard_count_error(r->shard, r->key);
        m->conflict = strdup(e->text);
        task_run_again(r);
        return;
    case JOB_ENDING: /* should the namespace stay after all, the Task goes on then */
        shard_count_error(r->shard, r->key);
        log_info(r->key, "%s", e->text);
        shard_add_at(r->shard, r->key, clock_wall_ms() + ENDING_AGAIN_MS);
        task_run_end(r);
        return;
    case JOB_LATER:
        if (e->code == ERR_FORBIDDEN)
            refused(r, e);
        else
            task_run_fail(r, e);
        return;
    }
}

/* A template that cannot be rendered is told once; the agent then gets the raw prompt. */
static void
warn_prompt(struct task_run *r, const struct err *why)
{
    struct task_memory *m = task_run_memory(r);

    if (m->prompt_warned)
        return;
    m->prompt_warned = true;
    writes_event(r->shard->writes, KIND_TASK, &r->meta, true, "PromptTemplateFailed",
                 why->text);
}

/* The Task's AgentConfig, or several as one, which *merged then holds. */
static const struct agentconfig_view *
agent_config_of(const struct shard *s, const struct task_view *t,
                struct agentmerge *merged)
{
    const struct meta *m = &t->view.meta;
    const struct agentconfig_view *only = NULL;

    for (size_t i = 0; i < t->agent_configs.n; i++) {
        only = (const struct agentconfig_view *)store_get(
            s->store, KIND_AGENT_CONFIG, m->profile, m->ns, t->agent_configs.at[i]);
        if (only != NULL && t->agent_configs.n > 1)
            agentmerge_add(merged, only);
    }
    return t->agent_configs.n > 1 ? &merged->config : only;
}

/* The Task of this run; one that took its name meanwhile has a run of its own. */
static const struct task_view *
task_of(const struct task_run *r)
{
    const struct view *v =
        store_get(r->shard->store, KIND_TASK, r->meta.profile, r->meta.ns, r->meta.name);

    return v != NULL && strcmp(v->meta.uid, r->meta.uid) == 0
               ? (const struct task_view *)v
               : NULL;
}

/* The Task waits; the key comes again when it is time to look again. */
static void
miss(struct task_run *r, const char *reason, const struct err *e)
{
    struct task_memory *m = task_run_memory(r);
    int64_t now = clock_wall_ms();

    shard_count_error(r->shard, r->key);
    free(m->input_error);
    m->input_error = strdup(e->text);
    m->input_reason = reason;
    m->input_again = now + LOOK_AGAIN_MS;
    if (m->input_since == 0)
        m->input_since = now;
    task_run_again(r);
}

/* Builds from what is in view now; `values` are those of `config`, or some are missing. */
static void
make(struct task_run *r, const struct task_view *t, const struct agentconfig_view *config,
     const json_t *values)
{
    struct shard *s = r->shard;
    struct task_memory *m = task_run_memory(r);
    const struct workspace_view *w =
        store_workspace(s->store, &t->view.meta, t->workspace);
    SCOPED(buf) struct buf prompt = BUF_INIT;
    struct err e = ERR_INIT;
    const char *reason = NULL;
    enum job_made why;

    if (!deps_hold(t, &r->dep_uids, facts_lookup, s)) {
        task_run_again(r);
        return;
    }
    if (inputs_check(config, values, &reason, &e) < 0) {
        miss(r, reason, &e);
        return;
    }
    m->input_since = 0;
    if (prompt_render(t, facts_lookup, s, &prompt, &e) < 0)
        warn_prompt(r, &e);
    e = (struct err)ERR_INIT;
    const struct job_wish wish = {
        .task = t,
        .workspace = w,
        .agent_config = config,
        .prompt = buf_str(&prompt),
        .token_secret = w != NULL && w->secret != NULL ? m->token_secret : NULL,
        .values = values,
        .images = &s->images,
        .policy = &s->policy,
    };
    if ((r->make = job_make_start(s->kube, &wish, on_made, r, &why, &e)) == NULL)
        on_made(r, why, &e);
}

static void
on_inputs(void *arg, const json_t *values, const struct err *e)
{
    struct task_run *r = arg;
    const struct task_view *t = task_of(r);
    struct task_memory *m = task_run_memory(r);
    SCOPED(agentmerge) struct agentmerge merged = {0};
    SHARD_BUSY(r->shard, r->key);

    if (t == NULL || m == NULL) {
        task_run_end(r);
    } else if (values == NULL && e->code == ERR_FORBIDDEN) {
        refused(r, e);
    } else if (values == NULL) {
        task_run_fail(r, e);
    } else {
        make(r, t, agent_config_of(r->shard, t, &merged), values);
    }
}

void
task_run_create_job(struct task_run *r)
{
    const struct task_view *t = task_of(r);
    struct task_memory *m = task_run_memory(r);
    SCOPED(agentmerge) struct agentmerge merged = {0};
    struct err e = ERR_INIT;

    if (t == NULL || m == NULL) {
        task_run_end(r);
        return;
    }
    const struct agentconfig_view *config = agent_config_of(r->shard, t, &merged);
    SCOPED(json) json_t *wanted = inputs_wanted(config);
    if (json_array_size(wanted) == 0) {
        make(r, t, config, NULL);
        return;
    }
    r->inputs = inputs_read_start(r->shard->kube, r->meta.ns, wanted, on_inputs, r, &e);
    if (r->inputs == NULL)
        on_inputs(r, NULL, &e);
}
