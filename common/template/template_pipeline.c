/* template_pipeline.c - parsing what stands inside an action: operands, commands, pipes. */
#include "common/template/template_parse.h"

#include <string.h>

#include "common/template/goquote.h"
#include "common/template/template_funcs.h"

bool
parser_unquote(struct parser *p, struct token t, struct text_span *out)
{
    struct buf text = BUF_INIT;
    bool good = goquote_read(t.text, t.size, &text) == 0 && !text.failed;

    if (!good) {
        parser_fail(p, "invalid syntax");
    } else {
        out->bytes = arena_copy(&p->all->t->arena, buf_str(&text), text.size);
        out->size = text.size;
    }
    buf_free(&text);
    return good && out->bytes != NULL;
}

/* .A as the word A; $x whole. */
static bool
add_word(struct parser *p, struct node *n, struct token t)
{
    struct text_span word = token_span(t);
    struct text_span *words;

    if (t.type == TOKEN_FIELD) {
        word.bytes++;
        word.size--;
    }
    words = arena_grow(&p->all->t->arena, n->words, n->n_words, sizeof *words);
    if (words == NULL)
        return false;
    words[n->n_words++] = word;
    n->words = words;
    return true;
}

static struct node *
parse_variable(struct parser *p, struct token t)
{
    for (size_t i = 0; i < p->n_vars; i++) {
        if (span_equal(p->vars[i], token_span(t))) {
            struct node *n = parser_node(p, NODE_VARIABLE, t.pos);
            return n != NULL && add_word(p, n, t) ? n : NULL;
        }
    }
    return parser_fail(p, "undefined variable \"%.*s\"", (int)t.size, t.text);
}

static struct node *
parse_number(struct parser *p, struct token t)
{
    enum number_kind kind = t.type == TOKEN_CHAR_CONSTANT ? NUMBER_CHAR
                            : t.type == TOKEN_COMPLEX     ? NUMBER_COMPLEX
                                                          : NUMBER_PLAIN;
    struct node *n = parser_node(p, NODE_NUMBER, t.pos);
    struct buf why = BUF_INIT;

    if (n != NULL && number_read(token_span(t), kind, &n->number, &why) < 0)
        n = parser_fail(p, "%s", buf_str(&why));
    buf_free(&why);
    if (n != NULL)
        n->text = token_span(t);
    return n;
}

static struct node *
parse_literal(struct parser *p, struct token t, enum node_type type)
{
    struct node *n = parser_node(p, type, t.pos);

    if (n == NULL)
        return NULL;
    n->text = token_span(t);
    n->truth = type == NODE_BOOL && t.text[0] == 't';
    if (type == NODE_STRING && !parser_unquote(p, t, &n->value))
        return NULL;
    return n;
}

static struct node *
parse_identifier(struct parser *p, struct token t)
{
    if (template_function_find(t.text, t.size) == NULL)
        return parser_fail(p, "function \"%.*s\" not defined", (int)t.size, t.text);
    return parse_literal(p, t, NODE_IDENTIFIER);
}

static struct node *
parse_field(struct parser *p, struct token t)
{
    struct node *n = parser_node(p, NODE_FIELD, t.pos);

    return n != NULL && add_word(p, n, t) ? n : NULL;
}

static struct node *
parse_parens(struct parser *p)
{
    struct node *n;

    if (!parser_deeper(p))
        return NULL;
    n = parser_pipeline(p, "parenthesized pipeline", TOKEN_RIGHT_PAREN);
    p->all->depth--;
    return n;
}

/* One operand without the fields behind it; NULL, nothing consumed and no failure when
 * none stands here. */
static struct node *
parse_term(struct parser *p)
{
    struct token t = parser_next_solid(p);

    switch (t.type) {
    case TOKEN_IDENTIFIER:
        return parse_identifier(p, t);
    case TOKEN_DOT:
        return parse_literal(p, t, NODE_DOT);
    case TOKEN_NIL:
        return parse_literal(p, t, NODE_NIL);
    case TOKEN_BOOL:
        return parse_literal(p, t, NODE_BOOL);
    case TOKEN_STRING:
    case TOKEN_RAW_STRING:
        return parse_literal(p, t, NODE_STRING);
    case TOKEN_VARIABLE:
        return parse_variable(p, t);
    case TOKEN_FIELD:
        return parse_field(p, t);
    case TOKEN_CHAR_CONSTANT:
    case TOKEN_COMPLEX:
    case TOKEN_NUMBER:
        return parse_number(p, t);
    case TOKEN_LEFT_PAREN:
        return parse_parens(p);
    default:
        parser_back(p);
        return NULL;
    }
}

/* Fields behind an operand: a field or variable becomes longer, of a pipeline or function
 * they make a chain. Either way the position is that of the first of them. */
static struct node *
parse_fields(struct parser *p, struct node *n)
{
    size_t pos = parser_peek(p).pos;
    struct buf source = BUF_INIT;

    switch (n->type) {
    case NODE_FIELD:
    case NODE_VARIABLE:
        n->pos = pos;
        break;
    case NODE_BOOL:
    case NODE_STRING:
    case NODE_NUMBER:
    case NODE_NIL:
    case NODE_DOT:
        while (parser_peek(p).type == TOKEN_FIELD)
            parser_next(p);
        node_print(&source, n);
        struct buf quoted = BUF_INIT;
        goquote_add(&quoted, buf_str(&source), source.size, '"', false);
        parser_fail(p, "unexpected . after term %s", buf_str(&quoted));
        buf_free(&quoted);
        buf_free(&source);
        return NULL;
    default: {
        struct node *inner = n;
        if ((n = parser_node(p, NODE_CHAIN, pos)) == NULL)
            return NULL;
        n->inner = inner;
    }
    }
    while (parser_peek(p).type == TOKEN_FIELD)
        if (!add_word(p, n, parser_next(p)))
            return NULL;
    return n;
}

static struct node *
parse_operand(struct parser *p)
{
    struct node *n = parse_term(p);

    if (n != NULL && parser_peek(p).type == TOKEN_FIELD)
        n = parse_fields(p, n);
    return n;
}

/* Operands up to a pipe or the end of the pipeline. */
static struct node *
parse_command(struct parser *p)
{
    struct node *n = parser_node(p, NODE_COMMAND, parser_peek_solid(p).pos);
    struct token t;

    if (n == NULL)
        return NULL;
    do {
        parser_peek_solid(p);
        struct node *operand = parse_operand(p);
        if (p->all->failed ||
            (operand != NULL && !parser_append(p, &n->items, &n->n_items, operand)))
            return NULL;
        t = parser_next(p);
    } while (t.type == TOKEN_SPACE);
    if (t.type == TOKEN_RIGHT_DELIM || t.type == TOKEN_RIGHT_PAREN)
        parser_back(p);
    else if (t.type != TOKEN_PIPE)
        return parser_unexpected(p, t, "operand");
    return n->n_items > 0 ? n : parser_fail(p, "empty command");
}

static bool
add_decl(struct parser *p, struct node *pipe, struct token v)
{
    struct node *n = parser_node(p, NODE_VARIABLE, v.pos);

    return n != NULL && add_word(p, n, v) && parser_declare(p, token_span(v)) &&
           parser_append(p, &pipe->decls, &pipe->n_decls, n);
}

/* `$x :=`, `$x =` or, in a range, `$i, $x :=` in front of the commands. Returns false
 * when it failed. */
static bool
parse_decls(struct parser *p, struct node *pipe, const char *context)
{
    while (parser_peek_solid(p).type == TOKEN_VARIABLE) {
        struct token v = parser_next(p), after = parser_peek(p), t = parser_peek_solid(p);
        if (t.type == TOKEN_ASSIGN || t.type == TOKEN_DECLARE) {
            pipe->assigns = t.type == TOKEN_ASSIGN;
            parser_next_solid(p);
            return add_decl(p, pipe, v);
        }
        if (t.type != TOKEN_CHAR || t.text[0] != ',') {
            /* Not a declaration: what was read goes back, its space too. */
            if (after.type == TOKEN_SPACE)
                parser_back3(p, v, after);
            else
                parser_back2(p, v);
            return true;
        }
        parser_next_solid(p);
        if (!add_decl(p, pipe, v))
            return false;
        if (strcmp(context, "range") != 0 || pipe->n_decls >= 2) {
            parser_fail(p, "too many declarations in %s", context);
            return false;
        }
        t = parser_peek_solid(p);
        if (t.type != TOKEN_VARIABLE && t.type != TOKEN_RIGHT_DELIM &&
            t.type != TOKEN_RIGHT_PAREN) {
            parser_fail(p, "range can only initialize variables");
            return false;
        }
    }
    return true;
}

static struct node *
check_pipeline(struct parser *p, struct node *pipe, const char *context)
{
    if (pipe->n_items == 0)
        return parser_fail(p, "missing value for %s", context);
    for (size_t i = 1; i < pipe->n_items; i++) {
        switch (pipe->items[i]->items[0]->type) {
        case NODE_BOOL:
        case NODE_DOT:
        case NODE_NIL:
        case NODE_NUMBER:
        case NODE_STRING:
            return parser_fail(p, "non executable command in pipeline stage %zu", i + 1);
        default:
            break;
        }
    }
    return pipe;
}

static bool
begins_operand(enum token_type type)
{
    switch (type) {
    case TOKEN_BOOL:
    case TOKEN_CHAR_CONSTANT:
    case TOKEN_COMPLEX:
    case TOKEN_DOT:
    case TOKEN_FIELD:
    case TOKEN_IDENTIFIER:
    case TOKEN_NUMBER:
    case TOKEN_NIL:
    case TOKEN_RAW_STRING:
    case TOKEN_STRING:
    case TOKEN_VARIABLE:
    case TOKEN_LEFT_PAREN:
        return true;
    default:
        return false;
    }
}

struct node *
parser_pipeline(struct parser *p, const char *context, enum token_type end)
{
    struct node *pipe = parser_node(p, NODE_PIPE, parser_peek_solid(p).pos);

    if (pipe == NULL || !parse_decls(p, pipe, context))
        return NULL;
    for (;;) {
        struct token t = parser_next_solid(p);
        struct node *command;
        if (t.type == end)
            return check_pipeline(p, pipe, context);
        if (!begins_operand(t.type))
            return parser_unexpected(p, t, context);
        parser_back(p);
        if ((command = parse_command(p)) == NULL ||
            !parser_append(p, &pipe->items, &pipe->n_items, command))
            return NULL;
    }
}
