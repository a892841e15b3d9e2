/* rune.c - decoding, encoding and classes of characters. */
#include "common/template/rune.h"

#include "common/macros.h"

struct span {
    uint32_t first, last;
};

#include "common/template/rune_spans.def"

static bool
in_spans(const struct span *spans, size_t n, uint32_t r)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (r < spans[mid].first)
            high = mid;
        else if (r > spans[mid].last)
            low = mid + 1;
        else
            return true;
    }
    return false;
}

bool
rune_is_valid(uint32_t r)
{
    return r < 0xD800 || (r > 0xDFFF && r <= RUNE_MAX);
}

uint32_t
rune_decode(const char *p, size_t size, size_t *width)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *b = (const unsigned char *)p;
    size_t need;
    uint32_t r;

    *width = size > 0;
    if (size == 0)
        return RUNE_ERROR;
    if (b[0] < 0x80)
        return b[0];
    need = b[0] >= 0xC2 && b[0] < 0xE0   ? 2
           : b[0] >= 0xE0 && b[0] < 0xF0 ? 3
           : b[0] >= 0xF0 && b[0] < 0xF5 ? 4
                                         : 0;
    if (need == 0 || size < need)
        return RUNE_ERROR;
    r = b[0] & (0xFFu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return RUNE_ERROR;
        r = r << 6 | (b[i] & 0x3Fu);
    }
    if (r < least[need] || !rune_is_valid(r))
        return RUNE_ERROR;
    *width = need;
    return r;
}

size_t
rune_encode(uint32_t r, char out[4])
{
    if (!rune_is_valid(r))
        r = RUNE_ERROR;
    if (r < 0x80) {
        out[0] = (char)r;
        return 1;
    }
    if (r < 0x800) {
        out[0] = (char)(0xC0 | r >> 6);
        out[1] = (char)(0x80 | (r & 0x3F));
        return 2;
    }
    if (r < 0x10000) {
        out[0] = (char)(0xE0 | r >> 12);
        out[1] = (char)(0x80 | (r >> 6 & 0x3F));
        out[2] = (char)(0x80 | (r & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | r >> 18);
    out[1] = (char)(0x80 | (r >> 12 & 0x3F));
    out[2] = (char)(0x80 | (r >> 6 & 0x3F));
    out[3] = (char)(0x80 | (r & 0x3F));
    return 4;
}

size_t
rune_count(const char *p, size_t size)
{
    size_t n = 0, width;

    for (size_t i = 0; i < size; i += width, n++)
        rune_decode(p + i, size - i, &width);
    return n;
}

bool
rune_is_printable(uint32_t r)
{
    return r < 0x80 ? r >= 0x20 && r < 0x7F
                    : in_spans(printable, ARRAY_LEN(printable), r);
}

bool
rune_is_word(uint32_t r)
{
    if (r < 0x80)
        return r == '_' || (r >= '0' && r <= '9') || (r >= 'A' && r <= 'Z') ||
               (r >= 'a' && r <= 'z');
    return in_spans(word, ARRAY_LEN(word), r);
}
