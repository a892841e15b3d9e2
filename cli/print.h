/* print.h - objects on stdout in the format that -o names. */
#ifndef KELOS_CLI_PRINT_H
#define KELOS_CLI_PRINT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

enum print_format {
    PRINT_TABLE,
    PRINT_WIDE,
    PRINT_YAML,
    PRINT_JSON,
    PRINT_NAME,
    PRINT_PATH
};

/* Reads the value of -o; *template is set for PRINT_PATH and borrowed. Returns 0, or -1
 * with *e set. */
int print_parse(const char *text, enum print_format *format, const char **template,
                struct err *e);

/* The same where only documents can be printed: "yaml", which is also the default, or "json". */
int print_parse_document(const char *text, enum print_format *format, struct err *e);

/* Appends an object, or a list, as YAML or JSON. */
int print_object(enum print_format format, const json_t *object, struct buf *out,
                 struct err *e);

/* Takes the fields away that only the server cares for (of each item, too). */
void print_trim(json_t *object);

/* Writes the buffer to stdout. */
int print_flush(const struct buf *out, struct err *e);

#endif
