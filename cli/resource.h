/* resource.h - the four kinds as a user sees them: names, columns, fields. */
#ifndef KELOS_CLI_RESOURCE_H
#define KELOS_CLI_RESOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/args.h"
#include "cli/table.h"
#include "common/buf.h"
#include "common/kube/kube.h"

/* One column; the cell is the text that `write` appends, "-" or blank when it is unset. */
struct column {
    const char *title;
    void (*write)(const json_t *object, int64_t now_ms, struct buf *out);
    bool wide; /* only with -o wide */
};

struct resource {
    enum kube_res id;
    const char *name;          /* "task": in "task/NAME created" */
    const char *none_found;    /* "no tasks found" */
    const char *const *phases; /* of --phase, NULL-terminated; NULL: it has none */
    const struct column *columns;
    size_t n_columns;
    /* Appends the fields of -d. */
    void (*detail)(const json_t *object, int64_t now_ms, struct buf *out);
};

extern const struct resource resource_task;
extern const struct resource resource_spawner;
extern const struct resource resource_workspace;
extern const struct resource resource_agentconfig;

/* Other words for the kinds, NULL-terminated: aliases of the commands. */
extern const char *const task_aliases[];
extern const char *const spawner_aliases[];
extern const char *const workspace_aliases[];
extern const char *const agentconfig_aliases[];

/* Adds the titles, then a row per object; `namespaces` puts NAMESPACE first. */
void resource_header(const struct resource *r, bool namespaces, bool wide,
                     struct table *t);
void resource_row(const struct resource *r, const json_t *object, bool namespaces,
                  bool wide, int64_t now_ms, struct table *t);

/* ---- for the files of the four kinds ---- */

/* Appends "Label:" padded to 20 columns and the value; further lines of the value are
 * indented as far. Does nothing for an empty value when `optional`. */
void detail_field(struct buf *out, const char *label, const char *value, bool optional);
/* The same with a value from the object; times become local ones. */
void detail_path(struct buf *out, const char *label, const json_t *object,
                 const char *path, bool optional);
void detail_time(struct buf *out, const char *label, const json_t *object,
                 const char *path);
/* Name and Namespace. */
void detail_names(struct buf *out, const json_t *object);
/* Conditions, one per line: "Type=Status (Reason) message". */
void detail_conditions(struct buf *out, const json_t *object);
/* Appends the strings of a list, `between` them. */
void join_strings(struct buf *out, const json_t *list, const char *between);

#endif
