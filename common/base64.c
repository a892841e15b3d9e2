/* base64.c - see base64.h. */
#include "common/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int
base64_encode(struct buf *out, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;

    for (; size >= 3; p += 3, size -= 3) {
        char four[4] = {alphabet[p[0] >> 2], alphabet[(p[0] & 3) << 4 | p[1] >> 4],
                        alphabet[(p[1] & 15) << 2 | p[2] >> 6], alphabet[p[2] & 63]};
        buf_add(out, four, 4);
    }
    if (size > 0) {
        uint8_t second = size == 2 ? p[1] : 0;
        char four[4] = {alphabet[p[0] >> 2], alphabet[(p[0] & 3) << 4 | second >> 4],
                        size == 2 ? alphabet[(second & 15) << 2] : '=', '='};
        buf_add(out, four, 4);
    }
    return out->failed ? -1 : 0;
}

int
base64_decode(struct buf *out, const char *text, size_t size, struct err *e)
{
    uint32_t group = 0;
    int have = 0, padding = 0;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            continue;
        const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
        if (c == '=' && have >= 2)
            padding++;
        else if (at == NULL || padding > 0)
            return err_set(e, ERR_INVALID, "not base64 at character %zu", i + 1);
        group = group << 6 | (at != NULL ? (uint32_t)(at - alphabet) : 0);
        if (++have < 4)
            continue;
        uint8_t three[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8),
                            (uint8_t)group};
        buf_add(out, three, (size_t)(3 - (padding > 2 ? 2 : padding)));
        have = 0;
        group = 0;
    }
    if (have != 0 || padding > 2)
        return err_set(e, ERR_INVALID, "not base64: cut short");
    if (out->failed)
        return err_set(e, ERR_LIMIT, "base64: over the limit of %zu bytes", out->limit);
    return 0;
}
