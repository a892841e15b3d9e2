/* demo_check.c - the demo's judgement over what was seen of its Tasks. Pure. */
#include "cli/demo/demo.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"

#define SPAWNED_PREFIX DEMO_SPAWNER "-"

static const char *
name_of(const json_t *task)
{
    return json_str_or(task, "metadata.name", "");
}

static bool
is_spawned(const json_t *task)
{
    return strncmp(name_of(task), SPAWNED_PREFIX, strlen(SPAWNED_PREFIX)) == 0;
}

static bool
has_ended(const json_t *task)
{
    const char *phase = json_str_or(task, "status.phase", "");

    return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

const json_t *
demo_newest(const json_t *history, const char *name)
{
    for (size_t i = json_array_size(history); i-- > 0;)
        if (strcmp(name_of(json_array_get(history, i)), name) == 0)
            return json_array_get(history, i);
    return NULL;
}

/* The spawned Tasks' names in the order in which they were first seen. */
static json_t *
first_seen(const json_t *history)
{
    json_t *names = json_object(); /* jansson keeps the order of insertion */

    for (size_t i = 0; i < json_array_size(history); i++) {
        const json_t *task = json_array_get(history, i);

        if (is_spawned(task) && json_object_get(names, name_of(task)) == NULL)
            json_object_set_new(names, name_of(task), json_true());
    }
    return names;
}

int
demo_check_order(const json_t *history, struct err *e)
{
    SCOPED(json) json_t *names = first_seen(history);
    SCOPED(buf) struct buf seen = BUF_INIT, wanted = BUF_INIT;
    const char *name;
    json_t *value;

    json_object_foreach(names, name, value) buf_printf(&seen, " %s", name);
    for (size_t i = 0; i < DEMO_MATCHING; i++)
        buf_printf(&wanted, " " SPAWNED_PREFIX "%d", demo_order[i]);
    if (strcmp(buf_str(&seen), buf_str(&wanted)) == 0)
        return 0;
    return err_set(e, ERR_INVALID, "expected the Tasks%s in this order, but saw:%s",
                   buf_str(&wanted), seen.size > 0 ? buf_str(&seen) : " none");
}

int
demo_check_concurrency(const json_t *history, struct err *e)
{
    SCOPED(json) json_t *active = json_object();

    for (size_t i = 0; i < json_array_size(history); i++) {
        const json_t *task = json_array_get(history, i);

        if (!is_spawned(task))
            continue;
        if (has_ended(task))
            json_object_del(active, name_of(task));
        else
            json_object_set_new(active, name_of(task), json_true());
        if (json_object_size(active) > 1)
            return err_set(e, ERR_INVALID,
                           "%s was there while another spawned Task had not ended",
                           name_of(task));
    }
    return 0;
}

int
demo_finished(const json_t *history, struct err *e)
{
    char name[64];

    for (size_t i = 0; i <= DEMO_MATCHING; i++) {
        if (i < DEMO_MATCHING)
            snprintf(name, sizeof(name), SPAWNED_PREFIX "%d", demo_order[i]);
        else
            snprintf(name, sizeof(name), "%s", DEMO_DEPENDENT);
        const json_t *task = demo_newest(history, name);

        if (task != NULL && strcmp(json_str_or(task, "status.phase", ""), "Failed") == 0)
            return err_set(e, ERR_INVALID, "task/%s failed: %s", name,
                           json_str_or(task, "status.message", "no reason recorded"));
        if (task == NULL || !has_ended(task))
            return 0;
    }
    return 1;
}

int
demo_check_prompt(const json_t *history, const char *prompt, struct err *e)
{
    char name[64];

    for (size_t i = 0; i < DEMO_MATCHING; i++) {
        snprintf(name, sizeof(name), SPAWNED_PREFIX "%d", demo_order[i]);
        const char *commit =
            json_str_or(demo_newest(history, name), "status.results.commit", "");

        if (commit[0] == '\0' || strstr(prompt, commit) == NULL ||
            strstr(prompt, name) == NULL)
            return err_set(e, ERR_INVALID,
                           "the prompt of task/" DEMO_DEPENDENT
                           " does not name commit %s of %s",
                           commit[0] != '\0' ? commit : "(none)", name);
    }
    return 0;
}
