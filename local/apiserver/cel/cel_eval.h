/* cel_eval.h - what the evaluator and its loops call of each other. */
#ifndef KELOS_LOCAL_APISERVER_CEL_EVAL_H
#define KELOS_LOCAL_APISERVER_CEL_EVAL_H

#include "local/apiserver/cel/cel_value.h"

/* A loop's variable, visible in its body. */
struct scope {
    const struct scope *outer;
    const char *name;
    struct value value;
};

/* The value of a node. Errors are values. */
struct value cel_node_eval(struct cel_run *r, const struct scope *s,
                           const struct cel_node *n);

/* The value of a CEL_LOOP node. */
struct value cel_loop(struct cel_run *r, const struct scope *s, const struct cel_node *n);

#endif
