/* test_taskwait.c - what a Task without a Job waits for, and what ends it there. */
#include "tests/reconciler/taskfixture.h"
#include "reconciler/task/taskrun.h"
#include "tests/support/rows.h"

Test(taskwait, waits_for_a_workspace_and_never_fails_for_it)
{
    struct task_view *t = make_task("fix", "", "'workspaceRef':{'name':'web'}", "");
    struct task_facts f = ready(t);

    f.workspace = REF_MISSING;
    struct decision d = decide(&f);
    cr_assert(!has(&d, ACT_CREATE_JOB));
    cr_assert_eq(d.status.phase, PHASE_WAITING);
    f.workspace = REF_FOUND;
    d = decide(&f);
    cr_assert(has(&d, ACT_CREATE_JOB));
    row_claim("TE/ST8");
    row_claim("RES/T13");
    t = make_task("fix", "", "'agentConfigRef':{'name':'rules'}", "");
    f = ready(t);
    f.missing_config = "rules";
    d = decide(&f);
    cr_assert(!has(&d, ACT_CREATE_JOB) && d.status.phase == PHASE_WAITING);
    cr_assert_str_eq(d.status.message, "Waiting for AgentConfig \"rules\" to be created");
    row_claim("RES/T14");
}

Test(taskwait, dependencies_block_in_their_words)
{
    static const struct {
        const char *row;
        enum deps_state state;
        enum phase phase;
        const char *message;
    } rows[] = {
        {"TE/DP1", DEPS_WAITING, PHASE_WAITING, "Waiting for dependency \"a\""},
        {"TE/DP4", DEPS_ABSENT, PHASE_WAITING,
         "Waiting for dependency \"a\" to be created"},
        {"TE/DP3", DEPS_FAILED, PHASE_FAILED, "Dependency \"a\" failed"},
        {"TE/DP6", DEPS_CYCLE, PHASE_FAILED,
         "Circular dependency detected: cycle involves \"a\""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct task_view *t = make_task("b", "", "'dependsOn':['a']", "");
        struct task_facts f = ready(t);
        f.deps = (struct deps){rows[i].state, "a"};
        struct decision d = decide(&f);
        cr_assert_eq(d.status.phase, rows[i].phase);
        cr_assert_str_eq(d.status.message, rows[i].message);
        cr_assert_not(has(&d, ACT_CREATE_JOB));
        cr_assert_eq(d.status.completed_ms != 0, rows[i].phase == PHASE_FAILED);
        cr_assert_eq(event_of(&d, "DependencyFailed") != NULL,
                     rows[i].phase == PHASE_FAILED);
        row_claim(rows[i].row);
    }
    row_claim("RES/T10");
    row_claim("RES/T11");
}

Test(taskwait, writes_the_same_status_only_once)
{
    struct task_view *t =
        make_task("b", "", "'dependsOn':['a']",
                  "'phase':'Waiting','message':'Waiting for dependency \\'a\\''");
    struct task_facts f = ready(t);

    t->message = "Waiting for dependency \"a\"";
    t->blocked = BLOCKED_BY_DEPENDENCY;
    f.deps = (struct deps){DEPS_WAITING, "a"};
    struct decision d = decide(&f);
    cr_assert_eq(d.n, 0);
    t->blocked = BLOCKED_NOT;
    t->view.meta.profile = PROFILE_AXON; /* it has no conditions to be written */
    t->phase = PHASE_NONE;
    d = decide(&f);
    cr_assert_null(decision_find(&d, ACT_STATUS));
}

Test(taskwait, the_branch_blocks_and_is_warned_about_once)
{
    struct task_view *t = make_task("b", "", "'branch':'feature-1'", "");
    struct task_facts f = ready(t);

    f.branch = (struct branch){BRANCH_HELD, "a"};
    struct decision d = decide(&f);
    cr_assert_str_eq(d.status.message, "Waiting for branch \"feature-1\" (locked by a)");
    cr_assert_eq(d.status.phase, PHASE_WAITING);
    cr_assert_not_null(event_of(&d, "BranchWithoutWorkspace"));
    row_claim("TE/BR1");
    f.branch_warned = true;
    f.branch.state = BRANCH_QUEUED;
    d = decide(&f);
    cr_assert_str_eq(d.status.message,
                     "Waiting for branch \"feature-1\" (queued behind a)");
    cr_assert_null(event_of(&d, "BranchWithoutWorkspace"));
    f.branch.state = BRANCH_FREE;
    d = decide(&f);
    cr_assert(has(&d, ACT_CREATE_JOB));
    row_claim("TE/BR2");
    row_claim("RES/T17");
}

Test(taskwait, token_trouble_that_may_pass_waits_and_the_other_fails)
{
    struct task_view *t = make_task("fix", "", "'workspaceRef':{'name':'web'}", "");
    struct task_facts f = ready(t);

    f.workspace = REF_FOUND;
    f.auth = AUTH_UNKNOWN;
    struct decision d = decide(&f);
    cr_assert(has(&d, ACT_RESOLVE_AUTH) && d.n == 1);
    f.auth = AUTH_RETRY;
    f.auth_message = "fetching workspace secret \"s\": not found";
    f.auth_again_ms = NOW + 2000;
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_WAITING);
    /* Whoever looks too early waits for the same moment again. */
    cr_assert_eq(decision_find(&d, ACT_WAKE)->at_ms, NOW + 2000);
    cr_assert_str_eq(d.status.message,
                     "Failed to resolve GitHub token: fetching workspace secret "
                     "\"s\": not found");
    row_claim("RES/T16");
    f.auth = AUTH_FAILED;
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_neq(d.status.completed_ms, 0);
    cr_assert(event_of(&d, "GitHubTokenFailed")->warning);
}

Test(taskwait, what_cannot_be_built_fails_once)
{
    struct task_view *t = make_task("fix", "", "", "");
    struct task_facts f = ready(t);

    f.build_error = "unsupported agent type: cursor";
    struct decision d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_str_eq(d.status.message,
                     "Failed to build Job: unsupported agent type: cursor");
    cr_assert_neq(d.status.completed_ms, 0);
    cr_assert_not_null(event_of(&d, "JobBuildFailed"));
    row_claim("RES/T22");
}

Test(taskwait, waits_for_a_value_then_fails_with_the_same_words)
{
    struct task_view *t = make_task("fix", "", "", "");
    struct task_facts f = ready(t);

    f.input_error = "Failed to resolve MCP server secret: x";
    f.input_reason = "MCPSecretFailed";
    f.input_again_ms = NOW + 2000;
    f.input_until_ms = NOW + 60000;
    struct decision d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_WAITING);
    cr_assert_str_eq(d.status.message, f.input_error);
    cr_assert_eq(decision_find(&d, ACT_WAKE)->at_ms, NOW + 2000);
    json_t *p = patch_of(t, &d);
    cr_assert_str_eq(json_str_or(p, "conditions[0].type", ""), "Blocked");
    cr_assert_str_eq(json_str_or(p, "conditions[0].status", ""), "True");
    cr_assert_str_eq(json_str_or(p, "conditions[0].reason", ""), "SecretMissing");
    cr_assert_str_eq(json_str_or(p, "conditions[0].lastTransitionTime", ""),
                     "2026-01-01T01:00:00Z");
    f.input_again_ms = NOW;
    d = decide(&f);
    cr_assert(has(&d, ACT_CREATE_JOB));
    f.input_again_ms = NOW + 2000;
    f.input_until_ms = NOW;
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_eq(d.status.completed_ms, NOW);
    cr_assert_str_eq(d.status.message, f.input_error);
    cr_assert_str_eq(event_of(&d, "MCPSecretFailed")->text, f.input_error);
    cr_assert(event_of(&d, "MCPSecretFailed")->warning);
    cr_assert(has(&d, ACT_COUNT_FINISHED));
    cr_assert_not(has(&d, ACT_CREATE_JOB));
}

Test(taskwait, a_refused_job_is_asked_for_again_at_its_time)
{
    struct task_view *t = make_task("fix", "", "", "");
    struct task_facts f = ready(t);

    f.refused = "exceeded quota: few";
    f.refused_again_ms = INT64_MAX;
    struct decision d = decide(&f);
    cr_assert(!has(&d, ACT_CREATE_JOB) && has(&d, ACT_WAKE));
    cr_assert_eq(d.status.phase, PHASE_WAITING);
    cr_assert_eq(d.status.blocked, BLOCKED_BY_REFUSAL);
    cr_assert_str_eq(d.status.message, "Waiting for the API server to allow the Job: "
                                       "exceeded quota: few");
    f.refused_again_ms = 1;
    d = decide(&f);
    cr_assert(has(&d, ACT_CREATE_JOB));
    /* within half a minute it is asked for ever more rarely, then twice a minute at most */
    for (unsigned n = 0; n < 40; n++) {
        cr_assert_geq(shard_refusal_ms(n), n < 3 ? 4000 : 30000);
        cr_assert_leq(shard_refusal_ms(n), 60000);
    }
}
