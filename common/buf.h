/* buf.h - a growing byte buffer with a named limit. */
#ifndef KELOS_COMMON_BUF_H
#define KELOS_COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/macros.h"

/* A plain value: {0} is an empty buffer without a limit. data is always NUL-terminated
 * behind size bytes once something was added (NULL before). After a failed addition
 * (limit or memory) `failed` stays set and later additions do nothing, so that a long
 * series of additions is checked once, at its end. */
struct buf {
    char *data;
    size_t size;     /* bytes in use, without the NUL */
    size_t capacity; /* bytes allocated */
    size_t limit;    /* most bytes allowed, 0: none */
    bool failed;
};

#define BUF_INIT                                                                         \
    {                                                                                    \
        NULL, 0, 0, 0, false                                                             \
    }

/* All give 0, or -1 when `failed` is set. */
int buf_add(struct buf *b, const void *bytes, size_t size);
int buf_add_str(struct buf *b, const char *s);
int buf_add_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Makes room for `more` bytes behind size; they are written by the caller, who then adds
 * to size. Returns where to write, or NULL with `failed` set. */
char *buf_reserve(struct buf *b, size_t more);

/* Drops the first n bytes (n at most size). */
void buf_consume(struct buf *b, size_t n);

/* Empties, keeps the memory. */
void buf_clear(struct buf *b);

/* Releases the memory; the buffer is empty and usable again. NULL is allowed. */
void buf_free(struct buf *b);

/* Overwrites the memory before releasing it: for what held a credential. */
void buf_wipe(struct buf *b);

/* The text, "" when empty; borrowed until the next change. */
static inline const char *
buf_str(const struct buf *b)
{
    return b->data != NULL ? b->data : "";
}

/* Hands the memory over (free() it; never NULL unless memory ran out) and empties. */
char *buf_take(struct buf *b);

/* SCOPED(buf) struct buf b = BUF_INIT; */
static inline void
buf_scoped_free(struct buf *b)
{
    buf_free(b);
}

#endif
