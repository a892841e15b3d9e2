/* workload.c - see workload.h. */
#include "local/apiserver/schema/workload.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "local/apiserver/object.h"
#include "local/apiserver/schema/podspec.h"

/* ---- Pods ---- */

void
pod_prepare(struct server *s, json_t *obj, const json_t *old)
{
    (void)s;
    podspec_defaults(json_object_get(obj, "spec"));
    if (old != NULL)
        return;
    json_object_set_new(obj, "status",
                        json_pack("{s:s, s:s}", "phase", "Pending", "qosClass",
                                  podspec_qos(json_object_get(obj, "spec"))));
}

/* Of a Pod's spec only images, the deadline and tolerations change; the node is set once. */
static bool
pod_change_allowed(const json_t *obj, const json_t *old)
{
    SCOPED(json) json_t *a = json_deep_copy(json_object_get(obj, "spec"));
    SCOPED(json) json_t *b = json_deep_copy(json_object_get(old, "spec"));
    static const char *const lists[] = {"containers", "initContainers"},
                             *const free_fields[] = {
                                 "activeDeadlineSeconds", "tolerations",
                                 "terminationGracePeriodSeconds", "schedulingGates"};
    json_t *sides[2] = {a, b}, *c;
    size_t i, k;

    for (int side = 0; side < 2; side++) {
        for (k = 0; k < 2; k++)
            json_array_foreach(json_object_get(sides[side], lists[k]), i, c)
                json_object_del(c, "image");
        for (k = 0; k < ARRAY_LEN(free_fields); k++)
            json_object_del(sides[side], free_fields[k]);
    }
    if (*json_str_or(b, "nodeName", "") == '\0')
        json_object_del(a, "nodeName");
    return json_equal(a, b);
}

void
pod_validate(struct server *s, const json_t *obj, const json_t *old, json_t *causes)
{
    (void)s;
    podspec_validate(json_object_get(obj, "spec"), "spec", causes);
    if (old != NULL && !pod_change_allowed(obj, old))
        causes_add(causes, "FieldValueForbidden", "spec",
                   "Forbidden: pod updates may not change fields other than the "
                   "containers' image, "
                   "activeDeadlineSeconds and tolerations");
}

/* ---- Jobs ---- */

static void
put_label(json_t *holder, const char *key, const char *value)
{
    json_t *meta = json_object_get(holder, "metadata"), *labels;

    if (!json_is_object(meta)) {
        meta = json_object();
        json_object_set_new(holder, "metadata", meta);
    }
    labels = json_object_get(meta, "labels");
    if (!json_is_object(labels)) {
        labels = json_object();
        json_object_set_new(meta, "labels", labels);
    }
    json_object_set_new(labels, key, json_string(value));
}

void
job_prepare(struct server *s, json_t *obj, const json_t *old)
{
    json_t *spec = json_object_get(obj, "spec"),
           *template = json_object_get(spec, "template");
    const char *uid = meta_str(obj, "uid"), *name = meta_str(obj, "name");

    (void)s;
    if (!json_is_object(spec) || !json_is_object(template))
        return;
    podspec_defaults(json_object_get(template, "spec"));
    /* One completion is meant unless it is a work queue. */
    if (json_object_get(spec, "completions") == NULL &&
        json_int_or(spec, "parallelism", 1) <= 1)
        json_object_set_new(spec, "completions", json_integer(1));
    if (old != NULL) {
        json_t *selector = json_at(old, "spec.selector");

        if (json_object_get(spec, "selector") == NULL && selector != NULL)
            json_object_set(spec, "selector", selector);
        return;
    }
    if (json_bool_or(spec, "manualSelector", false))
        return;
    put_label(template, "batch.kubernetes.io/controller-uid", uid);
    put_label(template, "batch.kubernetes.io/job-name", name);
    put_label(template, "controller-uid", uid);
    put_label(template, "job-name", name);
    json_object_set_new(
        spec, "selector",
        json_pack("{s:{s:s}}", "matchLabels", "batch.kubernetes.io/controller-uid", uid));
}

static void
validate_template(const json_t *template, const char *path, bool ends, json_t *causes)
{
    char sub[160];
    const char *policy = json_str_or(template, "spec.restartPolicy", "");

    snprintf(sub, sizeof sub, "%s.spec", path);
    podspec_validate(json_object_get(template, "spec"), sub, causes);
    snprintf(sub, sizeof sub, "%s.spec.restartPolicy", path);
    if (ends && strcmp(policy, "Never") != 0 && strcmp(policy, "OnFailure") != 0)
        causes_add(
            causes, "FieldValueNotSupported", sub,
            "Unsupported value: \"%s\": supported values: \"OnFailure\", \"Never\"",
            policy);
    if (!ends && strcmp(policy, "Always") != 0)
        causes_add(causes, "FieldValueNotSupported", sub,
                   "Unsupported value: \"%s\": supported values: \"Always\"", policy);
}

static void
immutable(const json_t *obj, const json_t *old, const char *path, json_t *causes)
{
    const json_t *a = json_at(obj, path), *b = json_at(old, path);

    if ((a != NULL || b != NULL) &&
        (a == NULL || b == NULL || !json_equal((json_t *)a, (json_t *)b)))
        causes_add(causes, "FieldValueInvalid", path,
                   "Invalid value: field is immutable");
}

static bool
has_container(const json_t *pod, const char *name)
{
    static const char *const lists[] = {"containers", "initContainers"};
    size_t i;
    json_t *c;

    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        json_array_foreach(json_object_get(pod, lists[k]), i,
                           c) if (strcmp(json_str_or(c, "name", ""), name) ==
                                  0) return true;
    return false;
}

static void
check_exit_codes(const json_t *pod, const json_t *codes, const char *path, json_t *causes)
{
    const char *name = json_str_or(codes, "containerName", "");
    bool in = strcmp(json_str_or(codes, "operator", ""), "In") == 0;
    char sub[160];
    size_t i;
    json_t *v;

    snprintf(sub, sizeof sub, "%s.onExitCodes.containerName", path);
    if (*name != '\0' && !has_container(pod, name))
        causes_add(causes, "FieldValueInvalid", sub,
                   "Invalid value: \"%.100s\": must be one of the container or "
                   "initContainer names in the pod template",
                   name);
    json_array_foreach(json_object_get(codes, "values"), i, v)
    {
        snprintf(sub, sizeof sub, "%s.onExitCodes.values[%zu]", path, i);
        if (in && json_integer_value(v) == 0)
            causes_add(causes, "FieldValueInvalid", sub,
                       "Invalid value: 0: must not be 0 for the In operator");
    }
}

static void
check_failure_policy(const json_t *obj, json_t *causes)
{
    const json_t *pod = json_at(obj, "spec.template.spec");
    char path[80];
    size_t i;
    json_t *rule;

    json_array_foreach(json_at(obj, "spec.podFailurePolicy.rules"), i, rule)
    {
        json_t *codes = json_object_get(rule, "onExitCodes"),
               *conditions = json_object_get(rule, "onPodConditions");

        snprintf(path, sizeof path, "spec.podFailurePolicy.rules[%zu]", i);
        if (codes == NULL && json_array_size(conditions) == 0)
            causes_add(causes, "FieldValueInvalid", path,
                       "Invalid value: specifying one of OnExitCodes and OnPodConditions "
                       "is required");
        if (codes != NULL && json_array_size(conditions) > 0)
            causes_add(
                causes, "FieldValueInvalid", path,
                "Invalid value: specifying both OnExitCodes and OnPodConditions is "
                "not supported");
        if (codes != NULL)
            check_exit_codes(pod, codes, path, causes);
    }
}

void
job_validate(struct server *s, const json_t *obj, const json_t *old, json_t *causes)
{
    (void)s;
    /* Pods get the Job's name as a label. */
    if (strlen(meta_str(obj, "name")) > 63)
        causes_add(causes, "FieldValueInvalid", "spec.template.labels",
                   "Invalid value: \"%s\": must be no more than 63 characters",
                   meta_str(obj, "name"));
    if (json_at(obj, "spec.template.spec") == NULL)
        causes_add(causes, "FieldValueRequired", "spec.template.spec", "Required value");
    else
        validate_template(json_at(obj, "spec.template"), "spec.template", true, causes);
    check_failure_policy(obj, causes);
    if (old == NULL)
        return;
    immutable(obj, old, "spec.selector", causes);
    immutable(obj, old, "spec.completionMode", causes);
    /* The template of a suspended Job that has not started may still be scheduled otherwise. */
    if (!json_bool_or(old, "spec.suspend", false) ||
        json_at(old, "status.startTime") != NULL) {
        immutable(obj, old, "spec.template", causes);
    }
}

void
cronjob_prepare(struct server *s, json_t *obj, const json_t *old)
{
    (void)s;
    (void)old;
    podspec_defaults(json_at(obj, "spec.jobTemplate.spec.template.spec"));
}

void
cronjob_validate(struct server *s, const json_t *obj, const json_t *old, json_t *causes)
{
    (void)s;
    (void)old;
    if (strlen(meta_str(obj, "name")) > 52)
        causes_add(causes, "FieldValueInvalid", "metadata.name",
                   "Invalid value: \"%s\": must be no more than 52 characters",
                   meta_str(obj, "name"));
    if (*json_str_or(obj, "spec.schedule", "") == '\0')
        causes_add(causes, "FieldValueRequired", "spec.schedule", "Required value");
    validate_template(json_at(obj, "spec.jobTemplate.spec.template"),
                      "spec.jobTemplate.spec.template", true, causes);
}

void
deployment_prepare(struct server *s, json_t *obj, const json_t *old)
{
    (void)s;
    (void)old;
    podspec_defaults(json_at(obj, "spec.template.spec"));
}

void
deployment_validate(struct server *s, const json_t *obj, const json_t *old,
                    json_t *causes)
{
    const char *key;
    json_t *value, *labels = json_at(obj, "spec.template.metadata.labels");

    (void)s;
    json_object_foreach(json_at(obj, "spec.selector.matchLabels"), key,
                        value) if (!json_is_string(json_object_get(labels, key)) ||
                                   !json_equal(json_object_get(labels, key), value))
    {
        causes_add(causes, "FieldValueInvalid", "spec.template.metadata.labels",
                   "Invalid value: `selector` does not match template `labels`");
        break;
    }
    if (json_object_size(json_at(obj, "spec.selector.matchLabels")) == 0 &&
        json_array_size(json_at(obj, "spec.selector.matchExpressions")) == 0)
        causes_add(causes, "FieldValueInvalid", "spec.selector",
                   "Invalid value: empty selector is invalid for deployment");
    if (json_at(obj, "spec.template") != NULL)
        validate_template(json_at(obj, "spec.template"), "spec.template", false, causes);
    if (old != NULL)
        immutable(obj, old, "spec.selector", causes);
}
