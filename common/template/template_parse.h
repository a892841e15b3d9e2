/* template_parse.h - the parts of the template parser. */
#ifndef KELOS_COMMON_TEMPLATE_PARSE_H
#define KELOS_COMMON_TEMPLATE_PARSE_H

#include "common/template/template_lex.h"
#include "common/template/template_tree.h"

/* What the parsers of all trees of one text share. */
struct parse {
    struct template *t;
    struct lexer lexer;
    struct err *e;
    bool failed;
    int depth;
};

/* The parser of one tree. */
struct parser {
    struct parse *all;
    struct token tokens[3]; /* looked ahead; [0] is the newest one read */
    int peeked;
    int action_line; /* where the open action began, 0: none is open */
    int range_depth;
    struct text_span *vars; /* in scope; the first is $ */
    size_t n_vars;
};

/* Tokens. */
struct token parser_next(struct parser *p);
struct token parser_peek(struct parser *p);
struct token parser_next_solid(struct parser *p); /* not a space */
struct token parser_peek_solid(struct parser *p);
void parser_back(struct parser *p);
void parser_back2(struct parser *p, struct token t1);
void parser_back3(struct parser *p, struct token t2, struct token t1);

/* Failing: only the first failure counts. All give NULL. */
void *parser_fail(struct parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
void *parser_unexpected(struct parser *p, struct token t, const char *context);
/* Nesting went too deep; call with every new level. False when it did. */
bool parser_deeper(struct parser *p);

/* Nodes. All give NULL when memory ran out. */
struct node *parser_node(struct parser *p, enum node_type type, size_t pos);
bool parser_append(struct parser *p, struct node ***items, size_t *count,
                   struct node *item);
bool parser_declare(struct parser *p, struct text_span name);
struct text_span token_span(struct token t);

/* A pipeline up to `end` (template_pipeline.c). */
struct node *parser_pipeline(struct parser *p, const char *context, enum token_type end);

/* The meaning of a string token; false when it is malformed. */
bool parser_unquote(struct parser *p, struct token t, struct text_span *out);

#endif
