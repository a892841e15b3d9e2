/* view_task.c - the fields of a Task. */
#include "reconciler/view/view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"

static int
read_labels(struct task_view *t, const json_t *object, struct err *e)
{
    const struct profile *p = profile_of(t->view.meta.profile);
    const json_t *labels = json_at(object, "metadata.labels");
    const json_t *notes = json_at(object, "metadata.annotations");
    const char *spawner = json_string_value(json_object_get(labels, p->label_spawner));
    const char *ordinal = json_string_value(json_object_get(notes, p->note_ordinal));
    const char *revision = json_string_value(json_object_get(notes, p->note_revision));

    (void)e;
    if (spawner != NULL && *spawner != '\0')
        t->spawner = pool_str(&t->view.arena, spawner);
    t->revision = pool_str(&t->view.arena, revision);
    const char *cancel = json_string_value(json_object_get(notes, p->note_cancel));
    t->cancel = cancel != NULL && strcmp(cancel, "true") == 0;
    t->ordinal = ordinal != NULL ? strtoll(ordinal, NULL, 10) : 0;
    return 0;
}

/* The names of agentConfigRef, or of agentConfigRefs. */
static int
read_configs(struct task_view *t, const json_t *object, struct err *e)
{
    const char *one = NULL, *name = NULL;
    json_t *list = NULL;
    size_t n;

    if (view_opt(&t->view, object, "spec.agentConfigRef.name", &one, e) < 0 ||
        json_opt_arr(object, "spec.agentConfigRefs", &list, e) < 0)
        return -1;
    n = one != NULL ? 1 : json_array_size(list);
    t->agent_configs.at = n > 0 ? pool_alloc(&t->view.arena, n * sizeof(char *)) : NULL;
    for (size_t i = 0; one == NULL && i < n; i++) {
        if (json_get_str(json_array_get(list, i), "name", &name, e) < 0)
            return err_wrap(e, "spec.agentConfigRefs[%zu]", i);
        t->agent_configs.at[i] = pool_str(&t->view.arena, name);
    }
    if (one != NULL)
        t->agent_configs.at[0] = one;
    t->agent_configs.n = n;
    return 0;
}

static int
read_spec(struct task_view *t, const json_t *object, struct err *e)
{
    struct view *v = &t->view;
    const char *prompt = NULL;
    json_t *overrides = NULL, *policy = NULL;

    t->ttl_s = -1;
    if (view_opt(v, object, "spec.type", &t->type, e) < 0 ||
        json_get_str(object, "spec.prompt", &prompt, e) < 0 ||
        view_opt(v, object, "spec.credentials.type", &t->credentials_type, e) < 0 ||
        view_opt(v, object, "spec.credentials.secretRef.name", &t->credentials_secret,
                 e) < 0 ||
        view_opt(v, object, "spec.model", &t->model, e) < 0 ||
        view_opt(v, object, "spec.effort", &t->effort, e) < 0 ||
        view_opt(v, object, "spec.image", &t->image, e) < 0 ||
        view_opt(v, object, "spec.workspaceRef.name", &t->workspace, e) < 0 ||
        read_configs(t, object, e) < 0 ||
        view_opt(v, object, "spec.branch", &t->branch, e) < 0 ||
        view_opt(v, object, "spec.upstreamRepo", &t->upstream_repo, e) < 0 ||
        view_texts(v, object, "spec.dependsOn", true, &t->depends_on, e) < 0 ||
        json_opt_int(object, "spec.ttlSecondsAfterFinished", &t->ttl_s, e) < 0 ||
        json_opt_obj(object, "spec.podOverrides", &overrides, e) < 0 ||
        json_opt_obj(object, "spec.podFailurePolicy", &policy, e) < 0)
        return -1;
    if (t->ttl_s < -1 || t->ttl_s > INT32_MAX)
        return err_set(
            e, ERR_INVALID,
            "spec.ttlSecondsAfterFinished: %lld is not within 0 and 2147483647",
            (long long)t->ttl_s);
    t->prompt = pool_str(&v->arena, prompt);
    t->pod_overrides = json_incref(overrides);
    t->failure_policy = json_incref(policy);
    return 0;
}

static enum phase
phase_parse(const char *text)
{
    for (int p = PHASE_PENDING; p <= PHASE_FAILED; p++)
        if (strcmp(phase_name((enum phase)p), text) == 0)
            return (enum phase)p;
    return PHASE_NONE;
}

static void
read_results(struct task_view *t, const json_t *results)
{
    size_t n = json_object_size(results);
    const char *key;
    json_t *value;

    if (n == 0)
        return;
    t->result_keys.at = pool_alloc(&t->view.arena, n * sizeof(char *));
    t->result_values.at = pool_alloc(&t->view.arena, n * sizeof(char *));
    json_object_foreach((json_t *)results, key, value)
    {
        if (!json_is_string(value))
            continue;
        t->result_keys.at[t->result_keys.n++] = pool_str(&t->view.arena, key);
        t->result_values.at[t->result_values.n++] =
            pool_str(&t->view.arena, json_string_value(value));
    }
}

const char *
blocked_reason(enum blocked b)
{
    static const char *const reasons[] = {
        [BLOCKED_NOT] = "Unblocked",
        [BLOCKED_BY_DEPENDENCY] = "Dependency",
        [BLOCKED_BY_BRANCH] = "BranchLocked",
        [BLOCKED_BY_REFERENCE] = "ReferenceMissing",
        [BLOCKED_BY_SECRET] = "SecretMissing",
        [BLOCKED_BY_REFUSAL] = "JobRefused",
    };

    assert((size_t)b < ARRAY_LEN(reasons));
    return reasons[b];
}

static enum blocked
blocked_parse(const char *reason)
{
    for (int b = BLOCKED_BY_DEPENDENCY; b <= BLOCKED_BY_REFUSAL; b++)
        if (strcmp(reason, blocked_reason((enum blocked)b)) == 0)
            return (enum blocked)b;
    return BLOCKED_NOT;
}

static void
read_blocked(struct task_view *t)
{
    const json_t *c = view_condition(t->conditions, "Blocked");

    if (c == NULL || strcmp(json_str_or(c, "status", ""), "True") != 0)
        return;
    t->blocked = blocked_parse(json_str_or(c, "reason", ""));
    if (t->blocked != BLOCKED_NOT)
        t->blocked_ms = view_time(c, "lastTransitionTime");
}

static int
read_status(struct task_view *t, const json_t *object, struct err *e)
{
    struct pool *a = &t->view.arena;

    t->phase = phase_parse(json_str_or(object, "status.phase", ""));
    t->message = pool_str(a, json_str_or(object, "status.message", ""));
    t->job_name = pool_str(a, json_str_or(object, "status.jobName", ""));
    t->pod_name = pool_str(a, json_str_or(object, "status.podName", ""));
    t->started_ms = view_time(object, "status.startTime");
    t->completed_ms = view_time(object, "status.completionTime");
    read_results(t, json_at(object, "status.results"));
    t->conditions = json_incref(json_at(object, "status.conditions"));
    read_blocked(t);
    t->quarantined =
        strcmp(json_str_or(view_condition(t->conditions, "Quarantined"), "status", ""),
               "True") == 0;
    return view_texts(&t->view, object, "status.outputs", false, &t->outputs, e);
}

int
task_view_read(struct view *v, const json_t *object, struct err *e)
{
    struct task_view *t = (struct task_view *)v;

    if (read_labels(t, object, e) < 0 || read_spec(t, object, e) < 0)
        return -1;
    return read_status(t, object, e);
}
