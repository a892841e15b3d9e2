/* failurepolicy.c - see failurepolicy.h. */
#include "reconciler/job/failurepolicy.h"

#include <string.h>

/* The agent's container in manifests of the original. */
#define AGENT_ALIAS "kelos-agent"

int
failurepolicy_check(const struct task_view *t, struct err *e)
{
    const json_t *rules = json_object_get(t->failure_policy, "rules");

    for (size_t i = 0; i < json_array_size(rules); i++)
        if (strcmp(json_str_or(json_array_get(rules, i), "action", ""), "FailIndex") == 0)
            return err_set(
                e, ERR_INVALID,
                "podFailurePolicy.rules[%zu].action: FailIndex is not supported for "
                "Task Jobs",
                i);
    return 0;
}

/* A disruption of the node may be retried once; an agent that failed may not. */
static json_t *
built_in(void)
{
    return json_pack("{s:[{s:s,s:[{s:s,s:s}]},{s:s,s:{s:s,s:[i]}}]}", "rules", "action",
                     "Count", "onPodConditions", "type", "DisruptionTarget", "status",
                     "True", "action", "FailJob", "onExitCodes", "operator", "NotIn",
                     "values", 0);
}

json_t *
failurepolicy_of(const struct task_view *t)
{
    if (t->failure_policy == NULL)
        return built_in();
    json_t *policy = json_deep_copy(t->failure_policy);
    json_t *rules = json_object_get(policy, "rules");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        json_t *codes = json_object_get(json_array_get(rules, i), "onExitCodes");
        if (strcmp(json_str_or(codes, "containerName", ""), AGENT_ALIAS) == 0)
            json_object_set_new(codes, "containerName", json_string(t->type));
    }
    return policy;
}
