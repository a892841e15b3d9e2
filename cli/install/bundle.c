/* bundle.c - see bundle.h. */
#include "cli/install/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/local.h"
#include "common/buf.h"
#include "common/data/json.h"
#include "common/data/yaml.h"
#include "common/macros.h"

#define QUANTITIES_MOST 16
#define HOME_NAMESPACE "kelos-system"

struct part {
    const char *path; /* below share/kelos */
    const char *with; /* the value that asks for it, true or a text; NULL: always there */
};

static const struct part crd_files[] = {
    {"crds/agentconfigs.yaml", NULL},
    {"crds/tasks.yaml", NULL},
    {"crds/taskspawners.yaml", NULL},
    {"crds/workspaces.yaml", NULL},
    {"crds/axon/tasks.yaml", "axon.enabled"},
    {"crds/axon/taskspawners.yaml", "axon.enabled"},
    {"crds/axon/workspaces.yaml", "axon.enabled"},
};
#define MANIFEST(name) "manifests/" name "/" name ".yaml"
static const struct part controller_files[] = {
    {"manifests/controller.yaml", NULL},
    {MANIFEST("axon"), "axon.enabled"},
    {MANIFEST("isolation"), "spawner.isolation"},
    {MANIFEST("secrets"), "controller.watchSecrets"},
    {MANIFEST("pod-disruption-budget"), "podDisruptionBudget.enabled"},
    {MANIFEST("network-policies"), "networkPolicies.enabled"},
    {MANIFEST("pod-monitor"), "podMonitor.enabled"},
    {MANIFEST("telemetry"), "telemetry.enabled"},
};

/* The images that arguments of the controller name: --ARG-image=VALUE. */
static const struct {
    const char *arg, *value;
} images[] = {
    {"claude-code", "claudeCodeImage"},
    {"codex", "codexImage"},
    {"gemini", "geminiImage"},
    {"opencode", "opencodeImage"},
    {"cursor", "cursorImage"},
    {"spawner", "spawner.image"},
    {"token-refresher", "tokenRefresher.image"},
};

/* ---- reading ---- */

static int
read_part(const struct part *part, json_t *into, struct err *e)
{
    SCOPED(string) char *path = local_share(part->path, e);
    SCOPED(yaml_docs) struct yaml_docs *docs = NULL;

    if (path == NULL || (docs = yaml_read(path, e)) == NULL)
        return -1;
    for (size_t i = 0; i < docs->count; i++)
        if (json_is_object(docs->docs[i].value))
            json_array_append(into, docs->docs[i].value);
    return 0;
}

static bool
asked_for(const json_t *values, const char *with)
{
    return values == NULL || with == NULL || json_bool_or(values, with, false) ||
           json_str_or(values, with, "")[0] != '\0';
}

static int
read_parts(const struct part *parts, size_t count, const json_t *values, json_t *into,
           struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (asked_for(values, parts[i].with) && read_part(&parts[i], into, e) < 0)
            return -1;
    return 0;
}

int
bundle_read(const json_t *values, struct bundle *b, struct err *e)
{
    *b = (struct bundle){json_array(), json_array()};
    if (read_parts(crd_files, ARRAY_LEN(crd_files), values, b->crds, e) == 0 &&
        read_parts(controller_files, ARRAY_LEN(controller_files), values, b->controller,
                   e) == 0)
        return 0;
    bundle_release(b);
    return -1;
}

void
bundle_release(struct bundle *b)
{
    json_decref(b->crds);
    json_decref(b->controller);
    *b = (struct bundle){NULL, NULL};
}

/* ---- images ---- */

/* The image of a value, with the tag of all unless it has its own; the caller owns. */
static char *
image_of(const json_t *values, const char *path)
{
    const char *name = json_str_or(values, path, "");
    const char *slash = strrchr(name, '/'), *last = slash != NULL ? slash : name;
    char *out = NULL;

    if (strchr(name, '@') != NULL || strchr(last, ':') != NULL)
        return strdup(name);
    if (asprintf(&out, "%s:%s", name, json_str_or(values, "image.tag", "")) < 0)
        return NULL;
    return out;
}

static const char *
image_value(const char *arg, size_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(images); i++)
        if (strlen(images[i].arg) == size && strncmp(images[i].arg, arg, size) == 0)
            return images[i].value;
    return NULL;
}

/* An argument --X-image=…, with the pull policy behind it; any other as it is. */
static void
add_arg(json_t *args, const char *arg, const json_t *values)
{
    static const char mark[] = "-image=";
    const char *at = strstr(arg, mark);
    const char *policy = json_str_or(values, "image.pullPolicy", "");
    const char *value = at != NULL && strncmp(arg, "--", 2) == 0
                            ? image_value(arg + 2, (size_t)(at - arg) - 2)
                            : NULL;

    if (value == NULL) {
        json_array_append_new(args, json_string(arg));
        return;
    }
    int flag = (int)(at - arg) + (int)strlen("-image");
    SCOPED(string) char *image = image_of(values, value);
    json_array_append_new(args, json_sprintf("%.*s=%s", flag, arg, image));
    if (policy[0] != '\0')
        json_array_append_new(args,
                              json_sprintf("%.*s-pull-policy=%s", flag, arg, policy));
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* FLAG=cpu=1,memory=2Gi of a map, in the order of the names; nothing of an empty one. */
static void
add_quantities(json_t *args, const char *flag, const json_t *map)
{
    SCOPED(buf) struct buf text = BUF_INIT;
    const char *names[QUANTITIES_MOST], *name;
    size_t n = 0;
    json_t *v;

    json_object_foreach((json_t *)map, name, v)
    {
        if (n < QUANTITIES_MOST)
            names[n++] = name;
    }
    qsort(names, n, sizeof(names[0]), by_name);
    for (size_t i = 0; i < n; i++) {
        SCOPED(string) char *value = NULL;

        v = json_object_get(map, names[i]);
        value = json_is_string(v) ? strdup(json_string_value(v))
                                  : json_dumps(v, JSON_ENCODE_ANY);
        buf_printf(&text, "%s%s=%s", i > 0 ? "," : "", names[i], value);
    }
    if (n > 0)
        json_array_append_new(args, json_sprintf("%s=%s", flag, buf_str(&text)));
}

static void
tailor_args(json_t *container, const json_t *values)
{
    const char *isolation = json_str_or(values, "spawner.isolation", "");
    json_t *args = json_array();
    size_t i;
    json_t *arg;

    json_array_foreach(json_object_get(container, "args"), i, arg)
        add_arg(args, json_string_value(arg), values);
    if (json_str_or(values, "cursorImage", "")[0] != '\0')
        add_arg(args, "--cursor-image=", values);
    if (json_bool_or(values, "axon.enabled", false))
        json_array_append_new(args, json_string("--api-groups=kelos.dev,axon.io"));
    if (isolation[0] != '\0') {
        json_array_append_new(args, json_sprintf("--spawner-isolation=%s", isolation));
        json_array_append_new(args, json_string("--bus-port=7440"));
    }
    if (json_bool_or(values, "controller.watchSecrets", false))
        json_array_append_new(args, json_string("--watch-secrets"));
    add_quantities(args, "--spawner-resource-requests",
                   json_at(values, "spawner.resources.requests"));
    add_quantities(args, "--spawner-resource-limits",
                   json_at(values, "spawner.resources.limits"));
    json_array_foreach(json_at(values, "controller.extraArgs"), i, arg)
        json_array_append(args, arg);
    json_object_set_new(container, "args", args);
}

/* Our own image, and when it is pulled. */
static void
tailor_container(json_t *container, const json_t *values)
{
    const char *policy = json_str_or(values, "image.pullPolicy", "");
    SCOPED(string) char *image = image_of(values, "controllerImage");

    json_put_str(container, "image", image);
    if (policy[0] != '\0')
        json_put_str(container, "imagePullPolicy", policy);
}

/* ---- kinds ---- */

static void
tailor_deployment(json_t *o, const json_t *values)
{
    json_t *pod = json_at(o, "spec.template.spec");
    json_t *container = json_at(pod, "containers[0]");
    const char *priority = json_str_or(values, "controller.priorityClassName", "");

    json_put_int(o, "spec.replicas", json_int_or(values, "controller.replicas", 1));
    if (priority[0] != '\0')
        json_put_str(pod, "priorityClassName", priority);
    json_put(container, "resources",
             json_deep_copy(json_at(values, "controller.resources")));
    tailor_container(container, values);
    tailor_args(container, values);
}

static void
tailor_cron_job(json_t *o, const json_t *values)
{
    json_t *container = json_at(o, "spec.jobTemplate.spec.template.spec.containers[0]");
    json_t *args = json_object_get(container, "args");

    json_put_str(o, "spec.schedule", json_str_or(values, "telemetry.schedule", ""));
    json_array_append_new(args,
                          json_sprintf("--telemetry-endpoint=%s",
                                       json_str_or(values, "telemetry.endpoint", "")));
    json_array_append_new(args,
                          json_sprintf("--telemetry-environment=%s",
                                       json_str_or(values, "telemetry.environment", "")));
    tailor_container(container, values);
}

static void
tailor_pod_monitor(json_t *o, const json_t *values)
{
    static const char *const copied[] = {"interval", "scrapeTimeout", "honorLabels"};
    json_t *monitor = json_at(values, "podMonitor");
    json_t *endpoint = json_at(o, "spec.podMetricsEndpoints[0]");
    json_t *annotations = json_object_get(monitor, "annotations");

    for (size_t i = 0; i < ARRAY_LEN(copied); i++)
        json_object_set(endpoint, copied[i], json_object_get(monitor, copied[i]));
    json_object_update(json_at(o, "metadata.labels"), json_object_get(monitor, "labels"));
    if (json_object_size(annotations) > 0)
        json_put(o, "metadata.annotations", json_deep_copy(annotations));
}

static const struct {
    const char *kind;
    void (*tailor)(json_t *o, const json_t *values);
} kinds[] = {
    {"Deployment", tailor_deployment},
    {"CronJob", tailor_cron_job},
    {"PodMonitor", tailor_pod_monitor},
};

/* A policy for agents stands in every namespace that has Tasks. */
static void
spread(json_t *into, const json_t *policy, const json_t *values)
{
    size_t i;
    json_t *ns;

    json_array_foreach(json_at(values, "networkPolicies.namespaces"), i, ns)
    {
        json_t *one = json_deep_copy(policy);

        json_put_str(one, "metadata.namespace", json_string_value(ns));
        json_array_append_new(into, one);
    }
}

static json_t *
spread_all(const json_t *objects, const json_t *values)
{
    json_t *out = json_array();
    size_t i;
    json_t *o;

    json_array_foreach((json_t *)objects, i, o)
    {
        const char *kind = json_str_or(o, "kind", "");

        if (strcmp(kind, "NetworkPolicy") == 0 &&
            strcmp(json_str_or(o, "metadata.namespace", ""), HOME_NAMESPACE) != 0)
            spread(out, o, values);
        else if (strcmp(kind, "Namespace") != 0 ||
                 json_bool_or(values, "namespace.create", true))
            json_array_append(out, o);
    }
    return out;
}

static void
put_label(const json_t *objects)
{
    size_t i;
    json_t *o;

    json_array_foreach((json_t *)objects, i, o)
        json_put_str(o, "metadata.labels[" BUNDLE_LABEL "]", BUNDLE_LABEL_VALUE);
}

void
bundle_tailor(struct bundle *b, const json_t *values)
{
    json_t *all = spread_all(b->controller, values);
    size_t i;
    json_t *o;

    json_decref(b->controller);
    b->controller = all;
    json_array_foreach(b->controller, i, o)
    {
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            if (strcmp(json_str_or(o, "kind", ""), kinds[k].kind) == 0)
                kinds[k].tailor(o, values);
    }
    put_label(b->crds);
    put_label(b->controller);
}

static bool
has(const json_t *list, const char *kind, const char *ns, const char *name)
{
    size_t i;
    json_t *o;

    json_array_foreach((json_t *)list, i, o)
    {
        if (strcmp(json_str_or(o, "kind", ""), kind) == 0 &&
            strcmp(json_str_or(o, "metadata.name", ""), name) == 0 &&
            strcmp(json_str_or(o, "metadata.namespace", ""), ns != NULL ? ns : "") == 0)
            return true;
    }
    return false;
}

bool
bundle_has(const struct bundle *b, const char *kind, const char *ns, const char *name)
{
    return has(b->crds, kind, ns, name) || has(b->controller, kind, ns, name);
}
