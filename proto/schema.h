/* schema.h - the tables of proto/ as data: what encoder, decoder and dump go by. */
#ifndef KELOS_PROTO_SCHEMA_H
#define KELOS_PROTO_SCHEMA_H

#include "proto/message.h"

enum field_type {
    FIELD_STR,
    FIELD_SECRET,
    FIELD_BIN,
    FIELD_U64,
    FIELD_I64,
    FIELD_BOOL,
    FIELD_STRS,
    FIELD_PAIRS,
    FIELD_LIST
};

struct payload;

struct field {
    const char *name;
    enum field_type type;
    size_t offset;  /* in the payload's struct */
    size_t max;     /* bytes of a text, of each text in a list, of each map value */
    size_t items;   /* elements of a list or pairs of a map */
    size_t key_max; /* bytes of a map key */
    const struct payload *of; /* FIELD_LIST: what its elements are */
};

struct payload {
    const char *name;
    size_t size;
    const struct field *(*fields)(size_t *count);
};

struct kind_row {
    enum message_kind kind;
    const char *name;
    unsigned from; /* bit per role */
    unsigned to;
    const struct payload *payload;
};

/* Every list type has this shape. */
struct any_list {
    const void *items;
    size_t count;
};

/* NULL for an unknown kind. */
const struct kind_row *schema_kind(uint64_t kind);
const struct kind_row *schema_kinds(size_t *count);
const struct payload *const *schema_payloads(size_t *count);

#endif
