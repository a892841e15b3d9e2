/* template_number.c - number literals as Go reads them. */
#include "common/template/template_tree.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/template/goquote.h"

static int
digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* Underscores stand between digits, or between a base's prefix and a digit. */
static bool
underscores_fit(const char *p, size_t n)
{
    char before = '^';
    size_t i = 0;
    bool hex = false;

    if (n > 0 && (p[0] == '-' || p[0] == '+'))
        i++;
    if (n - i >= 2 && p[i] == '0' && strchr("xXoObB", p[i + 1]) != NULL) {
        hex = (p[i + 1] | 0x20) == 'x';
        before = '0'; /* the prefix counts as a digit */
        i += 2;
    }
    for (; i < n; i++) {
        if ((p[i] >= '0' && p[i] <= '9') || (hex && digit(p[i]) < 16)) {
            before = '0';
        } else if (p[i] == '_') {
            if (before != '0')
                return false;
            before = '_';
        } else {
            if (before == '_')
                return false;
            before = '!';
        }
    }
    return before != '_';
}

/* A whole number of any base in p[0..n), without sign. */
static bool
read_unsigned(const char *p, size_t n, uint64_t *out)
{
    unsigned base = 10;
    const char *all = p;
    size_t whole = n;
    bool any = false, underscore = false;
    uint64_t v = 0;

    if (n >= 2 && p[0] == '0') {
        char c = (char)(p[1] | 0x20);
        base = c == 'x' ? 16 : c == 'o' || c == 'b' ? (c == 'o' ? 8 : 2) : 8;
        size_t skip = c == 'x' || c == 'o' || c == 'b' ? 2 : 1;
        any = skip == 1;
        p += skip;
        n -= skip;
    }
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '_') {
            underscore = true;
            continue;
        }
        unsigned d = (unsigned)digit(p[i]);
        if (d >= base || __builtin_mul_overflow(v, base, &v) ||
            __builtin_add_overflow(v, d, &v))
            return false;
        any = true;
    }
    *out = v;
    return any && (!underscore || underscores_fit(all, whole));
}

static bool
read_signed(const char *p, size_t n, int64_t *out)
{
    bool negative = n > 0 && *p == '-';
    size_t skip = n > 0 && (*p == '-' || *p == '+');
    uint64_t v;

    if (!read_unsigned(p + skip, n - skip, &v) || v > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

static bool
read_float(const char *p, size_t n, double *out)
{
    char text[128];
    size_t size = 0, skip = n > 0 && (*p == '-' || *p == '+');
    bool hex = n - skip > 2 && p[skip] == '0' && (p[skip + 1] | 0x20) == 'x';
    char *end;

    if (n == 0 || n >= sizeof text)
        return false;
    for (size_t i = 0; i < n; i++)
        if (p[i] != '_')
            text[size++] = p[i];
    text[size] = '\0';
    if (size != n && !underscores_fit(p, n))
        return false;
    if (hex && strpbrk(text, "pP") == NULL)
        return false;
    if (strspn(text, hex ? "+-0123456789abcdefABCDEFxXpP." : "+-0123456789eE.") != size)
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && end != text && isfinite(*out);
}

static bool
has_any(struct text_span text, const char *set)
{
    for (size_t i = 0; i < text.size; i++)
        if (strchr(set, text.bytes[i]) != NULL)
            return true;
    return false;
}

static int
read_char(struct text_span text, struct node_number *out, struct buf *why)
{
    uint32_t r;
    size_t n = goquote_read_rune(text.bytes + 1, text.size - 1, '\'', NULL, &r);

    if (n == 0) {
        buf_add_str(why, "invalid syntax");
        return -1;
    }
    if (n + 2 != text.size) {
        buf_add_str(why, "malformed character constant: ");
        buf_add(why, text.bytes, text.size);
        return -1;
    }
    out->integer = (int64_t)r;
    out->is_int = out->is_uint = out->is_float = true;
    out->real = (double)r;
    return 0;
}

static int
complain(struct buf *why, const char *what, struct text_span text)
{
    buf_add_str(why, what);
    goquote_add(why, text.bytes, text.size, '"', false);
    return -1;
}

/* 1+2i: the imaginary part begins at the last sign that is no exponent's. */
static int
read_complex(struct text_span text, struct node_number *out, struct buf *why)
{
    size_t at = text.size - 1;

    while (at > 0 && ((text.bytes[at] != '+' && text.bytes[at] != '-') ||
                      strchr("eEpP", text.bytes[at - 1]) != NULL))
        at--;
    if (!read_float(text.bytes, at, &out->real) ||
        !read_float(text.bytes + at, text.size - at - 1, &out->imaginary)) {
        buf_add_str(why, "syntax error scanning complex number");
        return -1;
    }
    out->is_complex = true;
    return 0;
}

/* The literal is a float: it may be a whole number as well. */
static int
settle_float(struct text_span text, struct node_number *out, struct buf *why)
{
    if (!has_any(text, ".eEpP"))
        return complain(why, "integer overflow: ", text);
    out->is_float = true;
    if (out->real == floor(out->real) && fabs(out->real) < 9223372036854775808.0) {
        out->is_int = true;
        out->integer = (int64_t)out->real;
    }
    return 0;
}

int
number_read(struct text_span text, enum number_kind kind, struct node_number *out,
            struct buf *why)
{
    uint64_t magnitude;

    *out = (struct node_number){0};
    if (kind == NUMBER_CHAR)
        return read_char(text, out, why);
    if (kind == NUMBER_COMPLEX)
        return read_complex(text, out, why);
    if (text.size > 1 && text.bytes[text.size - 1] == 'i') {
        if (!read_float(text.bytes, text.size - 1, &out->imaginary))
            return complain(why, "illegal number syntax: ", text);
        out->is_complex = true;
        return 0;
    }
    if (read_signed(text.bytes, text.size, &out->integer)) {
        out->is_int = out->is_float = true;
        out->real = (double)out->integer;
        return 0;
    }
    if (read_unsigned(text.bytes, text.size, &magnitude)) {
        out->is_uint = true;
        return 0;
    }
    if (read_float(text.bytes, text.size, &out->real))
        return settle_float(text, out, why);
    return complain(why, "illegal number syntax: ", text);
}
