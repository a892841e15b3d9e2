/* resource.h - which resource types there are: the built-in table and those of CRDs. */
#ifndef KELOS_LOCAL_APISERVER_RESOURCE_H
#define KELOS_LOCAL_APISERVER_RESOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/scoped.h"

struct schema;

/* Verbs that a type offers beyond reading. */
enum verbs {
    VERBS_ALL = 0,    /* get list watch create update patch delete deletecollection */
    VERBS_CREATE = 1, /* create only: reviews, which are answered and not stored */
};

struct column {
    const char *name, *type, *format, *description;
    const char *path; /* JSON path with the leading dot; CRD columns only */
    int priority;
};

/* One served version of one type. Strings are static for built-in ones, else owned by the
 * resource. */
struct resource {
    const char *group, *version; /* group "" for core */
    const char *kind, *list_kind, *plural, *singular;
    const char *key;         /* in the store: "tasks.kelos.dev", "pods" */
    const char *short_names; /* separated by commas; "" for none */
    const char *categories;
    const char *type; /* name of the built-in type in builtin.def; NULL for CRDs */
    bool namespaced;
    bool status; /* has the status subresource */
    enum verbs verbs;
    bool custom;  /* defined by a CRD */
    bool storage; /* of a CRD: the version that is stored */
    struct schema
        *schema; /* CRDs: owned; built-in: made on first use, owned by the registry */
    struct column *columns; /* CRDs: owned; NULL-name terminated by column_count */
    size_t column_count;
    json_t *selectable; /* CRDs: array of JSON paths, or NULL */
    json_t *openapi;    /* CRDs: openAPIV3Schema as declared, or NULL */
    json_t *crd;        /* CRDs: owned strings hang on this tree */
};

struct registry;

struct registry *registry_new(struct err *e);
void registry_free(struct registry *r);
SCOPED_DEFINE(registry)

/* NULL when there is none. Borrowed until the registry changes. */
struct resource *registry_find(struct registry *r, const char *group, const char *version,
                               const char *plural);
/* By kind, in any case of the version (NULL: the preferred one). */
struct resource *registry_kind(struct registry *r, const char *group, const char *version,
                               const char *kind);
/* By key of the store, at the version that is stored. */
struct resource *registry_key(struct registry *r, const char *key);

/* All of them, in the order of discovery: built-in first. */
size_t registry_count(const struct registry *r);
struct resource *registry_at(struct registry *r, size_t i);

/* Takes a CRD object's versions in (replacing those of the same name). The CRD must have
 * been validated. Returns 0, or -1 with *e (a schema that cannot be compiled). */
int registry_add_crd(struct registry *r, const json_t *crd, struct err *e);
void registry_drop_crd(struct registry *r, const char *name);

/* "kelos.dev/v1alpha1" or "v1" into out. */
void resource_api_version(const struct resource *r, char *out, size_t size);

/* The schema that unknown fields, defaults and merge keys come from; NULL for none. */
const struct schema *resource_schema(struct registry *reg, struct resource *r);

#endif
