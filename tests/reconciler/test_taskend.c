/* test_taskend.c - what is decided when a Task's Job has ended, and when its time is over. */
#include "tests/reconciler/taskfixture.h"
#include "tests/support/rows.h"

Test(taskend, counts_alone_make_success)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'succeeded':1");
    f.finished_seen_ms = NOW - POD_GRACE_MS; /* no Pod in view for long enough */
    f.pods_asked = true;
    struct decision d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_SUCCEEDED);
    cr_assert_eq(d.status.completed_ms, NOW);
    cr_assert_str_eq(d.status.message, "Task completed successfully");
    cr_assert_not(d.status.with_outputs);
    cr_assert_not_null(event_of(&d, "TaskSucceeded"));
    row_claim("TE/ST3");
}

Test(taskend, asks_the_server_for_its_pods_before_it_ends_without_them)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job = make_job("fix", "'succeeded':1");
    f.finished_seen_ms = NOW - POD_GRACE_MS;
    struct decision d = decide(&f);
    cr_assert(d.n == 1 && has(&d, ACT_FIND_PODS), "Jobs and Pods are watched apart");
    f.pods_asked = true;
    f.pod = make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z", "'phase':'Succeeded'");
    d = decide(&f);
    cr_assert_str_eq(decision_find(&d, ACT_COLLECT)->text, "fix-abc");
}

Test(taskend, ends_only_after_its_outputs_are_read)
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

/* The text of the warning about a setup command that was not run, or NULL. */
static const char *
setup_warning(struct task_facts *f, struct capture c)
{
    c.message = c.complete ? "" : "the pod is gone";
    f->captured = &c;
    struct decision d = decide(f);
    f->captured = NULL;
    cr_assert(phase_terminal(d.status.phase));
    const struct action *a = event_of(&d, "SetupCommandNotRun");
    cr_assert(a == NULL || a->warning);
    return a != NULL ? a->text : NULL;
}

Test(taskend, a_setup_command_that_the_image_left_out_is_told_once)
{
    struct task_view *t = make_task("fix", "", "'workspaceRef':{'name':'web'}",
                                    "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    f.workspace = REF_FOUND;
    f.setup = true;
    f.job = make_job("fix", "'succeeded':1");
    f.pod = make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z", "'phase':'Succeeded'");
    f.capture = CAPTURE_DONE;
    const char *text = setup_warning(&f, (struct capture){.complete = true});
    cr_assert_str_eq(text, "Workspace \"web\" has a setupCommand, and nothing in the "
                           "agent's log shows that it was run; the image does not say "
                           "that it keeps the agent image interface");
    text = setup_warning(&f, (struct capture){.complete = true, .level = 1});
    cr_assert_not_null(strstr(text, "says that it keeps level 1 of the interface"));
    /* it was run; the log was not read whole; there is none to be run */
    cr_assert_null(setup_warning(&f, (struct capture){.complete = true, .setup = true}));
    cr_assert_null(setup_warning(&f, (struct capture){.complete = false}));
    f.setup = false;
    cr_assert_null(setup_warning(&f, (struct capture){.complete = true}));
    f.setup = true;
    /* it never came to the agent */
    f.job =
        make_job("fix", "'failed':1,'conditions':[{'type':'Failed','status':'True'}]");
    f.pod =
        make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z",
                 "'phase':'Failed','initContainerStatuses':[{'name':'git-clone','state':{"
                 "'terminated':{'exitCode':128}}}],'containerStatuses':[{'name':"
                 "'claude-code','state':{'waiting':{'reason':'PodInitializing'}}}]");
    cr_assert_null(setup_warning(&f, (struct capture){.complete = true}));
    /* and once it has ended nothing is told again */
    f.task = make_task("fix", "", "'workspaceRef':{'name':'web'}",
                       "'phase':'Succeeded','jobName':'fix',"
                       "'completionTime':'2026-01-01T00:59:00Z'");
    struct decision d = decide(&f);
    cr_assert_eq(d.n, 0);
}

Test(taskend, an_agent_that_never_started_has_the_log_of_what_kept_it)
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
    cr_assert_str_eq(decision_find(&d, ACT_COLLECT)->container, "git-clone");
    f.capture = CAPTURE_DONE;
    f.captured = &(struct capture){
        .complete = true, .message = "", .tail = "fatal: repository not found\n"};
    d = decide(&f);
    cr_assert_eq(d.status.phase, PHASE_FAILED);
    cr_assert_str_eq(d.status.message,
                     "Task failed: container \"git-clone\" exited with code 128\n"
                     "fatal: repository not found");
    cr_assert_str_eq(event_of(&d, "TaskFailed")->text,
                     "Task failed: container \"git-clone\" exited with code 128");
    cr_assert_eq(d.status.captured, CAPTURED_NOTHING);
}

Test(taskend, a_pod_that_has_not_ended_in_view_is_waited_for)
{
    struct task_view *t = make_task("fix", "", "", "'phase':'Pending','jobName':'fix'");
    struct task_facts f = ready(t);

    f.job =
        make_job("fix", "'failed':1,'conditions':[{'type':'Failed','status':'True'}]");
    f.pod = make_pod("fix", "fix-abc", "2026-01-01T00:00:01Z", "'phase':'Pending'");
    f.finished_seen_ms = NOW;
    struct decision d = decide(&f);
    cr_assert(d.n == 1, "Jobs and Pods are watched apart");
    cr_assert_eq(decision_find(&d, ACT_WAKE)->at_ms, NOW + POD_GRACE_MS);
    f.finished_seen_ms = NOW - POD_GRACE_MS;
    d = decide(&f);
    cr_assert(has(&d, ACT_COLLECT), "not for ever");
}

Test(taskend, one_that_never_started_says_what_kept_it)
{
    static const char waits[] = "Container \"claude-code\" is waiting: ImagePullBackOff";
    struct task_view *t = make_task("fix", "", "", "'phase':'Running','jobName':'fix'");
    struct task_facts f = ready(t);

    t->message = waits;
    f.job = make_job("fix", "'failed':1,'conditions':[{'type':'Failed','status':'True',"
                            "'reason':'DeadlineExceeded'}]");
    f.finished_seen_ms = NOW - POD_GRACE_MS; /* the deadline took its Pod away */
    f.pods_asked = true;
    struct decision d = decide(&f);
    cr_assert_str_eq(d.status.message,
                     "Task failed: Container \"claude-code\" is waiting: "
                     "ImagePullBackOff (DeadlineExceeded)");
    cr_assert_str_eq(d.status.cause, "DeadlineExceeded");
}

Test(taskend, says_that_outputs_were_given_up)
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

Test(taskend, the_failed_condition_makes_failure_and_its_cause_is_told)
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

Test(taskend, only_a_true_failed_condition_is_failure)
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
        f.pods_asked = true;
        struct decision d = decide(&f);
        cr_assert_eq(d.n > 0 && d.status.phase == PHASE_FAILED, rows[i].failed, "%s",
                     rows[i].conditions);
        row_claim(rows[i].row);
    }
}

Test(taskend, a_failure_says_why_in_message_and_condition)
{
    static const struct {
        const char *job, *pod, *tail, *message, *ready;
    } rows[] = {
        {"",
         "'containerStatuses':[{'name':'claude-code','state':{'terminated':{'exitCode':"
         "137,"
         "'reason':'OOMKilled'}}}]",
         "allocating\nKilled",
         "Task failed: container \"claude-code\" exited with code 137 (OOMKilled)\n"
         "allocating\nKilled",
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
        char job[300], pod[400], line[200];
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
        snprintf(line, sizeof line, "%.*s", (int)strcspn(rows[i].message, "\n"),
                 rows[i].message);
        cr_assert_str_eq(event_of(&d, "TaskFailed")->text, line);
        cr_assert_str_eq(ready_of(t, &d), rows[i].ready);
    }
    row_claim("TE/W-S8");
}

Test(taskend, ttl)
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

Test(taskend, an_expired_one_stays_while_its_results_are_awaited)
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
