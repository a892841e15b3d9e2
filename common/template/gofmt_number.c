/* gofmt_number.c - integers, floats and complex numbers. */
#include "common/template/gofmt_verb.h"

#include <string.h>

#include "common/macros.h"

/* Adds `least` or more digits of v in a base, with Go's prefixes in front. */
static void
add_digits(struct gofmt_verb *f, struct buf *text, uint64_t v, unsigned base,
           uint32_t verb, int least)
{
    const char *digits = verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char reversed[64];
    int n = 0;

    do {
        reversed[n++] = digits[v % base];
        v /= base;
    } while (v != 0);
    bool leads_with_zero = least > n || reversed[n - 1] == '0';
    if (verb == 'O')
        buf_add_str(text, "0o");
    if (f->spec.sharp && base == 2)
        buf_add_str(text, "0b");
    if (f->spec.sharp && base == 8 && !leads_with_zero)
        buf_add_char(text, '0');
    if (f->spec.sharp && base == 16)
        buf_add_str(text, verb == 'X' ? "0X" : "0x");
    for (; least > n; least--)
        buf_add_char(text, '0');
    while (n > 0)
        buf_add_char(text, reversed[--n]);
}

static void
add_integer(struct gofmt_verb *f, uint64_t v, bool negative, unsigned base, uint32_t verb)
{
    const struct gofmt_spec *s = &f->spec;
    bool zero = s->zero;
    struct buf text = BUF_INIT;
    int least = 0;

    text.limit = f->out->limit;
    if (s->has_precision) {
        least = s->precision;
        if (least == 0 && v == 0) { /* nothing but padding */
            f->spec.zero = false;
            gofmt_fill(f, s->has_width ? s->width : 0);
            f->spec.zero = zero;
            return;
        }
    } else if (s->zero && !s->minus && s->has_width) {
        least = s->width - (negative || s->plus || s->space);
    }
    if (negative || s->plus || s->space)
        buf_add_char(&text, negative ? '-' : s->plus ? '+' : ' ');
    add_digits(f, &text, v, base, verb, least);
    f->spec.zero = false;
    f->out->failed |= text.failed;
    gofmt_pad(f, buf_str(&text), text.size);
    f->spec.zero = zero;
    buf_free(&text);
}

bool
gofmt_integer(struct gofmt_verb *f, int64_t v, bool is_byte, uint32_t verb)
{
    static const struct {
        uint32_t verb;
        unsigned base;
    } bases[] = {{'v', 10}, {'d', 10}, {'b', 2}, {'o', 8},
                 {'O', 8},  {'x', 16}, {'X', 16}};
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    if (verb == 'v' && is_byte && f->spec.sharp_v) {
        bool sharp = f->spec.sharp;
        f->spec.sharp = true;
        add_integer(f, magnitude, false, 16, 'v');
        f->spec.sharp = sharp;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        if (bases[i].verb == verb) {
            add_integer(f, magnitude, v < 0, bases[i].base, verb);
            return true;
        }
    }
    switch (verb) {
    case 'c':
        gofmt_char(f, (uint64_t)v);
        return true;
    case 'q':
        gofmt_quoted_char(f, (uint64_t)v);
        return true;
    case 'U':
        gofmt_unicode(f, (uint64_t)v);
        return true;
    default:
        return false;
    }
}

/* '#': a decimal point always, and as many digits as the precision asks for. */
static void
add_sharp(struct buf *out, const struct buf *number, uint32_t form, int precision)
{
    const char *p = number->data; /* a sign and a digit at least */
    bool hex = form == 'x' || form == 'X';
    size_t end = 1 + strcspn(p + 1, hex ? "pP" : "eE");
    int digits = 0;
    bool point = false, significant = false;

    if (form == 'g' || form == 'G' || form == 'x') /* but not X */
        digits = precision < 0 ? 6 : precision;
    for (size_t i = 1; i < end; i++) {
        point |= p[i] == '.';
        if (p[i] == '.')
            continue;
        significant |= p[i] != '0';
        digits -= significant;
    }
    buf_add(out, p, end);
    if (!point) {
        if (end == 2 && p[1] == '0')
            digits--; /* a lone zero counts as a digit */
        buf_add_char(out, '.');
    }
    for (; digits > 0; digits--)
        buf_add_char(out, '0');
    buf_add_str(out, p + end);
}

static void
add_signed(struct gofmt_verb *f, const struct buf *number)
{
    const struct gofmt_spec *s = &f->spec;
    const char *p = number->data; /* a sign and a digit at least */
    char sign = p[0];
    struct buf text = BUF_INIT;

    if (s->space && sign == '+' && !s->plus)
        sign = ' ';
    if (p[1] == 'I' || p[1] == 'N') { /* not a number to be padded with zeros */
        bool zero = s->zero;
        f->spec.zero = false;
        buf_add_char(&text, sign);
        buf_add_str(&text, p + 1);
        size_t skip = p[1] == 'N' ? !s->space && !s->plus : sign == '+' && !s->plus;
        gofmt_pad(f, buf_str(&text) + skip, text.size - skip);
        f->spec.zero = zero;
    } else if (!s->plus && sign == '+') {
        gofmt_pad(f, p + 1, number->size - 1);
    } else if (s->zero && !s->minus && s->has_width && s->width > (int)number->size) {
        buf_add_char(f->out, sign); /* the sign stands before the zeros */
        gofmt_fill(f, s->width - (int)number->size);
        buf_add(f->out, p + 1, number->size - 1);
    } else {
        buf_add_char(&text, sign);
        buf_add(&text, p + 1, number->size - 1);
        gofmt_pad(f, buf_str(&text), text.size);
    }
    buf_free(&text);
}

bool
gofmt_float(struct gofmt_verb *f, double v, uint32_t verb)
{
    static const struct {
        uint32_t verb;
        char form;
        int precision;
    } forms[] = {{'v', 'g', -1}, {'b', 'b', -1}, {'g', 'g', -1}, {'G', 'G', -1},
                 {'x', 'x', -1}, {'X', 'X', -1}, {'f', 'f', 6},  {'F', 'f', 6},
                 {'e', 'e', 6},  {'E', 'E', 6}};
    struct buf number = BUF_INIT, sharp = BUF_INIT;

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (forms[i].verb != verb)
            continue;
        int precision = f->spec.has_precision ? f->spec.precision : forms[i].precision;
        number.limit = sharp.limit = f->out->limit;
        gofmt_float_digits(&number, v, forms[i].form, precision);
        if (!number.failed && number.size > 1) {
            bool special = number.data[1] == 'I' || number.data[1] == 'N';
            if (f->spec.sharp && verb != 'b' && !special)
                add_sharp(&sharp, &number, verb == 'v' ? 'g' : verb, precision);
            if (!sharp.failed)
                add_signed(f, sharp.size > 0 ? &sharp : &number);
        }
        f->out->failed |= number.failed || sharp.failed;
        buf_free(&number);
        buf_free(&sharp);
        return true;
    }
    return false;
}

bool
gofmt_complex(struct gofmt_verb *f, double re, double im, uint32_t verb)
{
    bool plus = f->spec.plus;

    if (verb == 0 || verb > 0x7F || strchr("vbgGxXfFeE", (int)verb) == NULL)
        return false;
    buf_add_char(f->out, '(');
    gofmt_float(f, re, verb);
    f->spec.plus = true; /* the imaginary part always has a sign */
    gofmt_float(f, im, verb);
    f->spec.plus = plus;
    buf_add_str(f->out, "i)");
    return true;
}
