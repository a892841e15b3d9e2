/* goquote.c - writing and reading Go literals. */
#include "common/template/goquote.h"

#include <string.h>

#include "common/template/rune.h"

static const char escape_letters[] = "abfnrtv";
static const char escape_values[] = "\a\b\f\n\r\t\v";

static void
add_escaped(struct buf *out, uint32_t r, char quote, bool ascii)
{
    const char *letter;
    char utf8[4];

    if (r == (unsigned char)quote || r == '\\') {
        buf_add_char(out, '\\');
        buf_add_char(out, (char)r);
    } else if ((r < 0x80 || !ascii) && rune_is_printable(r)) {
        buf_add(out, utf8, rune_encode(r, utf8));
    } else if (r != 0 && r < 0x20 && (letter = strchr(escape_values, (int)r)) != NULL) {
        buf_add_char(out, '\\');
        buf_add_char(out, escape_letters[letter - escape_values]);
    } else if (r < ' ' || r == 0x7F) {
        buf_printf(out, "\\x%02x", r);
    } else {
        if (!rune_is_valid(r))
            r = RUNE_ERROR;
        buf_printf(out, r < 0x10000 ? "\\u%04x" : "\\U%08x", r);
    }
}

void
goquote_add(struct buf *out, const char *bytes, size_t size, char quote, bool ascii)
{
    size_t width;

    buf_add_char(out, quote);
    for (size_t i = 0; i < size; i += width) {
        uint32_t r = rune_decode(bytes + i, size - i, &width);
        if (r == RUNE_ERROR && width == 1)
            buf_printf(out, "\\x%02x", (unsigned char)bytes[i]);
        else
            add_escaped(out, r, quote, ascii);
    }
    buf_add_char(out, quote);
}

void
goquote_add_rune(struct buf *out, uint32_t r, bool ascii)
{
    buf_add_char(out, '\'');
    add_escaped(out, rune_is_valid(r) ? r : RUNE_ERROR, '\'', ascii);
    buf_add_char(out, '\'');
}

bool
goquote_can_backquote(const char *bytes, size_t size)
{
    size_t width;

    for (size_t i = 0; i < size; i += width) {
        uint32_t r = rune_decode(bytes + i, size - i, &width);
        if (width == 1 &&
            (r == RUNE_ERROR || (r < ' ' && r != '\t') || r == '`' || r == 0x7F))
            return false;
        if (r == 0xFEFF)
            return false;
    }
    return true;
}

static int
digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* n digits of a base at p; -1 when they are not. */
static int64_t
read_digits(const char *p, size_t size, size_t n, int base)
{
    int64_t v = 0;

    if (size < n)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int d = digit_value(p[i]);
        if (d >= base)
            return -1;
        v = v * base + d;
    }
    return v;
}

/* An escape that gives one byte (\x, octal) or one character (\u, \U), behind the
 * backslash. Returns the bytes it takes, 0 when it is none. */
static size_t
read_number_escape(const char *p, size_t size, struct buf *out, uint32_t *r)
{
    bool byte = p[0] != 'u' && p[0] != 'U';
    size_t skip = p[0] >= '0' && p[0] <= '7' ? 0 : 1;
    size_t n = p[0] == 'x' ? 2 : p[0] == 'u' ? 4 : p[0] == 'U' ? 8 : 3;
    int64_t v = read_digits(p + skip, size - skip, n, skip == 0 ? 8 : 16);
    char utf8[4];

    if (v < 0 || (byte && v > 255) || (!byte && !rune_is_valid((uint32_t)v)))
        return 0;
    *r = (uint32_t)v;
    if (out != NULL) {
        if (byte)
            buf_add_char(out, (char)v);
        else
            buf_add(out, utf8, rune_encode((uint32_t)v, utf8));
    }
    return skip + n;
}

static size_t
read_escape(const char *p, size_t size, char quote, struct buf *out, uint32_t *r)
{
    const char *letter;

    if (size == 0)
        return 0;
    if ((p[0] >= '0' && p[0] <= '7') || p[0] == 'x' || p[0] == 'u' || p[0] == 'U')
        return read_number_escape(p, size, out, r);
    if (p[0] == '\\' || p[0] == quote)
        *r = (unsigned char)p[0];
    else if (p[0] != '\0' && (letter = strchr(escape_letters, p[0])) != NULL)
        *r = (unsigned char)escape_values[letter - escape_letters];
    else
        return 0;
    if (out != NULL)
        buf_add_char(out, (char)*r);
    return 1;
}

size_t
goquote_read_rune(const char *p, size_t size, char quote, struct buf *out, uint32_t *r)
{
    size_t width;

    if (size == 0 || *p == quote)
        return 0;
    if (*p == '\\') {
        width = read_escape(p + 1, size - 1, quote, out, r);
        return width > 0 ? width + 1 : 0;
    }
    *r = rune_decode(p, size, &width);
    if (out != NULL)
        buf_add(out, p, width);
    return width;
}

static int
read_raw(const char *p, size_t size, struct buf *out)
{
    if (memchr(p, '`', size) != NULL)
        return -1;
    for (size_t i = 0; i < size; i++)
        if (p[i] != '\r')
            buf_add_char(out, p[i]);
    return 0;
}

int
goquote_read(const char *p, size_t size, struct buf *out)
{
    uint32_t r;

    if (size < 2 || p[0] != p[size - 1] || (p[0] != '"' && p[0] != '`'))
        return -1;
    if (p[0] == '`')
        return read_raw(p + 1, size - 2, out);
    for (size_t i = 1; i < size - 1;) {
        size_t n =
            p[i] == '\n' ? 0 : goquote_read_rune(p + i, size - 1 - i, '"', out, &r);
        if (n == 0)
            return -1;
        i += n;
    }
    return 0;
}
