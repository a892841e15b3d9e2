/* msgpackout.h - writes msgpack into a buf, each value in its shortest form. */
#ifndef KELOS_COMMON_MSGPACKOUT_H
#define KELOS_COMMON_MSGPACKOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* A failed addition shows in out->failed. */
void msgpack_out_nil(struct buf *out);
void msgpack_out_bool(struct buf *out, bool value);
void msgpack_out_int(struct buf *out, int64_t value);
void msgpack_out_real(struct buf *out, double value);
void msgpack_out_str(struct buf *out, const char *text, size_t size);

/* Five bytes were left free at offset `at` for the header of a container that ends at the
 * buffer's end: writes the header that `count` needs and closes the gap. */
void msgpack_out_header(struct buf *out, size_t at, bool map, uint32_t count);

#endif
