/* cel.h - the Common Expression Language of x-kubernetes-validations: a dynamic evaluator.
 *
 * Types: null, bool, int, uint, double, string, bytes, list, map, timestamp, duration, type and
 * optional. Operators and macros of the language definition (has, all, exists, exists_one, map,
 * filter, bind, optMap; all and exists also with two variables), conversions, and the string,
 * list, regex, time, optional and quantity functions that Kubernetes offers. Cost is bounded by
 * LIMIT_CEL_STEPS. */
#ifndef KELOS_LOCAL_APISERVER_CEL_H
#define KELOS_LOCAL_APISERVER_CEL_H

#include <jansson.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/scoped.h"

struct cel_program;

/* Returns a program the caller owns, or NULL with *e (ERR_INVALID: position and reason). */
struct cel_program *cel_compile(const char *text, struct err *e);
void cel_free(struct cel_program *p);
static inline void
cel_scoped_free(struct cel_program **p)
{
    cel_free(*p);
}

/* Does the expression name this variable? */
bool cel_uses(const struct cel_program *p, const char *name);

/* Variables by name; values are borrowed. */
struct cel_var {
    const char *name;
    const json_t *value;
    bool optional; /* the variable is an optional: value NULL is optional.none() */
};

/* Evaluates to a JSON value (new reference), or NULL with *e: ERR_INVALID (no such key, no such
 * overload, division by zero, …) or ERR_LIMIT (CEL_STEPS). */
json_t *cel_eval(const struct cel_program *p, const struct cel_var *vars, size_t count,
                 struct err *e);

#endif
