/* cel_lists.c - see cel_lists.h. */
#include "local/apiserver/cel/cel_lists.h"

#include "common/buf.h"
#include "common/scoped.h"

struct value
l_join(struct cel_run *r, const struct value *a)
{
    SCOPED(buf) struct buf out = BUF_INIT;

    out.limit = 16 << 20;
    for (size_t i = 0; i < value_count(a[0]); i++) {
        struct value item = value_at(a[0], i);

        if (item.kind != V_STRING)
            return value_error(r, "no such overload: join of %s", value_kind_name(item));
        if (i > 0 && a[1].kind == V_STRING)
            buf_add(&out, a[1].v.s.p, a[1].v.s.size);
        buf_add(&out, item.v.s.p, item.v.s.size);
    }
    return out.failed ? value_error(r, "the text becomes too long")
                      : value_text(r, buf_str(&out), out.size);
}

struct value
l_is_sorted(struct cel_run *r, const struct value *a)
{
    for (size_t i = 1; i < value_count(a[0]); i++) {
        int rc = value_compare(value_at(a[0], i - 1), value_at(a[0], i));

        if (rc == 2)
            return value_error(r,
                               "no such overload: isSorted of values that have no order");
        if (rc > 0)
            return value_bool(false);
    }
    return value_bool(true);
}

struct value
l_sum(struct cel_run *r, const struct value *a)
{
    int64_t whole = 0;
    double sum = 0;
    bool real = false;

    for (size_t i = 0; i < value_count(a[0]); i++) {
        struct value v = value_at(a[0], i);

        if (v.kind == V_INT && __builtin_add_overflow(whole, v.v.i, &whole))
            return value_error(r, "integer overflow");
        if (v.kind != V_INT && v.kind != V_DOUBLE)
            return value_error(r, "no such overload: sum of %s", value_kind_name(v));
        real |= v.kind == V_DOUBLE;
        sum += v.kind == V_DOUBLE ? v.v.d : (double)v.v.i;
    }
    return real ? value_double(sum) : value_int(whole);
}

static struct value
extreme(struct cel_run *r, const struct value *a, int wanted)
{
    struct value best;

    if (value_count(a[0]) == 0)
        return value_error(r, "min or max of an empty list");
    best = value_at(a[0], 0);
    for (size_t i = 1; i < value_count(a[0]); i++) {
        struct value v = value_at(a[0], i);
        int rc = value_compare(v, best);

        if (rc == 2)
            return value_error(
                r, "no such overload: min or max of values that have no order");
        if (rc == wanted)
            best = v;
    }
    return best;
}

struct value
l_min(struct cel_run *r, const struct value *a)
{
    return extreme(r, a, -1);
}

struct value
l_max(struct cel_run *r, const struct value *a)
{
    return extreme(r, a, 1);
}

struct value
l_index_of(struct cel_run *r, const struct value *a)
{
    (void)r;
    for (size_t i = 0; i < value_count(a[0]); i++)
        if (value_equal(value_at(a[0], i), a[1]))
            return value_int((int64_t)i);
    return value_int(-1);
}

struct value
l_last_index_of(struct cel_run *r, const struct value *a)
{
    (void)r;
    for (size_t i = value_count(a[0]); i > 0; i--)
        if (value_equal(value_at(a[0], i - 1), a[1]))
            return value_int((int64_t)i - 1);
    return value_int(-1);
}
