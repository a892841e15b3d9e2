/* buf.c - see buf.h. */
#include "common/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

char *
buf_reserve(struct buf *b, size_t more)
{
    if (b->failed)
        return NULL;
    if (more > SIZE_MAX / 2 - b->size || (b->limit != 0 && b->size + more > b->limit)) {
        b->failed = true;
        return NULL;
    }
    if (b->size + more + 1 > b->capacity) {
        size_t want = b->capacity != 0 ? b->capacity * 2 : 64;
        while (want < b->size + more + 1)
            want *= 2;
        char *grown = realloc(b->data, want);
        if (grown == NULL) {
            b->failed = true;
            return NULL;
        }
        b->data = grown;
        b->capacity = want;
    }
    return b->data + b->size;
}

int
buf_add(struct buf *b, const void *bytes, size_t size)
{
    char *to = buf_reserve(b, size);

    if (to == NULL)
        return -1;
    if (size > 0)
        memcpy(to, bytes, size);
    b->size += size;
    b->data[b->size] = '\0';
    return 0;
}

int
buf_add_str(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

int
buf_add_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = true;
        return -1;
    }
    char *to = buf_reserve(b, (size_t)n);
    if (to == NULL)
        return -1;
    va_start(ap, fmt);
    vsnprintf(to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->size += (size_t)n;
    return 0;
}

void
buf_consume(struct buf *b, size_t n)
{
    if (n > b->size)
        n = b->size;
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->size - n);
    b->size -= n;
    b->data[b->size] = '\0';
}

void
buf_clear(struct buf *b)
{
    b->size = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

void
buf_free(struct buf *b)
{
    if (b == NULL)
        return;
    free(b->data);
    b->data = NULL;
    b->size = b->capacity = 0;
    b->failed = false;
}

void
buf_wipe(struct buf *b)
{
    if (b->data != NULL)
        explicit_bzero(b->data, b->capacity);
    buf_free(b);
}

char *
buf_take(struct buf *b)
{
    if (b->data == NULL)
        buf_add(b, "", 0);
    char *taken = b->data;
    *b = (struct buf){.limit = b->limit};
    return taken;
}
