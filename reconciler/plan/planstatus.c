/* planstatus.c - see planstatus.h. */
#include "reconciler/plan/planstatus.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/macros.h"
#include "reconciler/plan/planwarning.h"
#include "reconciler/condition.h"

/* The end of the year 9999: what is later is never. */
#define NEXT_POLL_LATEST_MS 253402300799000

static const struct condition *
condition_now(const struct spawner_view *s, const char *type)
{
    for (size_t i = 0; i < s->n_conditions; i++)
        if (strcmp(s->conditions[i].type, type) == 0)
            return &s->conditions[i];
    return NULL;
}

/* Adds a condition; its time is the one of the last change of `status`. */
static void
set_condition(const struct plan_facts *f, struct plan *p, int64_t now_ms,
              const char *type, bool on, const char *reason, const char *message)
{
    const struct condition *now = condition_now(f->spawner, type);
    struct spawner_status *st = &p->status;
    const char *status = on ? "True" : "False";
    char time[RFC3339_SIZE];

    rfc3339_format(now_ms, time);
    st->conditions[st->n_conditions++] = (struct condition){
        .type = type,
        .status = status,
        .reason = reason,
        .message = message,
        .since = now != NULL && strcmp(now->status, status) == 0
                     ? now->since
                     : pool_str(&p->arena, time),
        .generation = f->spawner->view.meta.generation,
    };
}

/* One that tells of trouble: shown while it lasts, and as False afterwards. */
static void
set_trouble(const struct plan_facts *f, struct plan *p, int64_t now_ms, const char *type,
            const char *reason, const char *message)
{
    if (message != NULL)
        set_condition(f, p, now_ms, type, true, reason, message);
    else if (condition_now(f->spawner, type) != NULL)
        set_condition(f, p, now_ms, type, false, "Resolved", "");
}

/* Begin and end of a trouble are told; its words may change in between. */
static void
collect_news(const struct plan_facts *f, struct plan *p)
{
    static const char *const told[] = {"DiscoveryError", "TemplateError",
                                       "SourceQuotaLow", "ConfigurationWarning"};
    const struct spawner_status *st = &p->status;

    p->n_news = 0;
    if (!profile_of(f->spawner->view.meta.profile)->task_conditions)
        return; /* what was told before is not known */
    for (size_t i = 0; i < st->n_conditions; i++) {
        const struct condition *c = &st->conditions[i];
        const struct condition *now = condition_now(f->spawner, c->type);
        bool on = strcmp(c->status, "True") == 0;
        bool was = now != NULL && strcmp(now->status, "True") == 0;
        for (size_t k = 0; on != was && k < ARRAY_LEN(told); k++)
            if (strcmp(told[k], c->type) == 0)
                p->news[p->n_news++] = (struct plan_news){
                    .warning = on,
                    .reason = told[k],
                    .text = on ? c->message : "Resolved",
                };
    }
}

static void
set_budget(const struct plan_facts *f, const struct plan_outcome *o, int64_t now_ms,
           struct plan *p)
{
    static const struct {
        const char *type, *left;
    } conditions[] = {
        {"TaskBudgetExhausted", "Task budget has not been exhausted"},
        {"MaxTotalTasksReached", "maxTotalTasks limit has not been reached"},
    };
    const char *reached = NULL;

    if (o->budget_reached)
        reached = pool_printf(
            &p->arena, "Total tasks created (%lld) has reached maxTotalTasks (%lld)",
            (long long)o->total, (long long)f->spawner->max_total);
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
        set_condition(f, p, now_ms, conditions[i].type, reached != NULL,
                      reached != NULL ? "LimitReached" : "LimitAvailable",
                      reached != NULL ? reached : conditions[i].left);
}

/* The source's trouble, a name that cannot be made, or items that become no Task. */
static void
set_discovery(const struct plan_facts *f, const struct plan_outcome *o, int64_t now_ms,
              struct plan *p)
{
    static const char type[] = "DiscoveryError";

    if (f->error_message != NULL)
        set_condition(f, p, now_ms, type, true,
                      f->error_reason != NULL ? f->error_reason : "SourceFailed",
                      f->error_message);
    else if (o->name_error != NULL)
        set_condition(f, p, now_ms, type, true, "NameInvalid", o->name_error);
    else if (o->failures != NULL)
        set_condition(f, p, now_ms, type, true, "TaskCreationFailed", o->failures);
    else if (f->items != NULL || condition_now(f->spawner, type) != NULL)
        set_condition(f, p, now_ms, type, false, "NoErrors",
                      "Task creation succeeded for all discovered items");
}

/* What a poll gave, and what of it became no Task. */
static const char *
discovered_message(const struct plan_facts *f, const struct plan_outcome *o,
                   struct pool *a)
{
    const char *text = pool_printf(a, "Discovered %zu items, created %lld tasks total",
                                   f->items->n, (long long)o->total);

    return o->failures == NULL ? text
                               : pool_printf(a, "%s; %zu creation error(s): %s", text,
                                             o->failed, o->failures);
}

static void
set_conditions(const struct plan_facts *f, const struct plan_outcome *o, int64_t now_ms,
               struct plan *p)
{
    bool polled = f->items != NULL;
    const struct plan_warning config = plan_config_warning(f->spawner, &p->arena);

    if (f->spawner->suspend)
        set_condition(f, p, now_ms, "Suspended", true, "UserSuspended",
                      "TaskSpawner is suspended by user");
    else if (polled || condition_now(f->spawner, "Suspended") != NULL)
        set_condition(f, p, now_ms, "Suspended", false, "Running",
                      "TaskSpawner is running");
    if (polled || f->spawner->suspend ||
        condition_now(f->spawner, "TaskBudgetExhausted") != NULL)
        set_budget(f, o, now_ms, p);
    set_discovery(f, o, now_ms, p);
    set_trouble(f, p, now_ms, "TemplateError", "Invalid", f->template_error);
    set_trouble(f, p, now_ms, "SourceQuotaLow", "BelowATenth",
                plan_quota_warning(&f->quota, &p->arena));
    set_trouble(f, p, now_ms, "SourceWarning", "Incomplete",
                polled && f->items->warning[0] != '\0' ? f->items->warning : NULL);
    set_trouble(f, p, now_ms, "ConfigurationWarning", config.reason, config.text);
}

/* Phase and message, in the order in which one overrules the other. */
static void
set_phase(const struct plan_facts *f, const struct plan_outcome *o, struct plan *p)
{
    const struct spawner_view *s = f->spawner;
    struct spawner_status *st = &p->status;
    bool was_suspended = strcmp(s->phase, "Suspended") == 0;

    st->phase = s->phase;
    st->message = s->message;
    if (s->suspend) {
        st->phase = "Suspended";
        st->message = "Suspended by user";
    } else if (f->config_error != NULL) {
        st->phase = "Failed";
        st->message = f->config_error;
    } else if (f->workspace_missing) {
        return;
    } else if (o->name_error != NULL) {
        st->phase = "Failed";
        st->message = o->name_error;
    } else if (f->failures >= PLAN_FAILURES_MAX) {
        st->phase = "Failed";
        st->message = f->error_message;
    } else if (f->items != NULL && f->failures == 0) {
        st->phase = "Running";
        st->message = discovered_message(f, o, &p->arena);
    } else if (was_suspended) {
        st->phase = "Running";
        st->message = s->source == SOURCE_CRON ? "" : "Resumed";
    } else if (s->source == SOURCE_CRON && strcmp(s->phase, "Running") != 0 &&
               f->failures == 0) {
        st->phase = "Running";
        st->message = "";
    } else if (*s->phase == '\0') {
        st->phase = "Pending";
    }
}

static bool
same_conditions(const struct spawner_view *s, const struct spawner_status *st)
{
    for (size_t i = 0; i < st->n_conditions; i++) {
        const struct condition *want = &st->conditions[i],
                               *now = condition_now(s, want->type);
        if (now == NULL || strcmp(now->status, want->status) != 0 ||
            strcmp(now->reason, want->reason) != 0 ||
            strcmp(now->message, want->message) != 0 ||
            now->generation != want->generation)
            return false;
    }
    return st->n_conditions == s->n_conditions;
}

/* How far a time must move to be written for its own sake. When a source is asked next is of
 * interest while it fails. */
static int64_t
stamp_ms(const struct plan_facts *f)
{
    int64_t polls = PLAN_STAMP_POLLS * plan_poll_ms(f->spawner);

    if (f->spawner->source == SOURCE_CRON || f->failures > 0 || polls < PLAN_STAMP_MS)
        return PLAN_STAMP_MS;
    return polls;
}

/* Whether the next poll is worth a write: it comes earlier than was said, or the source waits
 * for longer than a pace that is halved. */
static bool
next_poll_moved(const struct plan_facts *f, const struct spawner_status *st)
{
    int64_t by = st->next_poll_ms - f->spawner->next_poll_ms;
    int64_t usual = plan_poll_ms(f->spawner) / 4 * 9 + PLAN_STAMP_MS;
    bool waits = f->items != NULL && st->next_poll_ms - f->items->polled_ms > usual;

    return by <= -PLAN_STAMP_MS || by >= (waits ? PLAN_STAMP_MS : stamp_ms(f));
}

static bool
named_otherwise(const char *now, const char *want)
{
    return want != NULL && strcmp(now, want) != 0;
}

static bool
differs(const struct plan_facts *f, const struct spawner_status *st)
{
    const struct spawner_view *s = f->spawner;
    bool with_conditions = profile_of(s->view.meta.profile)->task_conditions;
    int64_t stamp = st->discovered_ms - s->discovered_ms;

    return strcmp(s->phase, st->phase) != 0 || strcmp(s->message, st->message) != 0 ||
           s->total_discovered != st->total_discovered ||
           s->total_created != st->total_created || s->active != st->active ||
           s->handed_ms != st->handed_ms || next_poll_moved(f, st) ||
           stamp >= stamp_ms(f) || (s->source == SOURCE_CRON && stamp >= 1000) ||
           named_otherwise(s->deployment_name, st->deployment_name) ||
           named_otherwise(s->cron_job_name, st->cron_job_name) ||
           (with_conditions && !same_conditions(s, st));
}

/* A schedule's watermark moves with its ticks; it jumps over what passed while suspended. */
static int64_t
discovered(const struct plan_facts *f, const struct plan_outcome *o, int64_t now_ms)
{
    const struct spawner_view *s = f->spawner;

    if (s->source == SOURCE_CRON && !s->suspend && strcmp(s->phase, "Suspended") == 0)
        return now_ms;
    if (s->suspend || f->items == NULL || o->name_error != NULL)
        return s->discovered_ms;
    int64_t at = s->source == SOURCE_CRON ? o->watermark_ms : f->items->polled_ms;
    return at > s->discovered_ms ? at : s->discovered_ms;
}

/* Ticks that wait are waited for by the next process, too; a suspension ends that. */
static int64_t
handed(const struct plan_facts *f, const struct plan_outcome *o)
{
    const struct spawner_view *s = f->spawner;

    if (s->source != SOURCE_CRON || s->suspend || strcmp(s->phase, "Suspended") == 0)
        return 0;
    return f->items == NULL || o->name_error != NULL ? s->handed_ms : o->handed_ms;
}

/* Until a source has said when it looks again, what the process before knew stands. A schedule
 * that never fires is never looked at again. */
static void
set_next_poll(const struct plan_facts *f, struct spawner_status *st)
{
    const struct spawner_view *s = f->spawner;
    bool idle = s->suspend || f->config_error != NULL;

    st->next_poll_ms = f->next_poll_ms != 0 ? f->next_poll_ms : s->next_poll_ms;
    if (idle || st->next_poll_ms > NEXT_POLL_LATEST_MS)
        st->next_poll_ms = 0;
    st->quota_left = f->quota.limit > 0 ? f->quota.left : s->quota_left;
}

void
planstatus_make(const struct plan_facts *f, const struct plan_outcome *o, int64_t now_ms,
                struct plan *p)
{
    const struct spawner_view *s = f->spawner;
    struct spawner_status *st = &p->status;

    set_phase(f, o, p);
    st->total_discovered =
        f->items != NULL && !s->suspend ? (int64_t)f->items->n : s->total_discovered;
    st->total_created = o->total;
    st->active = o->active;
    st->discovered_ms = discovered(f, o, now_ms);
    st->handed_ms = handed(f, o);
    set_next_poll(f, st);
    st->deployment_name = f->deployment_name;
    st->cron_job_name = f->cron_job_name;
    set_conditions(f, o, now_ms, p);
    p->write = differs(f, st);
    collect_news(f, p);
}

static void
patch_name(json_t *status, const char *member, const char *now, const char *want)
{
    if (named_otherwise(now, want))
        json_object_set_new(status, member,
                            *want != '\0' ? json_string(want) : json_null());
}

json_t *
plan_patch(const struct spawner_view *s, const struct spawner_status *want)
{
    const struct {
        const char *name;
        int64_t now, want;
    } numbers[] = {
        {"totalDiscovered", s->total_discovered, want->total_discovered},
        {"totalTasksCreated", s->total_created, want->total_created},
        {"activeTasks", s->active, want->active},
    };
    json_t *status = json_object();
    char time[RFC3339_SIZE];

    if (strcmp(s->phase, want->phase) != 0)
        json_object_set_new(status, "phase", json_string(want->phase));
    if (strcmp(s->message, want->message) != 0)
        json_object_set_new(status, "message",
                            *want->message != '\0' ? json_string(want->message)
                                                   : json_null());
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (numbers[i].now != numbers[i].want)
            json_object_set_new(status, numbers[i].name, json_integer(numbers[i].want));
    if (want->discovered_ms / 1000 != s->discovered_ms / 1000) {
        rfc3339_format(want->discovered_ms, time);
        json_object_set_new(status, "lastDiscoveryTime", json_string(time));
    }
    if (want->handed_ms != s->handed_ms) {
        rfc3339_format(want->handed_ms, time);
        json_object_set_new(status, "lastTickTime",
                            want->handed_ms != 0 ? json_string(time) : json_null());
    }
    if (want->next_poll_ms / 1000 != s->next_poll_ms / 1000) {
        rfc3339_format(want->next_poll_ms, time);
        json_object_set_new(status, "nextPollTime",
                            want->next_poll_ms != 0 ? json_string(time) : json_null());
    }
    if (want->quota_left != s->quota_left)
        json_object_set_new(status, "quotaLeft", json_integer(want->quota_left));
    patch_name(status, "deploymentName", s->deployment_name, want->deployment_name);
    patch_name(status, "cronJobName", s->cron_job_name, want->cron_job_name);
    if (want->n_conditions > 0 && profile_of(s->view.meta.profile)->task_conditions)
        json_object_set_new(status, "conditions",
                            condition_array(want->conditions, want->n_conditions));
    return json_pack("{s:o}", "status", status);
}
