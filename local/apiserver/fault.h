/* fault.h - a refused request, as the Status object that Kubernetes clients act on. */
#ifndef KELOS_LOCAL_APISERVER_FAULT_H
#define KELOS_LOCAL_APISERVER_FAULT_H

#include <jansson.h>

#include "common/err.h"
#include "common/data/json.h"

/* {0} is no fault. `status` is owned; fault_clear releases it. */
struct fault {
    int code;       /* HTTP */
    json_t *status; /* kind Status */
};

#define FAULT_INIT                                                                       \
    {                                                                                    \
        0, NULL                                                                          \
    }

/* The object that a fault is about. Strings are borrowed during the call; NULL or "" drop out. */
struct subject {
    const char *group, *kind, *name, *uid;
};

/* Replaces what the fault held. All give -1, so that `return fault_...` ends a function. */
int fault_set(struct fault *f, int code, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
int fault_about(struct fault *f, const struct subject *about);
/* Adds a cause (and to an Invalid fault nothing else: see fault_invalid). */
int fault_cause(struct fault *f, const char *reason, const char *field,
                const char *message);
int fault_retry_after(struct fault *f, int seconds);

/* 400 BadRequest; 500 InternalError for a failed store. */
int fault_bad_request(struct fault *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
int fault_store(struct fault *f, const struct err *e);
/* 404 `tasks.kelos.dev "x" not found`; `resource` is the plural with its group. */
int fault_not_found(struct fault *f, const char *group, const char *plural,
                    const char *name);

/* 422 from a list of causes ({field, reason, message} objects); the message joins them as
 * Kubernetes does. Takes causes. */
int fault_invalid(struct fault *f, const struct subject *about, json_t *causes);

/* Adds one cause to a list for fault_invalid. Reasons: "FieldValueInvalid", "FieldValueRequired",
 * "FieldValueNotSupported", "FieldValueForbidden", "FieldValueDuplicate",
 * "FieldValueTypeInvalid", "FieldValueTooLong", "FieldValueTooMany". The message starts with
 * the words that belong to the reason ("Required value"). */
void causes_add(json_t *causes, const char *reason, const char *field, const char *fmt,
                ...) PRINTF_LIKE(4, 5);

void fault_clear(struct fault *f);
static inline void
fault_scoped_free(struct fault *f)
{
    fault_clear(f);
}

/* A Success status, as DELETE answers with: new reference. */
json_t *status_success(const struct subject *about);

#endif
