/* test_task.c - what is decided about a Task, and what its status says. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/task/status.h"
#include "reconciler/task/task.h"

#define NOW AT("2026-01-01T01:00:00Z")

static struct decision
decide(const struct task_facts *f)
{
    struct decision d = {.n = 0};

    task_decide(f, NOW, &d);
    keep(d.arena.chunks);
    return d;
}

static struct task_facts
ready(const struct task_view *t)
{
    return (struct task_facts){.task = t,
                               .deps = {DEPS_READY, NULL},
                               .branch = {BRANCH_FREE, NULL},
                               .auth = AUTH_READY,
                               .auth_message = "",
                               .counted = true};
}

static bool
has(const struct decision *d, enum action_kind kind)
{
    return decision_find(d, kind) != NULL;
}

static const struct action *
event_of(const struct decision *d, const char *reason)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->actions[i].kind == ACT_EVENT && strcmp(d->actions[i].reason, reason) == 0)
            return &d->actions[i];
    return NULL;
}

static json_t *
patch_of(const struct task_view *t, const struct decision *d)
{
    return json_object_get(keep(status_patch(t, &d->status)), "status");
}

Test(task, a_new_task_gets_finalizer_job_and_pending_in_one_run)
{
    struct task_view *t = make_task("fix", "'finalizers':[]", "", "");
    struct task_facts f = ready(t);

    t->view.meta.finalizers.n = 0;
    struct decision d = decide(&f);
    cr_assert_eq(d.actions[0].kind, ACT_ADD_FINALIZER);
    cr_assert_eq(d.actions[1].kind, ACT_CREATE_JOB);
    cr_assert_eq(d.actions[2].kind, ACT_STATUS);
    cr_assert_str_eq(d.status.job_name, "fix");
    cr_assert_eq(d.status.phase, PHASE_PENDING);
    row_claim("TE/ST1");
    cr_assert_str_eq(event_of(&d, "TaskCreated")->text, "Created Job fix for task");
    cr_assert_not(event_of(&d, "TaskCreated")->warning);
    row_claim("TE/ST7");
}

Test(task, an_active_job_makes_it_running)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Pending','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'active':1");
    struct decision d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_RUNNING);
    cr_assert_eq(d.status.started_ms, NOW);
    cr_assert_not_null(event_of(&d, "TaskRunning"));
    json_t *p = patch_of(t, &d);
    cr_assert_str_eq(json_str_or(p, "startTime", ""), "2026-01-01T01:00:00Z");
    row_claim("TE/ST2");
}

Test(task, counts_alone_make_success)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'succeeded':1");
    f.finished_seen_ms = NOW - POD_GRACE_MS; /* no Pod in view for long enough */
    struct decision d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_SUCCEEDED);
    cr_assert_eq(d.status.completed_ms, NOW);
    cr_assert_str_eq(d.status.message, "Task completed successfully");
    cr_assert_not(d.status.with_outputs);
    cr_assert_not_null(event_of(&d, "TaskSucceeded"));
    row_claim("TE/ST3");
}

Test(task, ends_only_after_its_outputs_are_read)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);
    const char *lines[] = {"branch: x", "commit: abc"}, *keys[] = {"branch", "commit"},
               *values[] = {"x", "abc"};
    const struct capture c = {.complete = true,
                              .outputs = {lines, 2},
                              .keys = {keys, 2},
                              .values = {values, 2},
                              .message = ""};

    f.job = make_job("fix", "'succeeded':1");
    f.pod = make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z", "'phase':'Succeeded'");
    f.finished_seen_ms = NOW;
    struct decision d = decide(&f);
    cr_assert(has(&d, ACT_COLLECT) && !has(&d, ACT_STATUS));
    cr_assert_str_eq(decision_find(&d, ACT_COLLECT)->text, "fix-abc");
    f.capture = CAPTURE_ASKED;
    d = decide(&f);
    cr_assert_eq(d.n, 0);
    f.capture = CAPTURE_DONE;
    f.captured = &c;
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_SUCCEEDED);
    cr_assert_str_eq(event_of(&d, "OutputsCaptured")->text,
                     "Captured 2 outputs and 2 results from agent");
    json_t *p = patch_of(t, &d);
    cr_assert_str_eq(json_str_or(p, "results.commit", ""), "abc");
    cr_assert_str_eq(json_str_or(p, "podName", ""), "fix-abc");
}

Test(task, an_agent_that_never_started_has_no_outputs_to_wait_for)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job =
        make_job("fix", "'failed':1,'conditions':[{'type':'Failed','status':'True'}]");
    f.pod = make_pod(
        "fix", "fix-abc", "2026-01-01T00:00:01Z",
        "'phase':'Failed','initContainerStatuses':[{'name':'git-clone','state':{"
        "'terminated':{'exitCode':128}}}],'containerStatuses':[{'name':'claude-code',"
        "'state':{'waiting':{'reason':'PodInitializing'}}}]");
    struct decision d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_str_eq(d.status.message,
                     "Task failed: container \"git-clone\" exited with code 128");
}

Test(task, says_that_outputs_were_given_up)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);
    const struct capture c = {.complete = false, .message = "the pod is gone"};

    f.job = make_job("fix", "'succeeded':1");
    f.pod = make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z", "'phase':'Succeeded'");
    f.capture = CAPTURE_DONE;
    f.captured = &c;
    struct decision d = decide(&f);
    cr_assert_str_eq(
        d.status.message,
        "Task completed successfully; outputs not captured: the pod is gone");
}

Test(task, the_failed_condition_makes_failure_and_its_cause_is_told)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'failed':1,'conditions':[{'type':'Failed','status':'True',"
                            "'reason':'PodFailurePolicy'}]");
    f.pod = make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z",
                     "'phase':'Failed','containerStatuses':[{'name':'claude-code',"
                     "'state':{'terminated':{'exitCode':3,'reason':'Error'}}}]");
    f.capture = CAPTURE_DONE;
    f.captured = &(struct capture){.complete = true, .message = ""};
    struct decision d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_str_eq(
        d.status.message,
        "Task failed: container \"claude-code\" exited with code 3 (PodFailurePolicy)");
    cr_assert(event_of(&d, "TaskFailed")->warning);
    row_claim("TE/ST4");
}

Test(task, only_a_true_failed_condition_is_failure)
{
    static const struct {
        const char *row, *conditions;
        bool failed;
    } rows[] = {
        {"TE/ST5", "", false},
        {"TE/ST5", "{'type':'Failed','status':'False'}", false},
        {"TE/ST5", "{'type':'Complete','status':'True'}", false},
        {"TE/ST6",
         "{'type':'Complete','status':'False'},{'type':'Failed','status':'True'}", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char status[300];
        struct task_view *t =
            make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
        struct task_facts f = ready(t);
        snprintf(status, sizeof status, "'failed':1,'conditions':[%s]",
                 rows[i].conditions);
        f.job = make_job("fix", status);
        f.finished_seen_ms = NOW - POD_GRACE_MS;
        struct decision d = decide(&f);
        cr_assert_eq(d.n > 0 && d.status.phase == PHASE_FAILED, rows[i].failed, "%s",
                     rows[i].conditions);
        row_claim(rows[i].row);
    }
}

Test(task, waits_for_a_workspace_and_never_fails_for_it)
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

Test(task, a_deleted_one_ends_its_job_then_lets_go)
{
    struct task_view *t = make_task("fix", "'deletionTimestamp':'2026-01-01T00:59:59Z'",
                                    "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'active':1");
    struct decision d = decide(&f);
    cr_assert(has(&d, ACT_DELETE_JOB) && d.n == 1);
    f.job = NULL;
    d = decide(&f);
    cr_assert(has(&d, ACT_FIND_JOB) && d.n == 1); /* a lagging view hides no Job */
    f.job_known = true;
    f.pods_alive = true;
    d = decide(&f);
    cr_assert(has(&d, ACT_WAKE) && d.n == 1);
    f.pods_alive = false;
    d = decide(&f);
    cr_assert(has(&d, ACT_DROP_FINALIZER) && d.n == 1);
    row_claim("TE/ST10");
    f.counted = false; /* its spawner's status does not count it yet */
    d = decide(&f);
    cr_assert_eq(d.n, 0);
}

Test(task, a_finished_one_never_runs_again)
{
    static const char *const ends[] = {"Succeeded", "Failed"};

    for (size_t i = 0; i < 2; i++) {
        char status[100];
        snprintf(status, sizeof status,
                 "'phase':'%s','completionTime':'2026-01-01T00:30:00Z'", ends[i]);
        struct task_view *t = make_task("fix", "", "", status);
        struct task_facts f = ready(t);
        struct decision d = decide(&f);
        cr_assert_eq(d.n, 0);
    }
    row_claim("ADD/SA9");
    row_claim("ADD/SA11");
}

Test(task, a_lost_job_is_looked_for_before_it_counts_as_deleted)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);
    struct decision d = decide(&f);

    cr_assert(has(&d, ACT_FIND_JOB) && d.n == 1);
    f.job_absent = true;
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_not(has(&d, ACT_CREATE_JOB));
}

Test(task, a_job_that_is_not_ours_is_not_adopted)
{
    struct task_view *t = make_task("fix", "", "", "");
    struct task_facts f = ready(t);
    struct job_view *j = make_job("fix", "'succeeded':1");

    j->view.meta.controller_uid = "somebody-else";
    j->task = NULL;
    f.job = j;
    struct decision d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_not_null(strstr(d.status.message, "is not controlled by this Task"));
    j->task = "fix"; /* of an earlier Task of this name: it goes by itself */
    t->view.meta.created_ms = NOW - 1000;
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_WAITING);
    cr_assert(has(&d, ACT_WAKE));
}

Test(task, dependencies_block_in_their_words)
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

Test(task, writes_the_same_status_only_once)
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

Test(task, the_branch_blocks_and_is_warned_about_once)
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

Test(task, token_trouble_that_may_pass_waits_and_the_other_fails)
{
    struct task_view *t = make_task("fix", "", "'workspaceRef':{'name':'web'}", "");
    struct task_facts f = ready(t);

    f.workspace = REF_FOUND;
    f.auth = AUTH_UNKNOWN;
    struct decision d = decide(&f);
    cr_assert(has(&d, ACT_RESOLVE_AUTH) && d.n == 1);
    f.auth = AUTH_RETRY;
    f.auth_message = "fetching workspace secret \"s\": not found";
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_WAITING);
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

Test(task, what_cannot_be_built_fails_once)
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

Test(task, a_pod_that_cannot_start_is_told_in_the_message)
{
    struct task_view *t = make_task("fix", "", "",
                                    "'phase':'Running','jobName':'fix',"
                                    "'startTime':'2026-01-01T00:59:00Z'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'active':1");
    f.pod =
        make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z",
                 "'phase':'Pending','containerStatuses':[{'name':'claude-code','state':"
                 "{'waiting':{'reason':'CreateContainerConfigError','message':'secret "
                 "not found'}}}]");
    struct decision d = decide(&f);
    cr_assert_str_eq(d.status.message, "Container \"claude-code\" is waiting: "
                                       "CreateContainerConfigError: secret not found");
    cr_assert_null(event_of(&d, "TaskRunning"));
    row_claim("RES/T15");
}

Test(task, ttl)
{
    static const struct {
        const char *row, *spec, *status;
        bool expired;
        int64_t wake_s;
    } rows[] = {
        {"TE/TL1", "", "'phase':'Succeeded','completionTime':'2026-01-01T00:59:50Z'",
         false, 0},
        {"TE/TL2", "'ttlSecondsAfterFinished':60", "'phase':'Running'", false, 0},
        {"TE/TL2", "'ttlSecondsAfterFinished':60", "'phase':'Pending'", false, 0},
        {"TE/TL3", "'ttlSecondsAfterFinished':60", "'phase':'Succeeded'", false, 0},
        {"TE/TL4", "'ttlSecondsAfterFinished':0",
         "'phase':'Succeeded','completionTime':'2026-01-01T00:59:59Z'", true, 0},
        {"TE/TL5", "'ttlSecondsAfterFinished':10",
         "'phase':'Succeeded','completionTime':'2026-01-01T00:59:40Z'", true, 0},
        {"TE/TL5", "'ttlSecondsAfterFinished':5",
         "'phase':'Failed','completionTime':'2026-01-01T00:59:50Z'", true, 0},
        {"TE/TL6", "'ttlSecondsAfterFinished':60",
         "'phase':'Failed','completionTime':'2026-01-01T01:00:00Z'", false, 60},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct task_view *t = make_task("fix", "", rows[i].spec, rows[i].status);
        int64_t wake_ms;
        cr_assert_eq(task_expired(t, NOW, &wake_ms), rows[i].expired, "%s", rows[i].row);
        cr_assert_eq(wake_ms, rows[i].wake_s != 0 ? NOW + rows[i].wake_s * 1000 : 0);
        row_claim(rows[i].row);
    }
}

Test(task, an_expired_one_stays_while_its_results_are_awaited)
{
    struct task_view *t =
        make_task("fix", "", "'ttlSecondsAfterFinished':0",
                  "'phase':'Succeeded','completionTime':'2026-01-01T00:30:00Z'");
    struct task_facts f = ready(t);

    f.awaited = true;
    struct decision d = decide(&f);
    cr_assert_eq(d.n, 0);
    f.awaited = false;
    d = decide(&f);
    cr_assert(has(&d, ACT_DELETE_TASK));
    cr_assert_str_eq(event_of(&d, "TaskExpired")->text,
                     "Deleting Task due to TTL expiration");
}

Test(task, of_several_pods_the_succeeded_or_newest_counts)
{
    const struct pod_view *pods[] = {
        make_pod("fix", "a", "2026-01-01T00:00:03Z", "'phase':'Failed'"),
        make_pod("fix", "b", "2026-01-01T00:00:01Z", "'phase':'Running'"),
        make_pod("fix", "c", "2026-01-01T00:00:03Z", "'phase':'Failed'"),
        make_pod("fix", "d", "2026-01-01T00:00:00Z", "'phase':'Succeeded'"),
    };

    cr_assert_str_eq(pods_choose(pods, 3)->view.meta.name, "c");
    cr_assert_str_eq(pods_choose(pods, 4)->view.meta.name, "d");
    cr_assert_null(pods_choose(pods, 0));
}

Test(task, usage_is_what_is_plausible)
{
    static const struct {
        const char *cost, *input, *want;
    } rows[] = {
        {"0.05", "1000", "{\"costUSD\":\"0.05\",\"inputTokens\":1000}"},
        {"0", "abc", NULL},
        {"+Inf", "-5", NULL},
        {"not-a-number", "1000", "{\"inputTokens\":1000}"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *keys[] = {"cost-usd", "input-tokens"};
        const char *values[] = {rows[i].cost, rows[i].input};
        struct texts k = {keys, 2}, v = {values, 2};
        SCOPED(json) json_t *usage = status_usage(&k, &v);
        SCOPED(string) char *text = usage != NULL ? json_dump_canonical(usage) : NULL;
        if (rows[i].want == NULL)
            cr_assert_null(usage);
        else
            cr_assert_str_eq(text, rows[i].want);
    }
    row_claim("ADD/SA1");
    row_claim("ADD/SA2");
}

/* ---- values from Secrets ---- */

Test(task, waits_for_a_value_then_fails_with_the_same_words)
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

Test(task, conditions_say_what_blocks_and_that_nothing_does)
{
    struct task_view *t = make_task(
        "fix", "'generation':1", "",
        "'phase':'Waiting','message':'Waiting for dependency \\'a\\'','conditions':["
        "{'type':'Other','status':'True','reason':'x','message':'',"
        "'lastTransitionTime':'2026-01-01T00:30:00Z'},"
        "{'type':'Blocked','status':'True','reason':'Dependency','message':'m',"
        "'lastTransitionTime':'2026-01-01T00:30:00Z'}]");
    struct task_facts f = ready(t);

    cr_assert_eq(t->blocked, BLOCKED_BY_DEPENDENCY);
    cr_assert_eq(t->blocked_ms, AT("2026-01-01T00:30:00Z"));
    struct decision d = decide(&f);
    json_t *p = patch_of(t, &d);
    cr_assert_str_eq(json_str_or(p, "conditions[0].type", ""), "Other");
    cr_assert_str_eq(json_str_or(p, "conditions[1].status", ""), "False");
    cr_assert_str_eq(json_str_or(p, "conditions[1].reason", ""), "Unblocked");
    cr_assert_eq(json_int_or(p, "conditions[1].observedGeneration", 0), 1);
}

Test(task, conditions_say_whether_outputs_were_captured)
{
    struct capture none = {.complete = true, .message = ""};
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'succeeded':1");
    f.pod = make_pod("fix", "fix-1", "2026-01-01T00:00:00Z", "'phase':'Succeeded'");
    f.capture = CAPTURE_DONE;
    f.captured = &none;
    struct decision d = decide(&f);
    cr_assert_str_eq(json_str_or(patch_of(t, &d), "conditions[0].reason", ""),
                     "NoOutputs");
    none.complete = false;
    d = decide(&f);
    cr_assert_str_eq(json_str_or(patch_of(t, &d), "conditions[0].reason", ""),
                     "CaptureTimedOut");
    none = (struct capture){
        .complete = true, .message = "", .outputs = {(const char *[]){"branch: x"}, 1}};
    d = decide(&f);
    cr_assert_str_eq(json_str_or(patch_of(t, &d), "conditions[0].status", ""), "True");
    cr_assert_str_eq(json_str_or(patch_of(t, &d), "conditions[0].reason", ""),
                     "Captured");
}

/* The condition Ready of the patch, "reason: message"; "" without one. */
static const char *
ready_of(const struct task_view *t, const struct decision *d)
{
    static char text[2000];
    const json_t *list = json_object_get(patch_of(t, d), "conditions");

    *text = '\0';
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        if (strcmp(json_str_or(c, "type", ""), "Ready") == 0)
            snprintf(text, sizeof text, "%s %s: %s", json_str_or(c, "status", ""),
                     json_str_or(c, "reason", ""), json_str_or(c, "message", ""));
    }
    return text;
}

Test(task, a_failure_says_why_in_message_and_condition)
{
    static const struct {
        const char *job, *pod, *tail, *message, *ready;
    } rows[] = {
        {"",
         "'containerStatuses':[{'name':'claude-code','state':{'terminated':{'exitCode':"
         "137,"
         "'reason':'OOMKilled'}}}]",
         "allocating\nKilled",
         "Task failed: container \"claude-code\" exited with code 137 (OOMKilled)",
         "False OOMKilled: Task failed: container \"claude-code\" exited with code 137 "
         "(OOMKilled)\nallocating\nKilled"},
        {"",
         "'containerStatuses':[{'name':'claude-code','state':{'terminated':{'exitCode':3}"
         "}}]",
         "", "Task failed: container \"claude-code\" exited with code 3",
         "False NonZeroExitCode: Task failed: container \"claude-code\" exited with code "
         "3"},
        {"'reason':'DeadlineExceeded',", "", "", "Task failed (DeadlineExceeded)",
         "False DeadlineExceeded: Task failed (DeadlineExceeded)"},
        {"", "'reason':'Evicted','message':'The node was low on memory.'", "",
         "Task failed: Pod Evicted: The node was low on memory.",
         "False Evicted: Task failed: Pod Evicted: The node was low on memory."},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char job[300], pod[400];
        struct task_view *t =
            make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
        struct task_facts f = ready(t);
        snprintf(job, sizeof job,
                 "'failed':1,'conditions':[{%s'type':'Failed','status':'True'}]",
                 rows[i].job);
        snprintf(pod, sizeof pod, "%s%s'phase':'Failed'", rows[i].pod,
                 *rows[i].pod ? "," : "");
        f.job = make_job("fix", job);
        f.pod = make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z", pod);
        f.capture = CAPTURE_DONE;
        f.captured =
            &(struct capture){.complete = true, .message = "", .tail = rows[i].tail};
        struct decision d = decide(&f);
        cr_assert_str_eq(d.status.message, rows[i].message);
        cr_assert_str_eq(ready_of(t, &d), rows[i].ready);
    }
    row_claim("TE/W-S8");
}

Test(task, a_pod_that_cannot_start_is_told_in_a_condition)
{
    static const struct {
        const char *pod, *ready;
    } rows[] = {
        {"'containerStatuses':[{'name':'claude-code','state':{'waiting':{'reason':"
         "'ImagePullBackOff','message':'no such image'}}}]",
         "False ImagePullBackOff: Container \"claude-code\" is waiting: "
         "ImagePullBackOff: no such "
         "image"},
        {"'conditions':[{'type':'PodScheduled','status':'False','reason':'Unschedulable',"
         "'message':'0/3 nodes are available'}]",
         "False Unschedulable: Pod cannot be scheduled: 0/3 nodes are available"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char pod[400];
        struct task_view *t =
            make_task("fix", "", "", "'phase':'Pending','jobName':'fix'");
        struct task_facts f = ready(t);
        snprintf(pod, sizeof pod, "'phase':'Pending',%s", rows[i].pod);
        f.job = make_job("fix", "'active':1");
        f.pod = make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z", pod);
        struct decision d = decide(&f);
        cr_assert_str_eq(ready_of(t, &d), rows[i].ready);
    }
    row_claim("TE/W-S7");
}
