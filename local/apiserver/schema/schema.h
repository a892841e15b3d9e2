/* schema.h - structural schemas: those of CRDs and of the built-in types, compiled.
 *
 * One form serves validation, defaults, pruning, unknown fields, merge keys and the
 * ownership of list items in apply. */
#ifndef KELOS_LOCAL_APISERVER_SCHEMA_H
#define KELOS_LOCAL_APISERVER_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/scoped.h"

struct regex;
struct cel_program;

enum schema_type {
    ST_ANY,
    ST_OBJECT,
    ST_ARRAY,
    ST_STRING,
    ST_INTEGER,
    ST_NUMBER,
    ST_BOOLEAN
};
enum list_type { LIST_ATOMIC, LIST_SET, LIST_MAP };

struct schema_prop {
    const char *name; /* lives in the source document */
    struct schema *schema;
    const json_t *dflt; /* of the field: stands beside a $ref, so not in the schema */
};

/* One entry of x-kubernetes-validations. */
struct schema_rule {
    struct cel_program *rule;    /* owned */
    struct cel_program *message; /* messageExpression, or NULL; owned */
    const char *text;            /* message, or NULL */
    const char *source;
    const char *reason, *field_path;
    bool transition; /* looks at oldSelf: not run on create */
    bool optional_old;
};

struct schema {
    enum schema_type type;
    bool nullable, int_or_string, preserve, embedded, unique, atomic_map;
    bool has_min, has_max, exclusive_min, exclusive_max;
    double min, max, multiple_of; /* multiple_of 0: none */
    int64_t min_length, max_length, min_items, max_items, min_props,
        max_props;             /* -1: none */
    struct schema_prop *props; /* sorted by name; owned */
    size_t prop_count;
    struct schema *items, *additional; /* NULL: none. Like all schemas owned by the set */
    bool additional_any;               /* additionalProperties: true */
    const json_t *required, *enums;    /* in the source document */
    const char *format, *pattern_text;
    struct regex *pattern; /* owned */
    enum list_type list;
    const json_t *keys; /* x-kubernetes-list-map-keys */
    const char
        *patch_key;    /* strategic merge: list items are merged by it, NULL: replaced */
    bool patch_retain; /* strategic merge: retainKeys of unions (volumes, strategy) */
    struct schema **all_of, **any_of, **one_of;
    size_t all_count, any_count, one_count;
    struct schema *not_of;
    struct schema_rule *rules;
    size_t rule_count;
    const json_t *doc;      /* the source */
    struct schema *next;    /* of the set */
    struct schema_set *set; /* of a root made by schema_compile: released with it */
};

struct schema_set;
struct schema_set *schema_set_new(void);
void schema_set_free(struct schema_set *set);
SCOPED_DEFINE(schema_set)

/* Compiles an openAPIV3Schema. The document is kept (a reference is taken). Returns a root the
 * caller owns (schema_free), or NULL with *e: the bad path and why. */
struct schema *schema_compile(json_t *doc, struct err *e);
void schema_free(struct schema *root);
SCOPED_DEFINE(schema)

/* The same within a set, for documents whose $ref name others of `components`
 * (#/components/schemas/NAME). Owned by the set; asking again for a name gives the same. */
struct schema *schema_named(struct schema_set *set, json_t *components, const char *name,
                            struct err *e);

/* The schema of a field, NULL when it is unknown. `*free_form` is set when unknown fields are
 * kept without a schema. */
const struct schema *schema_field(const struct schema *s, const char *name,
                                  bool *free_form);

#endif
