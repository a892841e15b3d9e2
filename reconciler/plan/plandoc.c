/* plandoc.c - see plandoc.h. */
#include "reconciler/plan/plandoc.h"

#include <stdlib.h>
#include <string.h>

#include "proto/message.h"
#include "reconciler/job/wish.h"

/* All that a plan is made of, and what is told about it. */
struct doc {
    struct spawner_view *spawner;
    const json_t *objects; /* all Tasks */
    struct view **views;   /* parallel to it, NULL where unreadable; owned */
    struct plan_task *tasks;
    size_t n_tasks;
    const char **again; /* names of Tasks that are made anew; owned list */
    size_t n_again;
    struct item_set *items;
    bool suspended;
};

/* ---- facts ---- */

static void
read_item(struct item_set *set, const json_t *row)
{
    const json_t *labels = json_object_get(row, "labels");
    const char *names[256];
    struct msg_item m = {.id = json_str_or(row, "id", ""),
                         .number = json_int_or(row, "number", 0),
                         .title = json_str_or(row, "title", ""),
                         .body = json_str_or(row, "body", ""),
                         .url = json_str_or(row, "url", ""),
                         .comments = json_str_or(row, "comments", ""),
                         .kind = json_str_or(row, "kind", ""),
                         .author = json_str_or(row, "author", ""),
                         .time = json_str_or(row, "time", ""),
                         .schedule = json_str_or(row, "schedule", ""),
                         .branch = json_str_or(row, "branch", ""),
                         .sha = json_str_or(row, "sha", ""),
                         .review_state = json_str_or(row, "review_state", ""),
                         .review_comments = json_str_or(row, "review_comments", ""),
                         .trigger_time = json_int_or(row, "trigger_time", 0)};

    for (size_t i = 0; i < json_array_size(labels) && i < 256; i++)
        if (json_is_string(json_array_get(labels, i)))
            names[m.labels.count++] = json_string_value(json_array_get(labels, i));
    m.labels.items = names;
    item_set_add(set, &(struct msg_items){.items = {&m, 1}});
}

static int
read_items(struct doc *d, const json_t *answer, int64_t now_ms, struct err *e)
{
    json_t *rows = NULL;

    if (json_get_arr(answer, "items", &rows, e) < 0)
        return err_wrap(e, "answer");
    d->items = item_set_new();
    for (size_t i = 0; i < json_array_size(rows); i++)
        read_item(d->items, json_array_get(rows, i));
    d->items->polled_ms = now_ms;
    d->items->watermark_ms = json_int_or(answer, "watermark", 0);
    snprintf(d->items->warning, sizeof d->items->warning, "%s",
             json_str_or(answer, "warning", ""));
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct plan_task *)a)->name,
                  ((const struct plan_task *)b)->name);
}

static void
read_tasks(struct doc *d)
{
    const struct meta *m = &d->spawner->view.meta;
    size_t n = json_array_size(d->objects);

    d->views = calloc(n + 1, sizeof *d->views);
    d->tasks = calloc(n + 1, sizeof *d->tasks);
    d->again = calloc(n + 1, sizeof *d->again);
    if (d->views == NULL || d->tasks == NULL || d->again == NULL)
        abort();
    for (size_t i = 0; i < n; i++) {
        struct err e = ERR_INIT;
        d->views[i] = view_new(KIND_TASK, m->profile, json_array_get(d->objects, i), &e);
        const struct task_view *t = (const struct task_view *)d->views[i];
        if (t != NULL && plan_owns(d->spawner, t))
            d->tasks[d->n_tasks++] = plan_task_of(t);
    }
    qsort(d->tasks, d->n_tasks, sizeof *d->tasks, by_name);
}

static bool
is_again(const struct doc *d, const char *name)
{
    for (size_t i = 0; i < d->n_again; i++)
        if (strcmp(d->again[i], name) == 0)
            return true;
    return false;
}

static bool
is_taken(void *arg, const char *name)
{
    const struct doc *d = arg;

    for (size_t i = 0; i < json_array_size(d->objects) && !is_again(d, name); i++)
        if (strcmp(json_str_or(json_array_get(d->objects, i), "metadata.name", ""),
                   name) == 0)
            return true;
    return false;
}

/* ---- planning ---- */

/* The Tasks that the plan deletes are gone for the next one. */
static void
take_away(struct doc *d, const struct plan *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n_deletes; i++)
        d->again[d->n_again++] = p->deletes[i]->name;
    for (size_t i = 0; i < d->n_tasks; i++)
        if (!is_again(d, d->tasks[i].name))
            d->tasks[kept++] = d->tasks[i];
    d->n_tasks = kept;
}

static void
make_plan(struct doc *d, int64_t now_ms, struct plan *p)
{
    struct plan_facts f = {.spawner = d->spawner,
                           .items = d->items,
                           .tasks = d->tasks,
                           .n_tasks = d->n_tasks,
                           .taken = is_taken,
                           .arg = d};

    for (size_t i = 0; i < d->n_tasks; i++)
        if (d->tasks[i].ordinal > f.total)
            f.total = d->tasks[i].ordinal;
    plan_make(&f, now_ms, p);
    while (p->n_deletes > 0) {
        take_away(d, p);
        f.n_tasks = d->n_tasks;
        plan_free(p);
        plan_make(&f, now_ms, p);
    }
}

/* ---- telling ---- */

static void
put(json_t *o, const char *key, const char *text)
{
    if (text != NULL && *text != '\0')
        json_object_set_new(o, key, json_string(text));
}

static json_t *
item_row(const struct item *it)
{
    json_t *row = json_object();

    put(row, "id", it->id);
    if (it->number != 0)
        json_object_set_new(row, "number", json_integer(it->number));
    put(row, "kind", it->kind);
    put(row, "title", it->title);
    put(row, "url", it->url);
    put(row, "time", it->time);
    return row;
}

/* What the Task would be, whether or not it starts now. */
static const char *
put_task(const struct doc *d, json_t *row, const struct item *it, const char *state,
         struct err *e)
{
    SCOPED(json) json_t *task = item_task(d->spawner, it, e);

    if (task == NULL) {
        put(row, "reason", e->text);
        return plan_state_name(PLAN_FAILS);
    }
    put(row, "branch", json_str_or(task, "spec.branch", ""));
    put(row, "prompt", json_str_or(task, "spec.prompt", ""));
    return state;
}

static json_t *
verdict_row(const struct doc *d, const struct plan_verdict *v)
{
    json_t *row = item_row(v->item);
    const char *state = plan_state_name(v->state);
    struct err e = ERR_INIT;

    put(row, "task", v->name);
    if (v->task != NULL)
        put(row, "taskPhase",
            *phase_name(v->task->phase) != '\0' ? phase_name(v->task->phase) : "Pending");
    if (v->state == PLAN_STARTS && d->suspended)
        state = "WaitsForResume";
    else if (is_again(d, v->name))
        put(row, "reason",
            "the trigger comment is newer than the end of its Task, which is "
            "deleted first");
    put(row, "reason", v->why);
    if (v->state != PLAN_FAILS)
        state = put_task(d, row, v->item, state, &e);
    put(row, "state", state);
    return row;
}

static void
put_counts(json_t *out, const json_t *rows)
{
    static const struct {
        const char *member, *states[4];
    } counts[] = {
        {"starting", {"Starts"}},
        {"waiting",
         {"WaitsForMaxConcurrency", "WaitsForMaxTotalTasks", "WaitsForResume"}},
        {"failing", {"Fails"}},
        {"existing", {"HasTask"}},
    };

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        json_int_t n = 0;
        for (size_t k = 0; k < json_array_size(rows); k++)
            for (size_t s = 0; s < 4 && counts[i].states[s] != NULL; s++)
                n += strcmp(json_str_or(json_array_get(rows, k), "state", ""),
                            counts[i].states[s]) == 0;
        json_object_set_new(out, counts[i].member, json_integer(n));
    }
}

static json_t *
limits_json(const struct doc *d, const struct plan *p)
{
    int64_t active = 0;

    for (size_t i = 0; i < d->n_tasks; i++)
        active += !phase_terminal(d->tasks[i].phase);
    json_t *out =
        json_pack("{s:I, s:I}", "activeTasks", (json_int_t)active, "totalTasksCreated",
                  (json_int_t)(p->status.total_created - (int64_t)p->n_creates));
    if (d->spawner->max_concurrency > 0)
        json_object_set_new(out, "maxConcurrency",
                            json_integer(d->spawner->max_concurrency));
    if (d->spawner->max_total > 0)
        json_object_set_new(out, "maxTotalTasks", json_integer(d->spawner->max_total));
    return out;
}

static json_t *
tell(const struct doc *d, const struct plan *p, const json_t *answer)
{
    const struct meta *m = &d->spawner->view.meta;
    json_t *out =
        json_pack("{s:s, s:s, s:s, s:b}", "namespace", m->ns, "name", m->name, "source",
                  source_kind_name(d->spawner->source), "suspended", d->suspended);
    json_t *rows = json_array();

    for (size_t i = 0; i < p->n_verdicts; i++)
        json_array_append_new(rows, verdict_row(d, &p->verdicts[i]));
    put(out, "warning", d->items->warning);
    json_object_set_new(out, "limits", limits_json(d, p));
    put_counts(out, rows);
    json_object_set_new(out, "items", rows);
    if (json_is_array(json_object_get(answer, "excluded")))
        json_object_set(out, "excluded", json_object_get(answer, "excluded"));
    return out;
}

static void
release(struct doc *d)
{
    for (size_t i = 0; d->views != NULL && i < json_array_size(d->objects); i++)
        view_free(d->views[i]);
    free(d->views);
    free(d->tasks);
    free(d->again);
    item_set_free(d->items);
}

json_t *
plandoc_make(struct spawner_view *s, const json_t *answer, const json_t *tasks,
             int64_t now_ms, struct err *e)
{
    struct doc d = {.spawner = s, .objects = tasks, .suspended = s->suspend};
    char why[512];
    struct plan p;
    json_t *out = NULL;

    if (plan_config_error(s, why, sizeof why)) {
        err_set(e, ERR_INVALID, "%s", why);
        return NULL;
    }
    s->suspend = false; /* what would start once it is resumed */
    if (read_items(&d, answer, now_ms, e) == 0) {
        read_tasks(&d);
        make_plan(&d, now_ms, &p);
        out = tell(&d, &p, answer);
        plan_free(&p);
    }
    release(&d);
    return out;
}
