/* status.c - see status.h. */
#include "reconciler/task/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/macros.h"
#include "common/value/quantity.h"

/* Beyond it a reported number is a mistake: it would spoil a counter for ever. */
#define PLAUSIBLE_MAX 1e15

const char *
status_dependency(struct pool *a, const struct deps *d)
{
    static const char *const texts[] = {
        [DEPS_READY] = "",
        [DEPS_ABSENT] = "Waiting for dependency \"%s\" to be created",
        [DEPS_WAITING] = "Waiting for dependency \"%s\"",
        [DEPS_FAILED] = "Dependency \"%s\" failed",
        [DEPS_CYCLE] = "Circular dependency detected: cycle involves \"%s\"",
    };
    const char *text = texts[d->state];
    const char *gap = strstr(text, "%s");

    if (gap == NULL)
        return text;
    return pool_printf(a, "%.*s%s%s", (int)(gap - text), text, d->name, gap + 2);
}

const char *
status_branch(struct pool *a, const struct task_view *t, const struct branch *b)
{
    return pool_printf(a, "Waiting for branch \"%s\" (%s %s)", t->branch,
                       b->state == BRANCH_HELD ? "locked by" : "queued behind", b->by);
}

const char *
status_end(struct pool *a, bool ok, const struct job_view *j, const struct pod_view *pod,
           const char *before)
{
    const char *why = NULL;

    if (ok)
        return "Task completed successfully";
    if (pod != NULL)
        why = pod->failure != NULL ? pod->failure : pod->waiting;
    else if (*before != '\0') /* the Pod was taken away at a deadline */
        why = before;
    return pool_printf(a, "Task failed%s%s%s%s%s", why != NULL ? ": " : "",
                       why != NULL ? why : "", *j->failed_reason != '\0' ? " (" : "",
                       j->failed_reason, *j->failed_reason != '\0' ? ")" : "");
}

const char *
status_uncaptured(struct pool *a, const struct capture *c)
{
    if (c == NULL || c->complete || *c->message == '\0')
        return "";
    return pool_printf(a, "; outputs not captured: %s", c->message);
}

const char *
status_with_tail(struct pool *a, const char *line, const char *tail)
{
    size_t size = tail != NULL ? strlen(tail) : 0;

    while (size > 0 && tail[size - 1] == '\n')
        size--;
    return size == 0 ? line : pool_printf(a, "%s\n%.*s", line, (int)size, tail);
}

const char *
status_cause(const struct job_view *j, const struct pod_view *pod)
{
    if (strcmp(j->failed_reason, "DeadlineExceeded") == 0)
        return j->failed_reason;
    if (pod != NULL && pod->failure_reason != NULL)
        return pod->failure_reason;
    return *j->failed_reason != '\0' ? j->failed_reason : "TaskFailed";
}

static bool
texts_equal(const struct texts *a, const struct texts *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->at[i], b->at[i]) != 0)
            return false;
    return true;
}

/* Times on the wire have seconds. */
static bool
same_second(int64_t a, int64_t b)
{
    return a / 1000 == b / 1000;
}

/* Shown as a condition, where there are such. */
static bool
blocked_differs(const struct task_view *now, const struct task_status *want)
{
    return profile_of(now->view.meta.profile)->task_results &&
           now->blocked != want->blocked;
}

bool
status_differs(const struct task_view *now, const struct task_status *want)
{
    return now->phase != want->phase || blocked_differs(now, want) || now->quarantined ||
           strcmp(now->message, want->message) != 0 ||
           strcmp(now->job_name, want->job_name) != 0 ||
           strcmp(now->pod_name, want->pod_name) != 0 ||
           !same_second(now->started_ms, want->started_ms) ||
           !same_second(now->completed_ms, want->completed_ms) ||
           (want->with_outputs && !texts_equal(&now->outputs, &want->outputs));
}

static void
put_text(json_t *status, const char *key, const char *now, const char *want)
{
    if (strcmp(now, want) != 0)
        json_object_set_new(status, key, *want != '\0' ? json_string(want) : json_null());
}

static void
put_time(json_t *status, const char *key, int64_t now, int64_t want)
{
    char text[RFC3339_SIZE];

    if (same_second(now, want))
        return;
    rfc3339_format(want, text);
    json_object_set_new(status, key, want != 0 ? json_string(text) : json_null());
}

static void
put_outputs(json_t *status, const struct profile *p, const struct task_status *want)
{
    json_t *outputs = json_array(), *results = json_object();

    for (size_t i = 0; i < want->outputs.n; i++)
        json_array_append_new(outputs, json_string(want->outputs.at[i]));
    json_object_set_new(status, "outputs", outputs);
    for (size_t i = 0; i < want->keys.n; i++)
        json_object_set_new(results, want->keys.at[i], json_string(want->values.at[i]));
    if (json_object_size(results) == 0 || !p->task_results) {
        json_decref(results);
        return;
    }
    json_object_set_new(status, "results", results);
    json_t *usage = status_usage(&want->keys, &want->values);
    if (usage != NULL)
        json_object_set_new(status, "usage", usage);
}

json_t *
status_patch(const struct task_view *now, const struct task_status *want)
{
    json_t *status = json_object();

    put_text(status, "phase", phase_name(now->phase), phase_name(want->phase));
    put_text(status, "message", now->message, want->message);
    put_text(status, "jobName", now->job_name, want->job_name);
    put_text(status, "podName", now->pod_name, want->pod_name);
    put_time(status, "startTime", now->started_ms, want->started_ms);
    put_time(status, "completionTime", now->completed_ms, want->completed_ms);
    json_t *conditions = taskconditions_next(now, want);
    if (conditions != NULL)
        json_object_set_new(status, "conditions", conditions);
    if (want->with_outputs)
        put_outputs(status, profile_of(now->view.meta.profile), want);
    return json_pack("{s:o}", "status", status);
}

static const char *
result_of(const struct texts *keys, const struct texts *values, const char *key)
{
    for (size_t i = 0; i < keys->n; i++)
        if (strcmp(keys->at[i], key) == 0)
            return values->at[i];
    return NULL;
}

double
status_number(const struct texts *keys, const struct texts *values, const char *key)
{
    const char *text = result_of(keys, values, key);
    char *end = NULL;

    if (text == NULL || *text == '\0')
        return 0;
    double number = strtod(text, &end);
    if (*end != '\0' || !isfinite(number) || number <= 0 || number > PLAUSIBLE_MAX)
        return 0;
    return number;
}

/* As it stands; a number of more digits than a quantity can hold, as sums of floats have, in the
 * canonical spelling. NULL: it is no quantity above zero. */
static json_t *
cost_of(const char *text)
{
    const struct quantity zero = {0};
    struct quantity q;
    char spelling[QUANTITY_SIZE];
    const char *point = text != NULL ? strchr(text, '.') : NULL;

    if (quantity_parse(text, &q) < 0 || quantity_compare(&q, &zero) <= 0 ||
        quantity_value(&q) > (int64_t)PLAUSIBLE_MAX)
        return NULL;
    quantity_format(&q, spelling);
    bool fits = point == NULL || strspn(point + 1, "0123456789") <= 9;
    return json_string(fits ? text : spelling);
}

/* 0: it is no decimal integer above zero. */
static int64_t
tokens_of(const char *text)
{
    size_t digits = text != NULL ? strspn(text, "0123456789") : 0;
    int64_t n = digits > 0 && text[digits] == '\0' ? strtoll(text, NULL, 10) : 0;

    return n <= (int64_t)PLAUSIBLE_MAX ? n : 0;
}

json_t *
status_usage(const struct texts *keys, const struct texts *values)
{
    static const char *const tokens[][2] = {{"input-tokens", "inputTokens"},
                                            {"output-tokens", "outputTokens"}};
    json_t *usage = json_object();

    json_t *cost = cost_of(result_of(keys, values, "cost-usd"));
    if (cost != NULL)
        json_object_set_new(usage, "costUSD", cost);
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        int64_t n = tokens_of(result_of(keys, values, tokens[i][0]));
        if (n > 0)
            json_object_set_new(usage, tokens[i][1], json_integer(n));
    }
    if (json_object_size(usage) == 0) {
        json_decref(usage);
        return NULL;
    }
    return usage;
}
