/* arena.h - many small texts that live and die together, as the fields of one view do. */
#ifndef KELOS_RECONCILER_ARENA_H
#define KELOS_RECONCILER_ARENA_H

#include <stddef.h>

/* A plain value: {0} is an empty arena. Memory that runs out ends the process: a view that
 * lacks a field would lead to a wrong decision. */
struct arena {
    struct arena_chunk *chunks;
};

/* Zeroed memory, aligned for any type; lives until arena_free. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of the text; NULL gives NULL. */
char *arena_str(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Releases everything; the arena is empty and usable again. */
void arena_free(struct arena *a);

#endif
