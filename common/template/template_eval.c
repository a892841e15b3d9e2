/* template_eval.c - executing a template: pipelines, commands, operands, calls. */
#include "common/template/template_exec.h"

#include <string.h>

#include "common/template/gofmt.h"
#include "common/template/goquote.h"
#include "common/limits.h"
#include "common/template/template_funcs.h"

/* The commands of a pipeline hand their value on; the first gets none. */
struct operands {
    struct node *const *items; /* the first is the word itself */
    size_t count;
    const struct template_value *final; /* what the stage before gave, or NULL */
};

static const struct operands no_operands = {NULL, 0, NULL};

static bool
has_operands(const struct operands *o)
{
    return o->count > 1 || o->final != NULL;
}

static int
refuse_operands(struct exec *x, const struct operands *o)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    if (!has_operands(o))
        return 0;
    node_print(&text, o->items[0]);
    return exec_fail(x, "can't give argument to non-function %s", buf_str(&text));
}

/* ---- fields ---- */

static int
map_field(struct exec *x, const struct template_map *map, struct text_span name,
          const struct operands *o, struct template_value *out)
{
    const struct template_entry *entry = value_find(map, name.bytes, name.size);

    if (has_operands(o))
        return exec_fail(x, "%.*s is not a method but has arguments", (int)name.size,
                         name.bytes);
    if (entry == NULL && (x->flags & TEMPLATE_MISSING_KEY_ERROR)) {
        SCOPED(buf) struct buf quoted = BUF_INIT;
        goquote_add(&quoted, name.bytes, name.size, '"', false);
        return exec_fail(x, "map has no entry for key %s", buf_str(&quoted));
    }
    *out = entry != NULL ? entry->value : template_nil();
    return 0;
}

static int
eval_field(struct exec *x, const struct template_value *from, struct text_span name,
           const struct operands *o, struct template_value *out)
{
    const struct template_entry *entry;
    SCOPED(buf) struct buf quoted = BUF_INIT;

    if (value_is_invalid(from)) {
        *out = template_nil();
        if (!(x->flags & TEMPLATE_MISSING_KEY_ERROR))
            return 0;
        goquote_add(&quoted, name.bytes, name.size, '"', false);
        return exec_fail(x, "nil data; no entry for key %s", buf_str(&quoted));
    }
    if (from->kind == TEMPLATE_NIL)
        return exec_fail(x, "nil pointer evaluating interface {}.%.*s", (int)name.size,
                         name.bytes);
    if (from->kind == TEMPLATE_MAP)
        return map_field(x, from->as.map, name, o, out);
    if (from->kind == TEMPLATE_STRUCT &&
        (entry = value_find(from->as.map, name.bytes, name.size)) != NULL) {
        if (has_operands(o))
            return exec_fail(x, "%.*s has arguments but cannot be invoked as function",
                             (int)name.size, name.bytes);
        *out = entry->value;
        return 0;
    }
    return exec_fail(x, "can't evaluate field %.*s in type %s", (int)name.size,
                     name.bytes, value_slot_type(from));
}

/* .A.B.C: only the last may have operands. */
static int
eval_fields(struct exec *x, struct template_value from, const struct text_span *words,
            size_t count, const struct operands *o, struct template_value *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct operands *mine = i + 1 == count ? o : &no_operands;
        if (eval_field(x, &from, words[i], mine, out) < 0)
            return -1;
        from = *out;
    }
    return 0;
}

static int
eval_variable(struct exec *x, const struct node *n, const struct operands *o,
              struct template_value *out)
{
    x->node = n;
    for (size_t i = x->vars.count; i-- > 0;) {
        if (!span_equal(x->vars.items[i].name, n->words[0]))
            continue;
        *out = x->vars.items[i].value;
        if (n->n_words == 1)
            return refuse_operands(x, o);
        return eval_fields(x, *out, n->words + 1, n->n_words - 1, o, out);
    }
    return exec_fail(x, "undefined variable: %.*s", (int)n->words[0].size,
                     n->words[0].bytes);
}

/* ---- operands ---- */

static int eval_call(struct exec *x, const struct template_value *dot,
                     const struct node *n, const struct node *command,
                     const struct operands *o, struct template_value *out);

/* What a number literal is when nothing asks for a type. */
static int
eval_number(struct exec *x, const struct node *n, struct template_value *out)
{
    const struct node_number *number = &n->number;
    const char *text = n->text.bytes;
    bool hex = n->text.size > 2 && text[0] == '0' && (text[1] | 0x20) == 'x';
    bool power = false, pointed = false;

    for (size_t i = 0; i < n->text.size; i++) {
        power |= text[i] == 'p' || text[i] == 'P';
        pointed |= strchr(".eEpP", text[i]) != NULL;
    }
    x->node = n;
    if (number->is_complex) {
        *out = (struct template_value){.kind = TEMPLATE_COMPLEX};
        out->as.complex.re = number->real;
        out->as.complex.im = number->imaginary;
    } else if (number->is_float && !(hex && !power) && text[0] != '\'' && pointed) {
        *out = template_float(number->real);
    } else if (number->is_int) {
        *out = template_int(number->integer);
    } else {
        return exec_fail(x, "%.*s overflows int", (int)n->text.size, text);
    }
    return 0;
}

static int
eval_chain(struct exec *x, const struct template_value *dot, const struct node *n,
           const struct operands *o, struct template_value *out)
{
    const struct node *inner = n->inner;

    x->node = n;
    x->node = inner;
    if (inner->type == NODE_PIPE) {
        if (exec_pipeline(x, dot, inner, out) < 0)
            return -1;
    } else {
        struct node *self = n->inner;
        if (eval_call(x, dot, inner, inner, &(struct operands){&self, 1, NULL}, out) < 0)
            return -1;
    }
    return eval_fields(x, *out, n->words, n->n_words, o, out);
}

/* An operand of any kind, as it stands. */
static int
eval_operand(struct exec *x, const struct template_value *dot, struct node *n,
             struct template_value *out)
{
    x->node = n;
    switch (n->type) {
    case NODE_DOT:
        *out = *dot;
        return 0;
    case NODE_NIL:
        *out = template_nil();
        return 0;
    case NODE_BOOL:
        *out = template_bool(n->truth);
        return 0;
    case NODE_STRING:
        *out = (struct template_value){.kind = TEMPLATE_STRING};
        out->as.string.bytes = n->value.bytes;
        out->as.string.size = n->value.size;
        return 0;
    case NODE_NUMBER:
        return eval_number(x, n, out);
    case NODE_FIELD:
        return eval_fields(x, *dot, n->words, n->n_words, &no_operands, out);
    case NODE_VARIABLE:
        return eval_variable(x, n, &no_operands, out);
    case NODE_PIPE:
        return exec_pipeline(x, dot, n, out);
    case NODE_CHAIN:
        return eval_chain(x, dot, n, &no_operands, out);
    default:
        return eval_call(x, dot, n, n, &(struct operands){&n, 1, NULL}, out);
    }
}

/* ---- calls ---- */

/* Fits a value to a parameter. */
static int
fit_value(struct exec *x, enum template_param param, struct template_value *v)
{
    if (param == PARAM_ANY)
        *v = value_unbox(*v);
    if (param != PARAM_TEXT)
        return 0;
    if (value_is_invalid(v))
        return exec_fail(x, "invalid value; expected string");
    if (v->kind == TEMPLATE_NIL)
        return exec_fail(x, "wrong type for value; expected string; got interface {}");
    if (v->kind != TEMPLATE_STRING)
        return exec_fail(x, "wrong type for value; expected string; got %s",
                         value_type_name(v));
    *v = value_unbox(*v);
    return 0;
}

static int
eval_argument(struct exec *x, const struct template_value *dot, struct node *n,
              enum template_param param, struct template_value *out)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    x->node = n;
    if (param == PARAM_TEXT) {
        switch (n->type) {
        case NODE_NIL:
            return exec_fail(x, "cannot assign nil to string");
        case NODE_BOOL:
        case NODE_NUMBER:
            node_print(&text, n);
            return exec_fail(x, "expected string; found %s", buf_str(&text));
        default:
            break;
        }
    }
    if (eval_operand(x, dot, n, out) < 0)
        return -1;
    return fit_value(x, param, out);
}

static int
check_count(struct exec *x, const struct template_function *f, size_t count)
{
    if (f->variadic ? count >= f->least : count == f->least)
        return 0;
    return exec_fail(x, "wrong number of args for %s: want %s%zu got %zu", f->name,
                     f->variadic ? "at least " : "", f->least, count);
}

/* `and` and `or` evaluate only as far as they must. */
static int
eval_lazy(struct exec *x, const struct template_value *dot,
          const struct template_function *f, const struct operands *o,
          struct template_value *out)
{
    bool stop_at = strcmp(f->name, "or") == 0;

    for (size_t i = 1; i < o->count; i++) {
        if (eval_argument(x, dot, o->items[i], PARAM_VALUE, out) < 0)
            return -1;
        if (value_is_true(out) == stop_at)
            return 0;
    }
    if (o->final != NULL)
        *out = *o->final;
    return 0;
}

static int
run_function(struct exec *x, const struct template_function *f,
             const struct node *command, struct template_call *call)
{
    SCOPED(buf) struct buf why = BUF_INIT;

    call->why = &why;
    if (f->run(call) == 0)
        return exec_step(x);
    x->node = command;
    if (why.failed || strstr(buf_str(&why), "(TEMPLATE_") != NULL)
        return exec_limit(x, "error calling %s: %s", f->name, buf_str(&why));
    return exec_fail(x, "error calling %s: %s", f->name, buf_str(&why));
}

/* The first operand as error texts name it. */
static void
print_callee(struct buf *out, const struct operands *o)
{
    if (o->count > 1)
        node_print(out, o->items[1]);
    else if (o->final != NULL && o->final->kind == TEMPLATE_STRING)
        buf_add(out, o->final->as.string.bytes, o->final->as.string.size);
    else if (o->final != NULL)
        buf_printf(out, "<%s Value>", value_type_name(o->final));
}

static int
eval_call(struct exec *x, const struct template_value *dot, const struct node *n,
          const struct node *command, const struct operands *o,
          struct template_value *out)
{
    const struct template_function *f =
        template_function_find(n->text.bytes, n->text.size);
    size_t count = o->count - 1 + (o->final != NULL), at = 0;
    SCOPED(buf) struct buf callee = BUF_INIT;
    struct template_value *args;

    x->node = n;
    if (exec_step(x) < 0 || check_count(x, f, count) < 0)
        return -1;
    if (f->lazy)
        return eval_lazy(x, dot, f, o, out);
    if ((args = arena_alloc(&x->data->arena, (count + 1) * sizeof *args)) == NULL)
        return exec_step(x);
    for (size_t i = 1; i < o->count; i++, at++)
        if (eval_argument(x, dot, o->items[i], at == 0 ? f->first : f->rest, &args[at]) <
            0)
            return -1;
    if (o->final != NULL) {
        args[at] = *o->final;
        if (fit_value(x, at == 0 ? f->first : f->rest, &args[at]) < 0)
            return -1;
    }
    print_callee(&callee, o);
    struct template_call call = {x->data, buf_str(&callee), args,
                                 count,   template_nil(),   NULL};
    if (run_function(x, f, command, &call) < 0)
        return -1;
    *out = call.result;
    return 0;
}

/* ---- commands and pipelines ---- */

static int
eval_command(struct exec *x, const struct template_value *dot, const struct node *command,
             const struct template_value *final, struct template_value *out)
{
    struct node *word = command->items[0];
    struct operands o = {command->items, command->n_items, final};

    switch (word->type) {
    case NODE_FIELD:
        x->node = word;
        return eval_fields(x, *dot, word->words, word->n_words, &o, out);
    case NODE_CHAIN:
        return eval_chain(x, dot, word, &o, out);
    case NODE_IDENTIFIER:
        return eval_call(x, dot, word, command, &o, out);
    case NODE_VARIABLE:
        return eval_variable(x, word, &o, out);
    case NODE_PIPE:
        return refuse_operands(x, &o) < 0 ? -1 : exec_pipeline(x, dot, word, out);
    default:
        break;
    }
    x->node = word;
    if (refuse_operands(x, &o) < 0)
        return -1;
    if (word->type == NODE_NIL)
        return exec_fail(x, "nil is not a command");
    return eval_operand(x, dot, word, out);
}

int
exec_pipeline(struct exec *x, const struct template_value *dot, const struct node *pipe,
              struct template_value *out)
{
    *out = template_nil();
    if (pipe == NULL)
        return 0;
    x->node = pipe;
    for (size_t i = 0; i < pipe->n_items; i++) {
        struct template_value before = *out;
        if (exec_step(x) < 0 ||
            eval_command(x, dot, pipe->items[i], i > 0 ? &before : NULL, out) < 0)
            return -1;
        *out = value_unbox(*out);
    }
    for (size_t i = 0; i < pipe->n_decls; i++) {
        struct text_span name = pipe->decls[i]->words[0];
        int done = pipe->assigns ? exec_set(x, name, *out) : exec_push(x, name, *out);
        if (done < 0)
            return -1;
    }
    return 0;
}
