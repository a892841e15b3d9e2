/* cel_lex.h - the tokens of an expression. */
#ifndef KELOS_LOCAL_APISERVER_CEL_LEX_H
#define KELOS_LOCAL_APISERVER_CEL_LEX_H

#include "common/buf.h"
#include "local/apiserver/cel/cel_ast.h"

enum cel_token {
    TOK_END,
    TOK_IDENT,
    TOK_INT,
    TOK_UINT,
    TOK_DOUBLE,
    TOK_STRING,
    TOK_BYTES,
    TOK_PUNCT
};

struct cel_lexer {
    const char *start, *p; /* p stands behind the token */
    const char *at;        /* where the token begins */
    enum cel_token token;
    char punct[3];   /* TOK_PUNCT: "&&", "(", ".?" … */
    struct buf text; /* TOK_IDENT, TOK_STRING, TOK_BYTES */
    union {
        int64_t i;
        uint64_t u;
        double d;
    } v;
    struct err *e;
};

/* Reads the next token. Returns 0, or -1 with *e. */
int cel_next(struct cel_lexer *lx);
/* Sets *e to the reason and the place. Returns -1. */
int cel_syntax(struct cel_lexer *lx, const char *why);

#endif
