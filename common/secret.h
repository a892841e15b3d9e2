/* secret.h - a string that prints as *** and is wiped when released. */
#ifndef KELOS_COMMON_SECRET_H
#define KELOS_COMMON_SECRET_H

#include <stddef.h>

#include "common/scoped.h"

struct secret;

/* Copies size bytes. Returns a secret the caller owns, NULL when memory ran out. */
struct secret *secret_new(const void *bytes, size_t size);

/* Wipes and frees; NULL is allowed. */
void secret_free(struct secret *s);
SCOPED_DEFINE(secret)

/* The bytes, NUL-terminated; borrowed. The name is long so that each use stands out. */
const char *secret_reveal(const struct secret *s);
size_t secret_size(const struct secret *s);

#endif
