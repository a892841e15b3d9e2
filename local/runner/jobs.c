/* jobs.c - see jobs.h. One entry for each Job that has not finished, or that has a time
 * after which it is deleted. */
#include "local/runner/jobs.h"

#include <czmq.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/log.h"
#include "local/runner/job.h"

#define RETRY_MS 2000

struct jobs {
    struct kube *kube;
    struct loop *loop;
    struct pods *pods;
    zhashx_t *entries; /* struct entry by uid */
    bool pods_known;
    uint64_t round; /* of lists: entries of an older round were not seen */
};

struct entry {
    struct jobs *jobs;
    json_t *job;
    json_t *pods; /* {uid: pod}, each trimmed to metadata and status */
    struct kube_call *call;
    int timer;
    uint64_t round;
    char uid[65];
    char ns[64], name[254];
    char pod_name[128]; /* the one being created */
};

static void decide(struct entry *j);

static void
entry_destroy(void **item)
{
    struct entry *j = *item;

    if (j->call != NULL)
        kube_cancel(j->call);
    loop_timer_stop(j->jobs->loop, j->timer);
    json_decref(j->job);
    json_decref(j->pods);
    free(j);
    *item = NULL;
}

struct jobs *
jobs_new(struct kube *k, struct loop *loop, struct pods *pods, struct err *e)
{
    struct jobs *j = calloc(1, sizeof *j);

    if (j == NULL || (j->entries = zhashx_new()) == NULL) {
        free(j);
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    zhashx_set_destructor(j->entries, entry_destroy);
    j->kube = k;
    j->loop = loop;
    j->pods = pods;
    return j;
}

void
jobs_free(struct jobs *j)
{
    if (j == NULL)
        return;
    zhashx_destroy(&j->entries);
    free(j);
}

/* ---- carrying out ---- */

static void
on_timer(void *arg)
{
    struct entry *j = arg;

    j->timer = 0;
    decide(j);
}

static void
again_at(struct entry *j, int64_t wall_ms)
{
    struct err e = ERR_INIT;
    int64_t left = wall_ms - clock_wall_ms();

    loop_timer_stop(j->jobs->loop, j->timer);
    j->timer = loop_timer(j->jobs->loop, left > 0 ? left : 0, on_timer, j, &e);
}

static void
retry(struct entry *j, const char *doing, const struct err *why)
{
    log_warn(j->name, "job: %s: %s", doing, why->text);
    again_at(j, clock_wall_ms() + RETRY_MS);
}

static bool
owned_by(const json_t *pod, const char *uid)
{
    size_t i;
    json_t *owner;

    json_array_foreach(json_at(pod, "metadata.ownerReferences"), i, owner)
    {
        if (json_bool_or(owner, "controller", false) &&
            strcmp(json_str_or(owner, "uid", ""), uid) == 0)
            return true;
    }
    return false;
}

/* What the watch brings may be older than the answer to our own write. */
static bool
is_older(const json_t *seen, const json_t *held)
{
    int order;

    return held != NULL &&
           kube_version_compare(json_str_or(seen, "metadata.resourceVersion", ""),
                                json_str_or(held, "metadata.resourceVersion", ""),
                                &order) &&
           order < 0;
}

static void
keep_pod(struct entry *j, json_t *pod)
{
    if (is_older(pod, json_object_get(j->pods, json_str_or(pod, "metadata.uid", ""))))
        return;
    json_t *meta = json_object_get(pod, "metadata"),
           *status = json_object_get(pod, "status");

    json_object_set_new(j->pods, json_str_or(pod, "metadata.uid", ""),
                        json_pack("{s:O, s:O?}", "metadata", meta, "status", status));
}

/* The Pod of our attempt stands, made now or by a runner before us. */
static void
pod_stands(struct entry *j, json_t *pod)
{
    if (!owned_by(pod, j->uid)) {
        struct err e = ERR_INIT;
        err_set(&e, ERR_EXISTS, "pod %s belongs to somebody else",
                json_str_or(pod, "metadata.name", ""));
        retry(j, "creating its pod", &e);
        return;
    }
    keep_pod(j, pod);
    /* Started from here: the watch brings the same some milliseconds later. */
    pods_seen(j->jobs->pods, pod);
    decide(j);
}

static void
on_existing(void *arg, const struct kube_result *r)
{
    struct entry *j = arg;

    j->call = NULL;
    if (r->err.code != ERR_NONE)
        retry(j, "reading its pod", &r->err);
    else
        pod_stands(j, r->body);
}

static void
on_created(void *arg, const struct kube_result *r)
{
    struct entry *j = arg;
    struct err e = ERR_INIT;

    j->call = NULL;
    if (r->err.code == ERR_NONE) {
        pod_stands(j, r->body);
        return;
    }
    if (r->err.code != ERR_EXISTS) {
        retry(j, "creating its pod", &r->err);
        return;
    }
    struct kube_request get = {
        .verb = KUBE_GET, .res = kube_res(KUBE_PODS), .ns = j->ns, .name = j->pod_name};
    if ((j->call = kube_call(j->jobs->kube, &get, on_existing, j, &e)) == NULL)
        retry(j, "reading its pod", &e);
}

static void
create_pod(struct entry *j, int64_t attempt)
{
    SCOPED(json) json_t *pod = job_pod_object(j->job, attempt);
    struct kube_request r = {.verb = KUBE_CREATE,
                             .res = kube_res(KUBE_PODS),
                             .ns = j->ns,
                             .name = j->pod_name,
                             .body = pod,
                             .repeat = KUBE_REPEAT_NAMED};
    struct err e = ERR_INIT;

    job_pod_name(j->job, attempt, j->pod_name, sizeof j->pod_name);
    if ((j->call = kube_call(j->jobs->kube, &r, on_created, j, &e)) == NULL)
        retry(j, "creating its pod", &e);
}

static void
on_written(void *arg, const struct kube_result *r)
{
    struct entry *j = arg;

    j->call = NULL;
    if (r->err.code == ERR_NOT_FOUND || r->err.code == ERR_GONE)
        return; /* DELETED comes by the watch */
    if (r->err.code != ERR_NONE) {
        retry(j, "status", &r->err);
        return;
    }
    if (json_is_object(r->body) &&
        strcmp(json_str_or(r->body, "metadata.uid", ""), j->uid) == 0) {
        json_decref(j->job);
        j->job = json_incref(r->body);
    }
    decide(j);
}

static void
write_status(struct entry *j, json_t *patch)
{
    struct kube_request r = {.verb = KUBE_PATCH_MERGE,
                             .res = kube_res(KUBE_JOBS),
                             .ns = j->ns,
                             .name = j->name,
                             .subresource = "status",
                             .body = patch};
    struct err e = ERR_INIT;

    json_object_set_new(patch, "metadata", json_pack("{s:s}", "uid", j->uid));
    if ((j->call = kube_call(j->jobs->kube, &r, on_written, j, &e)) == NULL)
        retry(j, "status", &e);
}

static void
on_deleted(void *arg, const struct kube_result *r)
{
    struct entry *j = arg;

    j->call = NULL;
    if (r->err.code != ERR_NONE && r->err.code != ERR_NOT_FOUND &&
        r->err.code != ERR_CONFLICT)
        retry(j, "deleting it after its time", &r->err);
}

static void
delete_job(struct entry *j)
{
    struct kube_request r = {.verb = KUBE_DELETE,
                             .res = kube_res(KUBE_JOBS),
                             .ns = j->ns,
                             .name = j->name,
                             .uid = j->uid,
                             .propagation = "Background"};
    struct err e = ERR_INIT;

    if ((j->call = kube_call(j->jobs->kube, &r, on_deleted, j, &e)) == NULL)
        retry(j, "deleting it after its time", &e);
}

/* Deadline and failure end the Pods but keep them, so that their logs can be read; a
 * suspended Job's Pods are deleted, for they will be made anew. */
static void
stop_pods(struct entry *j, enum job_stop why)
{
    const char *uid;
    json_t *pod;

    json_object_foreach(j->pods, uid, pod)
    {
        struct job_pod p;
        job_pod_from(pod, &p);
        if (p.phase != JOB_POD_ACTIVE)
            continue;
        if (why == JOB_STOP_SUSPENDED) {
            struct kube_request r = {.verb = KUBE_DELETE,
                                     .res = kube_res(KUBE_PODS),
                                     .ns = j->ns,
                                     .name = p.name,
                                     .uid = p.uid};
            struct err e = ERR_INIT;
            if (!p.deleting &&
                (j->call = kube_call(j->jobs->kube, &r, on_deleted, j, &e)) != NULL)
                return; /* one call at a time; the watch brings us here again */
            continue;
        }
        pods_fail(j->jobs->pods, uid,
                  why == JOB_STOP_DEADLINE ? "DeadlineExceeded" : "JobFailed",
                  why == JOB_STOP_DEADLINE
                      ? "the Job was active longer than its activeDeadlineSeconds"
                      : "the Job has failed");
    }
}

static void
decide(struct entry *j)
{
    struct job_pod list[256];
    struct job_plan plan;
    size_t count = 0;
    const char *uid;
    json_t *pod;

    if (!j->jobs->pods_known || j->call != NULL)
        return;
    json_object_foreach(j->pods, uid, pod)
    {
        if (count < ARRAY_LEN(list))
            job_pod_from(pod, &list[count++]);
    }
    job_decide(j->job, list, count, clock_wall_ms(), &plan);
    if (plan.delete_job)
        delete_job(j);
    else if (plan.create >= 0)
        create_pod(j, plan.create);
    else if (plan.status != NULL)
        write_status(j, plan.status);
    if (plan.stop != JOB_STOP_NONE && j->call == NULL)
        stop_pods(j, plan.stop);
    if (plan.wake_ms != 0 && j->call == NULL)
        again_at(j, plan.wake_ms);
    job_plan_clear(&plan);
}

/* ---- what the API server says ---- */

static bool
worth_keeping(const json_t *job)
{
    return !job_finished(job) ||
           json_is_integer(json_at(job, "spec.ttlSecondsAfterFinished"));
}

static struct entry *
entry_new(struct jobs *j, json_t *job)
{
    struct entry *n = calloc(1, sizeof *n);

    if (n == NULL)
        return NULL;
    n->jobs = j;
    n->job = json_incref(job);
    n->pods = json_object();
    snprintf(n->uid, sizeof n->uid, "%s", json_str_or(job, "metadata.uid", ""));
    snprintf(n->ns, sizeof n->ns, "%s", json_str_or(job, "metadata.namespace", ""));
    snprintf(n->name, sizeof n->name, "%s", json_str_or(job, "metadata.name", ""));
    zhashx_insert(j->entries, n->uid, n);
    return n;
}

void
jobs_seen(struct jobs *j, json_t *job)
{
    const char *uid = json_str_or(job, "metadata.uid", "");
    struct entry *n = zhashx_lookup(j->entries, uid);

    if (!worth_keeping(job)) {
        zhashx_delete(j->entries, uid);
        return;
    }
    if (n == NULL && (n = entry_new(j, job)) == NULL)
        return;
    n->round = j->round;
    if (is_older(job, n->job))
        return;
    json_decref(n->job);
    n->job = json_incref(job);
    decide(n);
}

void
jobs_gone(struct jobs *j, json_t *job)
{
    zhashx_delete(j->entries, json_str_or(job, "metadata.uid", ""));
}

void
jobs_list_begin(struct jobs *j)
{
    j->round++;
}

void
jobs_list_end(struct jobs *j)
{
    zlistx_t *keys = zhashx_keys(j->entries);

    for (const char *uid = zlistx_first(keys); uid != NULL; uid = zlistx_next(keys)) {
        struct entry *n = zhashx_lookup(j->entries, uid);
        if (n != NULL && n->round != j->round)
            zhashx_delete(j->entries, uid);
    }
    zlistx_destroy(&keys);
}

static struct entry *
owner_of(struct jobs *j, const json_t *pod)
{
    size_t i;
    json_t *owner;

    json_array_foreach(json_at(pod, "metadata.ownerReferences"), i, owner)
    {
        if (json_bool_or(owner, "controller", false) &&
            strcmp(json_str_or(owner, "kind", ""), "Job") == 0)
            return zhashx_lookup(j->entries, json_str_or(owner, "uid", ""));
    }
    return NULL;
}

void
jobs_pod_seen(struct jobs *j, json_t *pod)
{
    struct entry *n = owner_of(j, pod);

    if (n == NULL)
        return;
    keep_pod(n, pod);
    decide(n);
}

void
jobs_pod_gone(struct jobs *j, json_t *pod)
{
    struct entry *n = owner_of(j, pod);

    if (n == NULL)
        return;
    json_object_del(n->pods, json_str_or(pod, "metadata.uid", ""));
    decide(n);
}

void
jobs_pod_list_begin(struct jobs *j)
{
    for (struct entry *n = zhashx_first(j->entries); n != NULL;
         n = zhashx_next(j->entries))
        json_object_clear(n->pods);
    j->pods_known = false;
}

void
jobs_pod_list_end(struct jobs *j)
{
    zlistx_t *keys = zhashx_keys(j->entries);

    j->pods_known = true;
    for (const char *uid = zlistx_first(keys); uid != NULL; uid = zlistx_next(keys)) {
        struct entry *n = zhashx_lookup(j->entries, uid);
        if (n != NULL)
            decide(n);
    }
    zlistx_destroy(&keys);
}
