/* cel_loop.c - the macros of cel.h: all, exists, exists_one, map, filter, bind, optMap. */
#include "local/apiserver/cel/cel_eval.h"

#include <string.h>

struct loop_state {
    struct value error; /* an element that failed, while nothing has decided */
    size_t matches, filled;
    struct value out; /* of map and filter */
};

/* One element. Returns true when the loop is decided; *verdict then holds its value. */
static bool
loop_step(struct cel_run *r, const struct scope *inner, const struct cel_node *n,
          struct loop_state *st, struct value item, struct value *verdict)
{
    struct value v = cel_node_eval(r, inner, n->items[0]), kept;
    bool last_is_result = n->loop == LOOP_MAP && n->count == 1;

    if (v.kind != V_BOOL && v.kind != V_ERROR && !last_is_result)
        v = value_error(r, "no such overload: a loop's condition is %s",
                        value_kind_name(v));
    if (v.kind == V_ERROR) {
        st->error = v;
        *verdict = v;
        return n->loop != LOOP_ALL && n->loop != LOOP_EXISTS;
    }
    switch (n->loop) {
    case LOOP_ALL:
    case LOOP_EXISTS:
        *verdict = v;
        return v.v.b == (n->loop == LOOP_EXISTS);
    case LOOP_EXISTS_ONE:
        st->matches += v.v.b;
        return false;
    default:
        break;
    }
    if (!last_is_result && !v.v.b)
        return false;
    kept = n->loop == LOOP_FILTER ? item
           : last_is_result       ? v
                                  : cel_node_eval(r, inner, n->items[1]);
    if (kept.kind == V_ERROR) {
        *verdict = kept;
        return true;
    }
    st->out.v.c.items[st->filled++] = kept;
    return false;
}

/* A map that came as JSON, with its keys and values laid out: walked by number. */
static struct value
with_items(struct cel_run *r, struct value map)
{
    struct value out = value_list(r, 2 * value_count(map));
    const char *key;
    json_t *value;
    size_t i = 0;

    if (out.kind == V_ERROR)
        return out;
    json_object_foreach((json_t *)map.v.c.json, key, value)
    {
        out.v.c.items[i++] = value_string(key, strlen(key));
        out.v.c.items[i++] = value_of_json(value);
    }
    out.kind = V_MAP;
    out.v.c.count = i / 2;
    return out;
}

static struct value
loop_over(struct cel_run *r, const struct scope *s, const struct cel_node *n,
          struct value range)
{
    struct loop_state st = {.error.kind = V_NULL, .out.kind = V_NULL};
    struct value verdict;
    size_t count = value_count(range);

    if (range.kind == V_MAP && range.v.c.json != NULL &&
        (range = with_items(r, range)).kind == V_ERROR)
        return range;
    if (n->loop == LOOP_MAP || n->loop == LOOP_FILTER) {
        st.out = value_list(r, count);
        if (st.out.kind == V_ERROR)
            return st.out;
    }
    for (size_t i = 0; i < count; i++) {
        struct value key =
            range.kind == V_MAP ? value_key(range, i) : value_int((int64_t)i);
        struct value item = range.kind == V_MAP ? key : value_at(range, i), second = item;

        if (range.kind == V_MAP && n->var2 != NULL)
            value_lookup(range, key, &second);
        struct scope one = {s, n->var, n->var2 != NULL ? key : item},
                     two = {&one, n->var2, second};
        if (loop_step(r, n->var2 != NULL ? &two : &one, n, &st, item, &verdict))
            return verdict;
    }
    if (st.error.kind == V_ERROR)
        return st.error;
    if (n->loop == LOOP_EXISTS_ONE)
        return value_bool(st.matches == 1);
    if (n->loop == LOOP_ALL || n->loop == LOOP_EXISTS)
        return value_bool(n->loop == LOOP_ALL);
    st.out.v.c.count = st.filled;
    return st.out;
}

struct value
cel_loop(struct cel_run *r, const struct scope *s, const struct cel_node *n)
{
    struct value range = cel_node_eval(r, s, n->a);

    if (range.kind == V_ERROR)
        return range;
    if (n->loop == LOOP_BIND) {
        struct scope inner = {s, n->var, range};

        return cel_node_eval(r, &inner, n->items[0]);
    }
    if (n->loop == LOOP_OPT_MAP || n->loop == LOOP_OPT_FLAT_MAP) {
        if (range.kind != V_OPTIONAL)
            return value_error(r, "no such overload: optMap of %s",
                               value_kind_name(range));
        if (range.v.opt == NULL)
            return range;
        struct scope inner = {s, n->var, *range.v.opt};
        struct value v = cel_node_eval(r, &inner, n->items[0]);
        return v.kind == V_ERROR || n->loop == LOOP_OPT_FLAT_MAP ? v
                                                                 : value_optional(r, &v);
    }
    if (range.kind != V_LIST && range.kind != V_MAP)
        return value_error(r, "no such overload: a loop over %s", value_kind_name(range));
    return loop_over(r, s, n, range);
}
