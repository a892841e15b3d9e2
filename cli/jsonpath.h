/* jsonpath.h - the part of kubectl's JSONPath that scripts use: text with {expressions} of
 * .name, ['name'], [2], [*] and "quoted text". */
#ifndef KELOS_CLI_JSONPATH_H
#define KELOS_CLI_JSONPATH_H

#include <jansson.h>

#include "common/buf.h"
#include "common/err.h"

/* Appends what the template gives for the value: strings as they are, other values as JSON,
 * several with a blank between. What is missing gives nothing. Returns 0, or -1 with *e set
 * (ERR_INVALID) when the template is malformed. */
int jsonpath_write(const char *template, const json_t *value, struct buf *out,
                   struct err *e);

#endif
