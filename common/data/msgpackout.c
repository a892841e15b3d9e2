/* msgpackout.c - see msgpackout.h. */
#include "common/data/msgpackout.h"

#include <string.h>

/* Puts `tag` and the low `bytes` bytes of v, most significant first. */
static void
put(struct buf *out, uint8_t tag, uint64_t v, int bytes)
{
    uint8_t b[9] = {tag};

    for (int i = 0; i < bytes; i++)
        b[1 + i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
    buf_add(out, b, (size_t)bytes + 1);
}

void
msgpack_out_nil(struct buf *out)
{
    put(out, 0xc0, 0, 0);
}

void
msgpack_out_bool(struct buf *out, bool value)
{
    put(out, value ? 0xc3 : 0xc2, 0, 0);
}

void
msgpack_out_int(struct buf *out, int64_t value)
{
    uint64_t v = (uint64_t)value;

    if (value >= 0) {
        if (v < 0x80)
            put(out, (uint8_t)v, 0, 0);
        else if (v <= UINT8_MAX)
            put(out, 0xcc, v, 1);
        else if (v <= UINT16_MAX)
            put(out, 0xcd, v, 2);
        else if (v <= UINT32_MAX)
            put(out, 0xce, v, 4);
        else
            put(out, 0xcf, v, 8);
    } else if (value >= -32) {
        put(out, (uint8_t)value, 0, 0);
    } else if (value >= INT8_MIN) {
        put(out, 0xd0, v, 1);
    } else if (value >= INT16_MIN) {
        put(out, 0xd1, v, 2);
    } else if (value >= INT32_MIN) {
        put(out, 0xd2, v, 4);
    } else {
        put(out, 0xd3, v, 8);
    }
}

void
msgpack_out_real(struct buf *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    put(out, 0xcb, bits, 8);
}

void
msgpack_out_str(struct buf *out, const char *text, size_t size)
{
    if (size < 32)
        put(out, (uint8_t)(0xa0 | size), 0, 0);
    else if (size <= UINT8_MAX)
        put(out, 0xd9, size, 1);
    else if (size <= UINT16_MAX)
        put(out, 0xda, size, 2);
    else
        put(out, 0xdb, size, 4);
    buf_add(out, text, size);
}

void
msgpack_out_header(struct buf *out, size_t at, bool map, uint32_t count)
{
    uint8_t head[5];
    size_t n;

    if (count < 16) {
        head[0] = (uint8_t)((map ? 0x80 : 0x90) | count);
        n = 1;
    } else if (count <= UINT16_MAX) {
        head[0] = map ? 0xde : 0xdc;
        n = 3;
    } else {
        head[0] = map ? 0xdf : 0xdd;
        n = 5;
    }
    for (size_t i = 1; i < n; i++)
        head[i] = (uint8_t)(count >> (8 * (n - 1 - i)));
    memcpy(out->data + at, head, n);
    memmove(out->data + at + n, out->data + at + 5, out->size - at - 5);
    out->size -= 5 - n;
    out->data[out->size] = '\0';
}
