/* pool.c - see pool.h. */
#include "reconciler/view/pool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 232 /* with its head a block of malloc, of which a view takes few */
#define ALIGNMENT 16

struct pool_chunk {
    struct pool_chunk *next;
    uint32_t used;
    uint32_t size;
    max_align_t data[];
};

/* One that is taken whole goes behind the first, which still has room. */
static struct pool_chunk *
chunk_add(struct pool *a, size_t at_least)
{
    size_t size = at_least > CHUNK_BYTES ? at_least : CHUNK_BYTES;
    struct pool_chunk *c = size <= UINT32_MAX ? calloc(1, sizeof *c + size) : NULL;

    if (c == NULL)
        abort();
    c->size = (uint32_t)size;
    struct pool_chunk **before =
        at_least > CHUNK_BYTES && a->chunks != NULL ? &a->chunks->next : &a->chunks;
    c->next = *before;
    *before = c;
    return c;
}

/* Texts stand side by side, without alignment. */
static void *
take(struct pool *a, size_t size, size_t alignment)
{
    struct pool_chunk *c = a->chunks;
    size_t from = c != NULL ? (c->used + alignment - 1) & ~(alignment - 1) : 0;

    if (c == NULL || c->size < from || c->size - from < size) {
        c = chunk_add(a, size);
        from = 0;
    }
    c->used = (uint32_t)(from + size);
    return (char *)c->data + from;
}

void *
pool_alloc(struct pool *a, size_t size)
{
    return take(a, size, ALIGNMENT);
}

char *
pool_str(struct pool *a, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(take(a, size, 1), text, size);
}

char *
pool_printf(struct pool *a, const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;

    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    char *copy = pool_str(a, text);
    free(text);
    return copy;
}

void
pool_free(struct pool *a)
{
    while (a->chunks != NULL) {
        struct pool_chunk *next = a->chunks->next;
        free(a->chunks);
        a->chunks = next;
    }
}
