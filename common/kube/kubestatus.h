/* kubestatus.h - what a Kubernetes API server says when it refuses.
 *
 * Decide by reason, then causes, then code; never by the message. */
#ifndef KELOS_COMMON_KUBESTATUS_H
#define KELOS_COMMON_KUBESTATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum kube_reason {
    KUBE_OK = 0, /* no failure */
    KUBE_BAD_REQUEST,
    KUBE_UNAUTHORIZED,
    KUBE_FORBIDDEN,
    KUBE_NOT_FOUND, /* the named object does not exist: a Status that names it */
    KUBE_NO_ROUTE,  /* any other 404: missing CRD, wrong prefix, a proxy */
    KUBE_METHOD_NOT_ALLOWED,
    KUBE_NOT_ACCEPTABLE,
    KUBE_UNSUPPORTED_MEDIA,
    KUBE_ALREADY_EXISTS,
    KUBE_CONFLICT,
    KUBE_EXPIRED,        /* 410 Expired or Gone */
    KUBE_TOO_LARGE,      /* 413, and a store's words for it in a 500 */
    KUBE_INVALID,        /* 422 */
    KUBE_TOO_MANY,       /* 429 */
    KUBE_INTERNAL,       /* 500: outcome unknown */
    KUBE_SERVER_TIMEOUT, /* 500 ServerTimeout */
    KUBE_UNAVAILABLE,    /* 503 */
    KUBE_TIMEOUT,        /* 504: outcome unknown for writes */
    KUBE_VERSION_AHEAD,  /* cause ResourceVersionTooLarge: the server is behind us */
    KUBE_OTHER
};

#define KUBE_CAUSES_MAX 16

struct kube_cause {
    char reason[64];
    char field[256];
    char message[512];
};

struct kube_status {
    enum kube_reason reason;
    int code;
    bool is_status;       /* the body was a Status object */
    char reason_text[64]; /* as the server wrote it */
    char message[1024];
    char name[254];         /* details.name */
    int64_t retry_after_ms; /* details.retryAfterSeconds; -1: none */
    int n_causes;
    struct kube_cause causes[KUBE_CAUSES_MAX];
};

/* Decodes a failure. `verb_is_create` tells AlreadyExists from Conflict where the body
 * does not; `asked_name` ("" for collections) decides whether a 404 means the object. A
 * body that is no Status is quoted up to LIMIT_HTTP_ERROR_LOG_BYTES. Never fails. */
void kube_status_decode(struct kube_status *s, int code, const char *body, size_t size,
                        bool verb_is_create, const char *asked_name);

/* The same from an ERROR event's object or any parsed Status; json_t without
 * jansson.h. */
struct json_t;
void kube_status_from_json(struct kube_status *s, const struct json_t *status, int code,
                           bool verb_is_create, const char *asked_name);

/* Whether a cause with this reason (or field) is there. */
bool kube_status_has_cause(const struct kube_status *s, const char *reason);
bool kube_status_names_field(const struct kube_status *s, const char *field);

/* The code that callers branch on, and a sentence with message and causes. */
enum err_code kube_status_code(const struct kube_status *s);
void kube_status_say(const struct kube_status *s, struct err *e);
const char *kube_reason_name(enum kube_reason reason);

#endif
