/* arena.c - see arena.h. */
#include "reconciler/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 480
#define ALIGNMENT 16

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

static struct arena_chunk *
chunk_add(struct arena *a, size_t at_least)
{
    size_t size = at_least > CHUNK_BYTES ? at_least : CHUNK_BYTES;
    struct arena_chunk *c = calloc(1, sizeof *c + size);

    if (c == NULL)
        abort();
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    return c;
}

void *
arena_alloc(struct arena *a, size_t size)
{
    struct arena_chunk *c = a->chunks;
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

    if (c == NULL || c->size - c->used < rounded)
        c = chunk_add(a, rounded);
    void *at = (char *)c->data + c->used;
    c->used += rounded;
    return at;
}

char *
arena_str(struct arena *a, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(arena_alloc(a, size), text, size);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;

    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    char *copy = arena_str(a, text);
    free(text);
    return copy;
}

void
arena_free(struct arena *a)
{
    while (a->chunks != NULL) {
        struct arena_chunk *next = a->chunks->next;
        free(a->chunks);
        a->chunks = next;
    }
}
