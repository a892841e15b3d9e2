/* condition.c - see condition.h. */
#include "reconciler/condition.h"

#include <string.h>

#include "common/clock.h"
#include "proto/message.h"

bool
condition_set(json_t *list, const char *type, bool status, const char *reason,
              const char *message, int64_t generation, int64_t now_ms)
{
    json_t *c = view_condition(list, type);
    const char *text = status ? "True" : "False";
    char now[RFC3339_SIZE];
    bool flips = strcmp(json_str_or(c, "status", ""), text) != 0;

    if (!flips && strcmp(json_str_or(c, "reason", ""), reason) == 0 &&
        strcmp(json_str_or(c, "message", ""), message) == 0)
        return false;
    if (c == NULL)
        json_array_append_new(list, c = json_pack("{s:s}", "type", type));
    rfc3339_format(now_ms, now);
    json_object_set_new(c, "status", json_string(text));
    json_object_set_new(c, "reason", json_string(reason));
    json_object_set_new(c, "message", json_string(message));
    json_object_set_new(c, "observedGeneration", json_integer(generation));
    if (flips)
        json_object_set_new(c, "lastTransitionTime", json_string(now));
    return true;
}

json_t *
condition_array(const struct condition *conditions, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        const struct condition *c = &conditions[i];
        json_array_append_new(
            list,
            json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "type", c->type, "status", c->status,
                      "reason", c->reason, "message", c->message, "lastTransitionTime",
                      c->since, "observedGeneration", (json_int_t)c->generation));
    }
    return list;
}

json_t *
condition_list(const struct view *v)
{
    const json_t *now = NULL;

    if (v->kind == KIND_TASK_SPAWNER) {
        const struct spawner_view *spawner = (const struct spawner_view *)v;
        return condition_array(spawner->conditions, spawner->n_conditions);
    }
    if (v->kind == KIND_TASK)
        now = ((const struct task_view *)v)->conditions;
    return now != NULL ? json_deep_copy(now) : json_array();
}
