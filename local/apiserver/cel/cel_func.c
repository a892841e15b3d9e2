/* cel_func.c - the functions and methods of cel.h: a table of name, target, arguments. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/value/duration.h"
#include "common/macros.h"
#include "local/apiserver/cel/cel_lists.h"
#include "local/apiserver/cel/cel_strings.h"
#include "local/apiserver/cel/cel_value.h"

size_t
utf8_count(const char *p, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++)
        n += ((unsigned char)p[i] & 0xc0) != 0x80;
    return n;
}

size_t
utf8_offset(const char *p, size_t size, size_t n)
{
    size_t i = 0;

    for (; i < size; i++)
        if (((unsigned char)p[i] & 0xc0) != 0x80 && n-- == 0)
            break;
    return i;
}

static struct value
f_size(struct cel_run *r, const struct value *a)
{
    (void)r;
    switch (a->kind) {
    case V_STRING:
        return value_int((int64_t)utf8_count(a->v.s.p, a->v.s.size));
    case V_BYTES:
        return value_int((int64_t)a->v.s.size);
    default:
        return value_int((int64_t)value_count(*a));
    }
}

static struct value
f_type(struct cel_run *r, const struct value *a)
{
    const char *name = value_kind_name(*a);

    (void)r;
    return (struct value){.kind = V_TYPE, .v.s = {name, strlen(name)}};
}

/* A copy of a text with a NUL: for the C library. */
static const char *
c_text(struct cel_run *r, const struct value *a)
{
    char *text = run_alloc(r, a->v.s.size + 1);

    if (text != NULL)
        memcpy(text, a->v.s.p, a->v.s.size);
    return text != NULL ? text : "";
}

static struct value
f_int(struct cel_run *r, const struct value *a)
{
    const char *text;
    char *end;

    switch (a->kind) {
    case V_INT:
        return value_int(a->v.i);
    case V_UINT:
        return a->v.u > INT64_MAX ? value_error(r, "integer overflow")
                                  : value_int((int64_t)a->v.u);
    case V_DOUBLE:
        return a->v.d >= 9223372036854775807.0 || a->v.d <= -9223372036854775808.0 ||
                       isnan(a->v.d)
                   ? value_error(r, "integer overflow")
                   : value_int((int64_t)a->v.d);
    case V_TIME:
        return value_int(a->v.i / 1000000000);
    default:
        text = c_text(r, a);
        long long n = strtoll(text, &end, 10);
        return *text == '\0' || *end != '\0' || *text == ' ' || *text == '+'
                   ? value_error(r, "cannot convert \"%.100s\" to int", text)
                   : value_int(n);
    }
}

static struct value
f_uint(struct cel_run *r, const struct value *a)
{
    struct value out = {.kind = V_UINT};
    const char *text;
    char *end;

    switch (a->kind) {
    case V_UINT:
        return *a;
    case V_INT:
        out.v.u = (uint64_t)a->v.i;
        return a->v.i < 0 ? value_error(r, "unsigned integer overflow") : out;
    case V_DOUBLE:
        if (!(a->v.d >= 0 && a->v.d < 18446744073709551615.0))
            return value_error(r, "unsigned integer overflow");
        out.v.u = (uint64_t)a->v.d;
        return out;
    default:
        text = c_text(r, a);
        out.v.u = strtoull(text, &end, 10);
        return *text < '0' || *text > '9' || *end != '\0'
                   ? value_error(r, "cannot convert \"%.100s\" to uint", text)
                   : out;
    }
}

static struct value
f_double(struct cel_run *r, const struct value *a)
{
    const char *text;
    char *end;

    switch (a->kind) {
    case V_DOUBLE:
        return *a;
    case V_INT:
        return value_double((double)a->v.i);
    case V_UINT:
        return value_double((double)a->v.u);
    default:
        text = c_text(r, a);
        double d = strtod(text, &end);
        return *text == '\0' || *end != '\0'
                   ? value_error(r, "cannot convert \"%.100s\" to double", text)
                   : value_double(d);
    }
}

static struct value
f_string(struct cel_run *r, const struct value *a)
{
    char text[64];

    switch (a->kind) {
    case V_STRING:
        return *a;
    case V_BYTES:
        return value_text(r, a->v.s.p, a->v.s.size);
    case V_BOOL:
        return value_text(r, a->v.b ? "true" : "false", a->v.b ? 4 : 5);
    case V_INT:
        snprintf(text, sizeof text, "%lld", (long long)a->v.i);
        break;
    case V_UINT:
        snprintf(text, sizeof text, "%llu", (unsigned long long)a->v.u);
        break;
    case V_DOUBLE:
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, a->v.d);
            if (strtod(text, NULL) == a->v.d)
                break;
        }
        break;
    case V_TIME:
        rfc3339_format(a->v.i / 1000000, text);
        break;
    case V_DURATION:
        snprintf(text, sizeof text, "%.9g", (double)a->v.i / 1e9);
        strcat(text, "s");
        break;
    default:
        return value_error(r, "no such overload: string(%s)", value_kind_name(*a));
    }
    return value_text(r, text, strlen(text));
}

static struct value
f_bytes(struct cel_run *r, const struct value *a)
{
    struct value out = *a;

    (void)r;
    out.kind = V_BYTES;
    return out;
}

static struct value
f_bool(struct cel_run *r, const struct value *a)
{
    const char *text;

    if (a->kind == V_BOOL)
        return *a;
    text = c_text(r, a);
    if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcmp(text, "t") == 0 ||
        strcmp(text, "TRUE") == 0 || strcmp(text, "True") == 0)
        return value_bool(true);
    if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0 || strcmp(text, "f") == 0 ||
        strcmp(text, "FALSE") == 0 || strcmp(text, "False") == 0)
        return value_bool(false);
    return value_error(r, "cannot convert \"%.100s\" to bool", text);
}

static struct value
f_dyn(struct cel_run *r, const struct value *a)
{
    (void)r;
    return *a;
}

static struct value
f_duration(struct cel_run *r, const struct value *a)
{
    struct value out = {.kind = V_DURATION};

    if (a->kind == V_DURATION)
        return *a;
    return duration_parse(c_text(r, a), &out.v.i) < 0 ? value_error(r, "not a duration")
                                                      : out;
}

static struct value
f_timestamp(struct cel_run *r, const struct value *a)
{
    struct value out = {.kind = V_TIME};
    int64_t ms;

    if (a->kind == V_TIME)
        return *a;
    if (a->kind == V_INT) {
        out.v.i = (int64_t)((uint64_t)a->v.i * 1000000000);
        return a->v.i > 9200000000 || a->v.i < -9200000000
                   ? value_error(r, "timestamp out of range")
                   : out;
    }
    if (rfc3339_parse(c_text(r, a), &ms) < 0)
        return value_error(r, "not an RFC 3339 time");
    out.v.i = ms * 1000000;
    return out;
}

/* ---- parts of times and durations; UTC ---- */

static struct tm
broken_down(const struct value *a)
{
    time_t t = (time_t)(a->v.i / 1000000000);
    struct tm tm;

    gmtime_r(&t, &tm);
    return tm;
}

#define TIME_PART(name, expr)                                                            \
    static struct value name(struct cel_run *r, const struct value *a)                   \
    {                                                                                    \
        struct tm tm = broken_down(a);                                                   \
        (void)r;                                                                         \
        return value_int(expr);                                                          \
    }
TIME_PART(m_year, tm.tm_year + 1900)
TIME_PART(m_month, tm.tm_mon)
TIME_PART(m_date, tm.tm_mday)
TIME_PART(m_day_of_month, tm.tm_mday - 1)
TIME_PART(m_day_of_week, tm.tm_wday)
TIME_PART(m_day_of_year, tm.tm_yday)

static struct value
m_hours(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_int(a->kind == V_DURATION ? a->v.i / 3600000000000
                                           : broken_down(a).tm_hour);
}

static struct value
m_minutes(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_int(a->kind == V_DURATION ? a->v.i / 60000000000
                                           : broken_down(a).tm_min);
}

static struct value
m_seconds(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_int(a->kind == V_DURATION ? a->v.i / 1000000000 : broken_down(a).tm_sec);
}

static struct value
m_milliseconds(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_int(a->kind == V_DURATION ? a->v.i / 1000000 : a->v.i / 1000000 % 1000);
}

/* ---- optionals ---- */

static struct value
o_of(struct cel_run *r, const struct value *a)
{
    return value_optional(r, a);
}

static struct value
o_none(struct cel_run *r, const struct value *a)
{
    (void)a;
    return value_optional(r, NULL);
}

static struct value
o_non_zero(struct cel_run *r, const struct value *a)
{
    bool zero = a->kind == V_NULL || (a->kind == V_BOOL && !a->v.b) ||
                (a->kind == V_INT && a->v.i == 0) || (a->kind == V_UINT && a->v.u == 0) ||
                (a->kind == V_DOUBLE && a->v.d == 0) ||
                ((a->kind == V_STRING || a->kind == V_BYTES) && a->v.s.size == 0) ||
                ((a->kind == V_LIST || a->kind == V_MAP) && value_count(*a) == 0);

    return value_optional(r, zero ? NULL : a);
}

static struct value
o_has_value(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_bool(a->v.opt != NULL);
}

static struct value
o_value(struct cel_run *r, const struct value *a)
{
    return a->v.opt != NULL ? *a->v.opt : value_error(r, "optional.none() dereference");
}

static struct value
o_or_value(struct cel_run *r, const struct value *a)
{
    (void)r;
    return a->v.opt != NULL ? *a->v.opt : a[1];
}

static struct value
o_or(struct cel_run *r, const struct value *a)
{
    (void)r;
    return a->v.opt != NULL ? *a : a[1];
}

/* ---- quantities ---- */

static bool
read_quantity(struct cel_run *r, const struct value *a, struct quantity *q)
{
    return quantity_parse(c_text(r, a), q) == 0;
}

static struct value
q_quantity(struct cel_run *r, const struct value *a)
{
    struct value out = {.kind = V_QUANTITY};
    struct quantity *q = run_alloc(r, sizeof *q);

    if (q == NULL || !read_quantity(r, a, q))
        return value_error(r, "not a quantity");
    out.v.q = q;
    return out;
}

static struct value
q_is(struct cel_run *r, const struct value *a)
{
    struct quantity q;

    return value_bool(read_quantity(r, a, &q));
}

static struct value
q_compare(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_int(quantity_compare(a->v.q, a[1].v.q));
}

static struct value
q_greater(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_bool(quantity_compare(a->v.q, a[1].v.q) > 0);
}

static struct value
q_less(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_bool(quantity_compare(a->v.q, a[1].v.q) < 0);
}

static struct value
q_sign(struct cel_run *r, const struct value *a)
{
    struct quantity zero = {0};

    (void)r;
    return value_int(quantity_compare(a->v.q, &zero));
}

/* ---- the table ---- */

#define K(kind) (1u << (kind))
#define TEXT K(V_STRING)
#define ANY (~0u)
#define NUMBERS (K(V_INT) | K(V_UINT) | K(V_DOUBLE))

/* clang-format off */
static const struct function {
    const char *name;
    bool method;
    unsigned target;   /* kinds of the target, or of the first argument */
    unsigned args[3];  /* kinds of the (other) arguments; 0: no more */
    size_t min, max;   /* how many of them */
    struct value (*run)(struct cel_run *, const struct value *);
} functions[] = {
    {"size", false, TEXT | K(V_BYTES) | K(V_LIST) | K(V_MAP), {0}, 0, 0, f_size},
    {"size", true,  TEXT | K(V_BYTES) | K(V_LIST) | K(V_MAP), {0}, 0, 0, f_size},
    {"type", false, ANY, {0}, 0, 0, f_type},
    {"int", false, NUMBERS | TEXT | K(V_TIME), {0}, 0, 0, f_int},
    {"uint", false, NUMBERS | TEXT, {0}, 0, 0, f_uint},
    {"double", false, NUMBERS | TEXT, {0}, 0, 0, f_double},
    {"string", false, ANY, {0}, 0, 0, f_string},
    {"bytes", false, TEXT | K(V_BYTES), {0}, 0, 0, f_bytes},
    {"bool", false, TEXT | K(V_BOOL), {0}, 0, 0, f_bool},
    {"dyn", false, ANY, {0}, 0, 0, f_dyn},
    {"duration", false, TEXT | K(V_DURATION), {0}, 0, 0, f_duration},
    {"timestamp", false, TEXT | K(V_TIME) | K(V_INT), {0}, 0, 0, f_timestamp},
    {"getFullYear", true, K(V_TIME), {0}, 0, 0, m_year},
    {"getMonth", true, K(V_TIME), {0}, 0, 0, m_month},
    {"getDate", true, K(V_TIME), {0}, 0, 0, m_date},
    {"getDayOfMonth", true, K(V_TIME), {0}, 0, 0, m_day_of_month},
    {"getDayOfWeek", true, K(V_TIME), {0}, 0, 0, m_day_of_week},
    {"getDayOfYear", true, K(V_TIME), {0}, 0, 0, m_day_of_year},
    {"getHours", true, K(V_TIME) | K(V_DURATION), {0}, 0, 0, m_hours},
    {"getMinutes", true, K(V_TIME) | K(V_DURATION), {0}, 0, 0, m_minutes},
    {"getSeconds", true, K(V_TIME) | K(V_DURATION), {0}, 0, 0, m_seconds},
    {"getMilliseconds", true, K(V_TIME) | K(V_DURATION), {0}, 0, 0, m_milliseconds},
    {"optional.of", false, ANY, {0}, 0, 0, o_of},
    {"optional.none", false, 0, {0}, 0, 0, o_none},
    {"optional.ofNonZeroValue", false, ANY, {0}, 0, 0, o_non_zero},
    {"hasValue", true, K(V_OPTIONAL), {0}, 0, 0, o_has_value},
    {"value", true, K(V_OPTIONAL), {0}, 0, 0, o_value},
    {"orValue", true, K(V_OPTIONAL), {ANY}, 1, 1, o_or_value},
    {"or", true, K(V_OPTIONAL), {K(V_OPTIONAL)}, 1, 1, o_or},
    {"quantity", false, TEXT, {0}, 0, 0, q_quantity},
    {"isQuantity", false, TEXT, {0}, 0, 0, q_is},
    {"compareTo", true, K(V_QUANTITY), {K(V_QUANTITY)}, 1, 1, q_compare},
    {"isGreaterThan", true, K(V_QUANTITY), {K(V_QUANTITY)}, 1, 1, q_greater},
    {"isLessThan", true, K(V_QUANTITY), {K(V_QUANTITY)}, 1, 1, q_less},
    {"sign", true, K(V_QUANTITY), {0}, 0, 0, q_sign},
    {"startsWith", true, TEXT, {TEXT}, 1, 1, s_starts_with},
    {"endsWith", true, TEXT, {TEXT}, 1, 1, s_ends_with},
    {"contains", true, TEXT, {TEXT}, 1, 1, s_contains},
    {"matches", true, TEXT, {TEXT}, 1, 1, s_matches},
    {"matches", false, TEXT, {TEXT}, 1, 1, s_matches},
    {"find", true, TEXT, {TEXT}, 1, 1, s_find},
    {"findAll", true, TEXT, {TEXT, K(V_INT)}, 1, 2, s_find_all},
    {"charAt", true, TEXT, {K(V_INT)}, 1, 1, s_char_at},
    {"indexOf", true, TEXT, {TEXT, K(V_INT)}, 1, 2, s_index_of},
    {"lastIndexOf", true, TEXT, {TEXT, K(V_INT)}, 1, 2, s_last_index_of},
    {"lowerAscii", true, TEXT, {0}, 0, 0, s_lower},
    {"upperAscii", true, TEXT, {0}, 0, 0, s_upper},
    {"replace", true, TEXT, {TEXT, TEXT, K(V_INT)}, 2, 3, s_replace},
    {"split", true, TEXT, {TEXT, K(V_INT)}, 1, 2, s_split},
    {"substring", true, TEXT, {K(V_INT), K(V_INT)}, 1, 2, s_substring},
    {"trim", true, TEXT, {0}, 0, 0, s_trim},
    {"reverse", true, TEXT, {0}, 0, 0, s_reverse},
    {"join", true, K(V_LIST), {TEXT}, 0, 1, l_join},
    {"isSorted", true, K(V_LIST), {0}, 0, 0, l_is_sorted},
    {"sum", true, K(V_LIST), {0}, 0, 0, l_sum},
    {"min", true, K(V_LIST), {0}, 0, 0, l_min},
    {"max", true, K(V_LIST), {0}, 0, 0, l_max},
    {"indexOf", true, K(V_LIST), {ANY}, 1, 1, l_index_of},
    {"lastIndexOf", true, K(V_LIST), {ANY}, 1, 1, l_last_index_of},
};
/* clang-format on */

struct value
cel_call(struct cel_run *r, const char *name, const struct value *target,
         const struct value *args, size_t count)
{
    struct value all[10] = {{.kind = V_NULL}};
    size_t n = 0;

    if (target != NULL)
        all[n++] = *target;
    for (size_t i = 0; i < count && n < 9; i++)
        all[n++] = args[i];
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        const struct function *f = &functions[i];
        size_t first = f->target != 0 ? 1 : 0;
        bool fits = f->method == (target != NULL) && strcmp(f->name, name) == 0 &&
                    n >= f->min + first && n <= f->max + first;

        if (fits && first == 1)
            fits = (f->target & K(all[0].kind)) != 0;
        for (size_t k = first; fits && k < n; k++)
            fits = (f->args[k - first] & K(all[k].kind)) != 0;
        if (!fits)
            continue;
        /* Absent arguments are null. */
        return f->run(r, all);
    }
    return value_error(r, "no such overload: %s%s%.60s(%s)",
                       target != NULL ? value_kind_name(*target) : "",
                       target != NULL ? "." : "", name,
                       count > 0 ? value_kind_name(args[0]) : "");
}
