/* test_job.c - what a Job wants next. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"
#include "local/runner/job.h"

#define NOW INT64_C(1800000000000)

static json_t *
task_job(void)
{
    return json_loads("{\"metadata\": {\"name\": \"fix-42\", \"namespace\": \"dev\", "
                      "\"uid\": \"u-1\"}, \"spec\": {\"backoffLimit\": 1,"
                      " \"podFailurePolicy\": {\"rules\": ["
                      "  {\"action\": \"Count\", \"onPodConditions\": [{\"type\": "
                      "\"DisruptionTarget\", \"status\": \"True\"}]},"
                      "  {\"action\": \"FailJob\", \"onExitCodes\": {\"operator\": "
                      "\"NotIn\", \"values\": [0]}}]},"
                      " \"template\": {\"metadata\": {\"labels\": {\"kelos.dev/task\": "
                      "\"fix-42\"}}, \"spec\": {\"containers\": []}}}}",
                      0, NULL);
}

/* A Pod of the Job. `code` < 0: active. */
static json_t *
pod(int attempt, int code, bool disrupted)
{
    char text[1024], finished[RFC3339_SIZE];

    rfc3339_format(NOW - 1000, finished);
    snprintf(text, sizeof text,
             "{\"metadata\": {\"name\": \"p%d\", \"uid\": \"pu%d\", \"annotations\": "
             "{\"kelos.dev/attempt\": \"%d\"}},"
             " \"status\": {\"phase\": \"%s\", \"conditions\": [{\"type\": "
             "\"DisruptionTarget\", \"status\": \"%s\"}],"
             " \"containerStatuses\": [{\"name\": \"claude-code\", \"state\": {%s}}]}}",
             attempt, attempt, attempt,
             code < 0    ? "Running"
             : code == 0 ? "Succeeded"
                         : "Failed",
             disrupted ? "True" : "False", "");
    json_t *p = json_loads(text, 0, NULL);
    if (code >= 0)
        json_put(p, "status.containerStatuses[0].state.terminated",
                 json_pack("{s:i, s:s}", "exitCode", code, "finishedAt", finished));
    return p;
}

static struct job_plan
decide(json_t *job, json_t **pods, size_t n)
{
    struct job_pod list[8];
    struct job_plan plan;

    for (size_t i = 0; i < n; i++)
        job_pod_from(pods[i], &list[i]);
    job_decide(job, list, n, NOW, &plan);
    return plan;
}

/* Writes the plan's status into the Job, as the API server would. */
static void
apply(json_t *job, struct job_plan *plan)
{
    if (plan->status == NULL)
        return;
    json_t *now = json_merge(json_object_get(job, "status"),
                             json_object_get(plan->status, "status"));
    json_object_set_new(job, "status", now);
    job_plan_clear(plan);
}

static const char *
reason(const json_t *job, const char *type)
{
    size_t i;
    json_t *c;

    json_array_foreach(json_at(job, "status.conditions"), i, c)
    {
        if (strcmp(json_str_or(c, "type", ""), type) == 0 &&
            strcmp(json_str_or(c, "status", ""), "True") == 0)
            return json_str_or(c, "reason", "");
    }
    return NULL;
}

Test(job, begins_with_the_pod_of_attempt_0)
{
    SCOPED(json) json_t *job = task_job();
    struct job_plan plan = decide(job, NULL, 0);
    cr_assert_eq(plan.create, 0);
    job_plan_clear(&plan);

    json_t *running = pod(0, -1, false);
    plan = decide(job, &running, 1);
    cr_assert_eq(plan.create, -1);
    cr_assert_eq(json_int_or(plan.status, "status.active", 0), 1);
    cr_assert_not_null(json_at(plan.status, "status.startTime"));
    apply(job, &plan);
    plan = decide(job, &running, 1);
    cr_assert_null(plan.status, "the same again needs no write");
    json_decref(running);
}

Test(job, completes_with_its_pod)
{
    SCOPED(json) json_t *job = task_job();
    SCOPED(json) json_t *done = pod(0, 0, false);
    struct job_plan plan = decide(job, &done, 1);
    apply(job, &plan);
    cr_assert(job_finished(job));
    cr_assert_not_null(reason(job, "Complete"));
    cr_assert_not_null(reason(job, "SuccessCriteriaMet"));
    cr_assert_eq(json_int_or(job, "status.succeeded", 0), 1);
    cr_assert_not_null(json_at(job, "status.completionTime"));
    cr_assert_null(json_at(job, "status.active"));
}

Test(job, fails_at_once_when_a_container_exits_with_another_code_than_0)
{
    SCOPED(json) json_t *job = task_job();
    SCOPED(json) json_t *failed = pod(0, 3, false);
    struct job_plan plan = decide(job, &failed, 1);
    cr_assert_eq(plan.create, -1);
    apply(job, &plan);
    cr_assert_str_eq(reason(job, "Failed"), "PodFailurePolicy");
    cr_assert_str_eq(reason(job, "FailureTarget"), "PodFailurePolicy");
    cr_assert_eq(json_int_or(job, "status.failed", 0), 1);
    size_t i;
    json_t *c;
    json_array_foreach(json_at(job, "status.conditions"), i, c)
    {
        cr_expect_str_eq(json_str_or(c, "message", ""),
                         "Container claude-code for pod dev/p0 failed with exit code 3 "
                         "matching FailJob rule at index 1");
    }
}

Test(job, counts_a_disrupted_pod_and_tries_once_more_after_a_wait)
{
    SCOPED(json) json_t *job = task_job();
    SCOPED(json) json_t *first = pod(0, 137, true);
    struct job_plan plan = decide(job, &first, 1);
    cr_assert_eq(plan.create, -1);
    cr_assert_gt(plan.wake_ms, NOW);
    apply(job, &plan);
    cr_assert_eq(json_int_or(job, "status.failed", 0), 1);
    cr_assert_not(job_finished(job));

    json_put_str(first, "status.containerStatuses[0].state.terminated.finishedAt",
                 "2026-01-01T00:00:00Z");
    plan = decide(job, &first, 1);
    cr_assert_eq(plan.create, 1);
    job_plan_clear(&plan);

    json_t *second = pod(1, 137, true), *both[] = {first, second};
    plan = decide(job, both, 2);
    apply(job, &plan);
    cr_assert_str_eq(reason(job, "Failed"), "BackoffLimitExceeded");
    json_decref(second);
}

Test(job, counts_a_pod_that_vanished_as_failed)
{
    SCOPED(json) json_t *job = task_job();
    json_put_int(job, "status.active", 1);
    struct job_plan plan = decide(job, NULL, 0);
    cr_assert_eq(plan.create, 1, "attempt 0 was begun");
    job_plan_clear(&plan);
}

Test(job, stops_and_fails_at_its_deadline_keeping_the_pod)
{
    SCOPED(json) json_t *job = task_job();
    char start[RFC3339_SIZE];
    SCOPED(json) json_t *running = pod(0, -1, false);

    json_put_int(job, "spec.activeDeadlineSeconds", 10);
    rfc3339_format(NOW - 9000, start);
    json_put_str(job, "status.startTime", start);
    struct job_plan plan = decide(job, &running, 1);
    cr_assert_eq(plan.wake_ms, NOW + 1000);
    job_plan_clear(&plan);

    rfc3339_format(NOW - 10000, start);
    json_put_str(job, "status.startTime", start);
    plan = decide(job, &running, 1);
    cr_assert_eq(plan.stop, JOB_STOP_DEADLINE);
    apply(job, &plan);
    cr_assert_str_eq(reason(job, "FailureTarget"), "DeadlineExceeded");
    cr_assert_not(job_finished(job), "not before the Pod has ended");

    SCOPED(json) json_t *ended = pod(0, 143, false);
    plan = decide(job, &ended, 1);
    apply(job, &plan);
    cr_assert_str_eq(reason(job, "Failed"), "DeadlineExceeded", "the first reason stays");
}

Test(job, is_deleted_after_its_time)
{
    SCOPED(json) json_t *job = task_job();
    SCOPED(json) json_t *done = pod(0, 0, false);
    struct job_plan plan = decide(job, &done, 1);

    apply(job, &plan);
    plan = decide(job, &done, 1);
    cr_assert_not(plan.delete_job);
    json_put_int(job, "spec.ttlSecondsAfterFinished", 60);
    plan = decide(job, &done, 1);
    cr_assert_not(plan.delete_job);
    cr_assert_eq(plan.wake_ms, NOW + 60000);
    json_put_int(job, "spec.ttlSecondsAfterFinished", 0);
    plan = decide(job, &done, 1);
    cr_assert(plan.delete_job);
}

Test(job, creates_nothing_while_suspended_and_goes_on_afterwards)
{
    SCOPED(json) json_t *job = task_job();
    json_put_bool(job, "spec.suspend", true);
    struct job_plan plan = decide(job, NULL, 0);
    cr_assert_eq(plan.create, -1);
    apply(job, &plan);
    cr_assert_not_null(reason(job, "Suspended"));
    SCOPED(json) json_t *running = pod(0, -1, false);
    plan = decide(job, &running, 1);
    cr_assert_eq(plan.stop, JOB_STOP_SUSPENDED);
    job_plan_clear(&plan);
    json_put_bool(job, "spec.suspend", false);
    plan = decide(job, NULL, 0);
    cr_assert_eq(plan.create, 0);
    job_plan_clear(&plan);
}

Test(job, does_nothing_when_it_is_being_deleted)
{
    SCOPED(json) json_t *job = task_job();
    json_put_str(job, "metadata.deletionTimestamp", "2026-01-01T00:00:00Z");
    struct job_plan plan = decide(job, NULL, 0);
    cr_assert_eq(plan.create, -1);
    cr_assert_null(plan.status);
}

Test(job, names_an_attempts_pod_always_the_same)
{
    SCOPED(json) json_t *job = task_job();
    char a[128], b[128], c[128];

    job_pod_name(job, 0, a, sizeof a);
    job_pod_name(job, 0, b, sizeof b);
    job_pod_name(job, 1, c, sizeof c);
    cr_assert_str_eq(a, b);
    cr_assert_str_neq(a, c);
    cr_assert_eq(strncmp(a, "fix-42-", 7), 0);
    cr_assert_eq(strlen(a), 12);
    json_put_str(job, "metadata.uid", "u-2");
    job_pod_name(job, 0, c, sizeof c);
    cr_assert_str_neq(a, c, "another Job of the same name has other Pods");
}

Test(job, makes_a_pod_that_belongs_to_it)
{
    SCOPED(json) json_t *job = task_job();
    SCOPED(json) json_t *p = job_pod_object(job, 1);
    struct job_pod seen;

    cr_assert_str_eq(json_str_or(p, "metadata.labels[kelos.dev/task]", ""), "fix-42");
    cr_assert_str_eq(json_str_or(p, "metadata.labels[job-name]", ""), "fix-42");
    cr_assert_str_eq(json_str_or(p, "metadata.ownerReferences[0].uid", ""), "u-1");
    cr_assert(json_bool_or(p, "metadata.ownerReferences[0].controller", false));
    job_pod_from(p, &seen);
    cr_assert_eq(seen.attempt, 1);
    cr_assert_eq(seen.phase, JOB_POD_ACTIVE);
}
