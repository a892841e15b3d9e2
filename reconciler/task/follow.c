/* follow.c - a Task that has its Job, until it ends. */
#include <string.h>

#include "reconciler/task/moves.h"
#include "reconciler/task/status.h"

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
    decision_event(
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
    if (!decision_show(f, d, status))
        return;
    decision_event(d, !ok, ok ? "TaskSucceeded" : "TaskFailed", line);
    if (status.with_outputs)
        decision_event(d, false, "OutputsCaptured",
                       pool_printf(&d->arena,
                                   "Captured %zu outputs and %zu results from agent",
                                   c->outputs.n, c->keys.n));
    if (agent)
        warn_of_setup(f, d);
    decision_act(d, ACT_COUNT_FINISHED);
}

/* The Job has ended, and its Pod, which never came to the agent, has not: Pods are watched apart
 * from Jobs, and this view of it is older. What it ended of stands in the next one. */
static bool
pod_lags(const struct task_facts *f, int64_t now_ms)
{
    const struct pod_view *p = f->pod;

    return p != NULL && !p->started && strcmp(p->phase, "Failed") != 0 &&
           strcmp(p->phase, "Succeeded") != 0 &&
           now_ms < f->finished_seen_ms + POD_GRACE_MS;
}

/* The Job has ended: the Task ends once its outputs are read or given up. */
static void
decide_end(const struct task_facts *f, int64_t now_ms, struct decision *d,
           struct task_status status, bool ok)
{
    const char *container;
    bool readable = choose_log(f->pod, &container);

    if (f->capture == CAPTURE_NONE && pod_lags(f, now_ms)) {
        decision_wake(d, f->finished_seen_ms + POD_GRACE_MS);
        return;
    }
    if (readable && f->capture == CAPTURE_NONE) {
        struct action *a = decision_act(d, ACT_COLLECT);
        a->text = f->pod->view.meta.name;
        a->container = container;
        return;
    }
    if (f->capture == CAPTURE_ASKED)
        return;
    if (f->pod == NULL && f->capture == CAPTURE_NONE) {
        if (now_ms < f->finished_seen_ms + POD_GRACE_MS) {
            decision_wake(d, f->finished_seen_ms + POD_GRACE_MS);
            return;
        }
        if (!f->pods_asked) { /* Pods are watched apart from Jobs, and may be shown later */
            decision_act(d, ACT_FIND_PODS);
            return;
        }
    }
    finish(f, now_ms, d, status, ok, f->pod == NULL || (readable && container == NULL));
}

bool
follow_failed(const struct job_view *j)
{
    return profile_of(j->view.meta.profile)->retry_disruption
               ? j->failed_condition
               : j->failed_condition || j->failed > 0;
}

static void
keep_token(const struct task_facts *f, struct decision *d)
{
    if (f->token != TOKEN_REST)
        decision_act(d, ACT_KEEP_TOKEN);
    else if (f->token_wake_ms != 0)
        decision_wake(d, f->token_wake_ms);
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
        decision_act(d, ACT_COLLECT)->text = f->pod->view.meta.name;
        return true;
    }
    if (f->pod->n_running == 0 || end->at_ms == 0)
        return false;
    if (now_ms < end->at_ms + EXTRA_MS) {
        decision_wake(d, end->at_ms + EXTRA_MS);
        return false;
    }
    decide_end(f, now_ms, d, status, end->code == 0);
    if (decision_find(d, ACT_COUNT_FINISHED) != NULL) {
        decision_event(
            d, true, "ExtraContainersStillRunning",
            "The agent has ended and other containers of its Pod have not: the Job is "
            "deleted. A server belongs into extraInitContainers with restartPolicy "
            "Always");
        decision_act(d, ACT_DELETE_JOB);
    }
    return true;
}

void
decide_follow(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const struct job_view *j = f->job;
    struct task_status status = decision_status_now(f->task);

    status.job_name = j->view.meta.name;
    status.blocked = BLOCKED_NOT;
    if (f->pod != NULL)
        status.pod_name = f->pod->view.meta.name;
    /* A deadline's Pods are about to go, and their logs with them. */
    if (j->failing && !j->failed_condition && f->pod != NULL && f->pod->started &&
        f->capture == CAPTURE_NONE) {
        decision_act(d, ACT_COLLECT)->text = f->pod->view.meta.name;
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
        if (decision_show(f, d, status) && first)
            decision_event(d, false, "TaskRunning", "Task started running");
    } else if (j->succeeded > 0) {
        decide_end(f, now_ms, d, status, true);
    } else if (follow_failed(j)) {
        decide_end(f, now_ms, d, status, false);
    } else {
        if (status.phase != PHASE_RUNNING) { /* its Pod is named when it runs */
            status.phase = PHASE_PENDING;
            status.pod_name = f->task->pod_name;
        }
        status.message = "";
        decision_show(f, d, status);
    }
}
