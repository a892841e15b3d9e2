/* template_parse.c - parsing a template: text, control structures, definitions. */
#include "common/template/template_parse.h"

#include <stdlib.h>
#include <string.h>

#include "common/template/goquote.h"
#include "common/template/rune.h"
#include "common/template/template.h"

static struct token
expect(struct parser *p, enum token_type type, const char *context)
{
    struct token t = parser_next_solid(p);

    if (t.type != type)
        parser_unexpected(p, t, context);
    return t;
}

/* ---- statements ---- */

static struct node *parse_statement(struct parser *p);
static struct node *parse_control(struct parser *p, enum node_type type, size_t pos,
                                  const char *context);

/* Statements up to an {{end}} or {{else}}, which is left in *stop. */
static struct node *
parse_list(struct parser *p, struct node **stop)
{
    struct node *list = parser_node(p, NODE_LIST, parser_peek_solid(p).pos);

    while (list != NULL && parser_peek_solid(p).type != TOKEN_EOF) {
        struct node *n = parse_statement(p);
        if (n == NULL)
            return NULL;
        if (n->type == NODE_END || n->type == NODE_ELSE) {
            *stop = n;
            return list;
        }
        if (!parser_append(p, &list->items, &list->n_items, n))
            return NULL;
    }
    return parser_fail(p, "unexpected EOF");
}

/* The rest of a branch behind its {{else}}. */
static struct node *
parse_else(struct parser *p, enum node_type type, const char *context)
{
    enum token_type again = type == NODE_IF ? TOKEN_IF : TOKEN_WITH;
    struct token t = parser_peek(p);
    struct node *list, *stop = NULL;

    /* {{else if}} is an if inside the else, which shares its {{end}}. */
    if (type != NODE_RANGE && t.type == again) {
        parser_next(p);
        if ((list = parser_node(p, NODE_LIST, t.pos)) == NULL)
            return NULL;
        struct node *inner = parse_control(p, type, t.pos, context);
        return inner != NULL && parser_append(p, &list->items, &list->n_items, inner)
                   ? list
                   : NULL;
    }
    if ((list = parse_list(p, &stop)) == NULL)
        return NULL;
    if (stop->type != NODE_END)
        return parser_fail(p, "expected end; found {{else}}");
    return list;
}

static struct node *
parse_control(struct parser *p, enum node_type type, size_t pos, const char *context)
{
    struct node *n = parser_node(p, type, pos), *stop = NULL;
    size_t scope = p->n_vars;

    if (n == NULL || !parser_deeper(p))
        return NULL;
    if ((n->pipe = parser_pipeline(p, context, TOKEN_RIGHT_DELIM)) == NULL)
        return NULL;
    p->range_depth += type == NODE_RANGE;
    n->list = parse_list(p, &stop);
    p->range_depth -= type == NODE_RANGE;
    if (n->list == NULL)
        return NULL;
    if (stop->type == NODE_ELSE && (n->else_list = parse_else(p, type, context)) == NULL)
        return NULL;
    p->n_vars = scope;
    p->all->depth--;
    return n;
}

static struct node *
parse_jump(struct parser *p, enum node_type type, size_t pos, const char *source)
{
    struct token t = parser_next_solid(p);

    if (t.type != TOKEN_RIGHT_DELIM)
        return parser_unexpected(p, t, source);
    if (p->range_depth == 0)
        return parser_fail(p, "%s outside {{range}}", source);
    return parser_node(p, type, pos);
}

static struct node *
parse_else_mark(struct parser *p)
{
    struct token t = parser_peek_solid(p);

    if (t.type != TOKEN_IF && t.type != TOKEN_WITH)
        t = expect(p, TOKEN_RIGHT_DELIM, "else");
    return p->all->failed ? NULL : parser_node(p, NODE_ELSE, t.pos);
}

static struct node *
parse_end_mark(struct parser *p)
{
    struct token t = expect(p, TOKEN_RIGHT_DELIM, "end");

    return p->all->failed ? NULL : parser_node(p, NODE_END, t.pos);
}

static bool
parse_name(struct parser *p, struct token t, const char *context, struct text_span *name)
{
    if (t.type != TOKEN_STRING && t.type != TOKEN_RAW_STRING) {
        parser_unexpected(p, t, context);
        return false;
    }
    return parser_unquote(p, t, name);
}

/* ---- definitions ---- */

static bool
is_blank(struct text_span s)
{
    size_t width;

    for (size_t i = 0; i < s.size; i += width) {
        uint32_t r = rune_decode(s.bytes + i, s.size - i, &width);
        bool space = (r >= '\t' && r <= '\r') || r == ' ' || r == 0x85 || r == 0xA0 ||
                     r == 0x1680 || (r >= 0x2000 && r <= 0x200A) || r == 0x2028 ||
                     r == 0x2029 || r == 0x202F || r == 0x205F || r == 0x3000;
        if (!space)
            return false;
    }
    return true;
}

/* Nothing but white space: such a definition never replaces another. */
static bool
is_empty(const struct node *list)
{
    for (size_t i = 0; i < list->n_items; i++)
        if (list->items[i]->type != NODE_TEXT || !is_blank(list->items[i]->text))
            return false;
    return true;
}

static bool
add_tree(struct parser *p, struct text_span name, struct node *root)
{
    struct template *t = p->all->t;
    struct buf quoted = BUF_INIT;

    for (size_t i = 0; i < t->n_trees; i++) {
        if (!span_equal(t->trees[i].name, name))
            continue;
        if (is_empty(t->trees[i].root)) {
            t->trees[i].root = root;
        } else if (!is_empty(root)) {
            goquote_add(&quoted, name.bytes, name.size, '"', false);
            parser_fail(p, "template: multiple definition of template %s",
                        buf_str(&quoted));
            buf_free(&quoted);
        }
        return !p->all->failed;
    }
    struct tree *trees = arena_grow(&t->arena, t->trees, t->n_trees, sizeof *trees);
    if (trees == NULL) {
        parser_fail(p, "out of memory");
        return false;
    }
    trees[t->n_trees++] = (struct tree){name, root};
    t->trees = trees;
    return true;
}

static void
parser_start(struct parser *p, struct parse *all)
{
    *p = (struct parser){.all = all};
    parser_declare(p, (struct text_span){"$", 1});
}

/* The body of a {{define}} or {{block}} with its {{end}}, a tree of its own. An {{else}} in it
 * is told by `outer`, which for a block stands where the block begins. */
static bool
parse_body(struct parser *p, struct parser *outer, struct text_span name,
           const char *context)
{
    struct node *stop = NULL, *root;

    if (!parser_deeper(p) || (root = parse_list(p, &stop)) == NULL)
        return false;
    p->all->depth--;
    if (stop->type != NODE_END) {
        parser_fail(outer, "unexpected {{else}} in %s", context);
        return false;
    }
    return add_tree(p, name, root);
}

static bool
parse_definition(struct parse *all)
{
    struct parser p;
    struct text_span name = {NULL, 0};

    parser_start(&p, all);
    if (!parse_name(&p, parser_next_solid(&p), "define clause", &name))
        return false;
    expect(&p, TOKEN_RIGHT_DELIM, "define clause");
    return !all->failed && parse_body(&p, &p, name, "define clause");
}

static struct node *
parse_template(struct parser *p, bool block)
{
    const char *context = block ? "block clause" : "template clause";
    struct token t = parser_next_solid(p);
    struct node *n = parser_node(p, NODE_TEMPLATE, t.pos);
    struct parser body;

    if (n == NULL || !parse_name(p, t, context, &n->text))
        return NULL;
    if (block || parser_next_solid(p).type != TOKEN_RIGHT_DELIM) {
        if (!block)
            parser_back(p);
        if ((n->pipe = parser_pipeline(p, context, TOKEN_RIGHT_DELIM)) == NULL)
            return NULL;
    }
    if (block) {
        parser_start(&body, p->all);
        if (p->all->failed || !parse_body(&body, p, n->text, context))
            return NULL;
    }
    return n;
}

/* ---- actions ---- */

static struct node *
parse_action(struct parser *p)
{
    struct token t = parser_next_solid(p);
    struct node *n;

    switch (t.type) {
    case TOKEN_BLOCK:
        return parse_template(p, true);
    case TOKEN_BREAK:
        return parse_jump(p, NODE_BREAK, t.pos, "{{break}}");
    case TOKEN_CONTINUE:
        return parse_jump(p, NODE_CONTINUE, t.pos, "{{continue}}");
    case TOKEN_ELSE:
        return parse_else_mark(p);
    case TOKEN_END:
        return parse_end_mark(p);
    case TOKEN_IF:
        return parse_control(p, NODE_IF, t.pos, "if");
    case TOKEN_RANGE:
        return parse_control(p, NODE_RANGE, t.pos, "range");
    case TOKEN_TEMPLATE:
        return parse_template(p, false);
    case TOKEN_WITH:
        return parse_control(p, NODE_WITH, t.pos, "with");
    default:
        parser_back(p);
        n = parser_node(p, NODE_ACTION, parser_peek(p).pos);
        if (n != NULL)
            n->pipe = parser_pipeline(p, "command", TOKEN_RIGHT_DELIM);
        return n != NULL && n->pipe != NULL ? n : NULL;
    }
}

static struct node *
parse_statement(struct parser *p)
{
    struct token t = parser_next_solid(p);
    struct node *n = NULL;

    if (t.type == TOKEN_TEXT) {
        if ((n = parser_node(p, NODE_TEXT, t.pos)) != NULL)
            n->text = token_span(t);
    } else if (t.type == TOKEN_LEFT_DELIM) {
        p->action_line = t.line;
        n = parse_action(p);
        p->action_line = 0;
    } else {
        parser_unexpected(p, t, "input");
    }
    return n;
}

/* Everything: statements and definitions up to the end. */
static bool
parse_all(struct parser *p)
{
    struct node *root = parser_node(p, NODE_LIST, 0), *n;
    struct text_span name = {p->all->t->name, strlen(p->all->t->name)};

    while (root != NULL && parser_peek(p).type != TOKEN_EOF) {
        if (parser_peek(p).type == TOKEN_LEFT_DELIM) {
            struct token delim = parser_next(p);
            if (parser_next_solid(p).type == TOKEN_DEFINE) {
                if (!parse_definition(p->all))
                    return false;
                continue;
            }
            parser_back2(p, delim);
        }
        if ((n = parse_statement(p)) == NULL)
            return false;
        if (n->type == NODE_END || n->type == NODE_ELSE) {
            parser_fail(p, "unexpected %s", n->type == NODE_END ? "{{end}}" : "{{else}}");
            return false;
        }
        if (!parser_append(p, &root->items, &root->n_items, n))
            return false;
    }
    return root != NULL && add_tree(p, name, root);
}

struct template *
template_parse(const char *name, const char *text, struct err *e)
{
    SCOPED(template) struct template *t = calloc(1, sizeof *t);
    struct parse all = {.t = t, .e = e};
    struct parser p;

    if (t == NULL || (t->name = arena_copy(&t->arena, name, strlen(name))) == NULL ||
        (t->text = arena_copy(&t->arena, text, strlen(text))) == NULL) {
        err_set(e, ERR_SYSTEM, "template: %s: out of memory", name);
        return NULL;
    }
    all.lexer.input = t->text;
    all.lexer.size = strlen(text);
    parser_start(&p, &all);
    bool good = !all.failed && parse_all(&p);
    if (!good && !all.failed)
        parser_fail(&p, "out of memory");
    buf_free(&all.lexer.error);
    return good ? TAKE(t) : NULL;
}

void
template_free(struct template *t)
{
    if (t == NULL)
        return;
    arena_free(&t->arena);
    free(t);
}

const struct tree *
template_find(const struct template *t, struct text_span name)
{
    for (size_t i = 0; i < t->n_trees; i++)
        if (span_equal(t->trees[i].name, name))
            return &t->trees[i];
    return NULL;
}
