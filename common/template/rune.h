/* rune.h - UTF-8 and the two classes of characters that Go's syntax asks for. */
#ifndef KELOS_COMMON_RUNE_H
#define KELOS_COMMON_RUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNE_ERROR 0xFFFD /* what a broken byte decodes to */
#define RUNE_MAX 0x10FFFF

/* The character at the front of p[0..size); *width is how many bytes it takes (1 for a
 * broken byte, 0 when size is 0). */
uint32_t rune_decode(const char *p, size_t size, size_t *width);

/* Writes UTF-8 (RUNE_ERROR for what is no character); returns 1 to 4. */
size_t rune_encode(uint32_t r, char out[4]);

/* A character of Unicode: in range and no surrogate. */
bool rune_is_valid(uint32_t r);

/* How many characters the bytes hold; a broken byte counts as one. */
size_t rune_count(const char *p, size_t size);

/* Letters, marks, numbers, punctuation, symbols and the space of ASCII. */
bool rune_is_printable(uint32_t r);

/* A letter, a decimal digit or the underscore. */
bool rune_is_word(uint32_t r);

#endif
