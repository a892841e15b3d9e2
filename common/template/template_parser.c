/* template_parser.c - the tokens, failures and nodes of a template's parser. */
#include "common/template/template_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/template/goquote.h"
#include "common/limits.h"
#include "common/template/rune.h"

/* ---- tokens ---- */

struct token
parser_next(struct parser *p)
{
    if (p->peeked > 0)
        p->peeked--;
    else
        p->tokens[0] = lexer_next(&p->all->lexer);
    return p->tokens[p->peeked];
}

void
parser_back(struct parser *p)
{
    p->peeked++;
}

void
parser_back2(struct parser *p, struct token t1)
{
    p->tokens[1] = t1;
    p->peeked = 2;
}

void
parser_back3(struct parser *p, struct token t2, struct token t1)
{
    p->tokens[1] = t1;
    p->tokens[2] = t2;
    p->peeked = 3;
}

struct token
parser_peek(struct parser *p)
{
    if (p->peeked == 0) {
        p->tokens[0] = lexer_next(&p->all->lexer);
        p->peeked = 1;
    }
    return p->tokens[p->peeked - 1];
}

struct token
parser_next_solid(struct parser *p)
{
    struct token t = parser_next(p);

    while (t.type == TOKEN_SPACE)
        t = parser_next(p);
    return t;
}

struct token
parser_peek_solid(struct parser *p)
{
    struct token t = parser_next_solid(p);

    parser_back(p);
    return t;
}

struct text_span
token_span(struct token t)
{
    return (struct text_span){t.text, t.size};
}

/* ---- failing ---- */

void *
parser_fail(struct parser *p, const char *fmt, ...)
{
    char detail[ERR_TEXT_MAX];
    va_list ap;

    if (p->all->failed)
        return NULL;
    p->all->failed = true;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    err_set(p->all->e, ERR_INVALID, "template: %s:%d: %s", p->all->t->name,
            p->tokens[0].line, detail);
    return NULL;
}

/* A token as error texts show it: quoted, cut after ten characters. */
static void
print_token(struct buf *out, struct token t)
{
    size_t at = 0, n = 0, width;

    if (t.type == TOKEN_EOF) {
        buf_add_str(out, "EOF");
    } else if (t.type == TOKEN_ERROR) {
        buf_add(out, t.text, t.size);
    } else if (t.type > TOKEN_KEYWORD) {
        buf_printf(out, "<%.*s>", (int)t.size, t.text);
    } else if (t.size <= 10) {
        goquote_add(out, t.text, t.size, '"', false);
    } else {
        for (; n < 10 && at < t.size; n++, at += width)
            rune_decode(t.text + at, t.size - at, &width);
        goquote_add(out, t.text, at, '"', false);
        buf_add_str(out, "...");
    }
}

void *
parser_unexpected(struct parser *p, struct token t, const char *context)
{
    struct buf text = BUF_INIT;

    print_token(&text, t);
    if (t.type != TOKEN_ERROR) {
        parser_fail(p, "unexpected %s in %s", buf_str(&text), context);
    } else if (p->action_line == 0 || p->action_line == t.line) {
        parser_fail(p, "%s", buf_str(&text));
    } else {
        bool action = text.size >= 7 && strcmp(text.data + text.size - 7, " action") == 0;
        parser_fail(p, "%s%s started at %s:%d", buf_str(&text),
                    action ? "" : " in action", p->all->t->name, p->action_line);
    }
    buf_free(&text);
    return NULL;
}

bool
parser_deeper(struct parser *p)
{
    if (++p->all->depth <= LIMIT_TEMPLATE_DEPTH)
        return true;
    parser_fail(p, "nested more than %d levels deep (TEMPLATE_DEPTH)",
                LIMIT_TEMPLATE_DEPTH);
    p->all->e->code = ERR_LIMIT;
    return false;
}

/* ---- nodes ---- */

struct node *
parser_node(struct parser *p, enum node_type type, size_t pos)
{
    struct node *n = arena_alloc(&p->all->t->arena, sizeof *n);

    if (n == NULL)
        return parser_fail(p, "out of memory");
    n->type = type;
    n->pos = pos;
    return n;
}

bool
parser_append(struct parser *p, struct node ***items, size_t *count, struct node *item)
{
    struct node **grown = arena_grow(&p->all->t->arena, *items, *count, sizeof *grown);

    if (grown == NULL) {
        parser_fail(p, "out of memory");
        return false;
    }
    grown[(*count)++] = item;
    *items = grown;
    return true;
}

bool
parser_declare(struct parser *p, struct text_span name)
{
    /* Scopes end and begin again: the array is copied whenever it might be full. */
    struct text_span *vars =
        arena_alloc(&p->all->t->arena, (p->n_vars + 1) * sizeof *vars);

    if (vars == NULL) {
        parser_fail(p, "out of memory");
        return false;
    }
    if (p->n_vars > 0)
        memcpy(vars, p->vars, p->n_vars * sizeof *vars);
    vars[p->n_vars++] = name;
    p->vars = vars;
    return true;
}
