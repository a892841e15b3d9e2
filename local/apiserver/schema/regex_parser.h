/* regex_parser.h - what the two halves of the compiler share: regex_parse.c reads expressions,
 * regex_class.c what stands for one character. */
#ifndef KELOS_LOCAL_APISERVER_REGEX_PARSER_H
#define KELOS_LOCAL_APISERVER_REGEX_PARSER_H

#include "local/apiserver/schema/regex.h"
#include "local/apiserver/schema/regex_program.h"

struct parser {
    struct regex *r;
    const char *start, *p;
    struct err *e;
    bool fold, dot_all, lines; /* flags i, s, m */
    int depth;
    long atoms; /* parsed so far, copies included */
};

/* Says why, and where in the pattern. Returns -1. */
int regex_bad(struct parser *ps, const char *why);
/* Appends an instruction. 0, or -1 at the limit REGEX_NODES. */
int regex_emit(struct parser *ps, enum inst_op op, unsigned a, unsigned b);

/* Each reads its part of the pattern and emits it; 0 or -1. */
int regex_bracket(struct parser *ps); /* p stands behind the [ */
int regex_escape(struct parser *ps);  /* a class or a character, p behind the \ */
int regex_literal(struct parser *ps, unsigned c);

/* The next character of the pattern as UTF-8 has it. */
unsigned regex_next_char(struct parser *ps);

#endif
