/* yamlscalar.h - what a plain YAML scalar means to kubectl (YAML 1.1 with a few
 * exceptions). */
#ifndef KELOS_COMMON_YAMLSCALAR_H
#define KELOS_COMMON_YAMLSCALAR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

/* The value of a plain scalar; `tag` ("!!str", "!!int" … in its long form) or NULL forces
 * a type. Returns a value the caller owns, or NULL with ERR_INVALID. */
json_t *yaml_scalar(const char *text, size_t size, const char *tag, struct err *e);

/* Whether a plain scalar with this text would be read as something else than a string, by
 * us or by another YAML reader (base 60 numbers, dates): it needs quotes. */
bool yaml_scalar_ambiguous(const char *text, size_t size);

#endif
