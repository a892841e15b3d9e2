/* gofmt_value.c - any value under any verb, composites element by element. */
#include "common/template/gofmt_verb.h"

#include <string.h>

#include "common/template/rune.h"

static void
add_verb(struct buf *out, uint32_t verb)
{
    char utf8[4];

    buf_add(out, utf8, rune_encode(verb, utf8));
}

/* %!d(string=x) */
static void
add_misfit(struct gofmt_verb *f, const struct template_value *v, uint32_t verb)
{
    buf_add_str(f->out, "%!");
    add_verb(f->out, verb);
    buf_add_char(f->out, '(');
    buf_add_str(f->out, value_type_name(v));
    if (v->kind != TEMPLATE_NIL) {
        buf_add_char(f->out, '=');
        gofmt_value(f, v, 'v', 0);
    }
    buf_add_char(f->out, ')');
}

static void
add_nil(struct gofmt_verb *f, const struct template_value *v, uint32_t verb, int depth)
{
    if (depth > 0)
        buf_add_str(f->out, f->spec.sharp_v ? "interface {}(nil)" : "<nil>");
    else if (verb == 'v')
        gofmt_pad(f, "<nil>", 5);
    else
        add_misfit(f, v, verb);
}

/* A nil list or map as %#v shows it; false: it is to be shown as any other. */
static bool
add_typed_nil(struct gofmt_verb *f, const struct template_value *v)
{
    if (!f->spec.sharp_v || !value_is_nil(v))
        return false;
    buf_printf(f->out, "%s(nil)", value_type_name(v));
    return true;
}

static void
add_list(struct gofmt_verb *f, const struct template_value *v, uint32_t verb, int depth)
{
    const struct template_list *list = v->as.list;

    if (add_typed_nil(f, v))
        return;
    if (f->spec.sharp_v)
        buf_add_str(f->out, value_type_name(v));
    buf_add_char(f->out, f->spec.sharp_v ? '{' : '[');
    for (size_t i = 0; i < list->count && !f->out->failed; i++) {
        if (i > 0)
            buf_add_str(f->out, f->spec.sharp_v ? ", " : " ");
        gofmt_value(f, &list->items[i], verb, depth + 1);
    }
    buf_add_char(f->out, f->spec.sharp_v ? '}' : ']');
}

static void
add_map(struct gofmt_verb *f, const struct template_value *v, uint32_t verb, int depth)
{
    const struct template_map *map = v->as.map;
    bool is_struct = v->kind == TEMPLATE_STRUCT;
    bool braces = is_struct || f->spec.sharp_v;

    if (add_typed_nil(f, v))
        return;
    if (f->spec.sharp_v)
        buf_add_str(f->out, value_type_name(v));
    buf_add_str(f->out, braces ? "{" : "map[");
    for (size_t i = 0; i < map->count && !f->out->failed; i++) {
        const struct template_entry *entry = &map->entries[i];
        if (i > 0)
            buf_add_str(f->out, f->spec.sharp_v ? ", " : " ");
        if (!is_struct) {
            gofmt_value(
                f,
                &(struct template_value){.kind = TEMPLATE_STRING,
                                         .as.string = {entry->key, entry->key_size}},
                verb, depth + 1);
            buf_add_char(f->out, ':');
        } else if (f->spec.plus_v || f->spec.sharp_v) {
            buf_add(f->out, entry->key, entry->key_size);
            buf_add_char(f->out, ':');
        }
        gofmt_value(f, &entry->value, verb, depth + 1);
    }
    buf_add_char(f->out, braces ? '}' : ']');
}

/* A value that is no composite; false when the verb does not fit it. */
static bool
add_simple(struct gofmt_verb *f, const struct template_value *v, uint32_t verb)
{
    switch (v->kind) {
    case TEMPLATE_BOOL:
        if (verb != 't' && verb != 'v')
            return false;
        gofmt_pad(f, v->as.truth ? "true" : "false", v->as.truth ? 4 : 5);
        return true;
    case TEMPLATE_INT:
    case TEMPLATE_BYTE:
        return gofmt_integer(f, v->as.integer, v->kind == TEMPLATE_BYTE, verb);
    case TEMPLATE_FLOAT:
        return gofmt_float(f, v->as.real, verb);
    case TEMPLATE_COMPLEX:
        return gofmt_complex(f, v->as.complex.re, v->as.complex.im, verb);
    default:
        return gofmt_string(f, v->as.string.bytes, v->as.string.size, verb);
    }
}

void
gofmt_value(struct gofmt_verb *f, const struct template_value *v, uint32_t verb,
            int depth)
{
    if (depth == 0 && verb == 'T') {
        const char *name = value_type_name(v);
        if (v->kind == TEMPLATE_NIL)
            gofmt_pad(f, name, strlen(name)); /* a precision does not cut it */
        else
            gofmt_string(f, name, strlen(name), 's');
        return;
    }
    if (depth == 0 &&
        (verb == 'p' || verb == 'w')) { /* there are no pointers and errors */
        add_misfit(f, v, verb);
        return;
    }
    switch (v->kind) {
    case TEMPLATE_NIL:
        add_nil(f, v, verb, depth);
        break;
    case TEMPLATE_LIST:
        add_list(f, v, verb, depth);
        break;
    case TEMPLATE_MAP:
    case TEMPLATE_STRUCT:
        add_map(f, v, verb, depth);
        break;
    default:
        if (!add_simple(f, v, verb))
            add_misfit(f, v, verb);
    }
}
