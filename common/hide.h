/* hide.h - hides secrets whose values are known in text that somebody prints.
 *
 * mask.h guesses by the look of a word; this knows. Values below HIDE_MIN_BYTES are left alone:
 * they stand in too many innocent words. */
#ifndef KELOS_COMMON_HIDE_H
#define KELOS_COMMON_HIDE_H

#include <stddef.h>

#include "common/buf.h"
#include "common/scoped.h"

#define HIDE_MIN_BYTES 8

struct hide;

/* The caller owns it; NULL when memory ran out. hide_free takes NULL. */
struct hide *hide_new(void);
void hide_free(struct hide *h);
SCOPED_DEFINE(hide)

/* Adds a value; each line of one with several is a value of its own. Returns 0, or -1 when
 * memory ran out. */
int hide_add(struct hide *h, const char *value, size_t size);

/* Adds `text` to *out with "***" for each value in it. `h` may be NULL. */
void hide_text(const struct hide *h, const char *text, size_t size, struct buf *out);

#endif
