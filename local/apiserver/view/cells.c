/* cells.c - see cells.h. */
#include "local/apiserver/view/cells.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"
#include "local/apiserver/view/table.h"

static void text(struct buf *out, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
text(struct buf *out, const char *fmt, ...)
{
    char value[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    buf_add_char(out, ',');
    json_add_quoted(out, value, strlen(value));
}

static void
number(struct buf *out, int64_t n)
{
    buf_printf(out, ",%lld", (long long)n);
}

static void
age_since(const char *stamp, int64_t now_ms, char *out)
{
    int64_t at;

    if (rfc3339_parse(stamp, &at) < 0)
        snprintf(out, 24, "<unknown>");
    else
        age_text(now_ms - at, out);
}

static void
age(struct buf *out, const json_t *obj, int64_t now_ms)
{
    char value[24];

    age_since(json_str_or(obj, "metadata.creationTimestamp", NULL), now_ms, value);
    text(out, "%s", value);
}

static const char *
or_none(const char *value)
{
    return value != NULL && *value != '\0' ? value : "<none>";
}

static void
plain_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    age(out, obj, now_ms);
}

static void
namespace_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    text(out, "%s", json_str_or(obj, "status.phase", ""));
    age(out, obj, now_ms);
}

static bool
condition_true(const json_t *obj, const char *type)
{
    size_t i;
    json_t *c;

    json_array_foreach(json_at(obj, "status.conditions"), i,
                       c) if (strcmp(json_str_or(c, "type", ""), type) ==
                              0) return strcmp(json_str_or(c, "status", ""), "True") == 0;
    return false;
}

static void
node_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    text(out, "%s%s", condition_true(obj, "Ready") ? "Ready" : "NotReady",
         json_bool_or(obj, "spec.unschedulable", false) ? ",SchedulingDisabled" : "");
    text(out, "<none>");
    age(out, obj, now_ms);
    text(out, "%s", json_str_or(obj, "status.nodeInfo.kubeletVersion", ""));
    text(out, "%s", or_none(json_str_or(obj, "status.addresses[0].address", "")));
    text(out, "%s", json_str_or(obj, "status.nodeInfo.osImage", "<unknown>"));
    text(out, "%s", json_str_or(obj, "status.nodeInfo.kernelVersion", "<unknown>"));
    text(out, "%s",
         json_str_or(obj, "status.nodeInfo.containerRuntimeVersion", "<unknown>"));
}

/* ---- Pods ---- */

struct pod_counts {
    size_t containers, ready;
    int64_t restarts;
    char reason[256];
};

/* What one container says about the Pod: the reason of the last that is not running wins. */
static void
count_container(const json_t *status, struct pod_counts *c)
{
    const json_t *ended = json_at(status, "state.terminated");
    const char *waiting = json_str_or(status, "state.waiting.reason", "");

    c->restarts += json_int_or(status, "restartCount", 0);
    c->ready += json_bool_or(status, "ready", false);
    if (*waiting != '\0')
        snprintf(c->reason, sizeof c->reason, "%s", waiting);
    else if (ended != NULL && *json_str_or(ended, "reason", "") != '\0')
        snprintf(c->reason, sizeof c->reason, "%s", json_str_or(ended, "reason", ""));
    else if (ended != NULL && json_int_or(ended, "signal", 0) != 0)
        snprintf(c->reason, sizeof c->reason, "Signal:%lld",
                 (long long)json_int_or(ended, "signal", 0));
    else if (ended != NULL)
        snprintf(c->reason, sizeof c->reason, "ExitCode:%lld",
                 (long long)json_int_or(ended, "exitCode", 0));
}

/* "Init:1/3" while init containers are not done. True when they are not. */
static bool
init_reason(const json_t *obj, struct pod_counts *c)
{
    json_t *list = json_at(obj, "status.initContainerStatuses"), *status;
    size_t i, total = json_array_size(json_at(obj, "spec.initContainers"));

    json_array_foreach(list, i, status)
    {
        const json_t *ended = json_at(status, "state.terminated");
        const char *waiting = json_str_or(status, "state.waiting.reason", "");

        c->restarts += json_int_or(status, "restartCount", 0);
        if (ended != NULL && json_int_or(ended, "exitCode", 0) == 0)
            continue;
        if (ended != NULL && *json_str_or(ended, "reason", "") != '\0')
            snprintf(c->reason, sizeof c->reason, "Init:%s",
                     json_str_or(ended, "reason", ""));
        else if (ended != NULL)
            snprintf(c->reason, sizeof c->reason, "Init:ExitCode:%lld",
                     (long long)json_int_or(ended, "exitCode", 0));
        else if (*waiting != '\0' && strcmp(waiting, "PodInitializing") != 0)
            snprintf(c->reason, sizeof c->reason, "Init:%s", waiting);
        else
            snprintf(c->reason, sizeof c->reason, "Init:%zu/%zu", i, total);
        return true;
    }
    return false;
}

static void
pod_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    struct pod_counts c = {.containers =
                               json_array_size(json_at(obj, "spec.containers"))};
    json_t *list = json_at(obj, "status.containerStatuses");

    snprintf(
        c.reason, sizeof c.reason, "%s",
        json_str_or(obj, "status.reason", json_str_or(obj, "status.phase", "Unknown")));
    if (!init_reason(obj, &c)) {
        c.restarts = 0;
        for (size_t i = json_array_size(list); i > 0; i--)
            count_container(json_array_get(list, i - 1), &c);
        if (strcmp(c.reason, "Completed") == 0 &&
            strcmp(json_str_or(obj, "status.phase", ""), "Running") == 0)
            snprintf(c.reason, sizeof c.reason, "Running");
    }
    if (json_at(obj, "metadata.deletionTimestamp") != NULL)
        snprintf(c.reason, sizeof c.reason, "Terminating");
    text(out, "%zu/%zu", c.ready, c.containers);
    text(out, "%s", c.reason);
    text(out, "%lld", (long long)c.restarts);
    age(out, obj, now_ms);
    text(out, "%s", or_none(json_str_or(obj, "status.podIP", "")));
    text(out, "%s", or_none(json_str_or(obj, "spec.nodeName", "")));
    text(out, "%s", or_none(json_str_or(obj, "status.nominatedNodeName", "")));
    text(out, "<none>");
}

/* ---- workloads ---- */

static void
join_field(const json_t *list, const char *field, struct buf *out)
{
    SCOPED(buf) struct buf joined = BUF_INIT;
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
        buf_printf(&joined, "%s%s", i > 0 ? "," : "", json_str_or(item, field, ""));
    text(out, "%s", buf_str(&joined));
}

static void
selector_cell(const json_t *obj, struct buf *out)
{
    SCOPED(buf) struct buf joined = BUF_INIT;
    const char *key;
    json_t *value;

    json_object_foreach(json_at(obj, "spec.selector.matchLabels"), key, value) buf_printf(
        &joined, "%s%s=%s", joined.size > 0 ? "," : "", key, json_string_value(value));
    text(out, "%s", or_none(buf_str(&joined)));
}

static void
job_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    const json_t *completions = json_at(obj, "spec.completions");
    int64_t done = json_int_or(obj, "status.succeeded", 0), start, end = now_ms;
    const char *finished = json_str_or(obj, "status.completionTime", NULL);
    char lasted[24] = "";

    text(out, "%s",
         condition_true(obj, "Complete")                      ? "Complete"
         : condition_true(obj, "Failed")                      ? "Failed"
         : json_at(obj, "metadata.deletionTimestamp") != NULL ? "Terminating"
         : condition_true(obj, "Suspended")                   ? "Suspended"
                                                              : "Running");
    if (completions != NULL)
        text(out, "%lld/%lld", (long long)done,
             (long long)json_integer_value(completions));
    else
        text(out, "%lld/1", (long long)done);
    if (rfc3339_parse(json_str_or(obj, "status.startTime", NULL), &start) == 0) {
        if (finished != NULL && rfc3339_parse(finished, &end) < 0)
            end = now_ms;
        age_text(end - start, lasted);
    }
    text(out, "%s", lasted);
    age(out, obj, now_ms);
    join_field(json_at(obj, "spec.template.spec.containers"), "name", out);
    join_field(json_at(obj, "spec.template.spec.containers"), "image", out);
    selector_cell(obj, out);
}

static void
cronjob_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    char last[24] = "<none>";

    if (json_at(obj, "status.lastScheduleTime") != NULL)
        age_since(json_str_or(obj, "status.lastScheduleTime", NULL), now_ms, last);
    text(out, "%s", json_str_or(obj, "spec.schedule", ""));
    text(out, "%s", json_str_or(obj, "spec.timeZone", "<none>"));
    text(out, "%s", json_bool_or(obj, "spec.suspend", false) ? "True" : "False");
    number(out, (int64_t)json_array_size(json_at(obj, "status.active")));
    text(out, "%s", last);
    age(out, obj, now_ms);
}

static void
deployment_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    text(out, "%lld/%lld", (long long)json_int_or(obj, "status.readyReplicas", 0),
         (long long)json_int_or(obj, "spec.replicas", 0));
    number(out, json_int_or(obj, "status.updatedReplicas", 0));
    number(out, json_int_or(obj, "status.availableReplicas", 0));
    age(out, obj, now_ms);
    join_field(json_at(obj, "spec.template.spec.containers"), "name", out);
    join_field(json_at(obj, "spec.template.spec.containers"), "image", out);
    selector_cell(obj, out);
}

static void
replicaset_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    number(out, json_int_or(obj, "spec.replicas", 0));
    number(out, json_int_or(obj, "status.replicas", 0));
    number(out, json_int_or(obj, "status.readyReplicas", 0));
    age(out, obj, now_ms);
}

/* ---- data and the rest ---- */

static void
secret_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    text(out, "%s", json_str_or(obj, "type", ""));
    number(out, (int64_t)json_object_size(json_object_get(obj, "data")));
    age(out, obj, now_ms);
}

static void
configmap_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    number(out, (int64_t)(json_object_size(json_object_get(obj, "data")) +
                          json_object_size(json_object_get(obj, "binaryData"))));
    age(out, obj, now_ms);
}

static void
account_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    number(out, (int64_t)json_array_size(json_object_get(obj, "secrets")));
    age(out, obj, now_ms);
}

static void
event_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    char last[24], first[24];
    const char *at =
        json_str_or(obj, "lastTimestamp",
                    json_str_or(obj, "eventTime",
                                json_str_or(obj, "metadata.creationTimestamp", NULL)));
    const char *since = json_str_or(obj, "firstTimestamp", at);
    const char *kind = json_str_or(obj, "involvedObject.kind", "");
    char lower[128];
    size_t i;

    for (i = 0; kind[i] != '\0' && i < sizeof lower - 1; i++)
        lower[i] = (char)(kind[i] >= 'A' && kind[i] <= 'Z' ? kind[i] + 32 : kind[i]);
    lower[i] = '\0';
    age_since(at, now_ms, last);
    age_since(since, now_ms, first);
    text(out, "%s", last);
    text(out, "%s", json_str_or(obj, "type", ""));
    text(out, "%s", json_str_or(obj, "reason", ""));
    text(out, "%s/%s", lower, json_str_or(obj, "involvedObject.name", ""));
    text(out, "%s", json_str_or(obj, "involvedObject.fieldPath", ""));
    text(
        out, "%s",
        json_str_or(obj, "source.component", json_str_or(obj, "reportingComponent", "")));
    text(out, "%s", json_str_or(obj, "message", ""));
    text(out, "%s", first);
    number(out, json_int_or(obj, "count", 1));
    text(out, "%s", json_str_or(obj, "metadata.name", ""));
}

static void
lease_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    text(out, "%s", json_str_or(obj, "spec.holderIdentity", ""));
    age(out, obj, now_ms);
}

static void
role_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    (void)now_ms;
    text(out, "%s", json_str_or(obj, "metadata.creationTimestamp", ""));
}

static void
binding_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    text(out, "%s/%s", json_str_or(obj, "roleRef.kind", ""),
         json_str_or(obj, "roleRef.name", ""));
    age(out, obj, now_ms);
}

static void
crd_cells(const json_t *obj, int64_t now_ms, struct buf *out)
{
    (void)now_ms;
    text(out, "%s", json_str_or(obj, "metadata.creationTimestamp", ""));
}

/* clang-format off */
#define C(name) {name, "string", "", "", NULL, 0}
#define I(name) {name, "integer", "", "", NULL, 0}
#define W(name) {name, "string", "", "", NULL, 1} /* shown with -o wide */
#define WI(name) {name, "integer", "", "", NULL, 1}
static const struct cell_set sets[] = {
    {"Namespace", {C("Status"), C("Age")}, 2, namespace_cells},
    {"Node", {C("Status"), C("Roles"), C("Age"), C("Version"), W("Internal-IP"), W("OS-Image"), W("Kernel-Version"), W("Container-Runtime")}, 8, node_cells},
    {"Pod", {C("Ready"), C("Status"), C("Restarts"), C("Age"), W("IP"), W("Node"), W("Nominated Node"), W("Readiness Gates")}, 8, pod_cells},
    {"Job", {C("Status"), C("Completions"), C("Duration"), C("Age"), W("Containers"), W("Images"), W("Selector")}, 7, job_cells},
    {"CronJob", {C("Schedule"), C("Timezone"), C("Suspend"), I("Active"), C("Last Schedule"), C("Age")}, 6, cronjob_cells},
    {"Deployment", {C("Ready"), I("Up-to-date"), I("Available"), C("Age"), W("Containers"), W("Images"), W("Selector")}, 7, deployment_cells},
    {"ReplicaSet", {I("Desired"), I("Current"), I("Ready"), C("Age")}, 4, replicaset_cells},
    {"Secret", {C("Type"), I("Data"), C("Age")}, 3, secret_cells},
    {"ConfigMap", {I("Data"), C("Age")}, 2, configmap_cells},
    {"ServiceAccount", {I("Secrets"), C("Age")}, 2, account_cells},
    {"Event", {C("Last Seen"), C("Type"), C("Reason"), C("Object"), W("Subobject"), W("Source"), C("Message"), W("First Seen"), WI("Count"), W("Name")}, 10, event_cells},
    {"Lease", {C("Holder"), C("Age")}, 2, lease_cells},
    {"Role", {C("Created At")}, 1, role_cells},
    {"ClusterRole", {C("Created At")}, 1, role_cells},
    {"RoleBinding", {C("Role"), C("Age")}, 2, binding_cells},
    {"ClusterRoleBinding", {C("Role"), C("Age")}, 2, binding_cells},
    {"CustomResourceDefinition", {C("Created At")}, 1, crd_cells},
    {NULL, {C("Age")}, 1, plain_cells},
};
/* clang-format on */

const struct cell_set *
cells_of(const struct resource *r)
{
    size_t i = 0;

    while (sets[i].type != NULL &&
           (r->type == NULL || strcmp(sets[i].type, r->type) != 0))
        i++;
    return &sets[i];
}

void
cells_add(const struct resource *r, const json_t *obj, int64_t now_ms, struct buf *out)
{
    cells_of(r)->add(obj, now_ms, out);
}
