/* template_lex.h - cuts a template into text and the tokens of its actions. */
#ifndef KELOS_COMMON_TEMPLATE_LEX_H
#define KELOS_COMMON_TEMPLATE_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

enum token_type {
    TOKEN_ERROR, /* the text is the message, in the lexer's buffer */
    TOKEN_BOOL,
    TOKEN_CHAR, /* a character that means something only to the parser: a comma */
    TOKEN_CHAR_CONSTANT,
    TOKEN_COMPLEX,
    TOKEN_ASSIGN,
    TOKEN_DECLARE,
    TOKEN_EOF,
    TOKEN_FIELD, /* .Name */
    TOKEN_IDENTIFIER,
    TOKEN_LEFT_DELIM,
    TOKEN_LEFT_PAREN,
    TOKEN_NUMBER,
    TOKEN_PIPE,
    TOKEN_RAW_STRING,
    TOKEN_RIGHT_DELIM,
    TOKEN_RIGHT_PAREN,
    TOKEN_SPACE,
    TOKEN_STRING,
    TOKEN_TEXT,
    TOKEN_VARIABLE, /* $ or $name */
    TOKEN_KEYWORD,  /* all that follow are keywords */
    TOKEN_BLOCK,
    TOKEN_BREAK,
    TOKEN_CONTINUE,
    TOKEN_DOT,
    TOKEN_DEFINE,
    TOKEN_ELSE,
    TOKEN_END,
    TOKEN_IF,
    TOKEN_NIL,
    TOKEN_RANGE,
    TOKEN_TEMPLATE,
    TOKEN_WITH
};

struct token {
    enum token_type type;
    size_t pos; /* where it begins */
    int line;   /* of its beginning, from 1 */
    const char *text;
    size_t size;
};

struct lexer {
    const char *input;
    size_t size;
    size_t pos;   /* next byte */
    size_t start; /* of the token under way */
    int line;     /* of start */
    int parens;
    bool inside;      /* of an action */
    struct buf error; /* text of the TOKEN_ERROR */
};

/* {0} and input, size are the beginning; line is set by the first call. Frees with
 * buf_free(&l->error). After TOKEN_EOF or TOKEN_ERROR there is nothing more. */
struct token lexer_next(struct lexer *l);

#endif
