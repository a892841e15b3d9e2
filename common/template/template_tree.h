/* template_tree.h - the tree of a parsed template. */
#ifndef KELOS_COMMON_TEMPLATE_TREE_H
#define KELOS_COMMON_TEMPLATE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"

enum node_type {
    NODE_TEXT,
    NODE_ACTION,
    NODE_BOOL,
    NODE_BREAK,
    NODE_CHAIN, /* (pipeline).Field */
    NODE_COMMAND,
    NODE_CONTINUE,
    NODE_DOT,
    NODE_ELSE, /* only while parsing */
    NODE_END,  /* only while parsing */
    NODE_FIELD,
    NODE_IDENTIFIER,
    NODE_IF,
    NODE_LIST,
    NODE_NIL,
    NODE_NUMBER,
    NODE_PIPE,
    NODE_RANGE,
    NODE_STRING,
    NODE_TEMPLATE,
    NODE_VARIABLE,
    NODE_WITH
};

struct text_span {
    const char *bytes;
    size_t size;
};

/* What a number literal can be. */
struct node_number {
    bool is_int, is_uint, is_float, is_complex;
    int64_t integer;
    double real, imaginary;
};

struct node {
    enum node_type type;
    size_t pos; /* in the template's text */
    struct text_span
        text; /* text; a literal as it was written; an identifier's or template's name */
    struct text_span value; /* a string literal's meaning */
    bool truth;             /* of a bool literal */
    struct node_number number;
    struct text_span *words; /* of a field, variable (the first is $name) or chain */
    size_t n_words;
    struct node **items; /* of a list (any), pipe (commands) or command (operands) */
    size_t n_items;
    struct node **decls; /* of a pipe: variables */
    size_t n_decls;
    bool assigns;           /* with = instead of := */
    struct node *pipe;      /* of an action, if, range, with, template */
    struct node *list;      /* of an if, range, with */
    struct node *else_list; /* may be NULL */
    struct node *inner;     /* of a chain */
};

/* One defined template. */
struct tree {
    struct text_span name;
    struct node *root;
};

struct template
{
    struct arena arena;
    const char *name; /* that parsing was called with: it stands in positions */
    const char *text;
    struct tree *trees;
    size_t n_trees;
};

/* The tree of a name, or NULL. */
const struct tree *template_find(const struct template *t, struct text_span name);

/* Adds the node's source in canonical spacing. */
void node_print(struct buf *out, const struct node *n);

/* Reads a number, a character constant or a complex constant. Returns 0, or -1 with the
 * reason added to *why. */
enum number_kind { NUMBER_PLAIN, NUMBER_CHAR, NUMBER_COMPLEX };
int number_read(struct text_span text, enum number_kind kind, struct node_number *out,
                struct buf *why);

static inline bool
span_equal(struct text_span a, struct text_span b)
{
    return a.size == b.size &&
           (a.size == 0 || __builtin_memcmp(a.bytes, b.bytes, a.size) == 0);
}

#endif
