/* pool.c - see pool.h. */
#include "reconciler/view/pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 480
#define ALIGNMENT 16

struct pool_chunk {
    struct pool_chunk *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

static struct pool_chunk *
chunk_add(struct pool *a, size_t at_least)
{
    size_t size = at_least > CHUNK_BYTES ? at_least : CHUNK_BYTES;
    struct pool_chunk *c = calloc(1, sizeof *c + size);

    if (c == NULL)
        abort();
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    return c;
}

void *
pool_alloc(struct pool *a, size_t size)
{
    struct pool_chunk *c = a->chunks;
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

    if (c == NULL || c->size - c->used < rounded)
        c = chunk_add(a, rounded);
    void *at = (char *)c->data + c->used;
    c->used += rounded;
    return at;
}

char *
pool_str(struct pool *a, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(pool_alloc(a, size), text, size);
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
