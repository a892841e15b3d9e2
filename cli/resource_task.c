/* resource_task.c - Tasks: columns and fields. */
#include "cli/resource.h"

#include <stdlib.h>
#include <string.h>

#include "cli/age.h"
#include "cli/cli.h"
#include "common/data/json.h"
#include "common/macros.h"

static void
or_dash(const json_t *object, const char *path, struct buf *out)
{
    const char *text = json_str_or(object, path, "");

    buf_add_str(out, text[0] != '\0' ? text : "-");
}

static void
type_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    buf_add_str(out, json_str_or(o, "spec.type", ""));
}

static void
phase_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    buf_add_str(out, json_str_or(o, "status.phase", ""));
}

static void
branch_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    or_dash(o, "spec.branch", out);
}

static void
workspace_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    or_dash(o, "spec.workspaceRef.name", out);
}

static void
add_configs(const json_t *o, struct buf *out)
{
    const json_t *refs = json_at(o, "spec.agentConfigRefs");

    buf_add_str(out, json_str_or(o, "spec.agentConfigRef.name", ""));
    for (size_t i = 0; i < json_array_size(refs); i++)
        buf_printf(out, "%s%s", out->size > 0 ? "," : "",
                   json_str_or(json_array_get(refs, i), "name", ""));
}

static void
config_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    add_configs(o, out);
    if (out->size == 0)
        buf_add_char(out, '-');
}

static void
duration_cell(const json_t *o, int64_t now_ms, struct buf *out)
{
    char text[AGE_SIZE];

    buf_add_str(out,
                age_between(json_str_or(o, "status.startTime", ""),
                            json_str_or(o, "status.completionTime", ""), now_ms, text));
}

static void
model_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    or_dash(o, "spec.model", out);
}

static void
image_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    or_dash(o, "spec.image", out);
}

static void
pod_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    or_dash(o, "status.podName", out);
}

static void
cost_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    or_dash(o, "status.results.cost-usd", out);
}

static void
tokens_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    const char *in = json_str_or(o, "status.results.input-tokens", "");
    const char *back = json_str_or(o, "status.results.output-tokens", "");

    if (in[0] == '\0' && back[0] == '\0')
        buf_add_char(out, '-');
    else
        buf_printf(out, "%s/%s", in, back);
}

static const struct column columns[] = {
    {"TYPE", type_cell, false},
    {"PHASE", phase_cell, false},
    {"BRANCH", branch_cell, false},
    {"WORKSPACE", workspace_cell, false},
    {"AGENT CONFIG", config_cell, false},
    {"DURATION", duration_cell, false},
    {"MODEL", model_cell, true},
    {"IMAGE", image_cell, true},
    {"POD", pod_cell, true},
    {"COST", cost_cell, true},
    {"TOKENS", tokens_cell, true},
};

static void
seconds_field(struct buf *out, const char *label, const json_t *o, const char *path)
{
    char text[32];

    if (!json_is_integer(json_at(o, path)))
        return;
    snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT "s",
             json_integer_value(json_at(o, path)));
    detail_field(out, label, text, true);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
results_field(struct buf *out, const json_t *results)
{
    size_t count = json_object_size(results), n = 0;
    const char **keys = calloc(count + 1, sizeof(*keys));
    const char *key;
    json_t *value;
    SCOPED(buf) struct buf text = BUF_INIT;

    if (keys == NULL)
        abort();
    json_object_foreach((json_t *)results, key, value) keys[n++] = key;
    qsort(keys, n, sizeof(*keys), by_name);
    for (size_t i = 0; i < n; i++) {
        const char *shown = json_string_value(json_object_get(results, keys[i]));

        buf_printf(&text, "%s%s=%s", i > 0 ? "\n" : "", keys[i],
                   shown != NULL ? shown : "");
    }
    free(keys);
    detail_field(out, "Results", buf_str(&text), true);
}

static void
detail(const json_t *o, int64_t now_ms, struct buf *out)
{
    SCOPED(buf) struct buf depends = BUF_INIT, configs = BUF_INIT, outputs = BUF_INIT;
    char duration[AGE_SIZE];

    join_strings(&depends, json_at(o, "spec.dependsOn"), ", ");
    add_configs(o, &configs);
    join_strings(&outputs, json_at(o, "status.outputs"), "\n");
    age_between(json_str_or(o, "status.startTime", ""),
                json_str_or(o, "status.completionTime", ""), now_ms, duration);
    detail_names(out, o);
    detail_path(out, "Type", o, "spec.type", false);
    detail_path(out, "Phase", o, "status.phase", false);
    detail_path(out, "Prompt", o, "spec.prompt", false);
    detail_path(out, "Secret", o, "spec.credentials.secretRef.name", false);
    detail_path(out, "Credential Type", o, "spec.credentials.type", false);
    detail_path(out, "Model", o, "spec.model", true);
    detail_path(out, "Effort", o, "spec.effort", true);
    detail_path(out, "Image", o, "spec.image", true);
    detail_path(out, "Branch", o, "spec.branch", true);
    detail_field(out, "Depends On", buf_str(&depends), true);
    detail_path(out, "Workspace", o, "spec.workspaceRef.name", true);
    detail_field(out, "Agent Config", buf_str(&configs), true);
    seconds_field(out, "TTL", o, "spec.ttlSecondsAfterFinished");
    seconds_field(out, "Timeout", o, "spec.podOverrides.activeDeadlineSeconds");
    detail_path(out, "Job", o, "status.jobName", true);
    detail_path(out, "Pod", o, "status.podName", true);
    detail_time(out, "Start Time", o, "status.startTime");
    detail_time(out, "Completion Time", o, "status.completionTime");
    detail_field(out, "Duration", strcmp(duration, "-") != 0 ? duration : "", true);
    detail_path(out, "Message", o, "status.message", true);
    detail_conditions(out, o);
    detail_field(out, "Outputs", buf_str(&outputs), true);
    results_field(out, json_at(o, "status.results"));
}

const char *const task_aliases[] = {"tasks", NULL};

const struct resource resource_task = {
    .id = KUBE_TASKS,
    .name = "task",
    .none_found = "no tasks found",
    .phases = task_phases,
    .columns = columns,
    .n_columns = ARRAY_LEN(columns),
    .detail = detail,
};
