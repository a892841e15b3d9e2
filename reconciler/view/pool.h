/* pool.h - many small texts that live and die together, as the fields of one view do. */
#ifndef KELOS_RECONCILER_POOL_H
#define KELOS_RECONCILER_POOL_H

#include <stddef.h>

/* A plain value: {0} is an empty pool. Memory that runs out ends the process: a view that
 * lacks a field would lead to a wrong decision. */
struct pool {
    struct pool_chunk *chunks;
};

/* Zeroed memory, aligned for any type; lives until pool_free. */
void *pool_alloc(struct pool *a, size_t size);
/* A copy of the text; NULL gives NULL. */
char *pool_str(struct pool *a, const char *text);
char *pool_printf(struct pool *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Releases everything; the pool is empty and usable again. */
void pool_free(struct pool *a);

#endif
