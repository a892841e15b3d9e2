/* template_compare.c - eq, ne, lt, le, gt, ge. */
#include "common/template/template_funcs.h"

#include <string.h>

#include "common/template/gofmt.h"

#define UNORDERED "invalid type for comparison"

enum basic {
    BASIC_NONE,
    BASIC_BOOL,
    BASIC_COMPLEX,
    BASIC_INTEGER,
    BASIC_FLOAT,
    BASIC_STRING
};

static enum basic
basic_of(const struct template_value *v)
{
    switch (v->kind) {
    case TEMPLATE_BOOL:
        return BASIC_BOOL;
    case TEMPLATE_COMPLEX:
        return BASIC_COMPLEX;
    case TEMPLATE_INT:
    case TEMPLATE_BYTE:
        return BASIC_INTEGER;
    case TEMPLATE_FLOAT:
        return BASIC_FLOAT;
    case TEMPLATE_STRING:
        return BASIC_STRING;
    default:
        return BASIC_NONE;
    }
}

static int
fail(struct template_call *c, const char *why)
{
    buf_add_str(c->why, why);
    return -1;
}

static int
fail_mixed(struct template_call *c, const struct template_value *a,
           const struct template_value *b)
{
    buf_printf(c->why, "incompatible types for comparison: %s and %s", value_type_name(a),
               value_type_name(b));
    return -1;
}

/* A number of JSON compares with floats by its value, whichever way it was written. */
static bool
loosely(const struct template_value *a, const struct template_value *b)
{
    enum basic x = basic_of(a), y = basic_of(b);

    return (a->loose || b->loose) && ((x == BASIC_INTEGER && y == BASIC_FLOAT) ||
                                      (x == BASIC_FLOAT && y == BASIC_INTEGER));
}

static double
as_float(const struct template_value *v)
{
    return v->kind == TEMPLATE_FLOAT ? v->as.real : (double)v->as.integer;
}

static bool
same_text(const struct template_value *a, const struct template_value *b)
{
    return a->as.string.size == b->as.string.size &&
           memcmp(a->as.string.bytes, b->as.string.bytes, a->as.string.size) == 0;
}

/* Values of one basic kind. */
static bool
same_basic(const struct template_value *a, const struct template_value *b)
{
    switch (basic_of(a)) {
    case BASIC_BOOL:
        return a->as.truth == b->as.truth;
    case BASIC_COMPLEX:
        return a->as.complex.re == b->as.complex.re &&
               a->as.complex.im == b->as.complex.im;
    case BASIC_INTEGER:
        return a->as.integer == b->as.integer;
    case BASIC_FLOAT:
        return a->as.real == b->as.real;
    default:
        return same_text(a, b);
    }
}

static void
add_with_type(struct template_call *c, const struct template_value *v, bool type_first)
{
    const char *type = value_type_name(v);

    if (type_first)
        buf_printf(c->why, "%s: ", type);
    gofmt_sprintf(c->why, type_first ? "%v" : "%s", 2, v, 1);
    if (!type_first)
        buf_printf(c->why, ": %s", type);
}

/* Two values of which none is basic: nil, lists, maps, structs. */
static int
same_other(struct template_call *c, const struct template_value *a,
           const struct template_value *b, bool *same)
{
    bool nothing = a->kind == TEMPLATE_NIL || b->kind == TEMPLATE_NIL;

    if ((nothing || a->kind == b->kind) && (value_is_nil(a) || value_is_nil(b))) {
        *same = value_is_nil(a) && value_is_nil(b);
        return 0;
    }
    if (a->kind != b->kind) {
        buf_add_str(c->why, "non-comparable types ");
        add_with_type(c, a, false);
        buf_add_str(c->why, ", ");
        add_with_type(c, b, true);
        return -1;
    }
    if (b->kind != TEMPLATE_STRUCT) {
        buf_add_str(c->why, "non-comparable type ");
        add_with_type(c, b, false);
        return -1;
    }
    *same = a->as.map == b->as.map;
    return 0;
}

static int
same_values(struct template_call *c, const struct template_value *a,
            const struct template_value *b, bool *same)
{
    enum basic x = basic_of(a), y = basic_of(b);

    *same = false;
    if (loosely(a, b))
        *same = as_float(a) == as_float(b);
    else if (x != y)
        return a->kind != TEMPLATE_NIL && b->kind != TEMPLATE_NIL ? fail_mixed(c, a, b)
                                                                  : 0;
    else if (x == BASIC_NONE)
        return same_other(c, a, b, same);
    else
        *same = same_basic(a, b);
    return 0;
}

int
template_eq(struct template_call *c)
{
    bool same = false;

    if (c->count < 2)
        return fail(c, "missing argument for comparison");
    for (size_t i = 1; i < c->count && !same; i++)
        if (same_values(c, &c->args[0], &c->args[i], &same) < 0)
            return -1;
    c->result = template_bool(same);
    return 0;
}

static int
negate(struct template_call *c, int done)
{
    c->result = template_bool(!c->result.as.truth);
    return done;
}

int
template_ne(struct template_call *c)
{
    return negate(c, template_eq(c));
}

static bool
text_is_less(const struct template_value *a, const struct template_value *b)
{
    size_t n =
        a->as.string.size < b->as.string.size ? a->as.string.size : b->as.string.size;
    int order = memcmp(a->as.string.bytes, b->as.string.bytes, n);

    return order != 0 ? order < 0 : a->as.string.size < b->as.string.size;
}

int
template_lt(struct template_call *c)
{
    const struct template_value *a = &c->args[0], *b = &c->args[1];
    enum basic x = basic_of(a), y = basic_of(b);
    bool less;

    if (x == BASIC_NONE || y == BASIC_NONE)
        return fail(c, UNORDERED);
    if (loosely(a, b))
        less = as_float(a) < as_float(b);
    else if (x != y)
        return fail_mixed(c, a, b);
    else if (x == BASIC_BOOL || x == BASIC_COMPLEX)
        return fail(c, UNORDERED);
    else if (x == BASIC_INTEGER)
        less = a->as.integer < b->as.integer;
    else if (x == BASIC_FLOAT)
        less = a->as.real < b->as.real;
    else
        less = text_is_less(a, b);
    c->result = template_bool(less);
    return 0;
}

int
template_le(struct template_call *c)
{
    if (template_lt(c) < 0)
        return -1;
    return c->result.as.truth ? 0 : template_eq(c);
}

int
template_gt(struct template_call *c)
{
    return negate(c, template_le(c));
}

int
template_ge(struct template_call *c)
{
    return negate(c, template_lt(c));
}
