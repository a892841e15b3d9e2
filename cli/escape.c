/* escape.c - see escape.h. */
#include "cli/escape.h"

#include <stdbool.h>

#define C1_LEAD 0xC2 /* U+0080 to U+009F begin with it */

static void
shown(struct buf *out, unsigned char c)
{
    buf_printf(out, "\\x%02x", c);
}

static bool
is_c1(unsigned char c)
{
    return c >= 0x80 && c <= 0x9f;
}

/* How many bytes follow a first one of UTF-8. */
static unsigned char
following(unsigned char c)
{
    return c >= 0xf0 && c <= 0xf4   ? 3
           : c >= 0xe0 && c <= 0xef ? 2
                                    : c > C1_LEAD && c <= 0xdf;
}

/* Whether the byte held back and this one are done with. */
static bool
take_held(struct escape *x, struct buf *out, unsigned char c)
{
    unsigned char held = x->held;

    x->held = 0;
    if (held == C1_LEAD && is_c1(c)) {
        shown(out, c);
        return true;
    }
    if (held == '\r' && c != '\n')
        shown(out, held);
    else if (held != 0)
        buf_add_char(out, (char)held);
    if (held == C1_LEAD && c >= 0xa0 && c <= 0xbf) {
        buf_add_char(out, (char)c);
        return true;
    }
    return false;
}

static void
take(struct escape *x, struct buf *out, unsigned char c)
{
    if (take_held(x, out, c))
        return;
    if (x->more > 0 && c >= 0x80 && c <= 0xbf) {
        x->more--;
        buf_add_char(out, (char)c);
        return;
    }
    x->more = following(c);
    if (c == '\r' || c == C1_LEAD)
        x->held = c;
    else if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f || is_c1(c))
        shown(out, c);
    else
        buf_add_char(out, (char)c);
}

void
escape_add(struct escape *x, struct buf *out, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        take(x, out, ((const unsigned char *)bytes)[i]);
}

void
escape_end(struct escape *x, struct buf *out)
{
    if (x->held == '\r')
        shown(out, x->held);
    else if (x->held != 0)
        buf_add_char(out, (char)x->held);
    *x = (struct escape){0};
}

void
escape_text(struct buf *out, const void *bytes, size_t size)
{
    struct escape x = {0};

    escape_add(&x, out, bytes, size);
    escape_end(&x, out);
}
