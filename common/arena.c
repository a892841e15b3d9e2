/* arena.c - chunks of growing size, handed out from the front. */
#include "common/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CHUNK 1024
#define LARGEST_CHUNK (256 * 1024)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used;
    alignas(max_align_t) char bytes[];
};

static struct arena_chunk *
add_chunk(struct arena *a, size_t size)
{
    size_t want = a->chunks != NULL ? a->chunks->size * 2 : FIRST_CHUNK;
    struct arena_chunk *c;

    if (want > LARGEST_CHUNK)
        want = LARGEST_CHUNK;
    if (want < size)
        want = size;
    if ((c = calloc(1, sizeof *c + want)) == NULL)
        return NULL;
    c->size = want;
    c->next = a->chunks;
    a->chunks = c;
    return c;
}

void *
arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct arena_chunk *c = a->chunks;
    void *p;

    if (size > (size_t)1 << 40 || (a->limit != 0 && a->used + size > a->limit)) {
        a->failed = a->full = true;
        return NULL;
    }
    size = (size + align - 1) / align * align;
    if (c == NULL || c->size - c->used < size) {
        if ((c = add_chunk(a, size)) == NULL) {
            a->failed = true;
            return NULL;
        }
    }
    p = c->bytes + c->used;
    c->used += size;
    a->used += size;
    return p;
}

char *
arena_copy(struct arena *a, const void *bytes, size_t size)
{
    char *p = arena_alloc(a, size + 1);

    if (p != NULL && size > 0)
        memcpy(p, bytes, size);
    return p;
}

void *
arena_grow(struct arena *a, void *array, size_t count, size_t element)
{
    size_t room = count < 4 ? 4 : count;
    void *bigger;

    /* The array holds 4, 8, 16, ... elements: full only at those counts. */
    if (array != NULL && (count < 4 || (count & (count - 1)) != 0))
        return array;
    if (count >= 4)
        room = count * 2;
    if ((bigger = arena_alloc(a, room * element)) != NULL && count > 0)
        memcpy(bigger, array, count * element);
    return bigger;
}

void
arena_free(struct arena *a)
{
    while (a->chunks != NULL) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        free(c);
    }
    *a = (struct arena){0};
}
