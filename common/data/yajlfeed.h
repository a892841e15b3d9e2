/* yajlfeed.h - yajl with our errors: what a callback set, or where the text is no
 * JSON. */
#ifndef KELOS_COMMON_YAJLFEED_H
#define KELOS_COMMON_YAJLFEED_H

#include <stddef.h>
#include <yajl/yajl_parse.h>

#include "common/err.h"
#include "common/scoped.h"

SCOPED_DEFINE_AS(yajl, yajl_handle, yajl_free)

/* A parser that leaves the check of UTF-8 to the callbacks. The caller owns it. */
yajl_handle yajl_feed_new(const yajl_callbacks *callbacks, void *arg);

/* Return 0, or -1: *e holds what a callback set there before it gave 0, else
 * ERR_PROTO. */
int yajl_feed(yajl_handle h, const char *bytes, size_t size, struct err *e);
int yajl_feed_end(yajl_handle h, struct err *e);

#endif
