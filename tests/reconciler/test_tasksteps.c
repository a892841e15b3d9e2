/* test_tasksteps.c - each transition of a Task's state machine: what leads to it, the status that
 * is written, the Event and what is counted. Where the original is known to be weak (no time of
 * completion, failures that are not counted) the better behaviour is what is checked. */
#include "tests/reconciler/taskfixture.h"
#include "tests/support/rows.h"

static size_t
events(const struct decision *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n; i++)
        n += d->actions[i].kind == ACT_EVENT;
    return n;
}

static bool
counts(const struct decision *d)
{
    return has(d, ACT_COUNT_CREATED) || has(d, ACT_COUNT_FINISHED);
}

/* The members of the patch but the conditions, in the order of the alphabet: "message phase". */
static const char *
written(const struct task_view *t, const struct decision *d)
{
    static const char *const names[] = {"completionTime", "jobName",  "message",
                                        "outputs",        "phase",    "podName",
                                        "results",        "startTime"};
    static char text[200];
    json_t *patch = patch_of(t, d);

    *text = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_object_get(patch, names[i]) != NULL)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
                     *text != '\0' ? " " : "", names[i]);
    json_object_del(patch, "conditions");
    json_object_del(patch, "usage");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_object_del(patch, names[i]);
    cr_assert_eq(json_object_size(patch), 0, "the patch has other members");
    return text;
}

/* The statuses of a Task that has no Job. */
static const char *const before[] = {"", "'phase':'Waiting','message':'Waiting for x'"};

Test(tasksteps, a_finalizer_leaves_the_phase_empty)
{
    struct task_view *t =
        make_task("fix", "'finalizers':[]", "'workspaceRef':{'name':'w'}", "");
    struct task_facts f = ready(t);

    t->view.meta.finalizers.n = 0;
    f.workspace = REF_FOUND;
    f.auth = AUTH_UNKNOWN; /* what comes next needs an answer first */
    struct decision d = decide(&f);
    cr_assert_eq(d.actions[0].kind, ACT_ADD_FINALIZER);
    cr_assert(!has(&d, ACT_STATUS) && events(&d) == 0 && !counts(&d));
    t = make_task("fix", "'finalizers':['kelos.dev/finalizer']",
                  "'workspaceRef':{'name':'w'}", "");
    f.task = t;
    d = decide(&f);
    cr_assert_not(has(&d, ACT_ADD_FINALIZER), "it is there");
    row_claim("TE/T1");
}

Test(tasksteps, a_dependency_makes_it_wait_and_is_written_once)
{
    static const enum deps_state states[] = {DEPS_ABSENT, DEPS_WAITING};
    static const char *const texts[] = {"Waiting for dependency \"a\" to be created",
                                        "Waiting for dependency \"a\""};

    for (size_t i = 0; i < 4; i++) {
        struct task_view *t = make_task("b", "", "'dependsOn':['a']", before[i / 2]);
        struct task_facts f = ready(t);
        f.deps = (struct deps){states[i % 2], "a"};
        struct decision d = decide(&f);
        cr_assert_str_eq(written(t, &d), i / 2 == 0 ? "message phase" : "message");
        cr_assert_eq(d.status.phase, PHASE_WAITING);
        cr_assert_str_eq(d.status.message, texts[i % 2]);
        cr_assert(events(&d) == 0 && !counts(&d) && !has(&d, ACT_CREATE_JOB));
        t = make_task("b", "", "'dependsOn':['a']", "'phase':'Waiting'");
        t->message = texts[i % 2];
        t->blocked = BLOCKED_BY_DEPENDENCY;
        f.task = t;
        d = decide(&f);
        cr_assert_eq(d.n, 0, "nothing has changed");
    }
    row_claim("TE/T2");
}

Test(tasksteps, a_branch_makes_it_wait_and_a_missing_workspace_is_told)
{
    static const enum branch_state states[] = {BRANCH_HELD, BRANCH_QUEUED};
    static const char *const texts[] = {"Waiting for branch \"x\" (locked by a)",
                                        "Waiting for branch \"x\" (queued behind a)"};

    for (size_t i = 0; i < 8; i++) {
        bool workspace = i % 2 != 0;
        struct task_view *t = make_task(
            "b", "",
            workspace ? "'branch':'x','workspaceRef':{'name':'w'}" : "'branch':'x'",
            before[i / 4]);
        struct task_facts f = ready(t);
        f.branch = (struct branch){states[i / 2 % 2], "a"};
        f.workspace = workspace ? REF_FOUND : REF_NONE;
        struct decision d = decide(&f);
        cr_assert_str_eq(written(t, &d), i / 4 == 0 ? "message phase" : "message");
        cr_assert_eq(d.status.phase, PHASE_WAITING);
        cr_assert_str_eq(d.status.message, texts[i / 2 % 2]);
        cr_assert_eq(events(&d), workspace ? 0 : 1);
        cr_assert_eq(event_of(&d, "BranchWithoutWorkspace") != NULL, !workspace);
        cr_assert(!counts(&d) && !has(&d, ACT_CREATE_JOB));
    }
    row_claim("TE/T3");
}

struct end {
    const char *row, *message, *reason;
    struct deps deps;
    const char *auth, *build;
};

/* Ends before there is a Job: complete, told once, counted once, and no key comes back for it. */
static void
check_end(const struct end *e, const char *status)
{
    struct task_view *t = make_task("b", "", "'workspaceRef':{'name':'w'}", status);
    struct task_facts f = ready(t);

    f.workspace = REF_FOUND;
    f.deps = e->deps;
    f.build_error = e->build;
    if (e->auth != NULL) {
        f.auth = AUTH_FAILED;
        f.auth_message = e->auth;
    }
    struct decision d = decide(&f);
    cr_assert_str_eq(written(t, &d), "completionTime message phase", "%s", e->row);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_eq(d.status.completed_ms, NOW);
    cr_assert_str_eq(d.status.message, e->message);
    cr_assert_eq(events(&d), 1);
    cr_assert(event_of(&d, e->reason) != NULL && event_of(&d, e->reason)->warning);
    cr_assert(has(&d, ACT_COUNT_FINISHED) && !has(&d, ACT_COUNT_CREATED));
    cr_assert(!has(&d, ACT_CREATE_JOB) && !has(&d, ACT_WAKE));
}

Test(tasksteps, what_fails_before_its_job_is_complete_told_and_counted)
{
    static const struct end ends[] = {
        {"TE/T4",
         "Circular dependency detected: cycle involves \"a\"",
         "DependencyFailed",
         {DEPS_CYCLE, "a"},
         NULL,
         NULL},
        {"TE/T5",
         "Dependency \"a\" failed",
         "DependencyFailed",
         {DEPS_FAILED, "a"},
         NULL,
         NULL},
        {"TE/T6",
         "Failed to build Job: x",
         "JobBuildFailed",
         {DEPS_READY, NULL},
         NULL,
         "x"},
        {"TE/T7",
         "Failed to resolve GitHub token: x",
         "GitHubTokenFailed",
         {DEPS_READY, NULL},
         "x",
         NULL},
    };

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        for (size_t s = 0; s < 2; s++)
            check_end(&ends[i], before[s]);
        row_claim(ends[i].row);
    }
}

Test(tasksteps, its_job_makes_it_pending)
{
    for (size_t s = 0; s < 2; s++) {
        struct task_view *t = make_task("fix", "", "", before[s]);
        struct task_facts f = ready(t);
        struct decision d = decide(&f);
        cr_assert_eq(d.actions[0].kind, ACT_CREATE_JOB);
        cr_assert_eq(d.actions[1].kind, ACT_STATUS);
        /* the message of waiting goes */
        cr_assert_str_eq(written(t, &d),
                         s == 0 ? "jobName phase" : "jobName message phase");
        cr_assert_eq(d.status.phase, PHASE_PENDING);
        cr_assert_str_eq(d.status.job_name, "fix");
        cr_assert_str_eq(d.status.message, "");
        cr_assert_eq(events(&d), 1);
        cr_assert_not(event_of(&d, "TaskCreated")->warning);
        cr_assert(has(&d, ACT_COUNT_CREATED) && !has(&d, ACT_COUNT_FINISHED));
    }
    row_claim("TE/T8");
}

Test(tasksteps, an_active_job_makes_it_run_whatever_else_the_job_says)
{
    struct task_view *t =
        make_task("fix", "", "", "'phase':'Pending','jobName':'fix','message':'x'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'active':1,'succeeded':1,'failed':1,'conditions':"
                            "[{'type':'Failed','status':'True'}]"); /* it comes first */
    struct decision d = decide(&f);
    cr_assert_str_eq(written(t, &d), "message phase startTime");
    cr_assert_eq(d.status.phase, PHASE_RUNNING);
    cr_assert_str_eq(d.status.message, "");
    cr_assert_eq(d.status.started_ms, NOW);
    cr_assert_eq(events(&d), 1);
    cr_assert_not(event_of(&d, "TaskRunning")->warning);
    cr_assert_not(counts(&d));
    f.task = make_task("fix", "", "",
                       "'phase':'Running','jobName':'fix',"
                       "'startTime':'2026-01-01T00:59:00Z'");
    f.job = make_job("fix", "'active':1");
    d = decide(&f);
    cr_assert_eq(d.n, 0, "it runs already");
    row_claim("TE/T9");
}

#define LINES_OF(...)                                                                    \
    {                                                                                    \
        (const char *[]){__VA_ARGS__},                                                   \
            sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)                       \
    }

static const struct capture made = {.complete = true,
                                    .message = "",
                                    .outputs = LINES_OF("branch: x", "cost-usd: 0.5"),
                                    .keys = LINES_OF("branch", "cost-usd"),
                                    .values = LINES_OF("x", "0.5")};
static const struct capture nothing = {.complete = true, .message = ""};

static void
check_finish(const char *job, bool ok)
{
    /* seen while it ran; and one that ended before it was ever seen active */
    static const char *const phases[] = {
        "'phase':'Running','jobName':'fix','podName':'p',"
        "'startTime':'2026-01-01T00:59:00Z'",
        "'phase':'Pending','jobName':'fix','podName':'p'"};

    for (size_t i = 0; i < 4; i++) {
        struct task_view *t = make_task("fix", "", "", phases[i % 2]);
        struct task_facts f = ready(t);
        f.job = make_job("fix", job);
        struct pod_view *p = make_pod("fix", "p", "2026-01-01T00:00:01Z",
                                      ok ? "'phase':'Succeeded'" : "'phase':'Failed'");
        p->started = true;
        f.pod = p;
        f.capture = CAPTURE_DONE;
        f.captured = i / 2 == 0 ? &made : &nothing;
        struct decision d = decide(&f);
        cr_assert_str_eq(written(t, &d),
                         i / 2 == 0 ? "completionTime message outputs phase results"
                                    : "completionTime message phase");
        cr_assert_eq(d.status.phase, ok ? PHASE_SUCCEEDED : PHASE_FAILED);
        cr_assert_eq(d.status.completed_ms, NOW);
        cr_assert_str_eq(d.status.message,
                         ok ? "Task completed successfully" : "Task failed");
        /* without a start there is no duration: none is made up */
        cr_assert_eq(d.status.started_ms != 0, i % 2 == 0);
        cr_assert_eq(event_of(&d, ok ? "TaskSucceeded" : "TaskFailed")->warning, !ok);
        cr_assert_eq(event_of(&d, "OutputsCaptured") != NULL, i / 2 == 0);
        cr_assert_eq(events(&d), i / 2 == 0 ? 2 : 1);
        cr_assert(has(&d, ACT_COUNT_FINISHED) && !has(&d, ACT_COUNT_CREATED));
        cr_assert_eq(status_number(&d.status.keys, &d.status.values, "cost-usd") > 0,
                     i / 2 == 0, "what is counted as its cost");
    }
}

Test(tasksteps, a_job_that_succeeded_ends_it_well)
{
    check_finish("'succeeded':1", true); /* without a condition */
    check_finish("'succeeded':1,'failed':1,'conditions':[{'type':'Failed','status':'True'"
                 "}]",
                 true); /* success is asked first */
    row_claim("TE/T10");
}

Test(tasksteps, the_failed_condition_ends_it_badly)
{
    check_finish("'failed':1,'conditions':[{'type':'Failed','status':'True'}]", false);
    check_finish("'conditions':[{'type':'Failed','status':'True'}]", false);
    row_claim("TE/T11");
}

Test(tasksteps, outputs_that_come_late_are_written_with_the_end_and_counted)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'succeeded':1");
    f.finished_seen_ms =
        NOW - POD_GRACE_MS + 1; /* the Job has ended, its Pod is unseen */
    struct decision d = decide(&f);
    cr_assert(d.n == 1 && has(&d, ACT_WAKE), "the end waits");
    f.pod = make_pod("fix", "p", "2026-01-01T00:00:01Z", "'phase':'Succeeded'");
    d = decide(&f);
    cr_assert(d.n == 1 && has(&d, ACT_COLLECT));
    f.capture = CAPTURE_ASKED; /* the log takes its time: longer than the grace */
    f.finished_seen_ms = NOW - 10 * POD_GRACE_MS;
    f.pods_asked = true;
    d = decide(&f);
    cr_assert_eq(d.n, 0);
    f.capture = CAPTURE_DONE;
    f.captured = &made;
    d = decide(&f);
    cr_assert_str_eq(written(t, &d),
                     "completionTime message outputs phase podName results");
    cr_assert(has(&d, ACT_COUNT_FINISHED) && d.status.with_outputs);
    /* and there is nothing left to be found afterwards */
    f.task = make_task("fix", "", "",
                       "'phase':'Succeeded','jobName':'fix','podName':'p',"
                       "'message':'Task completed successfully',"
                       "'completionTime':'2026-01-01T00:59:00Z'");
    d = decide(&f);
    cr_assert_eq(d.n, 0);
    row_claim("TE/T12");
}

Test(tasksteps, a_pod_that_is_found_is_named_and_that_is_all)
{
    static const char status[] = "'phase':'Running','jobName':'fix',"
                                 "'startTime':'2026-01-01T00:59:00Z'";
    struct task_view *t = make_task("fix", "", "", status);
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'active':1");
    struct decision d = decide(&f);
    cr_assert_eq(d.n, 0);
    f.pod = make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z", "'phase':'Running'");
    d = decide(&f);
    cr_assert(d.n == 1 && has(&d, ACT_STATUS), "no Event, nothing counted");
    cr_assert_str_eq(written(t, &d), "podName");
    cr_assert_str_eq(d.status.pod_name, "fix-abc");
    t = make_task("fix", "", "", status);
    t->pod_name = "fix-abc";
    f.task = t;
    f.pod = NULL; /* it is out of view: its name stays */
    d = decide(&f);
    cr_assert_eq(d.n, 0);
    row_claim("TE/T13");
}

Test(tasksteps, its_time_deletes_it_and_is_told_first)
{
    static const char *const ends[] = {"Succeeded", "Failed"};

    for (size_t i = 0; i < 2; i++) {
        char status[100];
        snprintf(status, sizeof status,
                 "'phase':'%s','completionTime':'2026-01-01T00:59:00Z'", ends[i]);
        struct task_view *t =
            make_task("fix", "", "'ttlSecondsAfterFinished':61", status);
        struct task_facts f = ready(t);
        struct decision d = decide(&f); /* a second is left */
        cr_assert(d.n == 1 && decision_find(&d, ACT_WAKE)->at_ms == NOW + 1000);
        f.task = make_task("fix", "", "'ttlSecondsAfterFinished':60", status);
        d = decide(&f);
        cr_assert_eq(d.n, 2);
        cr_assert_eq(d.actions[0].kind, ACT_EVENT);
        cr_assert_str_eq(d.actions[0].reason, "TaskExpired");
        cr_assert_not(d.actions[0].warning);
        cr_assert_eq(d.actions[1].kind, ACT_DELETE_TASK);
    }
    row_claim("TE/T14");
}
