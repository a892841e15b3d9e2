/* template_funcs.c - the table of functions, and those of it that are short. */
#include "common/template/template_funcs.h"

#include <string.h>

#include "common/template/gofmt.h"
#include "common/template/goquote.h"
#include "common/limits.h"
#include "common/macros.h"

static int
fail(struct template_call *c, const char *why)
{
    buf_add_str(c->why, why);
    return -1;
}

static int
fail_type(struct template_call *c, const char *why, const struct template_value *v)
{
    buf_printf(c->why, "%s%s", why, value_type_name(v));
    return -1;
}

/* Only gofmt's results can grow: they are bounded as the output is. */
static int
give_text(struct template_call *c, struct buf *text)
{
    if (text->failed)
        buf_printf(c->why, "result of more than %d bytes (TEMPLATE_OUTPUT_BYTES)",
                   LIMIT_TEMPLATE_OUTPUT_BYTES);
    else
        c->result = template_bytes(c->data, buf_str(text), text->size);
    return text->failed ? -1 : 0;
}

static int
run_print(struct template_call *c)
{
    SCOPED(buf) struct buf text = {.limit = LIMIT_TEMPLATE_OUTPUT_BYTES};

    gofmt_sprint(&text, c->args, c->count);
    return give_text(c, &text);
}

static int
run_println(struct template_call *c)
{
    SCOPED(buf) struct buf text = {.limit = LIMIT_TEMPLATE_OUTPUT_BYTES};

    gofmt_sprintln(&text, c->args, c->count);
    return give_text(c, &text);
}

static int
run_printf(struct template_call *c)
{
    SCOPED(buf) struct buf text = {.limit = LIMIT_TEMPLATE_OUTPUT_BYTES};

    gofmt_sprintf(&text, c->args[0].as.string.bytes, c->args[0].as.string.size,
                  c->args + 1, c->count - 1);
    return give_text(c, &text);
}

static int
run_not(struct template_call *c)
{
    c->result = template_bool(!value_is_true(&c->args[0]));
    return 0;
}

static int
run_len(struct template_call *c)
{
    const struct template_value *v = &c->args[0];

    switch (v->kind) {
    case TEMPLATE_STRING:
        c->result = template_int((int64_t)v->as.string.size);
        return 0;
    case TEMPLATE_LIST:
        c->result = template_int((int64_t)v->as.list->count);
        return 0;
    case TEMPLATE_MAP:
        c->result = template_int((int64_t)v->as.map->count);
        return 0;
    case TEMPLATE_NIL:
        if (v->boxed)
            return fail(c, "len of nil pointer");
        return fail(c, "len of untyped nil");
    default:
        return fail_type(c, "len of type ", v);
    }
}

static int
run_call(struct template_call *c)
{
    const struct template_value *v = &c->args[0];

    if (v->kind == TEMPLATE_NIL)
        return fail(c, "call of nil");
    buf_printf(c->why, "non-function %s of type %s", c->callee, value_type_name(v));
    return -1;
}

/* ---- index and slice ---- */

/* A position in something of `length`. */
static int
position(struct template_call *c, const struct template_value *v, size_t length,
         size_t *out)
{
    if (v->kind == TEMPLATE_NIL && !v->boxed)
        return fail(c, "cannot index slice/array with nil");
    if (v->kind != TEMPLATE_INT && v->kind != TEMPLATE_BYTE) {
        buf_printf(c->why, "cannot index slice/array with type %s", value_slot_type(v));
        return -1;
    }
    if (v->as.integer < 0 || (uint64_t)v->as.integer > length) {
        buf_printf(c->why, "index out of range: %lld", (long long)v->as.integer);
        return -1;
    }
    *out = (size_t)v->as.integer;
    return 0;
}

static int
index_sequence(struct template_call *c, struct template_value *item,
               const struct template_value *key)
{
    bool text = item->kind == TEMPLATE_STRING;
    size_t length = text ? item->as.string.size : item->as.list->count, at;

    if (position(c, key, length, &at) < 0)
        return -1;
    if (at == length) {
        buf_printf(c->why, "index out of range: %zu", at);
        return -1;
    }
    if (!text) {
        *item = item->as.list->items[at];
        return 0;
    }
    unsigned char byte = (unsigned char)item->as.string.bytes[at];
    *item = template_int(byte);
    item->kind = TEMPLATE_BYTE;
    return 0;
}

static int
index_map(struct template_call *c, struct template_value *item,
          const struct template_value *key)
{
    const struct template_entry *entry;
    bool texts = item->as.map->texts;

    if (key->kind == TEMPLATE_NIL)
        return fail(c, "value is nil; should be of type string");
    if (key->kind != TEMPLATE_STRING) {
        buf_printf(c->why, "value has type %s; should be string", value_type_name(key));
        return -1;
    }
    entry = value_find(item->as.map, key->as.string.bytes, key->as.string.size);
    if (entry != NULL) {
        *item = entry->value;
        return 0;
    }
    *item = texts ? template_string(c->data, "") : template_nil();
    item->boxed = !texts;
    return 0;
}

static int
run_index(struct template_call *c)
{
    struct template_value item = c->args[0];

    if (item.kind == TEMPLATE_NIL)
        return fail(c, "index of untyped nil");
    for (size_t i = 1; i < c->count; i++) {
        struct template_value key = value_unbox(c->args[i]);
        int done;
        if (item.kind == TEMPLATE_NIL)
            return fail(c, "index of nil pointer");
        if (item.kind == TEMPLATE_STRING || item.kind == TEMPLATE_LIST)
            done = index_sequence(c, &item, &key);
        else if (item.kind == TEMPLATE_MAP ||
                 (item.kind == TEMPLATE_STRUCT && item.as.map->indexed))
            done = index_map(c, &item, &key);
        else
            done = fail_type(c, "can't index item of type ", &item);
        if (done < 0)
            return -1;
    }
    c->result = item;
    return 0;
}

static int
run_slice(struct template_call *c)
{
    struct template_value item = value_unbox(c->args[0]);
    bool text = item.kind == TEMPLATE_STRING;
    size_t length, at[3];

    if (item.kind == TEMPLATE_NIL)
        return fail(c, "slice of untyped nil");
    if (c->count > 4) {
        buf_printf(c->why, "too many slice indexes: %zu", c->count - 1);
        return -1;
    }
    if (text && c->count == 4)
        return fail(c, "cannot 3-index slice a string");
    if (!text && item.kind != TEMPLATE_LIST)
        return fail_type(c, "can't slice item of type ", &item);
    length = text ? item.as.string.size : item.as.list->count;
    at[0] = 0;
    at[1] = at[2] = length;
    for (size_t i = 1; i < c->count; i++)
        if (position(c, &c->args[i], length, &at[i - 1]) < 0)
            return -1;
    for (size_t i = 0; i < (c->count == 4 ? 2u : 1u); i++) {
        if (at[i] > at[i + 1]) {
            buf_printf(c->why, "invalid slice index: %zu > %zu", at[i], at[i + 1]);
            return -1;
        }
    }
    if (!text) {
        c->result = value_slice(c->data, item.as.list, at[0], at[1]);
        return 0;
    }
    item.as.string.bytes += at[0];
    item.as.string.size = at[1] - at[0];
    c->result = item;
    return 0;
}

/* clang-format off */
static const struct template_function functions[] = {
    /* name       run                least variadic first        rest         lazy */
    {"and",      NULL,               1,    true,    PARAM_VALUE, PARAM_VALUE, true},
    {"call",     run_call,           1,    true,    PARAM_VALUE, PARAM_VALUE, false},
    {"eq",       template_eq,        1,    true,    PARAM_VALUE, PARAM_VALUE, false},
    {"ge",       template_ge,        2,    false,   PARAM_VALUE, PARAM_VALUE, false},
    {"gt",       template_gt,        2,    false,   PARAM_VALUE, PARAM_VALUE, false},
    {"html",     template_html,      0,    true,    PARAM_ANY,   PARAM_ANY,   false},
    {"index",    run_index,          1,    true,    PARAM_VALUE, PARAM_VALUE, false},
    {"js",       template_js,        0,    true,    PARAM_ANY,   PARAM_ANY,   false},
    {"le",       template_le,        2,    false,   PARAM_VALUE, PARAM_VALUE, false},
    {"len",      run_len,            1,    false,   PARAM_VALUE, PARAM_VALUE, false},
    {"lt",       template_lt,        2,    false,   PARAM_VALUE, PARAM_VALUE, false},
    {"ne",       template_ne,        2,    false,   PARAM_VALUE, PARAM_VALUE, false},
    {"not",      run_not,            1,    false,   PARAM_VALUE, PARAM_VALUE, false},
    {"or",       NULL,               1,    true,    PARAM_VALUE, PARAM_VALUE, true},
    {"print",    run_print,          0,    true,    PARAM_ANY,   PARAM_ANY,   false},
    {"printf",   run_printf,         1,    true,    PARAM_TEXT,  PARAM_ANY,   false},
    {"println",  run_println,        0,    true,    PARAM_ANY,   PARAM_ANY,   false},
    {"slice",    run_slice,          1,    true,    PARAM_VALUE, PARAM_VALUE, false},
    {"urlquery", template_urlquery,  0,    true,    PARAM_ANY,   PARAM_ANY,   false},
};
/* clang-format on */

const struct template_function *
template_function_find(const char *name, size_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (strlen(functions[i].name) == size &&
            memcmp(functions[i].name, name, size) == 0)
            return &functions[i];
    return NULL;
}
