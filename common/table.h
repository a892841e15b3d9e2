/* table.h - values under text keys, as many as there are objects in a cluster.
 *
 * zhashx serves for what stays small: it widens itself whenever one lookup meets a long chain,
 * and ends with far more places than values (16 MiB of them for 20,000). This is uthash, whose
 * places follow the number of values. */
#ifndef KELOS_COMMON_TABLE_H
#define KELOS_COMMON_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/scoped.h"

struct table;

/* `free_value` (NULL: none) ends a value that is deleted or left when the table is freed. The
 * caller owns the result. Memory that runs out ends the process. */
struct table *table_new(void (*free_value)(void *value));
void table_free(struct table *t);
SCOPED_DEFINE(table)

/* The key is copied; a value that was there is ended. `value` is not NULL. */
void table_put(struct table *t, const char *key, void *value);
/* NULL when there is none. */
void *table_get(const struct table *t, const char *key);
/* Out of the table, into the caller's hands; NULL when there is none. */
void *table_take(struct table *t, const char *key);
/* Takes it and ends it. */
void table_delete(struct table *t, const char *key);
size_t table_size(const struct table *t);

/* Goes through all values, in the order in which they came: begin with {0}; NULL at the end.
 * The value that was given last may be deleted meanwhile, and others be looked up. */
struct table_at {
    void *entry;
    bool begun;
};
void *table_next(const struct table *t, struct table_at *at);

#endif
