/* refs.h - the Secrets and ConfigMaps that a Pod names, and their values once fetched. */
#ifndef KELOS_LOCAL_RUNNER_REFS_H
#define KELOS_LOCAL_RUNNER_REFS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

enum ref_kind { REF_SECRET, REF_CONFIG_MAP };

struct ref {
    enum ref_kind kind;
    const char *name; /* borrowed from the Pod */
};

#define REFS_MAX 64

struct refs {
    struct ref items[REFS_MAX];
    size_t count;
};

/* Adds what a container's env and envFrom name, and what the Pod's volumes name; each
 * object once. Returns 0, or -1 with ERR_LIMIT. */
int refs_of_env(struct refs *r, const json_t *container, struct err *e);
int refs_of_volumes(struct refs *r, const json_t *pod, struct err *e);

/* "secret/NAME" or "configmap/NAME": the key in `values`, which maps it to the object as
 * the API server gave it, or to null when there is no such object. */
void refs_key(enum ref_kind kind, const char *name, char *out, size_t room);

/* The object among the values; NULL when it does not exist. */
const json_t *refs_object(const json_t *values, enum ref_kind kind, const char *name);

/* Adds the bytes of one key to *out (base64 of Secrets and binaryData decoded). Returns 1,
 * or 0 when the object has no such key or its base64 is bad. */
int refs_value(const json_t *object, enum ref_kind kind, const char *key,
               struct buf *out);

/* Calls fn for each key of the object, in the order it came; stops when fn gives -1. */
int refs_each(const json_t *object, enum ref_kind kind,
              int (*fn)(void *arg, const char *key, const char *bytes, size_t size),
              void *arg);

#endif
