/* walk.c - see walk.h. */
#include "proto/walk.h"

#include <string.h>

/* Big-endian number of n bytes. */
static uint64_t
number(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static int64_t
signed_number(const uint8_t *p, size_t n)
{
    switch (n) {
    case 1:
        return (int8_t)p[0];
    case 2:
        return (int16_t)number(p, 2);
    case 4:
        return (int32_t)number(p, 4);
    default:
        return (int64_t)number(p, 8);
    }
}

static int
take_bytes(struct cursor *c, struct value *out, enum value_type type, uint64_t n)
{
    if (n > (uint64_t)(c->end - c->at))
        return -1;
    out->type = type;
    out->data = c->at;
    out->count = (size_t)n;
    c->at += n;
    return 0;
}

static int
take_count(struct cursor *c, struct value *out, enum value_type type, uint64_t n)
{
    /* Each element takes at least a byte, so a count beyond the bytes is a lie. */
    if (n > (uint64_t)(c->end - c->at))
        return -1;
    out->type = type;
    out->count = (size_t)n;
    return 0;
}

static void
take_signed(struct value *out, int64_t v)
{
    out->type = v < 0 ? VALUE_INT : VALUE_UINT;
    if (v < 0)
        out->as.i64 = v;
    else
        out->as.u64 = (uint64_t)v;
}

static void
take_real(struct value *out, const uint8_t *p, size_t n)
{
    uint64_t bits = number(p, n);
    uint32_t bits32 = (uint32_t)bits;
    float f;

    out->type = VALUE_FLOAT;
    if (n == 4) {
        memcpy(&f, &bits32, sizeof f);
        out->as.real = f;
    } else {
        memcpy(&out->as.real, &bits, sizeof bits);
    }
}

/* What the one-byte markers 0xc0..0xdf mean: how many bytes of number follow, and
 * then. */
enum marker {
    M_BAD,
    M_NIL,
    M_FALSE,
    M_TRUE,
    M_UINT,
    M_INT,
    M_REAL,
    M_STR,
    M_BIN,
    M_ARRAY,
    M_MAP
};

static const struct {
    uint8_t kind;
    uint8_t width;
} markers[32] = {
    [0xc0 - 0xc0] = {M_NIL, 0},   [0xc2 - 0xc0] = {M_FALSE, 0},
    [0xc3 - 0xc0] = {M_TRUE, 0},  [0xc4 - 0xc0] = {M_BIN, 1},
    [0xc5 - 0xc0] = {M_BIN, 2},   [0xc6 - 0xc0] = {M_BIN, 4},
    [0xca - 0xc0] = {M_REAL, 4},  [0xcb - 0xc0] = {M_REAL, 8},
    [0xcc - 0xc0] = {M_UINT, 1},  [0xcd - 0xc0] = {M_UINT, 2},
    [0xce - 0xc0] = {M_UINT, 4},  [0xcf - 0xc0] = {M_UINT, 8},
    [0xd0 - 0xc0] = {M_INT, 1},   [0xd1 - 0xc0] = {M_INT, 2},
    [0xd2 - 0xc0] = {M_INT, 4},   [0xd3 - 0xc0] = {M_INT, 8},
    [0xd9 - 0xc0] = {M_STR, 1},   [0xda - 0xc0] = {M_STR, 2},
    [0xdb - 0xc0] = {M_STR, 4},   [0xdc - 0xc0] = {M_ARRAY, 2},
    [0xdd - 0xc0] = {M_ARRAY, 4}, [0xde - 0xc0] = {M_MAP, 2},
    [0xdf - 0xc0] = {M_MAP, 4},
};

static int
take_marked(struct cursor *c, struct value *out, uint8_t head)
{
    enum marker kind = markers[head - 0xc0].kind;
    size_t width = markers[head - 0xc0].width;
    const uint8_t *p = c->at;

    if (kind == M_BAD || width > (size_t)(c->end - c->at))
        return -1;
    c->at += width;
    switch (kind) {
    case M_NIL:
        out->type = VALUE_NIL;
        return 0;
    case M_FALSE:
    case M_TRUE:
        out->type = VALUE_BOOL;
        out->as.boolean = kind == M_TRUE;
        return 0;
    case M_UINT:
        out->type = VALUE_UINT;
        out->as.u64 = number(p, width);
        return 0;
    case M_INT:
        take_signed(out, signed_number(p, width));
        return 0;
    case M_REAL:
        take_real(out, p, width);
        return 0;
    case M_STR:
        return take_bytes(c, out, VALUE_STR, number(p, width));
    case M_BIN:
        return take_bytes(c, out, VALUE_BIN, number(p, width));
    case M_ARRAY:
        return take_count(c, out, VALUE_ARRAY, number(p, width));
    default:
        return take_count(c, out, VALUE_MAP, number(p, width));
    }
}

int
cursor_next(struct cursor *c, struct value *out)
{
    uint8_t head;

    if (c->at >= c->end)
        return -1;
    head = *c->at++;
    if (head <= 0x7f || head >= 0xe0) {
        take_signed(out, (int8_t)head);
        return 0;
    }
    if (head <= 0x8f)
        return take_count(c, out, VALUE_MAP, head & 0x0f);
    if (head <= 0x9f)
        return take_count(c, out, VALUE_ARRAY, head & 0x0f);
    if (head <= 0xbf)
        return take_bytes(c, out, VALUE_STR, head & 0x1f);
    return take_marked(c, out, head);
}

#define WALK_STACK 128

const char *
walk_check(const void *bytes, size_t size, unsigned max_depth, size_t max_items)
{
    struct cursor c = {bytes, (const uint8_t *)bytes + size};
    uint64_t left[WALK_STACK]; /* values still to come, per open level */
    unsigned depth = 0;
    size_t items = 0;
    struct value v;

    if (max_depth > WALK_STACK - 1)
        max_depth = WALK_STACK - 1;
    left[0] = 1;
    for (;;) {
        while (left[depth] == 0) {
            if (depth == 0)
                return c.at == c.end ? NULL : "trailing bytes";
            depth--;
        }
        left[depth]--;
        if (++items > max_items)
            return "too many values";
        if (cursor_next(&c, &v) < 0)
            return "not well-formed msgpack";
        if (v.type == VALUE_ARRAY || v.type == VALUE_MAP) {
            if (depth + 1 > max_depth)
                return "nested too deeply";
            left[++depth] = v.type == VALUE_MAP ? (uint64_t)v.count * 2 : v.count;
        }
    }
}

/* How long the character at s is, 0 when it is none. */
static size_t
character(const uint8_t *s, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80       ? 1
                 : s[0] >> 5 == 6  ? 2
                 : s[0] >> 4 == 14 ? 3
                 : s[0] >> 3 == 30 ? 4
                                   : 0;
    uint32_t code;

    if (len == 1)
        return s[0] != 0;
    if (len == 0 || len > n)
        return 0;
    code = s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return len;
}

bool
walk_text_valid(const void *bytes, size_t size)
{
    const uint8_t *s = bytes;
    size_t i = 0;

    while (i < size) {
        size_t len = character(s + i, size - i);

        if (len == 0)
            return false;
        i += len;
    }
    return true;
}
