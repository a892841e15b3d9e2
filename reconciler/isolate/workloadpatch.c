/* workloadpatch.c - what a workload lacks of what we want; see workload.h.
 *
 * Compared is what we set. The API server adds defaults to it, and others may add labels,
 * annotations and containers: to compare whole objects would write for ever. */
#include "reconciler/isolate/workload.h"

#include <string.h>

#include "common/macros.h"

/* Members of a container or of a Pod that are ours as a whole: what is not wanted goes. */
static const char *const container_lists[] = {"args", "env", "volumeMounts"};
static const char *const pod_lists[] = {"initContainers", "volumes"};

/* Whether all of `want` is in `live`. */
static bool
covers(const json_t *live, const json_t *want)
{
    const char *name;
    json_t *value;

    if (json_is_object(want)) {
        json_object_foreach((json_t *)want, name, value)
        {
            if (!covers(json_object_get(live, name), value))
                return false;
        }
        return json_is_object(live);
    }
    if (json_is_array(want)) {
        if (!json_is_array(live) || json_array_size(live) != json_array_size(want))
            return false;
        for (size_t i = 0; i < json_array_size(want); i++)
            if (!covers(json_array_get(live, i), json_array_get(want, i)))
                return false;
        return true;
    }
    return json_equal((json_t *)live, (json_t *)want);
}

/* Whether the lists agree; none and an empty one are the same. */
static bool
same_lists(const json_t *live, const json_t *want, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *a = json_object_get(live, names[i]);
        const json_t *b = json_object_get(want, names[i]);
        if (json_array_size(a) != json_array_size(b) || (b != NULL && !covers(a, b)))
            return false;
    }
    return true;
}

static bool
same_container(const json_t *live, const json_t *want)
{
    return same_lists(live, want, container_lists, ARRAY_LEN(container_lists)) &&
           covers(live, want);
}

static json_t *
first_container(const json_t *pod)
{
    return json_array_get(json_object_get(pod, "containers"), 0);
}

static bool
same_pod(const json_t *live, const json_t *want)
{
    const json_t *live_init = json_object_get(live, "initContainers");
    const json_t *want_init = json_object_get(want, "initContainers");
    SCOPED(json) json_t *rest = json_copy((json_t *)want);

    json_object_del(rest, "containers");
    if (!same_lists(live, want, pod_lists, ARRAY_LEN(pod_lists)) || !covers(live, rest))
        return false;
    for (size_t i = 0; i < json_array_size(want_init); i++)
        if (!same_container(json_array_get(live_init, i), json_array_get(want_init, i)))
            return false;
    return same_container(first_container(live), first_container(want));
}

/* The first container as it is, with what we set, without what we took away. */
static json_t *
container_now(const json_t *live, const json_t *want)
{
    json_t *c = json_merge(live, want);

    for (size_t i = 0; i < ARRAY_LEN(container_lists); i++)
        if (json_object_get(want, container_lists[i]) == NULL)
            json_object_del(c, container_lists[i]);
    return c;
}

/* The containers that others added stay behind ours. */
static json_t *
pod_patch(const json_t *live, const json_t *want)
{
    json_t *patch = json_copy((json_t *)want);
    json_t *others = json_object_get(live, "containers");
    json_t *list = json_array();

    for (size_t i = 0; i < ARRAY_LEN(pod_lists); i++)
        if (json_object_get(want, pod_lists[i]) == NULL)
            json_object_set_new(patch, pod_lists[i], json_null());
    json_array_append_new(list,
                          container_now(first_container(live), first_container(want)));
    for (size_t i = 1; i < json_array_size(others); i++)
        json_array_append(list, json_array_get(others, i));
    json_object_set_new(patch, "containers", list);
    return patch;
}

/* Adds the template's part at `path` to the patch where it differs. */
static void
compare_template(const json_t *want, const json_t *live, const char *path, json_t *patch)
{
    const json_t *a = json_at(live, path), *b = json_at(want, path);
    const json_t *meta = json_object_get(b, "metadata");
    const json_t *pod = json_object_get(b, "spec");

    if (same_pod(json_object_get(a, "spec"), pod) &&
        covers(json_object_get(a, "metadata"), meta))
        return;
    json_put(patch, path,
             json_pack("{s:O,s:o}", "metadata", meta, "spec",
                       pod_patch(json_object_get(a, "spec"), pod)));
}

/* What stands beside the template: replicas; schedule, suspend and the like. */
static void
compare_spec(const json_t *want, const json_t *live, json_t *patch)
{
    static const char *const apart[] = {"template", "jobTemplate", "selector"};
    const json_t *spec = json_object_get(live, "spec");
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(want, "spec"), name, value)
    {
        bool skip = false;
        for (size_t i = 0; i < ARRAY_LEN(apart); i++)
            skip = skip || strcmp(name, apart[i]) == 0;
        if (!skip && !covers(json_object_get(spec, name), value))
            json_object_set(json_object_get(patch, "spec"), name, value);
    }
    /* A time zone that was taken away; nobody else sets one. */
    if (json_object_get(spec, "timeZone") != NULL &&
        json_at(want, "spec.timeZone") == NULL)
        json_put(patch, "spec.timeZone", json_null());
    /* A rolling update's numbers do not go with Recreate. */
    if (json_at(patch, "spec.strategy") != NULL)
        json_put(patch, "spec.strategy.rollingUpdate", json_null());
}

json_t *
workload_patch(const json_t *want, const json_t *live)
{
    bool cron = json_at(want, "spec.jobTemplate") != NULL;
    SCOPED(json)
    json_t *patch = json_pack("{s:{s:s,s:s},s:{}}", "metadata", "uid",
                              json_str_or(live, "metadata.uid", ""), "resourceVersion",
                              json_str_or(live, "metadata.resourceVersion", ""), "spec");

    compare_spec(want, live, patch);
    if (cron && json_int_or(live, "spec.jobTemplate.spec.backoffLimit", -1) != 0)
        json_put_int(patch, "spec.jobTemplate.spec.backoffLimit", 0);
    compare_template(want, live,
                     cron ? "spec.jobTemplate.spec.template" : "spec.template", patch);
    return json_object_size(json_object_get(patch, "spec")) > 0 ? TAKE(patch) : NULL;
}
