/* template_funcs.h - the functions that a template may call. */
#ifndef KELOS_COMMON_TEMPLATE_FUNCS_H
#define KELOS_COMMON_TEMPLATE_FUNCS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/template/template_value.h"

/* What a function gets and gives. */
struct template_call {
    struct template_data *data; /* owns what is made */
    const char *callee;         /* source of `call`'s first operand */
    const struct template_value *args;
    size_t count;
    struct template_value result;
    struct buf *why; /* the reason, when it fails */
};

/* How an operand is handed to a parameter. */
enum template_param {
    PARAM_VALUE, /* as it is, slot and all */
    PARAM_ANY,   /* as interface {}: out of its slot */
    PARAM_TEXT   /* must be a string */
};

struct template_function {
    const char *name;
    int (*run)(struct template_call *c); /* 0, or -1 with why */
    size_t least;                        /* arguments */
    bool variadic;                       /* more may follow */
    enum template_param first, rest;
    bool lazy; /* `and` and `or`: the caller stops early */
};

/* NULL when there is none of that name. */
const struct template_function *template_function_find(const char *name, size_t size);

/* eq ne lt le gt ge (template_compare.c). */
int template_eq(struct template_call *c);
int template_ne(struct template_call *c);
int template_lt(struct template_call *c);
int template_le(struct template_call *c);
int template_gt(struct template_call *c);
int template_ge(struct template_call *c);

/* html js urlquery (template_escape.c). */
int template_html(struct template_call *c);
int template_js(struct template_call *c);
int template_urlquery(struct template_call *c);

#endif
