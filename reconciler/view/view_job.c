/* view_job.c - the fields of Jobs and of their Pods. */
#include "reconciler/view/view.h"

#include <string.h>

static bool
condition_true(const json_t *condition, const char *type)
{
    return strcmp(json_str_or(condition, "type", ""), type) == 0 &&
           strcmp(json_str_or(condition, "status", ""), "True") == 0;
}

/* The name in a label. What we make comes as one kind for both groups: the label tells which. */
static const char *
owner_label(struct view *v, const json_t *object, bool spawner)
{
    const json_t *labels = json_at(object, "metadata.labels");

    for (unsigned p = 0; p < profile_count(); p++) {
        const struct profile *q = profile_of(p);
        const char *name = json_string_value(
            json_object_get(labels, spawner ? q->label_spawner : q->label_task));
        if (name == NULL)
            continue;
        v->meta.profile = p;
        return pool_str(&v->arena, name);
    }
    return NULL;
}

int
job_view_read(struct view *v, const json_t *object, struct err *e)
{
    struct job_view *j = (struct job_view *)v;
    const json_t *conditions = json_at(object, "status.conditions");

    (void)e;
    j->task = owner_label(v, object, false);
    j->active = json_int_or(object, "status.active", 0);
    j->succeeded = json_int_or(object, "status.succeeded", 0);
    j->failed = json_int_or(object, "status.failed", 0);
    j->finished_ms = view_time(object, "status.completionTime");
    j->failed_reason = j->failed_message = "";
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *c = json_array_get(conditions, i);
        if (condition_true(c, "Complete"))
            j->complete = true;
        if (condition_true(c, "FailureTarget"))
            j->failing = true;
        if (condition_true(c, "Failed")) {
            j->failed_condition = true;
            j->failed_reason = pool_str(&v->arena, json_str_or(c, "reason", ""));
            j->failed_message = pool_str(&v->arena, json_str_or(c, "message", ""));
            if (j->finished_ms == 0)
                j->finished_ms = view_time(c, "lastTransitionTime");
        }
    }
    return 0;
}

/* What every container goes through on its way; anything else keeps it from starting. */
static bool
waiting_is_normal(const char *reason)
{
    return *reason == '\0' || strcmp(reason, "PodInitializing") == 0 ||
           strcmp(reason, "ContainerCreating") == 0;
}

static void
read_waiting(struct pod_view *p, const char *name, const json_t *status)
{
    struct pool *a = &p->view.arena;
    const char *reason = json_str_or(status, "state.waiting.reason", "");
    const char *message = json_str_or(status, "state.waiting.message", "");

    if (p->waiting != NULL || waiting_is_normal(reason))
        return;
    p->waiting_reason = pool_str(a, reason);
    p->waiting = pool_printf(a, "Container \"%s\" is waiting: %s%s%.400s", name, reason,
                             *message != '\0' ? ": " : "", message);
}

static void
read_container(struct pod_view *p, const json_t *status, bool init)
{
    struct pool *a = &p->view.arena;
    const char *name = json_str_or(status, "name", "");
    const json_t *ended = json_at(status, "state.terminated");
    long long code = (long long)json_int_or(ended, "exitCode", 0);

    read_waiting(p, name, status);
    if (p->failure != NULL || ended == NULL || code == 0)
        return;
    if (init)
        p->failed_init = pool_str(a, name);
    const char *why = json_str_or(ended, "reason", "Error");
    bool plain = strcmp(why, "Error") == 0 || *why == '\0';
    p->failure_reason = plain ? "NonZeroExitCode" : pool_str(a, why);
    p->failure = pool_printf(a, "container \"%s\" exited with code %lld%s%s%s", name,
                             code, plain ? "" : " (", plain ? "" : why, plain ? "" : ")");
}

static void
read_unscheduled(struct pod_view *p, const json_t *object)
{
    const json_t *conditions = json_at(object, "status.conditions");

    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *c = json_array_get(conditions, i);
        if (strcmp(json_str_or(c, "type", ""), "PodScheduled") == 0 &&
            strcmp(json_str_or(c, "reason", ""), "Unschedulable") == 0 &&
            p->waiting == NULL) {
            p->waiting_reason = "Unschedulable";
            p->waiting = pool_printf(&p->view.arena, "Pod cannot be scheduled: %.400s",
                                     json_str_or(c, "message", "no node fits"));
        }
    }
}

/* What ended the whole Pod (Evicted, DeadlineExceeded) explains its containers' ends. */
static void
read_pod_end(struct pod_view *p, const json_t *object)
{
    const char *reason = json_str_or(object, "status.reason", "");
    const char *message = json_str_or(object, "status.message", "");

    if (strcmp(p->phase, "Failed") != 0 || *reason == '\0')
        return;
    p->failure_reason = pool_str(&p->view.arena, reason);
    p->failure = pool_printf(&p->view.arena, "Pod %s%s%.400s", reason,
                             *message != '\0' ? ": " : "", message);
}

static void
read_ends(struct pod_view *p, const json_t *statuses)
{
    size_t n = json_array_size(statuses);

    p->ends = n > 0 ? pool_alloc(&p->view.arena, n * sizeof *p->ends) : NULL;
    for (size_t i = 0; i < n; i++) {
        const json_t *status = json_array_get(statuses, i);
        const json_t *ended = json_at(status, "state.terminated");
        p->n_running += json_at(status, "state.running") != NULL;
        if (ended != NULL)
            p->ends[p->n_ends++] = (struct container_end){
                pool_str(&p->view.arena, json_str_or(status, "name", "")),
                json_int_or(ended, "exitCode", 0), view_time(ended, "finishedAt")};
    }
}

int
pod_view_read(struct view *v, const json_t *object, struct err *e)
{
    static const char *const lists[] = {"status.initContainerStatuses",
                                        "status.containerStatuses"};
    struct pod_view *p = (struct pod_view *)v;

    (void)e;
    p->task = owner_label(v, object, false);
    p->phase = pool_str(&v->arena, json_str_or(object, "status.phase", ""));
    for (size_t l = 0; l < 2; l++) {
        const json_t *statuses = json_at(object, lists[l]);
        for (size_t i = 0; i < json_array_size(statuses); i++) {
            const json_t *status = json_array_get(statuses, i);
            read_container(p, status, l == 0);
            if (l == 1 && (json_at(status, "state.running") != NULL ||
                           json_at(status, "state.terminated") != NULL))
                p->started = true;
        }
    }
    read_ends(p, json_at(object, lists[1]));
    read_unscheduled(p, object);
    read_pod_end(p, object);
    return 0;
}

int
workload_view_read(struct view *v, const json_t *object, struct err *e)
{
    (void)e;
    ((struct workload_view *)v)->spawner = owner_label(v, object, true);
    return 0;
}
