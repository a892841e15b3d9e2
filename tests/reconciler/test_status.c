/* test_status.c - conditions and usage in a Task's status. */
#include "tests/reconciler/taskfixture.h"
#include "tests/support/rows.h"

Test(status, usage_is_what_is_plausible)
{
    static const struct {
        const char *cost, *input, *want;
    } rows[] = {
        {"0.05", "1000", "{\"costUSD\":\"0.05\",\"inputTokens\":1000}"},
        {"0", "abc", NULL},
        {"+Inf", "-5", NULL},
        {"not-a-number", "1000", "{\"inputTokens\":1000}"},
        {"1e-3", "1e3", "{\"costUSD\":\"1e-3\"}"},
        {"50m", " 7", "{\"costUSD\":\"50m\"}"},
        /* A sum of floats: a quantity has nine digits behind its point. */
        {"0.14532900000000002", "0x10", "{\"costUSD\":\"145329001n\"}"},
        {"0.0000000001", "7.0", "{\"costUSD\":\"1n\"}"},
        {"9e300", "9223372036854775808", NULL},
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

Test(status, conditions_say_what_blocks_and_that_nothing_does)
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

Test(status, conditions_say_whether_outputs_were_captured)
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

Test(status, a_pod_that_cannot_start_is_told_in_a_condition)
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
