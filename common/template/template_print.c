/* template_print.c - a tree as source again, in canonical spacing. */
#include "common/template/template_tree.h"

#include "common/template/goquote.h"

static void
add(struct buf *out, struct text_span s)
{
    buf_add(out, s.bytes, s.size);
}

/* The words from `from` on, each behind a point. */
static void
add_words(struct buf *out, const struct node *n, size_t from)
{
    for (size_t i = from; i < n->n_words; i++) {
        buf_add_char(out, '.');
        add(out, n->words[i]);
    }
}

/* A pipeline that is an operand stands in parentheses. */
static void
add_operand(struct buf *out, const struct node *n)
{
    if (n->type == NODE_PIPE)
        buf_add_char(out, '(');
    node_print(out, n);
    if (n->type == NODE_PIPE)
        buf_add_char(out, ')');
}

static void
add_pipe(struct buf *out, const struct node *n)
{
    for (size_t i = 0; i < n->n_decls; i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        node_print(out, n->decls[i]);
    }
    if (n->n_decls > 0)
        buf_add_str(out, n->assigns ? " = " : " := ");
    for (size_t i = 0; i < n->n_items; i++) {
        if (i > 0)
            buf_add_str(out, " | ");
        node_print(out, n->items[i]);
    }
}

static void
add_branch(struct buf *out, const struct node *n, const char *word)
{
    buf_printf(out, "{{%s ", word);
    node_print(out, n->pipe);
    buf_add_str(out, "}}");
    node_print(out, n->list);
    if (n->else_list != NULL) {
        buf_add_str(out, "{{else}}");
        node_print(out, n->else_list);
    }
    buf_add_str(out, "{{end}}");
}

static void
add_template(struct buf *out, const struct node *n)
{
    buf_add_str(out, "{{template ");
    goquote_add(out, n->text.bytes, n->text.size, '"', false);
    if (n->pipe != NULL) {
        buf_add_char(out, ' ');
        node_print(out, n->pipe);
    }
    buf_add_str(out, "}}");
}

static void
add_compound(struct buf *out, const struct node *n)
{
    switch (n->type) {
    case NODE_ACTION:
        buf_add_str(out, "{{");
        node_print(out, n->pipe);
        buf_add_str(out, "}}");
        break;
    case NODE_CHAIN:
        add_operand(out, n->inner);
        add_words(out, n, 0);
        break;
    case NODE_COMMAND:
        for (size_t i = 0; i < n->n_items; i++) {
            if (i > 0)
                buf_add_char(out, ' ');
            add_operand(out, n->items[i]);
        }
        break;
    case NODE_LIST:
        for (size_t i = 0; i < n->n_items; i++)
            node_print(out, n->items[i]);
        break;
    case NODE_PIPE:
        add_pipe(out, n);
        break;
    case NODE_TEMPLATE:
        add_template(out, n);
        break;
    default:
        add_branch(out, n,
                   n->type == NODE_IF     ? "if"
                   : n->type == NODE_WITH ? "with"
                                          : "range");
    }
}

void
node_print(struct buf *out, const struct node *n)
{
    switch (n->type) {
    case NODE_BREAK:
        buf_add_str(out, "{{break}}");
        break;
    case NODE_CONTINUE:
        buf_add_str(out, "{{continue}}");
        break;
    case NODE_ELSE:
        buf_add_str(out, "{{else}}");
        break;
    case NODE_END:
        buf_add_str(out, "{{end}}");
        break;
    case NODE_DOT:
        buf_add_char(out, '.');
        break;
    case NODE_FIELD:
        add_words(out, n, 0);
        break;
    case NODE_VARIABLE:
        add(out, n->words[0]);
        add_words(out, n, 1);
        break;
    case NODE_NIL:
        buf_add_str(out, "nil");
        break;
    case NODE_TEXT:
    case NODE_BOOL:
    case NODE_IDENTIFIER:
    case NODE_NUMBER:
    case NODE_STRING:
        add(out, n->text);
        break;
    default:
        add_compound(out, n);
    }
}
