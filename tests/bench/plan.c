/* plan.c - how long it takes to plan 10,000 items against 10,000 Tasks. Prints milliseconds of
 * processor time (others may share the machine): the median of some runs when nothing is to be done, and when half of the Tasks are missing
 * (their documents are made, too). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/plan/plan.h"

enum { ITEMS = 10000, RUNS = 9 };

static struct spawner_view *
spawner(void)
{
    static const char text[] =
        "{\"metadata\":{\"name\":\"bugs\",\"namespace\":\"dev\",\"uid\":\"u1\"},"
        "\"spec\":{\"when\":{\"githubIssues\":{\"labels\":[\"bug\"],\"priorityLabels\":["
        "\"p0\",\"p1\"]}},"
        "\"taskTemplate\":{\"type\":\"claude-code\",\"promptTemplate\":\"Fix "
        "{{.Title}}\","
        "\"credentials\":{\"type\":\"api-key\",\"secretRef\":{\"name\":\"s\"}},"
        "\"workspaceRef\":{\"name\":\"w\"}}},\"status\":{}}";
    struct err e = ERR_INIT;
    json_t *object = json_loads(text, 0, NULL);
    struct view *v = view_new(KIND_TASK_SPAWNER, 0, object, &e);

    if (v == NULL) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    json_decref(object);
    return (struct spawner_view *)v;
}

static struct item_set *
items(void)
{
    struct item_set *set = item_set_new();

    for (int i = 0; i < ITEMS; i++) {
        const char *labels[] = {"bug", i % 3 == 0 ? "p0" : "later"};
        char id[16];
        const struct msg_item item = {.id = id,
                                      .number = i,
                                      .title = "Something is wrong",
                                      .body = "And this is how.",
                                      .url = "",
                                      .labels = {labels, 2},
                                      .comments = "",
                                      .kind = "Issue",
                                      .author = "",
                                      .time = "",
                                      .schedule = "",
                                      .branch = ""};
        const struct msg_items page = {.items = {&item, 1}};

        snprintf(id, sizeof id, "%d", i);
        item_set_add(set, &page);
    }
    set->polled_ms = clock_wall_ms();
    return set;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct plan_task *)a)->name,
                  ((const struct plan_task *)b)->name);
}

static bool
nobody_else(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return false;
}

static int
by_size(const void *a, const void *b)
{
    return *(const double *)a < *(const double *)b ? -1 : 1;
}

static double
cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double
measure(const struct plan_facts *f, size_t creates)
{
    double ms[RUNS];

    for (int i = 0; i < RUNS; i++) {
        struct plan p;
        double start = cpu_ms();

        plan_make(f, clock_wall_ms(), &p);
        ms[i] = cpu_ms() - start;
        if (p.n_creates != creates) {
            fprintf(stderr, "%zu Tasks planned, not %zu\n", p.n_creates, creates);
            exit(1);
        }
        plan_free(&p);
    }
    qsort(ms, RUNS, sizeof *ms, by_size);
    return ms[RUNS / 2];
}

int
main(void)
{
    static struct plan_task tasks[ITEMS];
    static char names[ITEMS][32];
    struct plan_facts f = {.spawner = spawner(),
                           .items = items(),
                           .tasks = tasks,
                           .n_tasks = ITEMS,
                           .taken = nobody_else};

    log_init("plan", LEVEL_WARN, LOG_TEXT);
    for (int i = 0; i < ITEMS; i++) {
        snprintf(names[i], sizeof names[i], "bugs-%d", i);
        tasks[i] = (struct plan_task){
            .name = names[i], .uid = "u", .phase = PHASE_SUCCEEDED, .ordinal = i + 1};
    }
    qsort(tasks, ITEMS, sizeof *tasks, by_name);
    double steady = measure(&f, 0);
    f.n_tasks = ITEMS / 2;
    printf("%.1f %.1f\n", steady, measure(&f, ITEMS / 2));
    item_set_free((struct item_set *)f.items);
    view_free((struct view *)f.spawner);
    return 0;
}
