/* escape.h - what a Pod wrote, made harmless for a terminal.
 *
 * Control characters (C0 but for tab and line feed, DEL, C1 as a byte or as UTF-8, a carriage
 * return that no line feed follows) can move the cursor, rename the window or answer in the
 * user's name: they are shown as \x1b and the like. All else passes, any bytes included. */
#ifndef KELOS_CLI_ESCAPE_H
#define KELOS_CLI_ESCAPE_H

#include <stddef.h>

#include "common/buf.h"

/* A plain value, {0} before the first byte. Bytes may come in pieces of any size. */
struct escape {
    unsigned char held; /* a carriage return or 0xC2: what it is, the next byte tells */
    unsigned char more; /* bytes that the character begun still has */
};

/* Appends what came, but for a byte whose meaning the next one decides. */
void escape_add(struct escape *x, struct buf *out, const void *bytes, size_t size);

/* Appends what was held back: nothing follows. */
void escape_end(struct escape *x, struct buf *out);

/* Both, for a whole text. */
void escape_text(struct buf *out, const void *bytes, size_t size);

#endif
