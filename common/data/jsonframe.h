/* jsonframe.h - cuts a byte stream into JSON documents at depth 0, wherever it is
 * split. */
#ifndef KELOS_COMMON_JSONFRAME_H
#define KELOS_COMMON_JSONFRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

/* A plain value: {.limit = bytes} starts one. Release with jsonframe_reset. */
struct jsonframe {
    struct buf part; /* the document so far */
    size_t limit;    /* most bytes of one document */
    int depth;
    bool in_string, escaped, in_document;
};

/* Gives each complete document to fn (borrowed for the call; -1 stops). Bytes that are no
 * JSON at depth 0 are given as part of a document; the parser refuses them. Returns 0, or
 * -1: ERR_LIMIT when a document is over the limit or too deep, ERR_PROTO for an
 * unbalanced bracket, or what fn set. */
int jsonframe_feed(struct jsonframe *f, const char *bytes, size_t size,
                   int (*fn)(void *arg, const char *doc, size_t size, struct err *e),
                   void *arg, struct err *e);

/* Whether an incomplete document is held. */
bool jsonframe_partial(const struct jsonframe *f);
/* Drops what is incomplete and releases the memory. */
void jsonframe_reset(struct jsonframe *f);

#endif
