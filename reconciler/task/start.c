/* start.c - what a Task waits for before it has its Job. */
#include "reconciler/task/moves.h"
#include "reconciler/task/status.h"

static bool
start_blocked_by_deps(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const char *message = status_dependency(&d->arena, &f->deps);

    switch (f->deps.state) {
    case DEPS_READY:
        return false;
    case DEPS_CYCLE:
        decision_fail(f, now_ms, d, message, "DependencyFailed",
                      "Circular dependency detected");
        return true;
    case DEPS_FAILED:
        decision_fail(f, now_ms, d, message, "DependencyFailed", message);
        return true;
    case DEPS_ABSENT:
    case DEPS_WAITING:
        break;
    }
    decision_wait(f, d, BLOCKED_BY_DEPENDENCY, message);
    return true;
}

static bool
start_blocked_by_branch(const struct task_facts *f, struct decision *d)
{
    const struct task_view *t = f->task;

    if (t->branch != NULL && t->workspace == NULL && !f->branch_warned)
        decision_event(
            d, true, "BranchWithoutWorkspace",
            pool_printf(&d->arena,
                        "Branch \"%s\" is set but workspaceRef is not configured, branch "
                        "checkout will be skipped",
                        t->branch));
    if (f->branch.state == BRANCH_FREE)
        return false;
    decision_wait(f, d, BLOCKED_BY_BRANCH, status_branch(&d->arena, t, &f->branch));
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
        decision_wait(
            f, d, BLOCKED_BY_REFERENCE,
            reference_message(d, "Workspace", t->workspace, f->wrong_workspace));
    else if (f->missing_config != NULL)
        decision_wait(
            f, d, BLOCKED_BY_REFERENCE,
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
        decision_act(d, ACT_RESOLVE_AUTH);
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
        decision_fail(f, now_ms, d, message, "GitHubTokenFailed", message);
    else
        decision_wait(f, d, BLOCKED_BY_SECRET, message);
    if (f->auth == AUTH_RETRY)
        decision_wake(d, f->auth_again_ms);
    return true;
}

/* Values that MCP servers and skills take from Secrets; what is missing may come yet. */
static bool
start_blocked_by_inputs(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    if (f->input_error == NULL || now_ms >= f->input_again_ms)
        return false;
    if (now_ms >= f->input_until_ms) {
        decision_fail(f, now_ms, d, f->input_error, f->input_reason, f->input_error);
        return true;
    }
    decision_wait(f, d, BLOCKED_BY_SECRET, f->input_error);
    decision_wake(d, f->input_again_ms);
    return true;
}

/* A quota is raised, or other Jobs end: nothing tells when. */
static bool
start_blocked_by_refusal(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    if (f->refused == NULL || now_ms >= f->refused_again_ms)
        return false;
    decision_wait(f, d, BLOCKED_BY_REFUSAL,
                  pool_printf(&d->arena,
                              "Waiting for the API server to allow the Job: %s",
                              f->refused));
    decision_wake(d, f->refused_again_ms);
    return true;
}

void
decide_start(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    const struct task_view *t = f->task;

    if (t->view.wrong != NULL) {
        decision_fail(f, now_ms, d, t->view.wrong, "InvalidObject", t->view.wrong);
        return;
    }
    if (start_blocked_by_deps(f, now_ms, d) || start_blocked_by_branch(f, d) ||
        start_blocked_by_reference(f, d) || start_blocked_by_auth(f, now_ms, d))
        return;
    if (f->build_error != NULL) {
        const char *message =
            pool_printf(&d->arena, "Failed to build Job: %s", f->build_error);
        decision_fail(f, now_ms, d, message, "JobBuildFailed", message);
        return;
    }
    if (start_blocked_by_inputs(f, now_ms, d) || start_blocked_by_refusal(f, now_ms, d))
        return;
    decision_act(d, ACT_CREATE_JOB);
    struct task_status status = decision_status_now(t);
    status.phase = PHASE_PENDING;
    status.message = "";
    status.blocked = BLOCKED_NOT;
    status.job_name = t->view.meta.name;
    if (decision_show(f, d, status)) {
        decision_event(
            d, false, "TaskCreated",
            pool_printf(&d->arena, "Created Job %s for task", t->view.meta.name));
        decision_act(d, ACT_COUNT_CREATED);
    }
}
