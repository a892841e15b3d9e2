/* values.h - what can be said about an installation: the keys of the Helm chart, without templates.
 *
 * The defaults are chart/values.yaml of the installed files. On them come the files of --values,
 * the flags that have a name of their own, --set, --set-string and --set-file, in this order.
 *
 * A setting is PATH=VALUE, several are separated by commas. A path is keys with dots between them;
 * `[2]` is an item of a list, and the one behind the last is new. A backslash takes the meaning of
 * the next character away. A value of --set is true, false, null (the default again), an integer,
 * {a,b} (a list), or a text; of --set-string always a text, of --set-file the contents of a
 * file. */
#ifndef KELOS_CLI_INSTALL_VALUES_H
#define KELOS_CLI_INSTALL_VALUES_H

#include <jansson.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/scoped.h"

struct values {
    json_t *root, *defaults; /* owned */
};

enum values_how { VALUES_TYPED, VALUES_TEXT, VALUES_FILE };

/* Starts with the defaults, which it takes. */
void values_start(struct values *v, json_t *defaults);
void values_release(struct values *v);
static inline void
values_scoped_free(struct values *v)
{
    values_release(v);
}

/* Reads the installed defaults. Returns a tree the caller owns, or NULL with *e. */
json_t *values_defaults(struct err *e);

/* Puts the YAML file over what is there: maps are merged, all else is replaced, null is the
 * default. Returns 0, or -1 with *e that names the file. */
int values_file(struct values *v, const char *path, struct err *e);
/* The same with a text; `name` stands in errors. */
int values_text(struct values *v, const char *text, size_t size, const char *name,
                struct err *e);

/* Applies the settings of one --set, --set-string or --set-file. Returns 0, or -1 with *e that
 * names flag and setting. */
int values_set(struct values *v, const char *settings, enum values_how how,
               struct err *e);

/* Sets one value; takes it. `path` as in common/data/json.h. */
void values_put(struct values *v, const char *path, json_t *value);

/* Whether every key is known, of its type and one of its words. Returns 0, or -1 with *e: the
 * first that is not, with what is expected. */
int values_check(const struct values *v, struct err *e);

#endif
