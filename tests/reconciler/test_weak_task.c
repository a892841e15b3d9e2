/* test_weak_task.c - where our decisions do better than the original's: rows W-S, W-D, W-B and
 * W-O of the specification. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/task/status.h"
#include "reconciler/task/task.h"

#define NOW AT("2026-01-01T01:00:00Z")

static struct decision
decide_at(const struct task_facts *f, int64_t now_ms)
{
    struct decision d = {.n = 0};

    task_decide(f, now_ms, &d);
    keep(d.arena.chunks);
    return d;
}

static struct decision
decide(const struct task_facts *f)
{
    return decide_at(f, NOW);
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

static bool
tells(const struct decision *d, const char *reason)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->actions[i].kind == ACT_EVENT && strcmp(d->actions[i].reason, reason) == 0)
            return true;
    return false;
}

static size_t
place(const struct decision *d, enum action_kind kind)
{
    size_t i = 0;

    while (i < d->n && d->actions[i].kind != kind)
        i++;
    return i;
}

/* The Task as it is after the decision was written. */
static struct task_view *
after(const char *spec, const struct task_view *t, const struct decision *d)
{
    json_t *status = json_object_get(keep(status_patch(t, &d->status)), "status");
    if (json_object_get(status, "jobName") == NULL && *t->job_name != '\0')
        json_object_set_new(status, "jobName", json_string(t->job_name));
    char *text = keep(json_dumps(status, 0));

    text[strlen(text) - 1] = '\0';
    return make_task(t->view.meta.name, "", spec, text + 1);
}

/* ---- the state machine ---- */

/* The ways to fail before there is a Job. */
static struct task_facts
failing(const struct task_view *t, int way)
{
    struct task_facts f = ready(t);

    switch (way) {
    case 0:
        f.deps = (struct deps){DEPS_FAILED, "a"};
        break;
    case 1:
        f.deps = (struct deps){DEPS_CYCLE, "a"};
        break;
    case 2:
        f.auth = AUTH_FAILED;
        f.auth_message = "x";
        break;
    case 3:
        f.build_error = "x";
        break;
    case 4:
        f.conflict = "Failed to build Job: x";
        break;
    default:
        f.input_error = "Failed to resolve MCP server secret: x";
        f.input_reason = "MCPSecretFailed";
        f.input_again_ms = NOW + 1;
        break;
    }
    return f;
}

Test(weak_task, each_failure_before_a_job_is_complete_final_and_counted_once)
{
    for (int way = 0; way < 6; way++) {
        const char *spec = "'ttlSecondsAfterFinished':60";
        struct task_view *t = make_task("fix", "", spec, "");
        struct task_facts f = failing(t, way);
        struct decision d = decide(&f);
        cr_assert_eq(d.status.phase, PHASE_FAILED, "way %d", way);
        cr_assert_eq(d.status.completed_ms, NOW, "way %d", way);
        cr_assert(has(&d, ACT_COUNT_FINISHED), "way %d", way);
        /* the same facts again, or better ones: nothing */
        t = after(spec, t, &d);
        struct task_facts same = failing(t, way), better = ready(t);
        d = decide(&same);
        cr_assert(d.n == 1 && has(&d, ACT_WAKE), "way %d", way); /* for its TTL */
        d = decide(&better);
        cr_assert(d.n == 1 && has(&d, ACT_WAKE), "way %d", way);
        d = decide_at(&better, NOW + 60000);
        cr_assert(has(&d, ACT_DELETE_TASK), "way %d", way);
    }
    row_claim("TE/W-S2");
    row_claim("TE/W-S4"); /* 3: once, and no key comes back for it */
    row_claim("TE/W-D5"); /* 1: counted */
    row_claim("ADD/AW11");
}

Test(weak_task, what_may_mend_waits_and_what_will_not_fails)
{
    struct task_view *t = make_task("fix", "", "'workspaceRef':{'name':'w'}", "");
    struct task_facts f = ready(t);

    f.workspace = REF_FOUND;
    f.auth = AUTH_RETRY;
    f.auth_message = "fetching workspace secret \"s\": not found";
    struct decision d = decide(&f);
    cr_assert(d.status.phase == PHASE_WAITING && !has(&d, ACT_COUNT_FINISHED));
    /* a missing AgentConfig leaves its trace, and no token is asked for before it is there */
    f.auth = AUTH_UNKNOWN;
    f.missing_config = "rules";
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_WAITING);
    cr_assert_str_eq(d.status.message, "Waiting for AgentConfig \"rules\" to be created");
    cr_assert_eq(d.status.blocked, BLOCKED_BY_REFERENCE);
    cr_assert_not(has(&d, ACT_RESOLVE_AUTH));
    f.missing_config = NULL;
    d = decide(&f);
    cr_assert(has(&d, ACT_RESOLVE_AUTH));
    row_claim("TE/W-G9");
    /* a value that is missing has its grace */
    f.auth = AUTH_READY;
    f.input_error = "Failed to validate skills auth secret: x";
    f.input_reason = "SkillsAuthSecretFailed";
    f.input_again_ms = NOW + 2000;
    f.input_until_ms = NOW + 60000;
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_WAITING);
    row_claim("ADD/AW10");
}

Test(weak_task, message_and_job_name_are_right_whenever_the_job_is_seen)
{
    struct task_view *t =
        make_task("fix", "", "", "'phase':'Waiting','message':'Waiting for x'");
    struct task_facts f = ready(t);
    struct decision d = decide(&f);

    cr_assert_eq(d.status.phase, PHASE_PENDING);
    cr_assert_str_eq(d.status.message, "");
    /* that one write was lost: the Job is there, jobName is not */
    f.job = make_job("fix", "");
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_PENDING);
    cr_assert_str_eq(d.status.job_name, "fix");
    cr_assert_str_eq(d.status.message, "");
    t = make_task("fix", "", "", "'phase':'Pending','message':'Waiting for x'");
    f = ready(t);
    f.job = make_job("fix", "'active':1");
    d = decide(&f);
    cr_assert_str_eq(d.status.job_name, "fix");
    row_claim("TE/W-S9");
}

Test(weak_task, events_and_counters_follow_the_write_and_belong_to_a_change)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'succeeded':1");
    f.pod = make_pod("fix", "p", "2026-01-01T00:00:01Z", "'phase':'Succeeded'");
    f.capture = CAPTURE_DONE;
    f.captured = &(struct capture){.complete = true, .message = ""};
    struct decision d = decide(&f);
    cr_assert_lt(place(&d, ACT_STATUS), place(&d, ACT_EVENT));
    cr_assert_lt(place(&d, ACT_EVENT), place(&d, ACT_COUNT_FINISHED));
    t = make_task("fix", "", "",
                  "'phase':'Succeeded','jobName':'fix',"
                  "'completionTime':'2026-01-01T00:59:00Z'");
    f.task = t;
    d = decide(&f);
    cr_assert_eq(d.n, 0);
    /* creation, too */
    t = make_task("new", "", "", "");
    f = ready(t);
    d = decide(&f);
    cr_assert_lt(place(&d, ACT_STATUS), place(&d, ACT_COUNT_CREATED));
    f.task = make_task("new", "", "", "'phase':'Pending','jobName':'new'");
    f.job = make_job("new", "");
    d = decide(&f);
    cr_assert_not(has(&d, ACT_COUNT_CREATED));
    row_claim("TE/W-S10");
}

Test(weak_task, an_annotation_ends_it)
{
#define CANCEL "'annotations':{'kelos.dev/cancel':'true'}"
    struct task_view *t =
        make_task("fix", CANCEL, "'branch':'b'", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'active':1");
    struct decision d = decide(&f);
    cr_assert(d.n == 1 && has(&d, ACT_DELETE_JOB));
    f.job = NULL;
    f.job_absent = true;
    f.pods_alive = true; /* it may still push: the branch is not free */
    d = decide(&f);
    cr_assert_eq(d.n, 0);
    f.pods_alive = false;
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_str_eq(d.status.message, "Task cancelled");
    cr_assert(tells(&d, "TaskCancelled") && has(&d, ACT_COUNT_FINISHED));
    f.job_absent = false; /* an unseen Job is looked for first */
    d = decide(&f);
    cr_assert(d.n == 1 && has(&d, ACT_FIND_JOB));
    /* before its Job: at once; after its end: too late */
    t = make_task("fix", CANCEL, "", "'phase':'Waiting'");
    f = ready(t);
    f.deps = (struct deps){DEPS_WAITING, "a"};
    d = decide(&f);
    cr_assert_str_eq(d.status.message, "Task cancelled");
    cr_assert_not(has(&d, ACT_CREATE_JOB));
    t = make_task("fix", CANCEL, "", "'phase':'Running'");
    f = ready(t);
    f.job = make_job("fix", "'succeeded':1");
    f.finished_seen_ms = NOW - POD_GRACE_MS;
    f.pods_asked = true;
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_SUCCEEDED);
    row_claim("TE/W-S11");
}

/* ---- dependencies ---- */

/* Tasks by name; ends with NULL. */
static const struct task_view *
lookup(void *arg, const struct task_view *of, const char *name)
{
    struct task_view **all = arg;

    (void)of;
    for (; *all != NULL; all++)
        if (strcmp((*all)->view.meta.name, name) == 0)
            return *all;
    return NULL;
}

Test(weak_task, every_dependency_is_looked_at)
{
    static const char *const first[] = {"'phase':'Running'", "'phase':'Waiting'", ""};

    for (size_t i = 0; i < 3; i++) {
        struct task_view *all[] = {make_task("b", "", "'dependsOn':['a','gone','f']", ""),
                                   make_task("a", "", "", first[i]),
                                   make_task("f", "", "", "'phase':'Failed'"), NULL};
        struct task_view *t = all[0];
        struct task_facts f = ready(t);
        f.deps = deps_judge(t, lookup, all);
        struct decision d = decide(&f);
        cr_assert_eq(d.status.phase, PHASE_FAILED);
        cr_assert_str_eq(d.status.message, "Dependency \"f\" failed");
    }
    row_claim("TE/W-D2");
}

Test(weak_task, results_that_are_awaited_outlive_their_time)
{
    struct task_view *t =
        make_task("a", "", "'ttlSecondsAfterFinished':0",
                  "'phase':'Succeeded','completionTime':'2026-01-01T00:00:00Z'");
    struct task_facts f = ready(t);

    f.awaited = true;
    struct decision d = decide(&f);
    cr_assert_eq(d.n, 0);
    f.awaited = false; /* the dependent has its Job: its going wakes this one */
    d = decide(&f);
    cr_assert(has(&d, ACT_DELETE_TASK));
    row_claim("TE/W-D3");
}

Test(weak_task, cycles_are_looked_for_at_every_look_and_diamonds_cost_nothing)
{
    enum { LEVELS = 40 };
    static struct task_view *all[2 * LEVELS + 3];
    char name[16], spec[60];
    size_t n = 0;

    /* each level depends on both of the next: 2^40 paths */
    for (int i = 0; i < LEVELS; i++)
        for (char side = 'l'; side <= 'm'; side++) {
            snprintf(name, sizeof name, "%c%d", side, i);
            snprintf(spec, sizeof spec, "'dependsOn':['l%d','m%d']", i + 1, i + 1);
            all[n++] =
                make_task(name, "", i < LEVELS - 1 ? spec : "'dependsOn':['end']", "");
        }
    all[n++] = make_task("end", "", "", "'phase':'Running'");
    cr_assert_eq(deps_judge(all[0], lookup, all).state, DEPS_WAITING);
    /* one that closes a circle later is found from a Task that waits already */
    all[n - 1] = make_task("end", "", "'dependsOn':['l0']", "'phase':'Waiting'");
    struct task_view *waits =
        make_task("l0", "", "'dependsOn':['l1','m1']", "'phase':'Waiting'");
    struct task_facts f = ready(waits);
    f.deps = deps_judge(waits, lookup, all);
    struct decision d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_str_eq(d.status.message,
                     "Circular dependency detected: cycle involves \"l0\"");
    row_claim("TE/W-D4");
}

/* ---- the branch ---- */

static struct task_view *
on_branch(const char *name, const char *uid, const char *created, const char *status)
{
    char meta[160];

    snprintf(meta, sizeof meta, "'creationTimestamp':'%s'", created);
    struct task_view *t = make_task(name, meta, "'branch':'x'", status);
    t->view.meta.uid = uid;
    return t;
}

Test(weak_task, who_is_first_is_decided_also_within_one_second)
{
    const char *second = "2026-01-01T00:00:00Z";
    struct task_view *a = on_branch("a", "1", second, "");
    struct task_view *b = on_branch("b", "2", second, "'phase':'Waiting'");
    const struct contender all[] = {{a, CLAIM_WAITING}, {b, CLAIM_WAITING}};

    cr_assert_eq(branch_judge(a, all, 2).state, BRANCH_FREE);
    cr_assert_eq(branch_judge(b, all, 2).state, BRANCH_QUEUED);
    cr_assert_str_eq(branch_judge(b, all, 2).by, "a"); /* which has no phase yet */
    row_claim("TE/W-B4");
}

Test(weak_task, the_holder_is_known_by_its_uid)
{
    const char *second = "2026-01-01T00:00:00Z";
    struct task_view *old = on_branch("a", "1", second, "'phase':'Running'");
    struct task_view *now = on_branch("a", "2", "2026-01-01T00:00:09Z", "");
    const struct contender all[] = {{old, CLAIM_RUNNING}};

    cr_assert_eq(branch_judge(now, all, 1).state, BRANCH_HELD);
    cr_assert_eq(branch_judge(old, all, 1).state, BRANCH_FREE);
}

Test(weak_task, a_deleted_one_holds_until_its_pods_have_ended)
{
    struct task_view *t = make_task("fix", "'deletionTimestamp':'2026-01-01T00:59:00Z'",
                                    "'branch':'x'", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job_known = f.job_absent = true;
    f.pods_alive = true;
    struct decision d = decide(&f); /* 60 s later: longer than a Pod's usual grace */
    cr_assert_not(has(&d, ACT_DROP_FINALIZER));
    f.pods_alive = false;
    d = decide(&f);
    cr_assert(has(&d, ACT_DROP_FINALIZER));
}

Test(weak_task, a_missing_workspace_is_warned_about_once)
{
    struct task_view *t = make_task("b", "", "'branch':'feature-1'", "");
    struct task_facts f = ready(t);

    f.branch = (struct branch){BRANCH_HELD, "a"};
    struct decision d = decide(&f);
    cr_assert(tells(&d, "BranchWithoutWorkspace"));
    f.branch_warned = true;
    for (int i = 0; i < 3; i++) {
        d = decide(&f);
        cr_assert_not(tells(&d, "BranchWithoutWorkspace"));
    }
    row_claim("TE/W-B7");
}

/* ---- outputs ---- */

Test(weak_task, the_pod_that_counts_is_the_succeeded_or_the_newest)
{
    const struct pod_view *pods[] = {
        make_pod("fix", "first", "2026-01-01T00:00:01Z", "'phase':'Failed'"),
        make_pod("fix", "second", "2026-01-01T00:00:09Z", "'phase':'Running'"),
        make_pod("fix", "third", "2026-01-01T00:00:05Z", "'phase':'Succeeded'"),
    };
    struct task_view *t =
        make_task("fix", "", "", "'phase':'Running','jobName':'fix','podName':'first'");
    struct task_facts f = ready(t);

    cr_assert_str_eq(pods_choose(pods, 2)->view.meta.name, "second");
    cr_assert_str_eq(pods_choose(pods, 3)->view.meta.name, "third");
    f.job = make_job("fix", "'active':1,'failed':1");
    f.pod = pods_choose(pods, 2);
    struct decision d = decide(&f);
    cr_assert_str_eq(d.status.pod_name, "second");
    f.job = make_job("fix", "'succeeded':1,'failed':1");
    f.pod = pods_choose(pods, 3);
    d = decide(&f);
    cr_assert_str_eq(decision_find(&d, ACT_COLLECT)->text, "third");
    row_claim("TE/W-O1");
}

Test(weak_task, without_outputs_nothing_is_polled_and_a_ttl_of_0_waits_for_them)
{
    const char *spec = "'ttlSecondsAfterFinished':0";
    struct task_view *t = make_task("fix", "", spec, "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'succeeded':1");
    f.pod = make_pod("fix", "p", "2026-01-01T00:00:01Z", "'phase':'Succeeded'");
    struct decision d = decide(&f);
    cr_assert(has(&d, ACT_COLLECT) && !has(&d, ACT_STATUS));
    f.capture = CAPTURE_ASKED;
    d = decide(&f);
    cr_assert_eq(d.n, 0); /* neither ended nor deleted: the answer wakes it */
    row_claim("TE/W-O4");
    f.capture = CAPTURE_DONE;
    f.captured = &(struct capture){.complete = true, .message = ""};
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_SUCCEEDED);
    cr_assert_not(has(&d, ACT_WAKE));
    cr_assert_not(has(&d, ACT_COLLECT));
    t = after("", t, &d);
    f.task = t;
    d = decide(&f);
    cr_assert_eq(d.n, 0); /* there is no late find */
    row_claim("TE/W-O3");
}

Test(weak_task, numbers_that_would_spoil_a_counter_are_not_taken)
{
    static const char *const bad[] = {"+Inf", "nan",   "1e400", "-1",
                                      "0",    "1e300", "12x",   ""};
    const char *keys[] = {"cost-usd"}, *values[1];
    struct texts k = {keys, 1}, v = {values, 1};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        values[0] = bad[i];
        cr_assert_eq(status_number(&k, &v, "cost-usd"), 0, "%s", bad[i]);
    }
    values[0] = "2.35";
    cr_assert_float_eq(status_number(&k, &v, "cost-usd"), 2.35, 1e-12);
}

/* ---- the agent's container and the others ---- */

#define EXTRA(agent)                                                                     \
    "'phase':'Running','containerStatuses':[{'name':'claude-code','state':" agent        \
    "},{'name':'db','state':{'running':{}}}]"

Test(weak_task, the_log_is_read_when_the_agent_has_ended)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'active':1");
    f.pod = make_pod("fix", "p", "2026-01-01T00:00:01Z", EXTRA("{'running':{}}"));
    struct decision d = decide(&f);
    cr_assert_not(has(&d, ACT_COLLECT));
    f.pod = make_pod("fix", "p", "2026-01-01T00:00:01Z",
                     EXTRA("{'terminated':{'exitCode':0,'finishedAt':"
                           "'2026-01-01T00:59:50Z'}}"));
    d = decide(&f); /* the Job is active still, the Pod is there */
    cr_assert_str_eq(decision_find(&d, ACT_COLLECT)->text, "p");
    /* then the Pod is gone: what was read counts, its name stays */
    const char *lines[] = {"branch: x"};
    f.task = make_task("fix", "", "", "'phase':'Running','jobName':'fix','podName':'p'");
    f.job = make_job("fix", "'succeeded':1");
    f.pod = NULL;
    f.capture = CAPTURE_DONE;
    f.captured =
        &(struct capture){.complete = true, .message = "", .outputs = {lines, 1}};
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_SUCCEEDED);
    cr_assert(d.status.with_outputs);
    cr_assert_str_eq(d.status.pod_name, "p");
    row_claim("ADD/AW17");
}

Test(weak_task, the_log_is_read_before_a_deadline_takes_the_pod)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.pod = make_pod(
        "fix", "p", "2026-01-01T00:00:01Z",
        "'phase':'Running','containerStatuses':[{'name':'claude-code','state':{'running':"
        "{}}}]");
    for (int active = 0; active < 2; active++) { /* ended Pods are not active any more */
        f.job =
            make_job("fix", active ? "'active':1,'conditions':[{'type':'FailureTarget',"
                                     "'status':'True','reason':'DeadlineExceeded'}]"
                                   : "'terminating':1,'conditions':[{'type':"
                                     "'FailureTarget','status':'True'}]");
        f.capture = CAPTURE_NONE;
        struct decision d = decide(&f);
        cr_assert_str_eq(decision_find(&d, ACT_COLLECT)->text, "p");
        f.capture = CAPTURE_ASKED;
        d = decide(&f);
        cr_assert_not(phase_terminal(d.status.phase));
        cr_assert_not(has(&d, ACT_COLLECT));
    }
}

Test(weak_task, containers_that_never_end_do_not_keep_the_task)
{
    static const struct {
        const char *pod;
        enum phase phase;
        const char *message;
    } rows[] = {
        {EXTRA("{'terminated':{'exitCode':0,'finishedAt':'2026-01-01T00:59:29Z'}}"),
         PHASE_SUCCEEDED, "Task completed successfully"},
        {EXTRA("{'terminated':{'exitCode':3,'finishedAt':'2026-01-01T00:59:29Z'}}"),
         PHASE_FAILED, "Task failed: container \"claude-code\" exited with code 3"},
    };

    for (size_t i = 0; i < 2; i++) {
        struct task_view *t =
            make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
        struct task_facts f = ready(t);
        f.job = make_job("fix", "'active':1");
        f.pod = make_pod("fix", "p", "2026-01-01T00:00:01Z", rows[i].pod);
        f.capture = CAPTURE_DONE;
        f.captured = &(struct capture){.complete = true, .message = ""};
        struct decision d = decide_at(&f, NOW - 2000); /* 29 s: they may end yet */
        cr_assert_eq(decision_find(&d, ACT_WAKE)->at_ms, NOW - 1000);
        cr_assert_not(phase_terminal(d.status.phase));
        d = decide(&f);
        cr_assert_eq(d.status.phase, rows[i].phase);
        cr_assert_str_eq(d.status.message, rows[i].message);
        cr_assert(tells(&d, "ExtraContainersStillRunning"));
        cr_assert_lt(place(&d, ACT_STATUS), place(&d, ACT_DELETE_JOB));
        /* the process died between the two; and the Job's end does not start it again */
        f.task = after("", t, &d);
        d = decide(&f);
        cr_assert(d.n == 1 && has(&d, ACT_DELETE_JOB));
        f.job = NULL;
        d = decide(&f);
        cr_assert_eq(d.n, 0);
    }
    row_claim("ADD/AW5");
}
