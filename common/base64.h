/* base64.h - standard base64 with padding (RFC 4648 §4). */
#ifndef KELOS_COMMON_BASE64_H
#define KELOS_COMMON_BASE64_H

#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

/* Adds the encoded bytes; no line breaks. Returns 0, or -1 when the buffer failed. */
int base64_encode(struct buf *out, const void *bytes, size_t size);

/* Adds the decoded bytes. Spaces and line breaks are skipped. Returns 0, or -1 with
 * ERR_INVALID (not base64) or ERR_LIMIT (the buffer's limit). */
int base64_decode(struct buf *out, const char *text, size_t size, struct err *e);

#endif
