/* kube_retry.h - may a request be repeated? A table, apart from all I/O. */
#ifndef KELOS_COMMON_KUBE_RETRY_H
#define KELOS_COMMON_KUBE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/http/http.h"
#include "common/kube/kube.h"

enum { KUBE_ATTEMPTS_MAX = 10 };

/* What kind of write it is, as far as repeating goes. */
enum retry_class {
    RETRY_READ,
    RETRY_CREATE_NAMED,   /* AlreadyExists tells whether the first try worked */
    RETRY_CREATE_EVENT,   /* one repeat at most */
    RETRY_CREATE_UNNAMED, /* generateName, eviction and their like */
    RETRY_PUT,
    RETRY_MERGE, /* merge patch, apply */
    RETRY_JSON_PATCH,
    RETRY_JSON_PATCH_GUARDED,
    RETRY_DELETE_UID,
    RETRY_DELETE,
    RETRY_CLASSES
};

enum retry_event {
    RETRY_NOT_SENT,  /* the server has not seen it */
    RETRY_AMBIGUOUS, /* it may have acted */
    RETRY_WAIT,      /* 429, or 5xx with Retry-After: it has not acted */
    RETRY_SERVER,    /* 5xx without: outcome unknown */
    RETRY_EVENTS
};

enum retry_class kube_retry_class(const struct kube_request *r);

/* Whether the class may be repeated after the event, having been tried `attempts` times. */
bool kube_may_retry(enum retry_class class, enum retry_event event, int attempts);

/* Whether the class must not go over a connection that libcurl may silently repeat it on. */
bool kube_needs_fresh(enum retry_class class);

/* What an answer or failure is; *event is set and true given when it is one of the four. */
bool kube_retry_event(enum http_outcome outcome, int status, bool has_retry_after,
                      enum retry_event *event);

#endif
