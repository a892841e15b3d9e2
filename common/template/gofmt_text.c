/* gofmt_text.c - padding, strings and characters. */
#include "common/template/gofmt_verb.h"

#include <string.h>

#include "common/template/goquote.h"
#include "common/template/rune.h"

static const char hex_lower[] = "0123456789abcdefx";
static const char hex_upper[] = "0123456789ABCDEFX";

void
gofmt_fill(struct gofmt_verb *f, int count)
{
    char *room;

    if (count <= 0 || (room = buf_reserve(f->out, (size_t)count)) == NULL)
        return;
    memset(room, f->spec.zero && !f->spec.minus ? '0' : ' ', (size_t)count);
    f->out->size += (size_t)count;
    f->out->data[f->out->size] = '\0';
}

void
gofmt_pad(struct gofmt_verb *f, const char *bytes, size_t size)
{
    int missing = 0;

    if (f->spec.has_width && f->spec.width > 0)
        missing = f->spec.width - (int)rune_count(bytes, size);
    if (!f->spec.minus)
        gofmt_fill(f, missing);
    buf_add(f->out, bytes, size);
    if (f->spec.minus)
        gofmt_fill(f, missing);
}

/* The bytes of the first `precision` characters. */
static size_t
cut(const struct gofmt_verb *f, const char *bytes, size_t size)
{
    size_t at = 0, width;

    if (!f->spec.has_precision)
        return size;
    for (int n = 0; n < f->spec.precision && at < size; n++, at += width)
        rune_decode(bytes + at, size - at, &width);
    return at;
}

static void
add_quoted(struct gofmt_verb *f, const char *bytes, size_t size)
{
    struct buf text = BUF_INIT;

    text.limit = f->out->limit;
    size = cut(f, bytes, size);
    if (f->spec.sharp && goquote_can_backquote(bytes, size)) {
        buf_add_char(&text, '`');
        buf_add(&text, bytes, size);
        buf_add_char(&text, '`');
    } else {
        goquote_add(&text, bytes, size, '"', f->spec.plus);
    }
    f->out->failed |= text.failed;
    gofmt_pad(f, buf_str(&text), text.size);
    buf_free(&text);
}

static void
add_hex(struct gofmt_verb *f, const char *bytes, size_t size, const char *digits)
{
    size_t n = size;
    int width;

    if (f->spec.has_precision && (size_t)f->spec.precision < n)
        n = (size_t)f->spec.precision;
    if (n == 0) {
        gofmt_fill(f, f->spec.has_width ? f->spec.width : 0);
        return;
    }
    width = (int)(2 * n);
    if (f->spec.space)
        width = width * (f->spec.sharp ? 2 : 1) + (int)n - 1;
    else if (f->spec.sharp)
        width += 2;
    int missing = f->spec.has_width ? f->spec.width - width : 0;
    if (!f->spec.minus)
        gofmt_fill(f, missing);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (f->spec.space && i > 0)
            buf_add_char(f->out, ' ');
        if (f->spec.sharp && (f->spec.space || i == 0)) {
            buf_add_char(f->out, '0');
            buf_add_char(f->out, digits[16]);
        }
        buf_add_char(f->out, digits[c >> 4]);
        buf_add_char(f->out, digits[c & 15]);
    }
    if (f->spec.minus)
        gofmt_fill(f, missing);
}

bool
gofmt_string(struct gofmt_verb *f, const char *bytes, size_t size, uint32_t verb)
{
    switch (verb) {
    case 'v':
        if (f->spec.sharp_v) {
            add_quoted(f, bytes, size);
            return true;
        }
        gofmt_pad(f, bytes, cut(f, bytes, size));
        return true;
    case 's':
        gofmt_pad(f, bytes, cut(f, bytes, size));
        return true;
    case 'x':
        add_hex(f, bytes, size, hex_lower);
        return true;
    case 'X':
        add_hex(f, bytes, size, hex_upper);
        return true;
    case 'q':
        add_quoted(f, bytes, size);
        return true;
    default:
        return false;
    }
}

void
gofmt_char(struct gofmt_verb *f, uint64_t c)
{
    char utf8[4];

    gofmt_pad(f, utf8, rune_encode(c > RUNE_MAX ? RUNE_ERROR : (uint32_t)c, utf8));
}

void
gofmt_quoted_char(struct gofmt_verb *f, uint64_t c)
{
    struct buf text = BUF_INIT;

    goquote_add_rune(&text, c > RUNE_MAX ? RUNE_ERROR : (uint32_t)c, f->spec.plus);
    gofmt_pad(f, buf_str(&text), text.size);
    buf_free(&text);
}

void
gofmt_unicode(struct gofmt_verb *f, uint64_t c)
{
    int digits = f->spec.has_precision && f->spec.precision > 4 ? f->spec.precision : 4;
    struct buf text = BUF_INIT;
    bool zero = f->spec.zero;
    char utf8[4];

    buf_printf(&text, "U+%0*llX", digits, (unsigned long long)c);
    if (f->spec.sharp && c <= RUNE_MAX && rune_is_printable((uint32_t)c)) {
        buf_add_str(&text, " '");
        buf_add(&text, utf8, rune_encode((uint32_t)c, utf8));
        buf_add_char(&text, '\'');
    }
    f->spec.zero = false;
    gofmt_pad(f, buf_str(&text), text.size);
    f->spec.zero = zero;
    buf_free(&text);
}
