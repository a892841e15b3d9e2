/* resource_spawner.c - TaskSpawners: columns and fields. */
#include "cli/resource.h"

#include <string.h>

#include "cli/cli.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"

static void
source_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    const char *workspace = json_str_or(o, "spec.taskTemplate.workspaceRef.name", "");

    if (json_at(o, "spec.when.githubIssues") != NULL)
        buf_add_str(out, workspace[0] != '\0' ? workspace : "GitHub Issues");
    else if (json_at(o, "spec.when.githubPullRequests") != NULL)
        buf_add_str(out, workspace[0] != '\0' ? workspace : "GitHub Pull Requests");
    else if (json_at(o, "spec.when.cron") != NULL)
        buf_printf(out, "cron: %s", json_str_or(o, "spec.when.cron.schedule", ""));
    else if (json_at(o, "spec.when.jira") != NULL)
        buf_add_str(out, json_str_or(o, "spec.when.jira.project", ""));
}

static void
phase_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    buf_add_str(out, json_str_or(o, "status.phase", ""));
}

static void
number(const json_t *o, const char *path, struct buf *out)
{
    buf_printf(out, "%lld", (long long)json_int_or(o, path, 0));
}

static void
discovered_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    number(o, "status.totalDiscovered", out);
}

static void
tasks_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    number(o, "status.totalTasksCreated", out);
}

static void
active_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    number(o, "status.activeTasks", out);
}

static void
message_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    buf_add_str(out, json_str_or(o, "status.message", "-"));
}

static const struct column columns[] = {
    {"SOURCE", source_cell, false},         {"PHASE", phase_cell, false},
    {"DISCOVERED", discovered_cell, false}, {"TASKS", tasks_cell, false},
    {"ACTIVE", active_cell, true},          {"MESSAGE", message_cell, true},
};

/* "[a b]" */
static void
list_field(struct buf *out, const char *label, const json_t *o, const char *path)
{
    const json_t *list = json_at(o, path);
    SCOPED(buf) struct buf text = BUF_INIT;

    if (json_array_size(list) == 0)
        return;
    buf_add_char(&text, '[');
    join_strings(&text, list, " ");
    buf_add_char(&text, ']');
    detail_field(out, label, buf_str(&text), true);
}

static void
source_fields(struct buf *out, const json_t *o)
{
    const json_t *when = json_at(o, "spec.when");

    if (json_at(when, "githubIssues") != NULL) {
        detail_field(out, "Source", "GitHub Issues", false);
        list_field(out, "Types", when, "githubIssues.types");
        detail_path(out, "State", when, "githubIssues.state", true);
        list_field(out, "Labels", when, "githubIssues.labels");
        list_field(out, "Exclude Labels", when, "githubIssues.excludeLabels");
        list_field(out, "Priority Labels", when, "githubIssues.priorityLabels");
    } else if (json_at(when, "githubPullRequests") != NULL) {
        detail_field(out, "Source", "GitHub Pull Requests", false);
        detail_path(out, "State", when, "githubPullRequests.state", true);
        list_field(out, "Labels", when, "githubPullRequests.labels");
    } else if (json_at(when, "cron") != NULL) {
        detail_field(out, "Source", "Cron", false);
        detail_path(out, "Schedule", when, "cron.schedule", false);
    } else if (json_at(when, "jira") != NULL) {
        detail_field(out, "Source", "Jira", false);
        detail_path(out, "Project", when, "jira.project", true);
        detail_path(out, "JQL", when, "jira.jql", true);
    }
}

/* A time is written now and then: one that has passed says nothing. */
static bool
is_ahead(const json_t *o, const char *path)
{
    int64_t ms = 0;

    return rfc3339_parse(json_str_or(o, path, ""), &ms) == 0 && ms > clock_wall_ms();
}

static void
detail(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    detail_names(out, o);
    detail_path(out, "Phase", o, "status.phase", false);
    detail_path(out, "Suspend", o, "spec.suspend", true);
    detail_path(out, "Workspace", o, "spec.taskTemplate.workspaceRef.name", true);
    source_fields(out, o);
    detail_path(out, "Task Type", o, "spec.taskTemplate.type", false);
    detail_path(out, "Model", o, "spec.taskTemplate.model", true);
    detail_path(out, "Poll Interval", o, "spec.pollInterval", false);
    detail_path(out, "Max Concurrency", o, "spec.maxConcurrency", true);
    detail_path(out, "Max Total Tasks", o, "spec.maxTotalTasks", true);
    detail_path(out, "Deployment", o, "status.deploymentName", true);
    detail_path(out, "CronJob", o, "status.cronJobName", true);
    detail_path(out, "Discovered", o, "status.totalDiscovered", false);
    detail_path(out, "Tasks Created", o, "status.totalTasksCreated", false);
    detail_path(out, "Active", o, "status.activeTasks", true);
    detail_time(out, "Last Discovery", o, "status.lastDiscoveryTime");
    if (is_ahead(o, "status.nextPollTime"))
        detail_time(out, "Next Poll", o, "status.nextPollTime");
    detail_path(out, "Message", o, "status.message", true);
    detail_conditions(out, o);
}

const char *const spawner_aliases[] = {"taskspawners", "ts", NULL};

const struct resource resource_spawner = {
    .id = KUBE_TASK_SPAWNERS,
    .name = "taskspawner",
    .none_found = "no task spawners found",
    .phases = spawner_phases,
    .columns = columns,
    .n_columns = ARRAY_LEN(columns),
    .detail = detail,
};
