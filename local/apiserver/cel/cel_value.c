/* cel_value.c - see cel_value.h. */
#include "local/apiserver/cel/cel_value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/value/duration.h"
#include "common/data/json.h"

void *
run_alloc(struct cel_run *r, size_t size)
{
    r->steps -= (int64_t)(size / 64);
    return r->steps < 0 ? NULL : cel_alloc(&r->blocks, size);
}

struct value
value_error(struct cel_run *r, const char *fmt, ...)
{
    struct value v = {.kind = V_ERROR};
    char text[300], *copy;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    v.v.s.p = "out of memory";
    v.v.s.size = 13;
    if ((copy = cel_alloc(&r->blocks, strlen(text) + 1)) != NULL) {
        strcpy(copy, text);
        v.v.s.p = copy;
        v.v.s.size = strlen(text);
    }
    return v;
}

struct value
value_bool(bool b)
{
    return (struct value){.kind = V_BOOL, .v.b = b};
}

struct value
value_int(int64_t i)
{
    return (struct value){.kind = V_INT, .v.i = i};
}

struct value
value_double(double d)
{
    return (struct value){.kind = V_DOUBLE, .v.d = d};
}

struct value
value_string(const char *p, size_t size)
{
    return (struct value){.kind = V_STRING, .v.s = {p, size}};
}

struct value
value_text(struct cel_run *r, const char *p, size_t size)
{
    char *copy = run_alloc(r, size + 1);

    if (copy == NULL)
        return value_error(r, "the limit CEL_STEPS is reached");
    if (size > 0)
        memcpy(copy, p, size);
    return value_string(copy, size);
}

struct value
value_list(struct cel_run *r, size_t count)
{
    struct value v = {.kind = V_LIST};

    v.v.c.items = run_alloc(r, (count + 1) * sizeof *v.v.c.items);
    if (v.v.c.items == NULL)
        return value_error(r, "the limit CEL_STEPS is reached");
    v.v.c.count = count;
    return v;
}

struct value
value_optional(struct cel_run *r, const struct value *inner)
{
    struct value v = {.kind = V_OPTIONAL};

    if (inner == NULL)
        return v;
    if ((v.v.opt = run_alloc(r, sizeof *inner)) == NULL)
        return value_error(r, "the limit CEL_STEPS is reached");
    *v.v.opt = *inner;
    return v;
}

struct value
value_of_json(const json_t *j)
{
    struct value v = {.kind = V_NULL};

    switch (j != NULL ? json_typeof(j) : JSON_NULL) {
    case JSON_TRUE:
    case JSON_FALSE:
        return value_bool(json_is_true(j));
    case JSON_INTEGER:
        v = value_int(json_integer_value(j));
        v.soft = true;
        return v;
    case JSON_REAL:
        return value_double(json_real_value(j));
    case JSON_STRING:
        return value_string(json_string_value(j), json_string_length(j));
    case JSON_ARRAY:
    case JSON_OBJECT:
        v.kind = json_is_array(j) ? V_LIST : V_MAP;
        v.v.c.json = j;
        v.v.c.count = json_is_array(j) ? json_array_size(j) : json_object_size(j);
        return v;
    default:
        return v;
    }
}

size_t
value_count(struct value v)
{
    return v.v.c.count;
}

struct value
value_at(struct value list, size_t i)
{
    return list.v.c.json != NULL ? value_of_json(json_array_get(list.v.c.json, i))
                                 : list.v.c.items[i];
}

struct value
value_key(struct value map, size_t i)
{
    const char *key;
    json_t *value;

    if (map.v.c.json == NULL)
        return map.v.c.items[2 * i];
    json_object_foreach((json_t *)map.v.c.json, key,
                        value) if (i-- == 0) return value_string(key, strlen(key));
    return (struct value){.kind = V_NULL};
}

bool
value_lookup(struct value map, struct value key, struct value *out)
{
    if (map.v.c.json != NULL) {
        const json_t *found;

        if (key.kind != V_STRING ||
            (found = json_object_getn(map.v.c.json, key.v.s.p, key.v.s.size)) == NULL)
            return false;
        *out = value_of_json(found);
        return true;
    }
    for (size_t i = 0; i < map.v.c.count; i++)
        if (value_equal(map.v.c.items[2 * i], key)) {
            *out = map.v.c.items[2 * i + 1];
            return true;
        }
    return false;
}

static bool
is_number(struct value v)
{
    return v.kind == V_INT || v.kind == V_UINT || v.kind == V_DOUBLE;
}

static int
order(double a, double b)
{
    return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2;
}

static int
compare_numbers(struct value a, struct value b)
{
    if (a.kind == V_INT && b.kind == V_INT)
        return a.v.i < b.v.i ? -1 : a.v.i > b.v.i;
    if (a.kind == V_UINT && b.kind == V_UINT)
        return a.v.u < b.v.u ? -1 : a.v.u > b.v.u;
    if (a.kind == V_INT && b.kind == V_UINT)
        return a.v.i < 0 ? -1 : (uint64_t)a.v.i < b.v.u ? -1 : (uint64_t)a.v.i > b.v.u;
    if (a.kind == V_UINT && b.kind == V_INT)
        return -compare_numbers(b, a);
    double x = a.kind == V_DOUBLE ? a.v.d
               : a.kind == V_INT  ? (double)a.v.i
                                  : (double)a.v.u;
    double y = b.kind == V_DOUBLE ? b.v.d
               : b.kind == V_INT  ? (double)b.v.i
                                  : (double)b.v.u;
    return order(x, y);
}

int
value_compare(struct value a, struct value b)
{
    int rc;

    if (is_number(a) && is_number(b))
        return compare_numbers(a, b);
    if (a.kind != b.kind)
        return 2;
    switch (a.kind) {
    case V_BOOL:
        return (int)a.v.b - (int)b.v.b;
    case V_TIME:
    case V_DURATION:
        return a.v.i < b.v.i ? -1 : a.v.i > b.v.i;
    case V_QUANTITY:
        return quantity_compare(a.v.q, b.v.q);
    case V_STRING:
    case V_BYTES:
        rc = memcmp(a.v.s.p, b.v.s.p, a.v.s.size < b.v.s.size ? a.v.s.size : b.v.s.size);
        if (rc == 0)
            rc = a.v.s.size < b.v.s.size ? -1 : a.v.s.size > b.v.s.size;
        return rc < 0 ? -1 : rc > 0;
    default:
        return 2;
    }
}

static bool
equal_lists(struct value a, struct value b)
{
    for (size_t i = 0; i < value_count(a); i++)
        if (!value_equal(value_at(a, i), value_at(b, i)))
            return false;
    return true;
}

static bool
equal_maps(struct value a, struct value b)
{
    for (size_t i = 0; i < value_count(a); i++) {
        struct value key = value_key(a, i), x, y;

        if (!value_lookup(a, key, &x) || !value_lookup(b, key, &y) || !value_equal(x, y))
            return false;
    }
    return true;
}

bool
value_equal(struct value a, struct value b)
{
    if (is_number(a) && is_number(b))
        return compare_numbers(a, b) == 0;
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case V_NULL:
        return true;
    case V_TYPE:
        return a.v.s.size == b.v.s.size && memcmp(a.v.s.p, b.v.s.p, a.v.s.size) == 0;
    case V_LIST:
        return value_count(a) == value_count(b) && equal_lists(a, b);
    case V_MAP:
        return value_count(a) == value_count(b) && equal_maps(a, b);
    case V_OPTIONAL:
        return a.v.opt == NULL || b.v.opt == NULL ? a.v.opt == b.v.opt
                                                  : value_equal(*a.v.opt, *b.v.opt);
    default:
        return value_compare(a, b) == 0;
    }
}

const char *
value_kind_name(struct value v)
{
    static const char *const names[] = {"error",
                                        "null_type",
                                        "bool",
                                        "int",
                                        "uint",
                                        "double",
                                        "string",
                                        "bytes",
                                        "list",
                                        "map",
                                        "type",
                                        "google.protobuf.Timestamp",
                                        "google.protobuf.Duration",
                                        "optional_type",
                                        "kubernetes.Quantity"};

    return names[v.kind];
}

/* ---- to JSON ---- */

static json_t *
list_to_json(struct cel_run *r, struct value v)
{
    json_t *out = json_array();

    for (size_t i = 0; i < value_count(v); i++) {
        json_t *item = value_to_json(r, value_at(v, i));

        if (item == NULL || json_array_append_new(out, item) < 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static json_t *
map_to_json(struct cel_run *r, struct value v)
{
    json_t *out = json_object();

    for (size_t i = 0; i < value_count(v); i++) {
        struct value key = value_key(v, i), value;
        char text[64];
        json_t *item;

        if (!value_lookup(v, key, &value) || (item = value_to_json(r, value)) == NULL) {
            json_decref(out);
            return NULL;
        }
        if (key.kind == V_STRING)
            json_object_setn_new(out, key.v.s.p, key.v.s.size, item);
        else {
            snprintf(text, sizeof text, "%lld", (long long)key.v.i);
            json_object_set_new(out, text, item);
        }
    }
    return out;
}

static json_t *
bytes_to_json(struct value v)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    base64_encode(&text, v.v.s.p, v.v.s.size);
    return json_string(buf_str(&text));
}

json_t *
value_to_json(struct cel_run *r, struct value v)
{
    char text[64];

    switch (v.kind) {
    case V_NULL:
        return json_null();
    case V_BOOL:
        return json_boolean(v.v.b);
    case V_INT:
        return json_integer(v.v.i);
    case V_UINT:
        return v.v.u > INT64_MAX ? json_real((double)v.v.u)
                                 : json_integer((json_int_t)v.v.u);
    case V_DOUBLE:
        return isfinite(v.v.d) ? json_real(v.v.d)
                               : json_string(isnan(v.v.d) ? "NaN"
                                             : v.v.d > 0  ? "Infinity"
                                                          : "-Infinity");
    case V_STRING:
    case V_TYPE:
        return json_stringn(v.v.s.p, v.v.s.size);
    case V_BYTES:
        return bytes_to_json(v);
    case V_LIST:
        return list_to_json(r, v);
    case V_MAP:
        return map_to_json(r, v);
    case V_TIME:
        rfc3339_format(v.v.i / 1000000, text);
        return json_string(text);
    case V_DURATION:
        duration_format(v.v.i, text);
        return json_string(text);
    case V_QUANTITY:
        quantity_format(v.v.q, text);
        return json_string(text);
    case V_OPTIONAL:
        return v.v.opt == NULL ? json_null() : value_to_json(r, *v.v.opt);
    default:
        return NULL;
    }
}
