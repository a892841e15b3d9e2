/* walk.h - the shape of msgpack bytes, checked before anything is allocated for them. */
#ifndef KELOS_PROTO_WALK_H
#define KELOS_PROTO_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Walks exactly one value that must fill `size` bytes. Every count and length is checked
 * against the bytes that are there, nesting against max_depth, the number of values
 * against max_items; ext types are refused. Returns NULL, or why not (static). */
const char *walk_check(const void *bytes, size_t size, unsigned max_depth,
                       size_t max_items);

/* Strict UTF-8: no surrogates, nothing overlong, nothing above U+10FFFF, no NUL. */
bool walk_text_valid(const void *bytes, size_t size);

/* A cursor over walked bytes. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

enum value_type {
    VALUE_NIL,
    VALUE_BOOL,
    VALUE_UINT, /* zero and positive */
    VALUE_INT,  /* negative */
    VALUE_FLOAT,
    VALUE_STR,
    VALUE_BIN,
    VALUE_ARRAY,
    VALUE_MAP
};

/* The head of the next value. For STR and BIN `data` and `count` are its bytes and the
 * cursor stands behind them; for ARRAY and MAP `count` is the number of elements or pairs
 * and the cursor stands at the first. */
struct value {
    enum value_type type;
    union {
        bool boolean;
        uint64_t u64;
        int64_t i64;
        double real;
    } as;
    const uint8_t *data;
    size_t count;
};

/* Reads one head. Returns 0, or -1 when the bytes end early or the type is refused. */
int cursor_next(struct cursor *c, struct value *out);

#endif
