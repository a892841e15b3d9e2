/* arena.h - memory that is released all at once. */
#ifndef KELOS_COMMON_ARENA_H
#define KELOS_COMMON_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

/* {0} is an empty arena without a limit. After an allocation that failed (memory or
 * limit) `failed` stays set. */
struct arena {
    struct arena_chunk *chunks;
    size_t used;  /* bytes handed out so far */
    size_t limit; /* most bytes in all, 0: none */
    bool failed;
    bool full; /* it failed because of the limit */
};

/* Zeroed memory, aligned for anything; NULL when it failed. */
void *arena_alloc(struct arena *a, size_t size);

/* A copy with a NUL behind it. */
char *arena_copy(struct arena *a, const void *bytes, size_t size);

/* Makes room for one more element in an array of `count`: returns the array (moved when
 * its power of two was full), or NULL. */
void *arena_grow(struct arena *a, void *array, size_t count, size_t element);

void arena_free(struct arena *a);

#endif
