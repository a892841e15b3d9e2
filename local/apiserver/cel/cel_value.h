/* cel_value.h - values of a running expression. All memory belongs to the run. */
#ifndef KELOS_LOCAL_APISERVER_CEL_VALUE_H
#define KELOS_LOCAL_APISERVER_CEL_VALUE_H

#include "common/value/quantity.h"
#include "local/apiserver/cel/cel_ast.h"

enum cel_kind {
    V_ERROR,
    V_NULL,
    V_BOOL,
    V_INT,
    V_UINT,
    V_DOUBLE,
    V_STRING,
    V_BYTES,
    V_LIST,
    V_MAP,
    V_TYPE,
    V_TIME,
    V_DURATION,
    V_OPTIONAL,
    V_QUANTITY
};

struct value {
    enum cel_kind kind;
    bool soft; /* an integer that came as JSON: a double where one is needed */
    union {
        bool b;
        int64_t i; /* also time and duration: nanoseconds */
        uint64_t u;
        double d;
        struct {
            const char *p;
            size_t size;
        } s; /* string, bytes, type's name; error's text */
        struct {
            const json_t *json;  /* list or map as it came, or */
            struct value *items; /* list: count of them; map: keys and values in turn */
            size_t count;        /* items, or pairs of a map */
        } c;
        struct value *opt; /* NULL: none */
        const struct quantity *q;
    } v;
};

struct cel_run {
    const struct cel_var *vars;
    size_t var_count;
    struct cel_block *blocks;
    int64_t steps;
    struct err *e;
};

void *run_alloc(struct cel_run *r, size_t size);
struct value value_error(struct cel_run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct value value_bool(bool b);
struct value value_int(int64_t i);
struct value value_double(double d);
struct value value_string(const char *p, size_t size); /* borrowed by the run */
struct value value_text(struct cel_run *r, const char *p, size_t size); /* copied */
struct value value_list(struct cel_run *r, size_t count); /* items to be filled in */
struct value value_optional(struct cel_run *r, const struct value *v); /* NULL: none */
struct value value_of_json(const json_t *j);
/* New reference; NULL when the value has no JSON form. */
json_t *value_to_json(struct cel_run *r, struct value v);

/* Lists and maps, whatever they are made of. */
size_t value_count(struct value v);
struct value value_at(struct value list, size_t i);
/* The i-th key of a map. */
struct value value_key(struct value map, size_t i);
/* True with *out when the map has the key. */
bool value_lookup(struct value map, struct value key, struct value *out);

bool value_equal(struct value a, struct value b);
/* -1, 0, 1, or 2 when the two cannot be compared. */
int value_compare(struct value a, struct value b);
const char *value_kind_name(struct value v);

/* Calls a function (target NULL) or method. */
struct value cel_call(struct cel_run *r, const char *name, const struct value *target,
                      const struct value *args, size_t count);

size_t utf8_count(const char *p, size_t size);
/* Bytes of the first n characters (all when there are fewer). */
size_t utf8_offset(const char *p, size_t size, size_t n);

#endif
