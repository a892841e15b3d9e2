/* template_exec.c - executing a template: its statements. */
#include "common/template/template_exec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/template/gofmt.h"
#include "common/template/goquote.h"
#include "common/limits.h"

/* How a statement ended. */
enum flow { FLOW_FAILED = -1, FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE };

static enum flow walk(struct exec *x, const struct template_value *dot,
                      const struct node *n);

/* ---- failing ---- */

static void
print_position(struct exec *x, struct buf *text)
{
    const char *from = x->t->text, *p = from + x->node->pos, *line = from;
    int lines = 1;

    for (const char *q = from; q < p; q++) {
        if (*q == '\n') {
            lines++;
            line = q + 1;
        }
    }
    buf_printf(text, "template: %s:%d:%d: executing ", x->t->name, lines,
               (int)(p - line));
    goquote_add(text, x->tree->name.bytes, x->tree->name.size, '"', false);
    buf_add_str(text, " at <");
    node_print(text, x->node);
    buf_add_str(text, ">: ");
}

static int PRINTF_LIKE(3, 0)
    fail_as(struct exec *x, enum err_code code, const char *fmt, va_list ap)
{
    SCOPED(buf) struct buf text = BUF_INIT;
    char detail[ERR_TEXT_MAX];

    vsnprintf(detail, sizeof detail, fmt, ap);
    if (x->node != NULL)
        print_position(x, &text);
    else
        buf_printf(&text, "template: %s: ", x->t->name);
    /* A long node must not push the reason out of sight. */
    size_t room =
        ERR_TEXT_MAX - 1 > strlen(detail) ? ERR_TEXT_MAX - 1 - strlen(detail) : 0;
    return err_set(x->e, code, "%.*s%s", (int)(text.size < room ? text.size : room),
                   buf_str(&text), detail);
}

int
exec_fail(struct exec *x, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail_as(x, ERR_INVALID, fmt, ap);
    va_end(ap);
    return -1;
}

int
exec_limit(struct exec *x, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail_as(x, ERR_LIMIT, fmt, ap);
    va_end(ap);
    return -1;
}

int
exec_step(struct exec *x)
{
    if (++x->steps > LIMIT_TEMPLATE_STEPS)
        return exec_limit(x, "more than %d steps (TEMPLATE_STEPS)", LIMIT_TEMPLATE_STEPS);
    if (x->data->arena.full)
        return exec_limit(x, "values of more than %d bytes (TEMPLATE_MEMORY_BYTES)",
                          LIMIT_TEMPLATE_MEMORY_BYTES);
    return x->data->arena.failed ? exec_fail(x, "out of memory") : 0;
}

/* Deeper by one statement or pipeline. */
static int
enter(struct exec *x)
{
    if (++x->nesting > 10 * LIMIT_TEMPLATE_DEPTH)
        return exec_limit(x,
                          "exceeded maximum template depth (%d levels in all, "
                          "TEMPLATE_DEPTH)",
                          10 * LIMIT_TEMPLATE_DEPTH);
    return 0;
}

/* ---- variables ---- */

int
exec_push(struct exec *x, struct text_span name, struct template_value v)
{
    if (x->vars.count == x->vars.capacity) {
        size_t capacity = x->vars.capacity != 0 ? x->vars.capacity * 2 : 8;
        struct exec_variable *grown = realloc(x->vars.items, capacity * sizeof *grown);
        if (grown == NULL)
            return exec_fail(x, "out of memory");
        x->vars.items = grown;
        x->vars.capacity = capacity;
    }
    x->vars.items[x->vars.count++] = (struct exec_variable){name, v};
    return 0;
}

int
exec_set(struct exec *x, struct text_span name, struct template_value v)
{
    for (size_t i = x->vars.count; i-- > 0;) {
        if (span_equal(x->vars.items[i].name, name)) {
            x->vars.items[i].value = v;
            return 0;
        }
    }
    return exec_fail(x, "undefined variable: %.*s", (int)name.size, name.bytes);
}

/* ---- statements ---- */

static int
add_output(struct exec *x, const char *bytes, size_t size)
{
    if (size > x->out_limit - x->out->size)
        return exec_limit(x, "output of more than %d bytes (TEMPLATE_OUTPUT_BYTES)",
                          LIMIT_TEMPLATE_OUTPUT_BYTES);
    return buf_add(x->out, bytes, size) < 0 ? exec_limit(x, "output does not fit") : 0;
}

static int
print_value(struct exec *x, const struct node *n, struct template_value v)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    x->node = n;
    if (v.kind == TEMPLATE_NIL)
        return add_output(x, "<no value>", 10);
    if (v.kind == TEMPLATE_STRING)
        return add_output(x, v.as.string.bytes, v.as.string.size);
    text.limit = LIMIT_TEMPLATE_OUTPUT_BYTES;
    gofmt_sprint(&text, &v, 1);
    if (text.failed)
        return exec_limit(x, "output of more than %d bytes (TEMPLATE_OUTPUT_BYTES)",
                          LIMIT_TEMPLATE_OUTPUT_BYTES);
    return add_output(x, buf_str(&text), text.size);
}

static enum flow
walk_action(struct exec *x, const struct template_value *dot, const struct node *n)
{
    struct template_value v;

    if (exec_pipeline(x, dot, n->pipe, &v) < 0)
        return FLOW_FAILED;
    if (n->pipe->n_decls == 0 && print_value(x, n, v) < 0)
        return FLOW_FAILED;
    return FLOW_NEXT;
}

static enum flow
walk_list(struct exec *x, const struct template_value *dot, const struct node *n)
{
    for (size_t i = 0; i < n->n_items; i++) {
        enum flow flow = walk(x, dot, n->items[i]);
        if (flow != FLOW_NEXT)
            return flow;
    }
    return FLOW_NEXT;
}

static enum flow
walk_branch(struct exec *x, const struct template_value *dot, const struct node *n)
{
    size_t scope = x->vars.count;
    enum flow flow = FLOW_NEXT;
    struct template_value v;

    if (exec_pipeline(x, dot, n->pipe, &v) < 0)
        return FLOW_FAILED;
    if (value_is_true(&v))
        flow = walk(x, n->type == NODE_WITH ? &v : dot, n->list);
    else if (n->else_list != NULL)
        flow = walk(x, dot, n->else_list);
    x->vars.count = scope;
    return flow;
}

/* Puts index and element of an iteration into the range's variables. With one variable
 * it takes the element. */
static int
set_range_vars(struct exec *x, const struct node *pipe, struct template_value index,
               struct template_value element)
{
    size_t n = pipe->n_decls;

    if (n == 0)
        return 0;
    if (pipe->assigns) {
        if (n == 1)
            return exec_set(x, pipe->decls[0]->words[0], element);
        return exec_set(x, pipe->decls[0]->words[0], index) < 0
                   ? -1
                   : exec_set(x, pipe->decls[1]->words[0], element);
    }
    x->vars.items[x->vars.count - 1].value = element;
    if (n > 1)
        x->vars.items[x->vars.count - 2].value = index;
    return 0;
}

static enum flow
walk_iteration(struct exec *x, const struct node *n, struct template_value index,
               struct template_value element)
{
    size_t scope = x->vars.count;
    enum flow flow;

    if (exec_step(x) < 0 || set_range_vars(x, n->pipe, index, element) < 0)
        return FLOW_FAILED;
    flow = walk(x, &element, n->list);
    x->vars.count = scope;
    return flow == FLOW_CONTINUE ? FLOW_NEXT : flow;
}

static enum flow
walk_items(struct exec *x, const struct node *n, const struct template_list *list)
{
    enum flow flow = FLOW_NEXT;

    for (size_t i = 0; i < list->count && flow == FLOW_NEXT; i++)
        flow = walk_iteration(x, n, template_int((int64_t)i), list->items[i]);
    return flow;
}

static enum flow
walk_entries(struct exec *x, const struct node *n, const struct template_map *map)
{
    enum flow flow = FLOW_NEXT;

    for (size_t i = 0; i < map->count && flow == FLOW_NEXT; i++) {
        struct template_value key = {.kind = TEMPLATE_STRING};
        key.as.string.bytes = map->entries[i].key;
        key.as.string.size = map->entries[i].key_size;
        flow = walk_iteration(x, n, key, map->entries[i].value);
    }
    return flow;
}

static enum flow
walk_numbers(struct exec *x, const struct node *n, const struct template_value *v)
{
    enum flow flow = FLOW_NEXT;

    if (n->pipe->n_decls > 1) {
        exec_fail(x, "can't use %lld to iterate over more than one variable",
                  (long long)v->as.integer);
        return FLOW_FAILED;
    }
    for (int64_t i = 0; i < v->as.integer && flow == FLOW_NEXT; i++) {
        struct template_value element = *v;
        element.as.integer = i;
        flow = walk_iteration(x, n, template_nil(), element);
    }
    return flow;
}

/* Iterates; *ran says whether there was anything. */
static enum flow
walk_all(struct exec *x, const struct node *n, const struct template_value *v, bool *ran)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    switch (v->kind) {
    case TEMPLATE_NIL:
        *ran = false;
        return FLOW_NEXT;
    case TEMPLATE_LIST:
        *ran = v->as.list->count > 0;
        return walk_items(x, n, v->as.list);
    case TEMPLATE_MAP:
        *ran = v->as.map->count > 0;
        return walk_entries(x, n, v->as.map);
    case TEMPLATE_INT:
    case TEMPLATE_BYTE:
        *ran = v->as.integer > 0;
        return walk_numbers(x, n, v);
    default:
        text.limit = ERR_TEXT_MAX;
        gofmt_sprint(&text, v, 1);
        exec_fail(x, "range can't iterate over %s", buf_str(&text));
        return FLOW_FAILED;
    }
}

static enum flow
walk_range(struct exec *x, const struct template_value *dot, const struct node *n)
{
    size_t scope = x->vars.count;
    enum flow flow;
    struct template_value v;
    bool ran;

    if (exec_pipeline(x, dot, n->pipe, &v) < 0)
        return FLOW_FAILED;
    flow = walk_all(x, n, &v, &ran);
    if (flow == FLOW_BREAK)
        flow = FLOW_NEXT;
    if (flow == FLOW_NEXT && !ran && n->else_list != NULL)
        flow = walk(x, dot, n->else_list);
    x->vars.count = scope;
    return flow;
}

/* Another tree with variables of its own. */
static enum flow
walk_invocation(struct exec *x, const struct tree *tree, const struct template_value *dot)
{
    const struct tree *outer = x->tree;
    struct exec_vars vars = x->vars;
    enum flow flow = FLOW_FAILED;

    x->vars = (struct exec_vars){NULL, 0, 0};
    x->tree = tree;
    x->depth++;
    if (exec_push(x, (struct text_span){"$", 1}, *dot) == 0)
        flow = walk(x, dot, tree->root);
    free(x->vars.items);
    x->depth--;
    x->tree = outer;
    x->vars = vars;
    return flow;
}

static enum flow
walk_template(struct exec *x, const struct template_value *dot, const struct node *n)
{
    const struct tree *tree = template_find(x->t, n->text);
    SCOPED(buf) struct buf quoted = BUF_INIT;
    struct template_value v;

    if (tree == NULL) {
        goquote_add(&quoted, n->text.bytes, n->text.size, '"', false);
        exec_fail(x, "template %s not defined", buf_str(&quoted));
        return FLOW_FAILED;
    }
    if (x->depth >= LIMIT_TEMPLATE_DEPTH) {
        exec_limit(x, "exceeded maximum template depth (%d, TEMPLATE_DEPTH)",
                   LIMIT_TEMPLATE_DEPTH);
        return FLOW_FAILED;
    }
    if (exec_pipeline(x, dot, n->pipe, &v) < 0)
        return FLOW_FAILED;
    return walk_invocation(x, tree, &v);
}

static enum flow
walk_statement(struct exec *x, const struct template_value *dot, const struct node *n)
{
    switch (n->type) {
    case NODE_ACTION:
        return walk_action(x, dot, n);
    case NODE_BREAK:
        return FLOW_BREAK;
    case NODE_CONTINUE:
        return FLOW_CONTINUE;
    case NODE_IF:
    case NODE_WITH:
        return walk_branch(x, dot, n);
    case NODE_LIST:
        return walk_list(x, dot, n);
    case NODE_RANGE:
        return walk_range(x, dot, n);
    case NODE_TEMPLATE:
        return walk_template(x, dot, n);
    default:
        return add_output(x, n->text.bytes, n->text.size) < 0 ? FLOW_FAILED : FLOW_NEXT;
    }
}

static enum flow
walk(struct exec *x, const struct template_value *dot, const struct node *n)
{
    enum flow flow;

    x->node = n;
    if (exec_step(x) < 0 || enter(x) < 0)
        return FLOW_FAILED;
    flow = walk_statement(x, dot, n);
    x->nesting--;
    return flow;
}

int
template_execute(const struct template *t, struct template_data *d,
                 const struct template_value *data, unsigned flags, struct buf *out,
                 struct err *e)
{
    struct exec x = {.t = t, .data = d, .out = out, .flags = flags, .e = e};
    size_t before = out->size;
    enum flow flow = FLOW_FAILED;

    if (d == NULL || d->arena.failed)
        return err_set(e, ERR_SYSTEM, "template: %s: out of memory", t->name);
    d->arena.limit = d->arena.used + LIMIT_TEMPLATE_MEMORY_BYTES;
    x.out_limit = before + LIMIT_TEMPLATE_OUTPUT_BYTES;
    x.tree = template_find(t, (struct text_span){t->name, strlen(t->name)});
    if (exec_push(&x, (struct text_span){"$", 1}, *data) == 0)
        flow = walk(&x, data, x.tree->root);
    if (flow != FLOW_FAILED && exec_step(&x) < 0)
        flow = FLOW_FAILED;
    free(x.vars.items);
    d->arena.limit = 0;
    d->arena.failed = d->arena.full = false;
    if (flow != FLOW_FAILED)
        return 0;
    out->size = before;
    if (out->data != NULL)
        out->data[before] = '\0';
    return -1;
}

int
template_render(const char *name, const char *text, struct template_data *d,
                const struct template_value *data, unsigned flags, struct buf *out,
                struct err *e)
{
    SCOPED(template) struct template *t = template_parse(name, text, e);

    if (t == NULL)
        return err_wrap(e, "parsing template");
    if (template_execute(t, d, data, flags, out, e) < 0)
        return err_wrap(e, "executing template");
    return 0;
}
