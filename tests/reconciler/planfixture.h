/* planfixture.h - TaskSpawners and items from short texts, and what is planned for them. */
#ifndef KELOS_TESTS_RECONCILER_PLANFIXTURE_H
#define KELOS_TESTS_RECONCILER_PLANFIXTURE_H

#include "tests/reconciler/fixture.h"

#include "reconciler/plan/plan.h"

#define NOW AT("2026-01-01T01:00:00Z")

static inline struct spawner_view *
make_spawner(const char *spec, const char *github, const char *task, const char *status)
{
    return make_view(
        KIND_TASK_SPAWNER, 0,
        js("{'metadata':{'name':'bugs','namespace':'dev','uid':'u1','generation':3},'"
           "spec':{"
           "'when':{'githubIssues':{%s}},'taskTemplate':{'type':'claude-code',"
           "'credentials':{'type':'api-key','secretRef':{'name':'s'}},"
           "'workspaceRef':{'name':'web'}%s%s}%s%s},'status':{%s}}",
           github, *task ? "," : "", task, *spec ? "," : "", spec, status));
}

/* Items "1:label+label 2:..." in this order, polled now. */
static inline struct item_set *
make_items(const char *text)
{
    struct item_set *set = item_set_new();
    char *copy = strdup(text), *save = NULL;

    for (char *word = strtok_r(copy, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        const char *labels[8];
        size_t n = 0;
        char *colon = strchr(word, ':'), *inner = NULL;
        if (colon != NULL) {
            *colon = '\0';
            for (char *l = strtok_r(colon + 1, "+", &inner); l != NULL;
                 l = strtok_r(NULL, "+", &inner))
                labels[n++] = l;
        }
        const struct msg_item item = {.id = word,
                                      .number = atoi(word),
                                      .title = "Title",
                                      .body = "Body",
                                      .url = "",
                                      .labels = {labels, n},
                                      .comments = "",
                                      .kind = "Issue",
                                      .author = "",
                                      .time = "",
                                      .schedule = "",
                                      .branch = ""};
        const struct msg_items page = {.items = {&item, 1}};
        item_set_add(set, &page);
    }
    free(copy);
    set->polled_ms = NOW;
    return keep(set);
}

/* The name that is_taken() says is taken, or NULL. */
static const char *taken_name;

static inline bool
is_taken(void *arg, const char *name)
{
    (void)arg;
    return taken_name != NULL && strcmp(taken_name, name) == 0;
}

static inline struct plan_facts
facts(const struct spawner_view *s, const struct item_set *items)
{
    return (struct plan_facts){.spawner = s, .items = items, .taken = is_taken};
}

/* Plans, and keeps what the plan owns in sight. */
static inline void
plan(const struct plan_facts *f, struct plan *p)
{
    plan_make(f, NOW, p);
    keep(p->creates);
    keep(p->deletes);
    keep(p->verdicts);
    keep(p->arena.chunks);
}

static inline const char *
created(const struct plan *p)
{
    static char text[512];
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < p->n_creates; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i > 0 ? " " : "",
                              p->creates[i].item->id);
    return text;
}

static inline const struct condition *
condition(const struct plan *p, const char *type)
{
    for (size_t i = 0; i < p->status.n_conditions; i++)
        if (strcmp(p->status.conditions[i].type, type) == 0)
            return &p->status.conditions[i];
    return NULL;
}

#endif
