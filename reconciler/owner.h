/* owner.h - owner references of an object that the API server has sent. Pure. */
#ifndef KELOS_RECONCILER_OWNER_H
#define KELOS_RECONCILER_OWNER_H

#include <jansson.h>
#include <stdbool.h>

/* Whether what has this uid is the object's controller. */
bool owner_controls(const json_t *object, const char *uid);

#endif
