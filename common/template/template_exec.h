/* template_exec.h - the state of one execution of a template. */
#ifndef KELOS_COMMON_TEMPLATE_EXEC_H
#define KELOS_COMMON_TEMPLATE_EXEC_H

#include "common/template/template_tree.h"
#include "common/template/template_value.h"

struct exec_variable {
    struct text_span name;
    struct template_value value;
};

/* The variables of one invocation; the first is $. */
struct exec_vars {
    struct exec_variable *items;
    size_t count, capacity;
};

struct exec {
    const struct template *t;
    const struct tree *tree; /* being executed: its name stands in error texts */
    struct template_data *data;
    struct buf *out;
    size_t out_limit; /* out->size must stay at or below it */
    unsigned flags;
    struct err *e;
    const struct node *node; /* the newest node under evaluation: where an error is */
    struct exec_vars vars;
    int depth;   /* of template invocations */
    int nesting; /* of statements and pipelines */
    long steps;
};

/* Sets *e to Go's text for a mistake at x->node. Gives -1. */
int exec_fail(struct exec *x, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same with ERR_LIMIT; the detail names the limit. */
int exec_limit(struct exec *x, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Counts one step; -1 when there were too many or memory ran out. */
int exec_step(struct exec *x);

int exec_push(struct exec *x, struct text_span name, struct template_value v);
int exec_set(struct exec *x, struct text_span name, struct template_value v);

/* The value of a pipeline, out of its slot; its variables are declared or set. A NULL
 * pipeline is nil. */
int exec_pipeline(struct exec *x, const struct template_value *dot,
                  const struct node *pipe, struct template_value *out);

#endif
