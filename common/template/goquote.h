/* goquote.h - Go's quoted strings and characters, in both directions. */
#ifndef KELOS_COMMON_GOQUOTE_H
#define KELOS_COMMON_GOQUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* Adds the bytes between `quote` characters, escaped as Go does; `ascii`: everything
 * beyond ASCII is escaped too. */
void goquote_add(struct buf *out, const char *bytes, size_t size, char quote, bool ascii);

/* The same for one character. */
void goquote_add_rune(struct buf *out, uint32_t r, bool ascii);

/* Whether the bytes can stand between backquotes as they are. */
bool goquote_can_backquote(const char *bytes, size_t size);

/* Reads one character or escape of a literal in `quote`s from p[0..size). Returns how many
 * bytes it took, 0 when it is malformed; adds its bytes to *out (may be NULL) and gives its
 * value in *r. */
size_t goquote_read_rune(const char *p, size_t size, char quote, struct buf *out,
                         uint32_t *r);

/* Reads a whole literal, quotes included: "..." or `...`. Returns 0, or -1. */
int goquote_read(const char *p, size_t size, struct buf *out);

#endif
