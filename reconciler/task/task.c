/* task.c - see task.h. */
#include "reconciler/task/task.h"

#include <assert.h>
#include <string.h>

#include "reconciler/task/status.h"

static struct action *
act(struct decision *d, enum action_kind kind)
{
    assert(d->n < DECISION_ACTIONS);
    d->actions[d->n] = (struct action){.kind = kind};
    return &d->actions[d->n++];
}

static void
event(struct decision *d, bool warning, const char *reason, const char *text)
{
    struct action *a = act(d, ACT_EVENT);

    a->warning = warning;
    a->reason = reason;
    a->text = text;
}

static void
wake(struct decision *d, int64_t at_ms)
{
    act(d, ACT_WAKE)->at_ms = at_ms;
}

/* Writes the status when it differs from what is there. */
static bool
show(const struct task_facts *f, struct decision *d, struct task_status status)
{
    if (!status_differs(f->task, &status))
        return false;
    status.now_ms = d->now_ms;
    d->status = status;
    act(d, ACT_STATUS);
    return true;
}

static struct task_status
status_now(const struct task_view *t)
{
    return (struct task_status){
        .phase = t->phase,
        .message = t->message,
        .job_name = t->job_name,
        .pod_name = t->pod_name,
        .started_ms = t->started_ms,
        .completed_ms = t->completed_ms,
        .blocked = t->blocked,
    };
}

static void
wait_for(const struct task_facts *f, struct decision *d, enum blocked why,
         const char *message)
{
    struct task_status status = status_now(f->task);

    status.phase =
        profile_of(f->task->view.meta.profile)->task_waiting ? PHASE_WAITING : PHASE_NONE;
    status.message = message;
    status.blocked = why;
    show(f, d, status);
}

/* Ends a Task that never got its Job. */
static void
fail(const struct task_facts *f, int64_t now_ms, struct decision *d, const char *message,
     const char *reason, const char *event_text)
{
    struct task_status status = status_now(f->task);

    status.phase = PHASE_FAILED;
    status.message = message;
    if (status.completed_ms == 0)
        status.completed_ms = now_ms;
    status.cause = reason;
    if (show(f, d, status)) {
        event(d, true, reason, event_text);
        act(d, ACT_COUNT_FINISHED);
    }
}

static bool
start_blocked_by_deps(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const char *message = status_dependency(&d->arena, &f->deps);

    switch (f->deps.state) {
    case DEPS_READY:
        return false;
    case DEPS_CYCLE:
        fail(f, now_ms, d, message, "DependencyFailed", "Circular dependency detected");
        return true;
    case DEPS_FAILED:
        fail(f, now_ms, d, message, "DependencyFailed", message);
        return true;
    case DEPS_ABSENT:
    case DEPS_WAITING:
        break;
    }
    wait_for(f, d, BLOCKED_BY_DEPENDENCY, message);
    return true;
}

static bool
start_blocked_by_branch(const struct task_facts *f, struct decision *d)
{
    const struct task_view *t = f->task;

    if (t->branch != NULL && t->workspace == NULL && !f->branch_warned)
        event(
            d, true, "BranchWithoutWorkspace",
            pool_printf(&d->arena,
                        "Branch \"%s\" is set but workspaceRef is not configured, branch "
                        "checkout will be skipped",
                        t->branch));
    if (f->branch.state == BRANCH_FREE)
        return false;
    wait_for(f, d, BLOCKED_BY_BRANCH, status_branch(&d->arena, t, &f->branch));
    return true;
}

static const char *
reference_message(struct decision *d, const char *kind, const char *name,
                  const char *wrong)
{
    return wrong != NULL
               ? pool_printf(&d->arena, "Waiting for %s \"%s\" to be mended: %s", kind,
                             name, wrong)
               : pool_printf(&d->arena, "Waiting for %s \"%s\" to be created", kind,
                             name);
}

static bool
start_blocked_by_reference(const struct task_facts *f, struct decision *d)
{
    const struct task_view *t = f->task;

    if (f->workspace == REF_MISSING)
        wait_for(f, d, BLOCKED_BY_REFERENCE,
                 reference_message(d, "Workspace", t->workspace, f->wrong_workspace));
    else if (f->missing_config != NULL)
        wait_for(f, d, BLOCKED_BY_REFERENCE,
                 reference_message(d, "AgentConfig", f->missing_config, f->wrong_config));
    else
        return false;
    return true;
}

static bool
start_blocked_by_auth(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const char *message;

    switch (f->auth) {
    case AUTH_READY:
        return false;
    case AUTH_UNKNOWN:
        act(d, ACT_RESOLVE_AUTH);
        return true;
    case AUTH_PENDING:
        return true;
    case AUTH_RETRY:
    case AUTH_FAILED:
        break;
    }
    message =
        pool_printf(&d->arena, "Failed to resolve GitHub token: %s", f->auth_message);
    if (f->auth == AUTH_FAILED)
        fail(f, now_ms, d, message, "GitHubTokenFailed", message);
    else
        wait_for(f, d, BLOCKED_BY_SECRET, message);
    return true;
}

/* Values that MCP servers and skills take from Secrets; what is missing may come yet. */
static bool
start_blocked_by_inputs(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    if (f->input_error == NULL || now_ms >= f->input_again_ms)
        return false;
    if (now_ms >= f->input_until_ms) {
        fail(f, now_ms, d, f->input_error, f->input_reason, f->input_error);
        return true;
    }
    wait_for(f, d, BLOCKED_BY_SECRET, f->input_error);
    wake(d, f->input_again_ms);
    return true;
}

/* The Job does not exist: may it be created? */
static void
decide_start(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const struct task_view *t = f->task;

    if (t->view.wrong != NULL) {
        fail(f, now_ms, d, t->view.wrong, "InvalidObject", t->view.wrong);
        return;
    }
    if (start_blocked_by_deps(f, now_ms, d) || start_blocked_by_branch(f, d) ||
        start_blocked_by_reference(f, d) || start_blocked_by_auth(f, now_ms, d))
        return;
    if (f->build_error != NULL) {
        const char *message =
            pool_printf(&d->arena, "Failed to build Job: %s", f->build_error);
        fail(f, now_ms, d, message, "JobBuildFailed", message);
        return;
    }
    if (start_blocked_by_inputs(f, now_ms, d))
        return;
    act(d, ACT_CREATE_JOB);
    struct task_status status = status_now(t);
    status.phase = PHASE_PENDING;
    status.message = "";
    status.blocked = BLOCKED_NOT;
    status.job_name = t->view.meta.name;
    if (show(f, d, status)) {
        event(d, false, "TaskCreated",
              pool_printf(&d->arena, "Created Job %s for task", t->view.meta.name));
        act(d, ACT_COUNT_CREATED);
    }
}

/* Whose log tells how it ended. An agent whose init containers failed has said nothing; of
 * those, the one that failed has. */
static bool
choose_log(const struct pod_view *pod, const char **container)
{
    *container = NULL;
    if (pod == NULL)
        return false;
    if (pod->started || strcmp(pod->phase, "Failed") != 0)
        return true;
    *container = pod->failed_init;
    return *container != NULL;
}

/* `agent`: it was the agent's log that was to be read. */
static enum captured
judge_capture(const struct capture *c, bool agent)
{
    if (agent && (c == NULL || !c->complete))
        return CAPTURED_TIMED_OUT;
    return agent && c->outputs.n > 0 ? CAPTURED_OUTPUTS : CAPTURED_NOTHING;
}

/* The Workspace's setup command is the image's to run: one that does not know of it leaves it
 * out in silence. */
static void
warn_of_setup(const struct task_facts *f, struct decision *d)
{
    const struct capture *c = f->captured;
    const char *says = "does not say that it keeps the agent image interface";

    if (!f->setup || c == NULL || !c->complete || c->setup)
        return;
    if (c->level > 0)
        says = pool_printf(&d->arena, "says that it keeps level %u of the interface",
                           c->level);
    event(
        d, true, "SetupCommandNotRun",
        pool_printf(&d->arena,
                    "Workspace \"%s\" has a setupCommand, and nothing in the agent's log "
                    "shows that it was run; the image %s",
                    f->task->workspace, says));
}

static void
finish(const struct task_facts *f, int64_t now_ms, struct decision *d,
       struct task_status status, bool ok, bool agent)
{
    const struct capture *c = f->captured;
    const char *before = status.phase == PHASE_RUNNING ? status.message : "";
    const char *line = status_end(&d->arena, ok, f->job, f->pod, before);

    if (agent)
        line = pool_printf(&d->arena, "%s%s", line, status_uncaptured(&d->arena, c));
    status.phase = ok ? PHASE_SUCCEEDED : PHASE_FAILED;
    status.completed_ms = now_ms;
    status.message =
        ok ? line : status_with_tail(&d->arena, line, c != NULL ? c->tail : NULL);
    status.cause = ok ? "Succeeded" : status_cause(f->job, f->pod);
    status.captured = judge_capture(c, agent);
    if (c != NULL) {
        status.with_outputs = c->outputs.n > 0;
        status.outputs = c->outputs;
        status.keys = c->keys;
        status.values = c->values;
    }
    if (!show(f, d, status))
        return;
    event(d, !ok, ok ? "TaskSucceeded" : "TaskFailed", line);
    if (status.with_outputs)
        event(d, false, "OutputsCaptured",
              pool_printf(&d->arena, "Captured %zu outputs and %zu results from agent",
                          c->outputs.n, c->keys.n));
    if (agent)
        warn_of_setup(f, d);
    act(d, ACT_COUNT_FINISHED);
}

/* The Job has ended: the Task ends once its outputs are read or given up. */
static void
decide_end(const struct task_facts *f, int64_t now_ms, struct decision *d,
           struct task_status status, bool ok)
{
    const char *container;
    bool readable = choose_log(f->pod, &container);

    if (readable && f->capture == CAPTURE_NONE) {
        struct action *a = act(d, ACT_COLLECT);
        a->text = f->pod->view.meta.name;
        a->container = container;
        return;
    }
    if (f->capture == CAPTURE_ASKED)
        return;
    if (f->pod == NULL && f->capture == CAPTURE_NONE &&
        now_ms < f->finished_seen_ms + POD_GRACE_MS) {
        wake(d, f->finished_seen_ms + POD_GRACE_MS);
        return;
    }
    finish(f, now_ms, d, status, ok, f->pod == NULL || (readable && container == NULL));
}

static bool
job_failed(const struct job_view *j)
{
    return profile_of(j->view.meta.profile)->retry_disruption
               ? j->failed_condition
               : j->failed_condition || j->failed > 0;
}

static void
keep_token(const struct task_facts *f, struct decision *d)
{
    if (f->token != TOKEN_REST)
        act(d, ACT_KEEP_TOKEN);
    else if (f->token_wake_ms != 0)
        wake(d, f->token_wake_ms);
}

/* The agent has ended and its Job goes on: its log is read while the Pod is there, and a
 * container that never ends does not keep the Task. Returns whether that was all to decide. */
static bool
decide_beyond_agent(const struct task_facts *f, int64_t now_ms, struct decision *d,
                    struct task_status status)
{
    const struct container_end *end = pods_agent_end(f->pod, f->task->type);

    if (end == NULL)
        return false;
    if (f->capture == CAPTURE_NONE) {
        act(d, ACT_COLLECT)->text = f->pod->view.meta.name;
        return true;
    }
    if (f->pod->n_running == 0 || end->at_ms == 0)
        return false;
    if (now_ms < end->at_ms + EXTRA_MS) {
        wake(d, end->at_ms + EXTRA_MS);
        return false;
    }
    decide_end(f, now_ms, d, status, end->code == 0);
    if (decision_find(d, ACT_COUNT_FINISHED) != NULL) {
        event(d, true, "ExtraContainersStillRunning",
              "The agent has ended and other containers of its Pod have not: the Job is "
              "deleted. A server belongs into extraInitContainers with restartPolicy "
              "Always");
        act(d, ACT_DELETE_JOB);
    }
    return true;
}

/* Our Job is there: follow it. Counts alone decide, in this order. */
static void
decide_follow(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const struct job_view *j = f->job;
    struct task_status status = status_now(f->task);

    status.job_name = j->view.meta.name;
    status.blocked = BLOCKED_NOT;
    if (f->pod != NULL)
        status.pod_name = f->pod->view.meta.name;
    /* A deadline's Pods are about to go, and their logs with them. */
    if (j->failing && !j->failed_condition && f->pod != NULL && f->pod->started &&
        f->capture == CAPTURE_NONE) {
        act(d, ACT_COLLECT)->text = f->pod->view.meta.name;
        return;
    }
    if (j->active > 0 && decide_beyond_agent(f, now_ms, d, status))
        return;
    if (j->active > 0) {
        bool first = status.phase != PHASE_RUNNING;
        keep_token(f, d);
        status.phase = PHASE_RUNNING;
        status.message = f->pod != NULL && f->pod->waiting != NULL ? f->pod->waiting : "";
        status.cause = f->pod != NULL && f->pod->waiting != NULL ? f->pod->waiting_reason
                                                                 : "Running";
        if (status.started_ms == 0)
            status.started_ms = now_ms;
        if (show(f, d, status) && first)
            event(d, false, "TaskRunning", "Task started running");
    } else if (j->succeeded > 0) {
        decide_end(f, now_ms, d, status, true);
    } else if (job_failed(j)) {
        decide_end(f, now_ms, d, status, false);
    } else {
        if (status.phase != PHASE_RUNNING) { /* its Pod is named when it runs */
            status.phase = PHASE_PENDING;
            status.pod_name = f->task->pod_name;
        }
        status.message = "";
        show(f, d, status);
    }
}

/* A Job of this name that this Task did not make. */
static void
decide_foreign(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const struct task_view *t = f->task;
    const struct job_view *j = f->job;
    bool stale = j->view.meta.deleted_ms != 0 ||
                 (j->task != NULL && j->view.meta.profile == t->view.meta.profile);

    if (stale && now_ms < t->view.meta.created_ms + STALE_JOB_MS) {
        wait_for(f, d, BLOCKED_BY_REFERENCE,
                 pool_printf(&d->arena,
                             "Waiting for Job \"%s\" of an earlier Task to be deleted",
                             j->view.meta.name));
        wake(d, t->view.meta.created_ms + STALE_JOB_MS);
        return;
    }
    const char *message = pool_printf(
        &d->arena,
        "Failed to build Job: a Job \"%s\" exists and is not controlled by this Task",
        j->view.meta.name);
    fail(f, now_ms, d, message, "JobBuildFailed", message);
}

static bool
job_is_ours(const struct task_facts *f)
{
    const char *owner = f->job->view.meta.controller_uid;

    return owner != NULL && strcmp(owner, f->task->view.meta.uid) == 0;
}

/* A phase that says "Job" without a Job in view: it may be on its way here, or was deleted. */
static void
decide_lost(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    if (!f->job_absent) {
        act(d, ACT_FIND_JOB);
        return;
    }
    fail(f, now_ms, d, "Task failed: its Job was deleted", "TaskFailed",
         "Task failed: its Job was deleted");
}

/* The user wants it to end. Its Job goes first, then its Pods, then the Task is over and the
 * branch free. Returns whether that was all to decide. */
static bool
decide_cancel(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const struct job_view *j = f->job;

    if (!f->task->cancel)
        return false;
    if (j != NULL && job_is_ours(f)) {
        if (j->active == 0 && (j->succeeded > 0 || job_failed(j)))
            return false; /* it has ended before */
        if (j->view.meta.deleted_ms == 0)
            act(d, ACT_DELETE_JOB);
    } else if (f->job_created || (task_claims_job(f) && f->pods_alive)) {
        return true; /* what is awaited comes as an event */
    } else if (task_claims_job(f) && !f->job_absent) {
        act(d, ACT_FIND_JOB);
    } else {
        fail(f, now_ms, d, "Task cancelled", "TaskCancelled", "Task cancelled");
    }
    return true;
}

/* Finished Tasks stay as they are; all that is left to them is their end. */
static void
decide_finished(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const struct task_view *t = f->task;
    int64_t wake_ms = 0;

    if (t->completed_ms == 0) {
        struct task_status status = status_now(t);
        status.completed_ms = now_ms;
        show(f, d, status);
        return;
    }
    /* It ended before it had a Job, while a process before us was creating one. */
    if (f->job != NULL && job_is_ours(f) && *t->job_name == '\0') {
        if (f->job->view.meta.deleted_ms == 0)
            act(d, ACT_DELETE_JOB);
        return;
    }
    /* It ended without those of its containers that run for ever. */
    if (f->job != NULL && job_is_ours(f) && f->job->active > 0 &&
        pods_agent_end(f->pod, f->task->type) != NULL) {
        if (f->job->view.meta.deleted_ms == 0)
            act(d, ACT_DELETE_JOB);
        return;
    }
    if (task_expired(t, now_ms, &wake_ms)) {
        if (f->awaited)
            return;
        event(d, false, "TaskExpired", "Deleting Task due to TTL expiration");
        act(d, ACT_DELETE_TASK);
    } else if (wake_ms != 0) {
        wake(d, wake_ms);
    }
}

static void
decide_deletion(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const struct meta *m = &f->task->view.meta;

    if (!meta_has_finalizer(m, profile_of(m->profile)->task_finalizer))
        return;
    if (f->job != NULL && job_is_ours(f)) {
        if (f->job->view.meta.deleted_ms == 0)
            act(d, ACT_DELETE_JOB);
        return;
    }
    if (f->job_created)
        return;
    if (f->job == NULL &&
        !f->job_known) { /* one that a process before us made may be unseen */
        act(d, ACT_FIND_JOB);
        return;
    }
    if (f->pods_alive && now_ms < m->deleted_ms + POD_END_MS) {
        wake(d, m->deleted_ms + POD_END_MS);
        return;
    }
    if (f->counted)
        act(d, ACT_DROP_FINALIZER);
}

bool
task_claims_job(const struct task_facts *f)
{
    return (f->job != NULL && job_is_ours(f)) || f->job_created ||
           f->task->phase == PHASE_PENDING || f->task->phase == PHASE_RUNNING;
}

static void
decide(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const struct task_view *t = f->task;
    const struct meta *m = &t->view.meta;

    if (m->deleted_ms != 0) {
        decide_deletion(f, now_ms, d);
        return;
    }
    if (phase_terminal(t->phase)) {
        decide_finished(f, now_ms, d);
        return;
    }
    if (!meta_has_finalizer(m, profile_of(m->profile)->task_finalizer))
        act(d, ACT_ADD_FINALIZER);
    if (f->conflict != NULL)
        fail(f, now_ms, d, f->conflict, "JobBuildFailed", f->conflict);
    else if (decide_cancel(f, now_ms, d))
        return;
    else if (f->job != NULL && job_is_ours(f))
        decide_follow(f, now_ms, d);
    else if (f->job_created)
        return;
    else if (task_claims_job(f))
        decide_lost(f, now_ms, d);
    else if (f->job != NULL)
        decide_foreign(f, now_ms, d);
    else
        decide_start(f, now_ms, d);
}

void
task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    d->now_ms = now_ms;
    decide(f, now_ms, d);
    if (f->task->quarantined && f->task->view.meta.deleted_ms == 0 &&
        decision_find(d, ACT_STATUS) == NULL)
        show(f, d, status_now(f->task));
}
