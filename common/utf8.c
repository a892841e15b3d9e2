/* utf8.c - see utf8.h. */
#include "common/utf8.h"

#include <stdint.h>

size_t
utf8_char_size(const void *bytes, size_t size)
{
    const unsigned char *s = bytes;
    uint32_t value;
    size_t want;

    if (size == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        want = 2;
    else if ((s[0] & 0xF0) == 0xE0)
        want = 3;
    else if (s[0] >= 0xF0 && s[0] <= 0xF4)
        want = 4;
    else
        return 0;
    if (size < want)
        return 0;
    value = s[0] & (0x7Fu >> want);
    for (size_t i = 1; i < want; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3Fu);
    }
    if ((want == 3 && value < 0x800) || (want == 4 && value < 0x10000))
        return 0;
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    return want;
}

bool
utf8_valid(const void *bytes, size_t size)
{
    const char *s = bytes;

    for (size_t i = 0, n; i < size; i += n) {
        n = utf8_char_size(s + i, size - i);
        if (n == 0 || s[i] == '\0')
            return false;
    }
    return true;
}

int
utf8_add_clean(struct buf *out, const void *bytes, size_t size)
{
    const char *s = bytes;
    size_t start = 0, i = 0;

    while (i < size) {
        size_t n = utf8_char_size(s + i, size - i);
        if (n > 0 && s[i] != '\0') {
            i += n;
            continue;
        }
        buf_add(out, s + start, i - start);
        if (n == 0)
            buf_add_str(out, "\xEF\xBF\xBD");
        start = ++i;
    }
    return buf_add(out, s + start, i - start);
}

size_t
utf8_cut(const void *bytes, size_t size, size_t max)
{
    const unsigned char *s = bytes;

    if (size <= max)
        return size;
    while (max > 0 && (s[max] & 0xC0) == 0x80)
        max--;
    return max;
}
