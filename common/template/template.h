/* template.h - the Go text/template language: parse once, execute against data.
 *
 *     SCOPED(template_data) struct template_data *d = template_data_new();
 *     struct template_value item = template_struct(d, "Item");
 *     template_put(d, &item, "Title", template_string(d, title));
 *     SCOPED(template) struct template *t = template_parse("tmpl", text, e);
 *     if (t == NULL || template_execute(t, d, &item, 0, &out, e) < 0)
 *         return -1;                         // e holds Go's text, with line and column
 *
 * The language is complete as of Go 1.26 except for what needs Go itself: functions as
 * data, channels and iterators. Differences, all on purpose: numbers from JSON that are
 * integral are integers, and they compare with floats by value; nesting and recursion end
 * at TEMPLATE_DEPTH, work at TEMPLATE_STEPS, memory at TEMPLATE_MEMORY_BYTES, output at
 * TEMPLATE_OUTPUT_BYTES (ERR_LIMIT, naming the limit). Every other failure is
 * ERR_INVALID. */
#ifndef KELOS_COMMON_TEMPLATE_H
#define KELOS_COMMON_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/scoped.h"

/* ---- data ---- */

/* Owns the values of one set of data; a failed allocation inside is remembered and
 * reported by template_execute. */
struct template_data;

/* The caller owns it; NULL when memory ran out (which every function below accepts). */
struct template_data *template_data_new(void);
void template_data_free(struct template_data *d);
SCOPED_DEFINE(template_data)

enum template_kind {
    TEMPLATE_NIL,
    TEMPLATE_BOOL,
    TEMPLATE_INT,
    TEMPLATE_BYTE, /* uint8: a byte of a string */
    TEMPLATE_FLOAT,
    TEMPLATE_COMPLEX,
    TEMPLATE_STRING,
    TEMPLATE_LIST,
    TEMPLATE_MAP,
    TEMPLATE_STRUCT
};

/* One value, passed by value; what it points at belongs to its template_data. */
struct template_value {
    enum template_kind kind;
    bool boxed; /* sits in a slot of Go type interface {}: error texts and nil differ */
    bool loose; /* a number of JSON: compares with floats by value */
    union {
        bool truth;
        int64_t integer; /* TEMPLATE_INT and TEMPLATE_BYTE */
        double real;
        struct {
            double re, im;
        } complex;
        struct {
            const char *bytes; /* not NUL-terminated in general */
            size_t size;
        } string;
        struct template_list *list;
        struct template_map *map; /* TEMPLATE_MAP and TEMPLATE_STRUCT */
    } as;
};

struct template_value template_nil(void);
struct template_value template_bool(bool b);
struct template_value template_int(int64_t i);
struct template_value template_float(double f);
/* Copies; NULL is "". */
struct template_value template_string(struct template_data *d, const char *s);
struct template_value template_bytes(struct template_data *d, const void *bytes,
                                     size_t size);

/* []interface {}, []string, map[string]interface {}, map[string]string. An absent key of
 * a map of texts is "" to `index`, of the other kind of map nothing. */
struct template_value template_list(struct template_data *d);
struct template_value template_text_list(struct template_data *d);
struct template_value template_map(struct template_data *d);
struct template_value template_text_map(struct template_data *d);
/* A struct: a field that was not put is an error by name. `type_name` must outlive d. */
struct template_value template_struct(struct template_data *d, const char *type_name);
/* Lets `index` find the fields of a struct by name, as it would in a map: a field that was not
 * put is nothing then. */
void template_allow_index(struct template_value *v);

/* Adds to a list; adds or replaces in a map or struct (the key is copied). A value that
 * does not fit the container (not a text for a map of texts) is an assertion failure. */
void template_append(struct template_data *d, struct template_value *list,
                     struct template_value v);
void template_put(struct template_data *d, struct template_value *map, const char *key,
                  struct template_value v);

/* A copy of `json` as Go's decoder would give it, with integral numbers as integers. */
struct template_value template_from_json(struct template_data *d, const json_t *json);

/* ---- templates ---- */

struct template;

/* Parses `text` under the name that error texts show. Returns a template that the caller
 * owns, or NULL with e holding `template: NAME:LINE: detail`. */
struct template *template_parse(const char *name, const char *text, struct err *e);
void template_free(struct template *t);
SCOPED_DEFINE(template)

/* An absent key in `.key` is an error instead of "<no value>". */
#define TEMPLATE_MISSING_KEY_ERROR 1u

/* Appends the result to *out (whose own limit holds too). `d` owns *data and takes the
 * values made on the way. On failure *out is as it was, and e holds
 * `template: NAME:LINE:COLUMN: executing "NAME" at <NODE>: detail`. */
int template_execute(const struct template *t, struct template_data *d,
                     const struct template_value *data, unsigned flags, struct buf *out,
                     struct err *e);

/* Parses and executes: for a text that is used once. Adds "parsing template: " or
 * "executing template: " in front of e's text. */
int template_render(const char *name, const char *text, struct template_data *d,
                    const struct template_value *data, unsigned flags, struct buf *out,
                    struct err *e);

#endif
