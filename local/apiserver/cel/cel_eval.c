/* cel_eval.c - runs an expression, see cel.h. Errors are values, for && and || and the loops
 * may decide without the operand that failed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "local/apiserver/cel/cel_eval.h"

static struct value
no_overload(struct cel_run *r, const char *what, struct value a, struct value b)
{
    return value_error(r, "no such overload: %s %s %s", value_kind_name(a), what,
                       value_kind_name(b));
}

static struct value
ident(struct cel_run *r, const struct scope *s, const struct cel_node *n)
{
    static const char *const types[] = {"bool",  "int",  "uint", "double",    "string",
                                        "bytes", "list", "map",  "null_type", "type"};

    for (; s != NULL; s = s->outer)
        if (strcmp(s->name, n->text) == 0)
            return s->value;
    for (size_t i = 0; i < r->var_count; i++) {
        if (strcmp(r->vars[i].name, n->text) != 0)
            continue;
        if (!r->vars[i].optional)
            return value_of_json(r->vars[i].value);
        if (r->vars[i].value == NULL)
            return value_optional(r, NULL);
        struct value inner = value_of_json(r->vars[i].value);
        return value_optional(r, &inner);
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i], n->text) == 0)
            return (struct value){.kind = V_TYPE, .v.s = {types[i], strlen(types[i])}};
    return value_error(r, "undeclared reference to '%s'", n->text);
}

/* a.name and has(a.name); fields of an optional are optional. */
static struct value
select_field(struct cel_run *r, const struct scope *s, const struct cel_node *n)
{
    struct value target = cel_node_eval(r, s, n->a), out;
    bool through = target.kind == V_OPTIONAL, found;

    if (target.kind == V_ERROR)
        return target;
    if (through) {
        if (target.v.opt == NULL)
            return n->test ? value_bool(false) : target;
        target = *target.v.opt;
    }
    if (target.kind != V_MAP)
        return value_error(r, "no such overload: field '%s' of %s", n->text,
                           value_kind_name(target));
    found = value_lookup(target, value_string(n->text, strlen(n->text)), &out);
    if (n->test)
        return value_bool(found);
    if (n->optional || through)
        return value_optional(r, found ? &out : NULL);
    return found ? out : value_error(r, "no such key: %s", n->text);
}

static struct value
list_item(struct cel_run *r, struct value list, struct value i, bool optional)
{
    int64_t at;

    if (i.kind == V_DOUBLE && floor(i.v.d) == i.v.d && fabs(i.v.d) < 1e15)
        at = (int64_t)i.v.d;
    else if (i.kind == V_INT)
        at = i.v.i;
    else if (i.kind == V_UINT && i.v.u <= INT64_MAX)
        at = (int64_t)i.v.u;
    else
        return no_overload(r, "[]", list, i);
    if (at < 0 || (size_t)at >= value_count(list))
        return optional ? value_optional(r, NULL)
                        : value_error(r, "index out of bounds: %lld", (long long)at);
    struct value out = value_at(list, (size_t)at);
    return optional ? value_optional(r, &out) : out;
}

static struct value
index_value(struct cel_run *r, const struct scope *s, const struct cel_node *n)
{
    struct value target = cel_node_eval(r, s, n->a), key = cel_node_eval(r, s, n->b), out;
    bool optional = n->optional || target.kind == V_OPTIONAL;

    if (target.kind == V_ERROR || key.kind == V_ERROR)
        return target.kind == V_ERROR ? target : key;
    if (target.kind == V_OPTIONAL) {
        if (target.v.opt == NULL)
            return target;
        target = *target.v.opt;
    }
    if (target.kind == V_LIST)
        return list_item(r, target, key, optional);
    if (target.kind != V_MAP)
        return no_overload(r, "[]", target, key);
    if (!value_lookup(target, key, &out))
        return optional ? value_optional(r, NULL)
                        : value_error(r, "no such key: %.*s",
                                      key.kind == V_STRING ? (int)key.v.s.size : 1,
                                      key.kind == V_STRING ? key.v.s.p : "?");
    return optional ? value_optional(r, &out) : out;
}

/* ---- operators ---- */

static struct value
concat(struct cel_run *r, struct value a, struct value b)
{
    size_t n = a.v.s.size + b.v.s.size;
    char *p = run_alloc(r, n + 1);

    if (p == NULL)
        return value_error(r, "the limit CEL_STEPS is reached");
    memcpy(p, a.v.s.p, a.v.s.size);
    memcpy(p + a.v.s.size, b.v.s.p, b.v.s.size);
    return (struct value){.kind = a.kind, .v.s = {p, n}};
}

static struct value
join_lists(struct cel_run *r, struct value a, struct value b)
{
    struct value out = value_list(r, value_count(a) + value_count(b));

    if (out.kind == V_ERROR)
        return out;
    for (size_t i = 0; i < value_count(a); i++)
        out.v.c.items[i] = value_at(a, i);
    for (size_t i = 0; i < value_count(b); i++)
        out.v.c.items[value_count(a) + i] = value_at(b, i);
    return out;
}

static struct value
int_arithmetic(struct cel_run *r, enum cel_node_kind op, int64_t a, int64_t b)
{
    int64_t out = 0;
    bool over = false;

    if ((op == CEL_DIV || op == CEL_MOD) && b == 0)
        return value_error(r, op == CEL_DIV ? "division by zero" : "modulus by zero");
    switch (op) {
    case CEL_ADD:
        over = __builtin_add_overflow(a, b, &out);
        break;
    case CEL_SUB:
        over = __builtin_sub_overflow(a, b, &out);
        break;
    case CEL_MUL:
        over = __builtin_mul_overflow(a, b, &out);
        break;
    case CEL_DIV:
        over = a == INT64_MIN && b == -1;
        out = over ? 0 : a / b;
        break;
    default:
        over = a == INT64_MIN && b == -1;
        out = over ? 0 : a % b;
    }
    return over ? value_error(r, "integer overflow") : value_int(out);
}

static struct value
uint_arithmetic(struct cel_run *r, enum cel_node_kind op, uint64_t a, uint64_t b)
{
    struct value out = {.kind = V_UINT};
    bool over = false;

    if ((op == CEL_DIV || op == CEL_MOD) && b == 0)
        return value_error(r, op == CEL_DIV ? "division by zero" : "modulus by zero");
    switch (op) {
    case CEL_ADD:
        over = __builtin_add_overflow(a, b, &out.v.u);
        break;
    case CEL_SUB:
        over = __builtin_sub_overflow(a, b, &out.v.u);
        break;
    case CEL_MUL:
        over = __builtin_mul_overflow(a, b, &out.v.u);
        break;
    case CEL_DIV:
        out.v.u = a / b;
        break;
    default:
        out.v.u = a % b;
    }
    return over ? value_error(r, "unsigned integer overflow") : out;
}

static struct value
double_arithmetic(struct cel_run *r, enum cel_node_kind op, double a, double b)
{
    switch (op) {
    case CEL_ADD:
        return value_double(a + b);
    case CEL_SUB:
        return value_double(a - b);
    case CEL_MUL:
        return value_double(a * b);
    case CEL_DIV:
        return value_double(a / b);
    default:
        return value_error(r, "no such overload: double %% double");
    }
}

/* Times and durations. */
static struct value
time_arithmetic(struct cel_run *r, enum cel_node_kind op, struct value a, struct value b)
{
    struct value out = int_arithmetic(r, op, a.v.i, b.v.i);
    bool both_times = a.kind == V_TIME && b.kind == V_TIME;

    if (out.kind == V_ERROR || (op != CEL_ADD && op != CEL_SUB) ||
        (both_times && op == CEL_ADD) ||
        (op == CEL_SUB && a.kind == V_DURATION && b.kind == V_TIME))
        return out.kind == V_ERROR ? out
                                   : no_overload(r, op == CEL_ADD ? "+" : "-", a, b);
    out.kind = both_times || (a.kind == V_DURATION && b.kind == V_DURATION) ? V_DURATION
                                                                            : V_TIME;
    return out;
}

static struct value
arithmetic(struct cel_run *r, enum cel_node_kind op, struct value a, struct value b)
{
    static const char *const names[] = {[CEL_ADD] = "+",
                                        [CEL_SUB] = "-",
                                        [CEL_MUL] = "*",
                                        [CEL_DIV] = "/",
                                        [CEL_MOD] = "%"};
    bool times = (a.kind == V_TIME || a.kind == V_DURATION) &&
                 (b.kind == V_TIME || b.kind == V_DURATION);

    if (a.kind == V_DOUBLE && b.kind == V_INT && b.soft)
        b = value_double((double)b.v.i);
    if (b.kind == V_DOUBLE && a.kind == V_INT && a.soft)
        a = value_double((double)a.v.i);
    if (a.kind == V_INT && b.kind == V_INT) {
        struct value out = int_arithmetic(r, op, a.v.i, b.v.i);

        out.soft = a.soft && b.soft;
        return out;
    }
    if (times)
        return time_arithmetic(r, op, a, b);
    if (a.kind != b.kind)
        return no_overload(r, names[op], a, b);
    if (a.kind == V_UINT)
        return uint_arithmetic(r, op, a.v.u, b.v.u);
    if (a.kind == V_DOUBLE)
        return double_arithmetic(r, op, a.v.d, b.v.d);
    if (op == CEL_ADD && (a.kind == V_STRING || a.kind == V_BYTES))
        return concat(r, a, b);
    if (op == CEL_ADD && a.kind == V_LIST)
        return join_lists(r, a, b);
    return no_overload(r, names[op], a, b);
}

static struct value
is_in(struct cel_run *r, struct value item, struct value of)
{
    struct value ignored;

    if (of.kind == V_MAP)
        return value_bool(value_lookup(of, item, &ignored));
    if (of.kind != V_LIST)
        return no_overload(r, "in", item, of);
    r->steps -= (int64_t)value_count(of);
    for (size_t i = 0; i < value_count(of); i++)
        if (value_equal(item, value_at(of, i)))
            return value_bool(true);
    return value_bool(false);
}

static struct value
comparison(struct cel_run *r, enum cel_node_kind op, struct value a, struct value b)
{
    int rc;

    if (op == CEL_EQ || op == CEL_NE)
        return value_bool(value_equal(a, b) == (op == CEL_EQ));
    if (op == CEL_IN)
        return is_in(r, a, b);
    if ((rc = value_compare(a, b)) == 2) {
        if (a.kind == V_DOUBLE || b.kind == V_DOUBLE)
            return value_bool(false); /* NaN */
        return no_overload(r, "<", a, b);
    }
    return value_bool(op == CEL_LT   ? rc < 0
                      : op == CEL_LE ? rc <= 0
                      : op == CEL_GT ? rc > 0
                                     : rc >= 0);
}

/* && is decided by a false, || by a true, whatever the other operand is. */
static struct value
logic(struct cel_run *r, const struct scope *s, const struct cel_node *n)
{
    bool decides = n->kind == CEL_OR;
    struct value a = cel_node_eval(r, s, n->a), b;

    if (a.kind == V_BOOL && a.v.b == decides)
        return a;
    b = cel_node_eval(r, s, n->b);
    if (b.kind == V_BOOL && b.v.b == decides)
        return b;
    if (a.kind == V_ERROR || b.kind == V_ERROR)
        return a.kind == V_ERROR ? a : b;
    if (a.kind != V_BOOL || b.kind != V_BOOL)
        return no_overload(r, decides ? "||" : "&&", a, b);
    return value_bool(!decides);
}

static struct value
negation(struct cel_run *r, const struct scope *s, const struct cel_node *n)
{
    struct value v = cel_node_eval(r, s, n->a);

    if (v.kind == V_ERROR)
        return v;
    if (n->kind == CEL_NOT)
        return v.kind == V_BOOL
                   ? value_bool(!v.v.b)
                   : value_error(r, "no such overload: !%s", value_kind_name(v));
    if (v.kind == V_INT)
        return v.v.i == INT64_MIN ? value_error(r, "integer overflow")
                                  : value_int(-v.v.i);
    if (v.kind == V_DOUBLE)
        return value_double(-v.v.d);
    if (v.kind == V_DURATION) {
        v.v.i = -v.v.i;
        return v;
    }
    return value_error(r, "no such overload: -%s", value_kind_name(v));
}

static struct value
operation(struct cel_run *r, const struct scope *s, const struct cel_node *n)
{
    struct value a = cel_node_eval(r, s, n->a), b;

    if (a.kind == V_ERROR)
        return a;
    b = cel_node_eval(r, s, n->b);
    if (b.kind == V_ERROR)
        return b;
    if (n->kind >= CEL_EQ && n->kind <= CEL_IN)
        return comparison(r, n->kind, a, b);
    return arithmetic(r, n->kind, a, b);
}

/* ---- the rest ---- */

static struct value
make_list(struct cel_run *r, const struct scope *s, const struct cel_node *n)
{
    struct value out = value_list(r, n->count);

    for (size_t i = 0; out.kind != V_ERROR && i < n->count; i++) {
        struct value v = cel_node_eval(r, s, n->items[i]);

        if (v.kind == V_ERROR)
            return v;
        out.v.c.items[i] = v;
    }
    if (n->kind == CEL_LIST || out.kind == V_ERROR)
        return out;
    out.kind = V_MAP;
    out.v.c.count = n->count / 2;
    for (size_t i = 1; i < out.v.c.count; i++)
        for (size_t k = 0; k < i; k++)
            if (value_equal(out.v.c.items[2 * i], out.v.c.items[2 * k]))
                return value_error(r, "a key of a map is repeated");
    return out;
}

static struct value
function(struct cel_run *r, const struct scope *s, const struct cel_node *n)
{
    struct value args[8], target;
    bool is_optional =
        n->a != NULL && n->a->kind == CEL_IDENT && strcmp(n->a->text, "optional") == 0;
    char name[64];

    if (n->count > 8)
        return value_error(r, "no such overload: %s with %zu arguments", n->text,
                           n->count);
    for (size_t i = 0; i < n->count; i++) {
        args[i] = cel_node_eval(r, s, n->items[i]);
        if (args[i].kind == V_ERROR)
            return args[i];
    }
    if (is_optional) { /* optional.of(x), optional.none(): a namespace */
        snprintf(name, sizeof name, "optional.%.40s", n->text);
        return cel_call(r, name, NULL, args, n->count);
    }
    if (n->a == NULL)
        return cel_call(r, n->text, NULL, args, n->count);
    target = cel_node_eval(r, s, n->a);
    return target.kind == V_ERROR ? target
                                  : cel_call(r, n->text, &target, args, n->count);
}

static struct value
constant(const struct cel_node *n)
{
    switch (n->kind) {
    case CEL_BOOL:
        return value_bool(n->v.b);
    case CEL_INT:
        return value_int(n->v.i);
    case CEL_UINT:
        return (struct value){.kind = V_UINT, .v.u = n->v.u};
    case CEL_DOUBLE:
        return value_double(n->v.d);
    case CEL_STRING:
        return value_string(n->text, n->size);
    case CEL_BYTES:
        return (struct value){.kind = V_BYTES, .v.s = {n->text, n->size}};
    default:
        return (struct value){.kind = V_NULL};
    }
}

struct value
cel_node_eval(struct cel_run *r, const struct scope *s, const struct cel_node *n)
{
    struct value cond;

    if (--r->steps < 0)
        return value_error(r, "the limit CEL_STEPS (%d) is reached", LIMIT_CEL_STEPS);
    switch (n->kind) {
    case CEL_IDENT:
        return ident(r, s, n);
    case CEL_SELECT:
        return select_field(r, s, n);
    case CEL_INDEX:
        return index_value(r, s, n);
    case CEL_CALL:
        return function(r, s, n);
    case CEL_LIST:
    case CEL_MAP:
        return make_list(r, s, n);
    case CEL_COND:
        cond = cel_node_eval(r, s, n->a);
        if (cond.kind == V_ERROR)
            return cond;
        if (cond.kind != V_BOOL)
            return value_error(r, "no such overload: %s ? :", value_kind_name(cond));
        return cel_node_eval(r, s, cond.v.b ? n->b : n->c);
    case CEL_AND:
    case CEL_OR:
        return logic(r, s, n);
    case CEL_NOT:
    case CEL_NEGATE:
        return negation(r, s, n);
    case CEL_LOOP:
        return cel_loop(r, s, n);
    default:
        return n->kind >= CEL_EQ && n->kind <= CEL_MOD ? operation(r, s, n) : constant(n);
    }
}

json_t *
cel_eval(const struct cel_program *p, const struct cel_var *vars, size_t count,
         struct err *e)
{
    struct cel_run r = {
        .vars = vars, .var_count = count, .steps = LIMIT_CEL_STEPS, .e = e};
    struct value v = cel_node_eval(&r, NULL, p->root);
    json_t *out = NULL;

    if (v.kind == V_ERROR)
        err_set(e, r.steps < 0 ? ERR_LIMIT : ERR_INVALID, "%.*s", (int)v.v.s.size,
                v.v.s.p);
    else if ((out = value_to_json(&r, v)) == NULL)
        err_set(e, ERR_INVALID, "the result has no JSON form");
    cel_release(r.blocks);
    return out;
}
