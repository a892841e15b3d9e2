/* utf8.h - checks, repairs and cuts UTF-8 that came from outside. */
#ifndef KELOS_COMMON_UTF8_H
#define KELOS_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

/* The length of the well-formed character at bytes (1 to 4), or 0 when there is none:
 * overlong forms, surrogates and values above U+10FFFF are not characters. */
size_t utf8_char_size(const void *bytes, size_t size);

/* Whether all bytes are well-formed and none is NUL. */
bool utf8_valid(const void *bytes, size_t size);

/* Appends the text with each byte that belongs to no character replaced by U+FFFD and
 * each NUL left out. Returns what buf_add returns. */
int utf8_add_clean(struct buf *out, const void *bytes, size_t size);

/* The largest size of at most `max` bytes that splits no character. */
size_t utf8_cut(const void *bytes, size_t size, size_t max);

#endif
