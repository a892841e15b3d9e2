/* job.c - see job.h. */
#include "local/runner/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"

#define RETRY_FIRST_MS 10000
#define RETRY_CAP_MS 360000

/* ---- reading ---- */

static int64_t
time_or(const json_t *root, const char *path, int64_t dflt)
{
    int64_t ms;

    return rfc3339_parse(json_str_or(root, path, NULL), &ms) == 0 ? ms : dflt;
}

static int64_t
last_finish(const json_t *statuses)
{
    int64_t last = 0;
    size_t i;
    json_t *c;

    json_array_foreach(statuses, i, c)
    {
        int64_t t = time_or(c, "state.terminated.finishedAt", 0);
        last = t > last ? t : last;
    }
    return last;
}

void
job_pod_from(const json_t *pod, struct job_pod *out)
{
    const char *phase = json_str_or(pod, "status.phase", "");
    const json_t *notes = json_at(pod, "metadata.annotations");
    const char *attempt = json_string_value(json_object_get(notes, JOB_ATTEMPT));

    *out = (struct job_pod){.status = json_object_get(pod, "status")};
    snprintf(out->name, sizeof out->name, "%s", json_str_or(pod, "metadata.name", ""));
    snprintf(out->uid, sizeof out->uid, "%s", json_str_or(pod, "metadata.uid", ""));
    out->attempt = attempt != NULL ? strtoll(attempt, NULL, 10) : 0;
    out->deleting = json_at(pod, "metadata.deletionTimestamp") != NULL;
    if (strcmp(phase, "Succeeded") == 0)
        out->phase = JOB_POD_SUCCEEDED;
    else if (strcmp(phase, "Failed") == 0)
        out->phase = JOB_POD_FAILED;
    if (out->phase != JOB_POD_ACTIVE)
        out->finished_ms = last_finish(json_object_get(out->status, "containerStatuses"));
}

static const json_t *
job_condition(const json_t *job, const char *type)
{
    size_t i;
    json_t *c;

    json_array_foreach(json_at(job, "status.conditions"), i, c)
    {
        if (strcmp(json_str_or(c, "type", ""), type) == 0 &&
            strcmp(json_str_or(c, "status", ""), "True") == 0)
            return c;
    }
    return NULL;
}

bool
job_finished(const json_t *job)
{
    return job_condition(job, "Complete") != NULL || job_condition(job, "Failed") != NULL;
}

/* ---- podFailurePolicy ---- */

enum action { ACTION_COUNT, ACTION_FAIL_JOB, ACTION_IGNORE };

struct verdict {
    enum action action;
    size_t rule;
    char message[512];
};

static bool
code_listed(const json_t *values, int64_t code)
{
    size_t i;
    json_t *v;

    json_array_foreach(values, i, v)
    {
        if (json_integer_value(v) == code)
            return true;
    }
    return false;
}

/* A container whose exit code other than 0 matches; NULL: none. */
static const json_t *
match_exit(const json_t *rule, const json_t *status)
{
    static const char *const lists[] = {"initContainerStatuses", "containerStatuses"};
    const char *only = json_str_or(rule, "containerName", NULL);
    bool in = strcmp(json_str_or(rule, "operator", "In"), "In") == 0;
    size_t i;
    json_t *c;

    for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
        json_array_foreach(json_object_get(status, lists[k]), i, c)
        {
            int64_t code = json_int_or(c, "state.terminated.exitCode", 0);
            if (code == 0 ||
                (only != NULL && strcmp(only, json_str_or(c, "name", "")) != 0))
                continue;
            if (code_listed(json_object_get(rule, "values"), code) == in)
                return c;
        }
    }
    return NULL;
}

static bool
match_condition(const json_t *patterns, const json_t *status)
{
    size_t i, k;
    json_t *pattern, *c;

    json_array_foreach(patterns, i, pattern)
    {
        json_array_foreach(json_object_get(status, "conditions"), k, c)
        {
            if (strcmp(json_str_or(c, "type", ""), json_str_or(pattern, "type", "-")) ==
                    0 &&
                strcmp(json_str_or(c, "status", ""),
                       json_str_or(pattern, "status", "True")) == 0)
                return true;
        }
    }
    return false;
}

/* The first rule that matches a failed Pod decides; without one it counts. */
static struct verdict
judge(const json_t *job, const struct job_pod *pod)
{
    struct verdict v = {.action = ACTION_COUNT};
    size_t i;
    json_t *rule;

    json_array_foreach(json_at(job, "spec.podFailurePolicy.rules"), i, rule)
    {
        const char *action = json_str_or(rule, "action", "Count");
        const json_t *exits = json_object_get(rule, "onExitCodes");
        const json_t *by = exits != NULL ? match_exit(exits, pod->status) : NULL;
        bool hit = by != NULL ||
                   match_condition(json_object_get(rule, "onPodConditions"), pod->status);
        if (!hit)
            continue;
        v.rule = i;
        v.action = strcmp(action, "FailJob") == 0  ? ACTION_FAIL_JOB
                   : strcmp(action, "Ignore") == 0 ? ACTION_IGNORE
                                                   : ACTION_COUNT;
        if (by != NULL)
            snprintf(v.message, sizeof v.message,
                     "Container %s for pod %s/%s failed with exit code %" PRId64
                     " matching %s rule at index %zu",
                     json_str_or(by, "name", ""),
                     json_str_or(job, "metadata.namespace", ""), pod->name,
                     json_int_or(by, "state.terminated.exitCode", 0), action, i);
        else
            snprintf(v.message, sizeof v.message,
                     "Pod %s/%s has a condition matching %s rule at index %zu",
                     json_str_or(job, "metadata.namespace", ""), pod->name, action, i);
        return v;
    }
    return v;
}

/* ---- counting ---- */

struct count {
    int64_t attempts;      /* ever begun */
    int64_t active, ready; /* not finished */
    int64_t succeeded, failed, ignored;
    int64_t last_failure_ms;
    struct verdict fail; /* the first FailJob verdict */
};

static void
count_pods(const json_t *job, const struct job_pod *pods, size_t n, struct count *c)
{
    int64_t said_failed = json_int_or(job, "status.failed", 0);
    int64_t said_succeeded = json_int_or(job, "status.succeeded", 0);

    *c = (struct count){.attempts = said_failed + said_succeeded +
                                    json_int_or(job, "status.active", 0)};
    for (size_t i = 0; i < n; i++) {
        const struct job_pod *p = &pods[i];
        if (p->attempt + 1 > c->attempts)
            c->attempts = p->attempt + 1;
        if (p->phase == JOB_POD_ACTIVE) {
            c->active++;
        } else if (p->phase == JOB_POD_SUCCEEDED) {
            c->succeeded++;
        } else {
            struct verdict v = judge(job, p);
            if (v.action == ACTION_FAIL_JOB && c->fail.action != ACTION_FAIL_JOB)
                c->fail = v;
            c->ignored += v.action == ACTION_IGNORE;
            if (p->finished_ms > c->last_failure_ms)
                c->last_failure_ms = p->finished_ms;
        }
    }
    if (c->succeeded < said_succeeded)
        c->succeeded = said_succeeded;
    /* What was begun and is neither running nor done has failed, also when its Pod is gone. */
    c->failed = c->attempts - c->active - c->succeeded - c->ignored;
    if (c->failed < said_failed || json_bool_or(job, "spec.suspend", false))
        c->failed = said_failed;
}

/* ---- conditions ---- */

static void
add_condition(json_t *list, const char *type, bool truth, const char *reason,
              const char *message, int64_t now_ms)
{
    char now[RFC3339_SIZE];
    size_t i;
    json_t *c;

    rfc3339_format(now_ms, now);
    json_array_foreach(list, i, c)
    {
        if (strcmp(json_str_or(c, "type", ""), type) == 0) {
            json_array_remove(list, i);
            break;
        }
    }
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", type,
                                          "status", truth ? "True" : "False", "reason",
                                          reason, "message", message, "lastProbeTime",
                                          now, "lastTransitionTime", now));
}

/* ---- deciding ---- */

struct decision {
    const json_t *job;
    struct count count;
    int64_t now_ms;
    json_t *status; /* the wanted status' members */
    json_t *conditions;
    struct job_plan *plan;
};

static void
sooner(struct job_plan *plan, int64_t wall_ms)
{
    if (plan->wake_ms == 0 || wall_ms < plan->wake_ms)
        plan->wake_ms = wall_ms;
}

static void
end_job(struct decision *d, bool complete, const char *reason, const char *message)
{
    char now[RFC3339_SIZE];

    if (job_condition(d->job, complete ? "SuccessCriteriaMet" : "FailureTarget") == NULL)
        add_condition(d->conditions, complete ? "SuccessCriteriaMet" : "FailureTarget",
                      true, reason, message, d->now_ms);
    if (d->count.active > 0) {
        d->plan->stop =
            strcmp(reason, "DeadlineExceeded") == 0 ? JOB_STOP_DEADLINE : JOB_STOP_FAILED;
        return;
    }
    add_condition(d->conditions, complete ? "Complete" : "Failed", true, reason, message,
                  d->now_ms);
    if (complete) {
        rfc3339_format(d->now_ms, now);
        json_object_set_new(d->status, "completionTime", json_string(now));
    }
}

/* The reason to fail that holds now; false: none. */
static bool
failure(struct decision *d, const char **reason, const char **message)
{
    const json_t *target = job_condition(d->job, "FailureTarget");
    const json_t *deadline = json_at(d->job, "spec.activeDeadlineSeconds");
    int64_t start = time_or(d->job, "status.startTime", 0);

    if (target != NULL) {
        *reason = json_str_or(target, "reason", "");
        *message = json_str_or(target, "message", "");
        return true;
    }
    if (d->count.fail.action == ACTION_FAIL_JOB) {
        *reason = "PodFailurePolicy";
        *message = d->count.fail.message;
        return true;
    }
    if (d->count.failed > json_int_or(d->job, "spec.backoffLimit", 6)) {
        *reason = "BackoffLimitExceeded";
        *message = "Job has reached the specified backoff limit";
        return true;
    }
    if (!json_is_integer(deadline) || start == 0)
        return false;
    int64_t end = start + json_integer_value(deadline) * 1000;
    if (d->now_ms < end) {
        sooner(d->plan, end);
        return false;
    }
    *reason = "DeadlineExceeded";
    *message = "Job was active longer than specified deadline";
    return true;
}

static int64_t
retry_at(const struct count *c)
{
    int64_t wait = RETRY_CAP_MS;

    if (c->failed == 0)
        return 0;
    if (c->failed < 8 && (int64_t)RETRY_FIRST_MS << (c->failed - 1) < RETRY_CAP_MS)
        wait = (int64_t)RETRY_FIRST_MS << (c->failed - 1);
    return c->last_failure_ms + wait;
}

static void
decide_active(struct decision *d)
{
    int64_t parallelism = json_int_or(d->job, "spec.parallelism", 1);
    int64_t completions =
        json_int_or(d->job, "spec.completions", parallelism > 1 ? parallelism : 1);
    const char *reason, *message;

    if (failure(d, &reason, &message)) {
        end_job(d, false, reason, message);
        return;
    }
    if (d->count.succeeded >= completions) {
        end_job(d, true, "CompletionsReached",
                "Reached expected number of succeeded pods");
        return;
    }
    int64_t wanted = completions - d->count.succeeded;
    if (wanted > parallelism)
        wanted = parallelism;
    if (d->count.active >= wanted)
        return;
    int64_t at = retry_at(&d->count);
    if (at > d->now_ms)
        sooner(d->plan, at);
    else
        d->plan->create = d->count.attempts;
}

static void
decide_suspend(struct decision *d, bool suspended)
{
    char now[RFC3339_SIZE];
    bool was = job_condition(d->job, "Suspended") != NULL;

    rfc3339_format(d->now_ms, now);
    if (suspended) {
        if (d->count.active > 0)
            d->plan->stop = JOB_STOP_SUSPENDED;
        if (!was)
            add_condition(d->conditions, "Suspended", true, "JobSuspended",
                          "Job suspended", d->now_ms);
        json_object_set_new(d->status, "startTime", json_null());
    } else if (was) {
        add_condition(d->conditions, "Suspended", false, "JobResumed", "Job resumed",
                      d->now_ms);
        json_object_set_new(d->status, "startTime", json_string(now));
    } else if (json_at(d->job, "status.startTime") == NULL) {
        json_object_set_new(d->status, "startTime", json_string(now));
    }
}

static void
decide_ttl(struct decision *d)
{
    const json_t *ttl = json_at(d->job, "spec.ttlSecondsAfterFinished");
    const json_t *done = job_condition(d->job, "Complete");

    if (!json_is_integer(ttl))
        return;
    if (done == NULL)
        done = job_condition(d->job, "Failed");
    int64_t at =
        time_or(done, "lastTransitionTime", d->now_ms) + json_integer_value(ttl) * 1000;
    if (at <= d->now_ms)
        d->plan->delete_job = true;
    else
        sooner(d->plan, at);
}

static int
put_count(json_t *status, const char *key, int64_t n, bool zero)
{
    return json_object_set_new(status, key,
                               n > 0 || zero ? json_integer(n) : json_null());
}

void
job_decide(const json_t *job, const struct job_pod *pods, size_t n, int64_t now_ms,
           struct job_plan *plan)
{
    struct decision d = {.job = job, .now_ms = now_ms, .plan = plan};
    bool suspended = json_bool_or(job, "spec.suspend", false);

    *plan = (struct job_plan){.create = -1};
    if (json_at(job, "metadata.deletionTimestamp") != NULL)
        return;
    if (job_finished(job)) {
        decide_ttl(&d);
        return;
    }
    count_pods(job, pods, n, &d.count);
    d.status = json_object();
    d.conditions = json_deep_copy(json_at(job, "status.conditions"));
    if (d.conditions == NULL)
        d.conditions = json_array();
    decide_suspend(&d, suspended);
    if (!suspended)
        decide_active(&d);
    put_count(d.status, "active", d.count.active, false);
    put_count(d.status, "succeeded", d.count.succeeded, false);
    put_count(d.status, "failed", d.count.failed, false);
    if (json_array_size(d.conditions) > 0)
        json_object_set(d.status, "conditions", d.conditions);
    json_decref(d.conditions);
    SCOPED(json) json_t *now = json_merge(json_object_get(job, "status"), d.status);
    if (json_equal(now, json_object_get(job, "status")) ||
        (json_object_size(now) == 0 && json_object_get(job, "status") == NULL))
        json_decref(d.status);
    else
        plan->status = json_pack("{s:o}", "status", d.status);
}

void
job_plan_clear(struct job_plan *plan)
{
    json_decref(plan->status);
    plan->status = NULL;
}

/* ---- the Pod of an attempt ---- */

void
job_pod_name(const json_t *job, int64_t attempt, char *out, size_t room)
{
    /* No vowels and no look-alikes, as in names that Kubernetes makes. */
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    const char *name = json_str_or(job, "metadata.name", "");
    uint64_t h = UINT64_C(14695981039346656037) ^ (uint64_t)attempt;
    char tail[6];

    for (const char *s = json_str_or(job, "metadata.uid", ""); *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    h = (h ^ (uint64_t)attempt) * UINT64_C(1099511628211);
    h ^= h >> 29;
    for (int i = 0; i < 5; i++, h /= sizeof letters - 1)
        tail[i] = letters[h % (sizeof letters - 1)];
    tail[5] = '\0';
    snprintf(out, room, "%.*s-%s", 57, name, tail);
}

json_t *
job_pod_object(const json_t *job, int64_t attempt)
{
    const char *job_name = json_str_or(job, "metadata.name", ""),
               *uid = json_str_or(job, "metadata.uid", "");
    char name[128], number[24];

    job_pod_name(job, attempt, name, sizeof name);
    snprintf(number, sizeof number, "%" PRId64, attempt);
    json_t *labels = json_deep_copy(json_at(job, "spec.template.metadata.labels"));
    json_t *notes = json_deep_copy(json_at(job, "spec.template.metadata.annotations"));
    json_t *spec = json_deep_copy(json_at(job, "spec.template.spec"));
    labels = labels != NULL ? labels : json_object();
    notes = notes != NULL ? notes : json_object();
    spec = spec != NULL ? spec : json_object();
    static const char *const name_labels[] = {"job-name", "batch.kubernetes.io/job-name"};
    static const char *const uid_labels[] = {"controller-uid",
                                             "batch.kubernetes.io/controller-uid"};
    for (size_t i = 0; i < ARRAY_LEN(name_labels); i++) {
        json_object_set_new(labels, name_labels[i], json_string(job_name));
        json_object_set_new(labels, uid_labels[i], json_string(uid));
    }
    json_object_set_new(notes, JOB_ATTEMPT, json_string(number));
    json_object_set_new(spec, "nodeName", json_string(JOB_NODE));
    return json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:o, s:o, s:[{s:s, s:s, s:s, s:s, s:b, s:b}]}, s:o}",
        "apiVersion", "v1", "kind", "Pod", "metadata", "name", name, "namespace",
        json_str_or(job, "metadata.namespace", ""), "labels", labels, "annotations",
        notes, "ownerReferences", "apiVersion", "batch/v1", "kind", "Job", "name",
        job_name, "uid", uid, "controller", 1, "blockOwnerDeletion", 1, "spec", spec);
}
