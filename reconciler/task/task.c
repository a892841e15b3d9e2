/* task.c - see task.h: which stretch of its life the Task is in. */
#include "reconciler/task/task.h"

#include <string.h>

#include "reconciler/task/moves.h"

/* A Job of this name that this Task did not make. */
static void
decide_foreign(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const struct task_view *t = f->task;
    const struct job_view *j = f->job;
    bool stale = j->view.meta.deleted_ms != 0 ||
                 (j->task != NULL && j->view.meta.profile == t->view.meta.profile);

    if (stale && now_ms < t->view.meta.created_ms + STALE_JOB_MS) {
        decision_wait(
            f, d, BLOCKED_BY_REFERENCE,
            pool_printf(&d->arena,
                        "Waiting for Job \"%s\" of an earlier Task to be deleted",
                        j->view.meta.name));
        decision_wake(d, t->view.meta.created_ms + STALE_JOB_MS);
        return;
    }
    const char *message = pool_printf(
        &d->arena,
        "Failed to build Job: a Job \"%s\" exists and is not controlled by this Task",
        j->view.meta.name);
    decision_fail(f, now_ms, d, message, "JobBuildFailed", message);
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
        decision_act(d, ACT_FIND_JOB);
        return;
    }
    decision_fail(f, now_ms, d, "Task failed: its Job was deleted", "TaskFailed",
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
        if (j->active == 0 && (j->succeeded > 0 || follow_failed(j)))
            return false; /* it has ended before */
        if (j->view.meta.deleted_ms == 0)
            decision_act(d, ACT_DELETE_JOB);
    } else if (f->job_created || (task_claims_job(f) && f->pods_alive)) {
        return true; /* what is awaited comes as an event */
    } else if (task_claims_job(f) && !f->job_absent) {
        decision_act(d, ACT_FIND_JOB);
    } else {
        decision_fail(f, now_ms, d, "Task cancelled", "TaskCancelled", "Task cancelled");
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
        struct task_status status = decision_status_now(t);
        status.completed_ms = now_ms;
        decision_show(f, d, status);
        return;
    }
    /* It ended before it had a Job, while a process before us was creating one. */
    if (f->job != NULL && job_is_ours(f) && *t->job_name == '\0') {
        if (f->job->view.meta.deleted_ms == 0)
            decision_act(d, ACT_DELETE_JOB);
        return;
    }
    /* It ended without those of its containers that run for ever. */
    if (f->job != NULL && job_is_ours(f) && f->job->active > 0 &&
        pods_agent_end(f->pod, f->task->type) != NULL) {
        if (f->job->view.meta.deleted_ms == 0)
            decision_act(d, ACT_DELETE_JOB);
        return;
    }
    if (task_expired(t, now_ms, &wake_ms)) {
        if (f->awaited)
            return;
        decision_event(d, false, "TaskExpired", "Deleting Task due to TTL expiration");
        decision_act(d, ACT_DELETE_TASK);
    } else if (wake_ms != 0) {
        decision_wake(d, wake_ms);
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
            decision_act(d, ACT_DELETE_JOB);
        return;
    }
    if (f->job_created)
        return;
    if (f->job == NULL &&
        !f->job_known) { /* one that a process before us made may be unseen */
        decision_act(d, ACT_FIND_JOB);
        return;
    }
    if (f->pods_alive && now_ms < m->deleted_ms + POD_END_MS) {
        decision_wake(d, m->deleted_ms + POD_END_MS);
        return;
    }
    if (f->counted)
        decision_act(d, ACT_DROP_FINALIZER);
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
        decision_act(d, ACT_ADD_FINALIZER);
    if (f->conflict != NULL)
        decision_fail(f, now_ms, d, f->conflict, "JobBuildFailed", f->conflict);
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
        decision_show(f, d, decision_status_now(f->task));
}
