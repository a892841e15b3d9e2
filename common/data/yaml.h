/* yaml.h - YAML to JSON and back, with the meaning that kubectl gives it.
 *
 * Plain scalars follow YAML 1.1 as kubectl reads it: yes/no/on/off/true/false are
 * booleans, 0x1f, 0o17, 017 and 0b11 are integers, 1_000 too, ~ and null are null, .inf
 * is refused (JSON has none). Anchors, aliases and merge keys (<<) are expanded within
 * LIMIT_YAML_NODES; duplicate keys are refused with both lines; keys become strings. */
#ifndef KELOS_COMMON_YAML_H
#define KELOS_COMMON_YAML_H

#include <jansson.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/scoped.h"

/* One document of a file. */
struct yaml_doc {
    json_t *value; /* NULL for an empty document (comments only) */
    json_t *lines; /* path -> line, for yaml_line */
    int line;      /* where the document starts, from 1 */
};

struct yaml_docs {
    struct yaml_doc *docs;
    size_t count;
};

/* Parses all documents (also JSON). `name` stands in errors: "task.yaml:7: duplicate key
 * …". Returns documents the caller owns, or NULL: ERR_INVALID, ERR_LIMIT (YAML_DEPTH,
 * YAML_NODES, YAML_FILE_BYTES). */
struct yaml_docs *yaml_parse(const char *bytes, size_t size, const char *name,
                             struct err *e);
void yaml_docs_free(struct yaml_docs *d);
SCOPED_DEFINE(yaml_docs)

/* The only document of a text, as a tree that the caller owns. ERR_INVALID when there are
 * several; an empty text gives json_null(). */
json_t *yaml_parse_one(const char *bytes, size_t size, const char *name, struct err *e);

/* Reads the file, then as yaml_parse. */
struct yaml_docs *yaml_read(const char *path, struct err *e);

/* The line of the value at a path (as in common/data/json.h), or of its nearest parent. */
int yaml_line(const struct yaml_doc *doc, const char *path);

/* Adds the value as YAML: sorted keys, list items at the indent of their key, text of
 * several lines as a | block, quotes where the text would be read as something else. Ends
 * with a newline. Returns 0, or -1 with ERR_LIMIT when the buffer's limit or memory ran
 * out. */
int yaml_dump(const json_t *value, struct buf *out, struct err *e);

#endif
