/* base64.h - standard base64, as Secrets hold it. */
#ifndef KELOS_LOCAL_APISERVER_BASE64_H
#define KELOS_LOCAL_APISERVER_BASE64_H

#include "common/buf.h"

void base64_add(struct buf *out, const char *bytes, size_t size);
/* Adds the decoded bytes. Returns 0, or -1 when the text is not base64 with its padding. */
int base64_decode(const char *text, struct buf *out);

#endif
