/* cel_ast.h - what the parser makes of an expression. */
#ifndef KELOS_LOCAL_APISERVER_CEL_AST_H
#define KELOS_LOCAL_APISERVER_CEL_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "local/apiserver/cel/cel.h"

enum cel_node_kind {
    CEL_NULL,
    CEL_BOOL,
    CEL_INT,
    CEL_UINT,
    CEL_DOUBLE,
    CEL_STRING,
    CEL_BYTES,  /* literals */
    CEL_IDENT,  /* text */
    CEL_SELECT, /* a.text; optional: a.?text; test: has(a.text) */
    CEL_INDEX,  /* a[b]; optional: a[?b] */
    CEL_CALL,   /* text(items) or a.text(items) */
    CEL_LIST,   /* items */
    CEL_MAP,    /* items: key, value, key, value, … */
    CEL_COND,   /* a ? b : c */
    CEL_AND,
    CEL_OR,
    CEL_NOT,
    CEL_NEGATE,
    CEL_EQ,
    CEL_NE,
    CEL_LT,
    CEL_LE,
    CEL_GT,
    CEL_GE,
    CEL_IN,
    CEL_ADD,
    CEL_SUB,
    CEL_MUL,
    CEL_DIV,
    CEL_MOD,
    CEL_LOOP, /* macro over a: items are the predicate and, for map, the result */
};

enum cel_loop {
    LOOP_ALL,
    LOOP_EXISTS,
    LOOP_EXISTS_ONE,
    LOOP_MAP,
    LOOP_FILTER,
    LOOP_BIND,
    LOOP_OPT_MAP,
    LOOP_OPT_FLAT_MAP
};

struct cel_node {
    enum cel_node_kind kind;
    bool optional, test;
    enum cel_loop loop;
    const char *text; /* of the program's memory */
    size_t size;
    const char *var, *var2; /* loop variables; var2 for index/key and value */
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
    } v;
    struct cel_node *a, *b, *c;
    struct cel_node **items;
    size_t count;
};

/* A block of the program's memory. */
struct cel_block {
    struct cel_block *next;
    char bytes[] __attribute__((aligned(16)));
};

struct cel_program {
    struct cel_node *root;
    struct cel_block *blocks; /* everything is in them */
};

/* Zeroed memory that lives as long as the program; NULL when there is none. */
void *cel_alloc(struct cel_block **blocks, size_t size);
void cel_release(struct cel_block *blocks);

#endif
