/* review.c - see review.h. */
#include "local/apiserver/review.h"

#include <string.h>

void
review_answer(const struct resource *r, json_t *obj)
{
    json_t *status;

    if (strcmp(r->kind, "SelfSubjectAccessReview") == 0)
        status = json_pack("{s:b, s:s}", "allowed", 1, "reason",
                           "the token of this local server may do everything");
    else if (strcmp(r->kind, "SelfSubjectRulesReview") == 0)
        status = json_pack("{s:[{s:[s], s:[s], s:[s]}], s:[{s:[s], s:[s]}], s:b}",
                           "resourceRules", "verbs", "*", "apiGroups", "*", "resources",
                           "*", "nonResourceRules", "verbs", "*", "nonResourceURLs", "*",
                           "incomplete", 0);
    else
        status = json_pack("{s:{s:s, s:[s,s]}}", "userInfo", "username", "kelos:local",
                           "groups", "system:masters", "system:authenticated");
    json_object_set_new(obj, "status", status);
    if (json_object_get(obj, "metadata") == NULL)
        json_object_set_new(obj, "metadata", json_pack("{s:n}", "creationTimestamp"));
}
