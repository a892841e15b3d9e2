/* view_spawner.c - the fields of a TaskSpawner. */
#include "reconciler/view/view.h"

#include <stdio.h>

#include "common/macros.h"

/* The order decides when an old object holds several: githubIssues, githubPullRequests, jira,
 * cron. */
static const struct {
    const char *member;
    enum source_kind kind;
} sources[] = {
    {"githubIssues", SOURCE_GITHUB},
    {"githubPullRequests", SOURCE_PULLS},
    {"jira", SOURCE_JIRA},
    {"cron", SOURCE_CRON},
};

const char *
source_kind_name(enum source_kind k)
{
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (sources[i].kind == k)
            return sources[i].member;
    return "";
}

static void
read_source(struct spawner_view *s)
{
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        if (!json_is_object(json_object_get(s->when, sources[i].member)))
            continue;
        if (s->n_sources++ == 0)
            s->source = sources[i].kind;
    }
}

/* What issues and pull requests have in common. */
static int
read_github(struct spawner_view *s, const json_t *object, struct err *e)
{
    const char *source = source_kind_name(s->source);
    struct view *v = &s->view;
    char repo[80], trigger[80], policy[80], labels[80];

    snprintf(repo, sizeof repo, "spec.when.%s.repo", source);
    snprintf(trigger, sizeof trigger, "spec.when.%s.triggerComment", source);
    snprintf(policy, sizeof policy, "spec.when.%s.commentPolicy.triggerComment", source);
    snprintf(labels, sizeof labels, "spec.when.%s.priorityLabels", source);
    if (view_opt(v, object, repo, &s->repo, e) < 0 ||
        view_opt(v, object, trigger, &s->trigger_comment, e) < 0 ||
        (s->trigger_comment == NULL &&
         view_opt(v, object, policy, &s->trigger_comment, e) < 0))
        return -1;
    return view_texts(v, object, labels, false, &s->priority_labels, e);
}

/* The source's own interval wins. */
static int
read_interval(struct spawner_view *s, const json_t *object, const char *common,
              struct err *e)
{
    const char *own = NULL;
    char path[64];

    snprintf(path, sizeof path, "spec.when.%s.pollInterval", source_kind_name(s->source));
    if (s->source != SOURCE_NONE && s->source != SOURCE_CRON &&
        view_opt(&s->view, object, path, &own, e) < 0)
        return -1;
    s->poll_interval = own != NULL ? own : common != NULL ? common : "5m";
    return 0;
}

static int
read_spec(struct spawner_view *s, const json_t *object, struct err *e)
{
    struct view *v = &s->view;
    json_t *when = NULL, *task = NULL, *credentials = NULL;
    const char *interval = NULL;

    if (json_get_obj(object, "spec.when", &when, e) < 0 ||
        json_get_obj(object, "spec.taskTemplate", &task, e) < 0 ||
        view_opt(v, object, "spec.taskTemplate.workspaceRef.name", &s->workspace, e) <
            0 ||
        view_opt(v, object, "spec.taskTemplate.promptTemplate", &s->prompt_template, e) <
            0 ||
        view_opt(v, object, "spec.taskTemplate.branch", &s->branch_template, e) < 0 ||
        view_opt(v, object, "spec.taskTemplate.nameTemplate", &s->name_template, e) < 0 ||
        view_opt(v, object, "spec.when.cron.schedule", &s->schedule, e) < 0 ||
        view_opt(v, object, "spec.when.cron.timeZone", &s->time_zone, e) < 0 ||
        view_opt(v, object, "spec.when.jira.baseUrl", &s->jira_base, e) < 0 ||
        view_opt(v, object, "spec.when.jira.secretRef.name", &s->jira_secret, e) < 0 ||
        view_opt(v, object, "spec.pollInterval", &interval, e) < 0 ||
        json_opt_int(object, "spec.maxConcurrency", &s->max_concurrency, e) < 0 ||
        json_opt_int(object, "spec.maxTotalTasks", &s->max_total, e) < 0 ||
        json_opt_arr(object, "spec.credentials", &credentials, e) < 0 ||
        json_opt_bool(object, "spec.suspend", &s->suspend, e) < 0)
        return -1;
    if (s->prompt_template == NULL)
        s->prompt_template = "";
    if (s->branch_template == NULL)
        s->branch_template = "";
    if (s->name_template == NULL)
        s->name_template = "";
    s->when = json_deep_copy(when);
    s->template_ = json_deep_copy(task);
    s->credentials = json_deep_copy(credentials);
    read_source(s);
    if (source_is_github(s->source) && read_github(s, object, e) < 0)
        return -1;
    return read_interval(s, object, interval, e);
}

static void
read_conditions(struct spawner_view *s, const json_t *list)
{
    struct pool *a = &s->view.arena;

    s->n_conditions = json_array_size(list);
    if (s->n_conditions > 0)
        s->conditions = pool_alloc(a, s->n_conditions * sizeof *s->conditions);
    for (size_t i = 0; i < s->n_conditions; i++) {
        const json_t *c = json_array_get(list, i);
        s->conditions[i] = (struct condition){
            .type = pool_str(a, json_str_or(c, "type", "")),
            .status = pool_str(a, json_str_or(c, "status", "")),
            .reason = pool_str(a, json_str_or(c, "reason", "")),
            .message = pool_str(a, json_str_or(c, "message", "")),
            .since = pool_str(a, json_str_or(c, "lastTransitionTime", "")),
            .generation = json_int_or(c, "observedGeneration", 0),
        };
    }
}

int
spawner_view_read(struct view *v, const json_t *object, struct err *e)
{
    struct spawner_view *s = (struct spawner_view *)v;

    if (read_spec(s, object, e) < 0)
        return -1;
    const char *note = profile_of(v->meta.profile)->note_isolation;
    s->isolation =
        pool_str(&v->arena, json_string_value(json_object_get(
                                json_at(object, "metadata.annotations"), note)));
    s->phase = pool_str(&v->arena, json_str_or(object, "status.phase", ""));
    s->message = pool_str(&v->arena, json_str_or(object, "status.message", ""));
    s->total_discovered = json_int_or(object, "status.totalDiscovered", 0);
    s->total_created = json_int_or(object, "status.totalTasksCreated", 0);
    s->active = json_int_or(object, "status.activeTasks", 0);
    s->discovered_ms = view_time(object, "status.lastDiscoveryTime");
    s->handed_ms = view_time(object, "status.lastTickTime");
    s->next_poll_ms = view_time(object, "status.nextPollTime");
    s->quota_left = json_int_or(object, "status.quotaLeft", -1);
    s->deployment_name =
        pool_str(&v->arena, json_str_or(object, "status.deploymentName", ""));
    s->cron_job_name = pool_str(&v->arena, json_str_or(object, "status.cronJobName", ""));
    read_conditions(s, json_at(object, "status.conditions"));
    return 0;
}
