/* test_task.c - what is decided about a Task from its first look to its deletion. */
#include "tests/reconciler/taskfixture.h"
#include "tests/support/rows.h"

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

/* ---- what is compared, and what is written ---- */

Test(task, a_deleted_one_without_our_finalizer_is_left_alone)
{
    static const char *const phases[] = {"",        "Pending",   "Waiting",
                                         "Running", "Succeeded", "Failed"};

    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        char status[100];
        snprintf(status, sizeof status, "'phase':'%s','jobName':'fix'", phases[i]);
        struct task_view *t = make_task(
            "fix", "'deletionTimestamp':'2026-01-01T00:59:59Z','finalizers':['a.b/hold']",
            "", status);
        struct task_facts f = ready(t);

        t->view.meta.finalizers.n = 1;
        t->view.meta.finalizers.at[0] = "a.b/hold";
        cr_assert_eq(decide(&f).n, 0, "%s", phases[i]);
        f.job = make_job("fix", "'active':1");
        cr_assert_eq(decide(&f).n, 0, "%s with its Job", phases[i]);
    }
}

Test(task, an_orphan_with_our_labels_is_not_adopted)
{
    struct task_view *t = make_task("fix", "", "", "");
    struct task_facts f = ready(t);

    for (int live = 0; live < 2; live++) {
        f.job = make_view(
            KIND_JOB, 0,
            js("{'metadata':{'name':'fix','namespace':'dev','uid':'job-1','labels':{"
               "'kelos.dev/task':'fix','app.kubernetes.io/managed-by':'kelos-controller'"
               "}%s},'status':{'active':1}}",
               live ? "" : ",'deletionTimestamp':'2026-01-01T00:59:59Z'"));
        struct decision d = decide(&f);
        cr_assert(!has(&d, ACT_CREATE_JOB) && !has(&d, ACT_DELETE_JOB));
        cr_assert(d.status.phase == PHASE_WAITING || d.status.phase == PHASE_FAILED);
        cr_assert_neq(d.status.phase, PHASE_RUNNING);
    }
    row_claim("KC/GC-3");
}

/* The fields that a server fills in, and those of a later version. */
#define FOREIGN                                                                          \
    "'x-new':{'deep':[1,{'a':null}]},'observed':'9','conditions':["                      \
    "{'type':'Zebra','status':'True','reason':'r','message':'','lastTransitionTime':"    \
    "'2026-01-01T00:00:00Z','observedGeneration':9}]"

Test(task, only_what_is_its_own_is_compared)
{
    struct task_view *t = make_task(
        "fix", "'generation':7,'annotations':{'a':'b'}", "'futureField':{'x':1}",
        "'phase':'Running','jobName':'fix','startTime':'2026-01-01T00:00:00Z'," FOREIGN);
    struct task_facts f = ready(t);
    struct job_view *j = make_view(
        KIND_JOB, 0,
        js("{'metadata':{'name':'fix','namespace':'dev','uid':'job-fix','generation':1,"
           "'labels':{'kelos.dev/task':'fix','controller-uid':'x'},"
           "'finalizers':['batch.kubernetes.io/job-tracking'],'ownerReferences':[{'kind':"
           "'Task','name':'fix','uid':'uid-fix','controller':true}]},"
           "'spec':{'completionMode':'NonIndexed','suspend':false,'parallelism':1,"
           "'template':{'spec':{'schedulerName':'default-scheduler','dnsPolicy':"
           "'ClusterFirst'}}},'status':{'active':1,'ready':1,'terminating':0,"
           "'uncountedTerminatedPods':{}}}"));

    f.job = j;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(decide(&f).n, 0, "nothing is to be done");
    t = make_task("fix", "", "'futureField':{'x':1}",
                  "'phase':'Succeeded','jobName':'fix','message':'m','completionTime':"
                  "'2026-01-01T00:00:00Z'," FOREIGN);
    f = ready(t);
    f.job = make_job("fix", "'succeeded':1,'conditions':[{'type':'SuccessCriteriaMet',"
                            "'status':'True'}]");
    cr_assert_eq(decide(&f).n, 0);
    row_claim("KC/OBJ-9");
}

Test(task, a_status_is_written_when_it_differs_and_times_flip_with_their_status)
{
    static const char *const held =
        "'phase':'Waiting','message':'Waiting for dependency \\'a\\'','conditions':["
        "{'type':'Zebra','status':'True','reason':'r','message':'',"
        "'lastTransitionTime':'2025-01-01T00:00:00Z'},"
        "{'type':'Blocked','status':'True','reason':'Dependency','message':'m',"
        "'lastTransitionTime':'2026-01-01T00:30:00Z'},"
        "{'type':'Another','status':'False','reason':'r','message':'',"
        "'lastTransitionTime':'2025-01-01T00:00:00Z'}]";
    struct task_view *t = make_task("fix", "", "", held);
    struct task_facts f = ready(t);

    f.branch = (struct branch){BRANCH_HELD, "other"};
    t->branch = "b";
    struct decision d = decide(&f);
    cr_assert(has(&d, ACT_STATUS));
    json_t *c = json_object_get(patch_of(t, &d), "conditions");
    cr_assert_eq(json_array_size(c), 3);
    cr_assert_str_eq(json_str_or(c, "[0].type", ""), "Zebra", "their order stays");
    cr_assert_str_eq(json_str_or(c, "[1].type", ""), "Blocked");
    cr_assert_str_eq(json_str_or(c, "[2].type", ""), "Another");
    cr_assert_str_eq(json_str_or(c, "[1].reason", ""), "BranchLocked");
    cr_assert_str_eq(json_str_or(c, "[1].lastTransitionTime", ""), "2026-01-01T00:30:00Z",
                     "another reason is no flip");
    f.branch = (struct branch){BRANCH_FREE, NULL};
    d = decide(&f);
    c = json_object_get(patch_of(t, &d), "conditions");
    cr_assert_str_eq(json_str_or(c, "[1].status", ""), "False");
    cr_assert_str_eq(json_str_or(c, "[1].lastTransitionTime", ""),
                     "2026-01-01T01:00:00Z");
    cr_assert_str_eq(json_str_or(c, "[0].lastTransitionTime", ""),
                     "2025-01-01T00:00:00Z");
}
