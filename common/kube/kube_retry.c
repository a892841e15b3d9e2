/* kube_retry.c - see kube_retry.h. */
#include "common/kube/kube_retry.h"

enum { NO = 0, ONCE = 1, YES = KUBE_ATTEMPTS_MAX };

/* How many repeats are allowed. */
/* clang-format off */
static const int allowed[RETRY_CLASSES][RETRY_EVENTS] = {
    /*                           NOT_SENT  AMBIGUOUS  WAIT  SERVER */
    [RETRY_READ]               = {YES,      YES,       YES,  YES},
    [RETRY_CREATE_NAMED]       = {YES,      YES,       YES,  YES},
    [RETRY_CREATE_EVENT]       = {YES,      ONCE,      YES,  NO},
    [RETRY_CREATE_UNNAMED]     = {YES,      NO,        YES,  NO},
    [RETRY_PUT]                = {YES,      YES,       YES,  YES},
    [RETRY_MERGE]              = {YES,      YES,       YES,  YES},
    [RETRY_JSON_PATCH]         = {YES,      NO,        YES,  NO},
    [RETRY_JSON_PATCH_GUARDED] = {YES,      YES,       YES,  YES},
    [RETRY_DELETE_UID]         = {YES,      YES,       YES,  YES},
    [RETRY_DELETE]             = {YES,      NO,        YES,  NO},
};
/* clang-format on */

static enum retry_class
class_of_verb(const struct kube_request *r)
{
    bool guarded = r->repeat == KUBE_REPEAT_GUARDED;

    switch (r->verb) {
    case KUBE_GET:
    case KUBE_LIST:
    case KUBE_WATCH:
        return RETRY_READ;
    case KUBE_CREATE:
        if (r->repeat == KUBE_REPEAT_NAMED)
            return RETRY_CREATE_NAMED;
        return r->repeat == KUBE_REPEAT_ONCE ? RETRY_CREATE_EVENT : RETRY_CREATE_UNNAMED;
    case KUBE_UPDATE:
        return RETRY_PUT;
    case KUBE_PATCH_MERGE:
    case KUBE_APPLY:
        return RETRY_MERGE;
    case KUBE_PATCH_JSON:
        return guarded ? RETRY_JSON_PATCH_GUARDED : RETRY_JSON_PATCH;
    case KUBE_DELETE:
        break;
    }
    return r->uid != NULL ? RETRY_DELETE_UID : RETRY_DELETE;
}

enum retry_class
kube_retry_class(const struct kube_request *r)
{
    return r->repeat == KUBE_REPEAT_NEVER ? RETRY_CREATE_UNNAMED : class_of_verb(r);
}

bool
kube_may_retry(enum retry_class class, enum retry_event event, int attempts)
{
    return attempts < KUBE_ATTEMPTS_MAX && attempts <= allowed[class][event];
}

bool kube_needs_fresh(enum retry_class class)
{
    return allowed[class][RETRY_AMBIGUOUS] != YES;
}

bool
kube_retry_event(enum http_outcome outcome, int status, bool has_retry_after,
                 enum retry_event *event)
{
    if (outcome == HTTP_ABORTED)
        return false;
    if (outcome == HTTP_NOT_SENT)
        *event = RETRY_NOT_SENT;
    else if (outcome == HTTP_AMBIGUOUS)
        *event = RETRY_AMBIGUOUS;
    else if (status == 429 || (status >= 500 && has_retry_after))
        *event = RETRY_WAIT;
    else if (status >= 500)
        *event = RETRY_SERVER;
    else
        return false;
    return true;
}
