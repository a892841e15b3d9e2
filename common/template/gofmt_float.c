/* gofmt_float.c - the digits of floats as Go's strconv writes them. */
#include "common/template/gofmt_verb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1075 /* of the mantissa as an integer */

/* Decimal digits d0 d1 d2 ... of a positive number, its point standing behind d0 by
 * `exponent` places. */
struct digits {
    char text[1100];
    int count;
    int exponent;
};

/* Adds n zeros. */
static void
add_zeros(struct buf *out, int n)
{
    for (; n > 0; n--)
        buf_add_char(out, '0');
}

/* precision + 1 digits, correctly rounded; 1,100 are more than a double ever has. */
static void
round_to(double v, int precision, struct digits *d)
{
    char text[1200];
    char *e;

    snprintf(text, sizeof text, "%.*e", precision > 1074 ? 1074 : precision, v);
    e = strchr(text, 'e');
    d->exponent = atoi(e + 1);
    *e = '\0';
    d->count = 0;
    for (const char *p = text; *p != '\0'; p++)
        if (*p != '.')
            d->text[d->count++] = *p;
}

/* As few digits as read back the same. */
static void
shortest(double v, struct digits *d)
{
    char text[64];

    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, v);
        if (strtod(text, NULL) == v) {
            round_to(v, precision, d);
            break;
        }
    }
    while (d->count > 1 && d->text[d->count - 1] == '0')
        d->count--;
}

static void
add_exponent(struct buf *out, char letter, int exponent)
{
    buf_printf(out, "%c%c%02d", letter, exponent < 0 ? '-' : '+', abs(exponent));
}

/* d.ddde+XX with `behind` digits behind the point. */
static void
add_scientific(struct buf *out, const struct digits *d, int behind, char letter)
{
    buf_add_char(out, d->text[0]);
    if (behind > 0) {
        int have = d->count - 1 < behind ? d->count - 1 : behind;
        buf_add_char(out, '.');
        buf_add(out, d->text + 1, (size_t)have);
        add_zeros(out, behind - have);
    }
    add_exponent(out, letter, d->exponent);
}

/* The same digits without exponent; they are all needed. */
static void
add_plain(struct buf *out, const struct digits *d)
{
    int whole = d->exponent + 1; /* digits before the point */

    if (whole <= 0) {
        buf_add_str(out, "0.");
        add_zeros(out, -whole);
        buf_add(out, d->text, (size_t)d->count);
        return;
    }
    int have = d->count < whole ? d->count : whole;
    buf_add(out, d->text, (size_t)have);
    add_zeros(out, whole - have);
    if (d->count > whole) {
        buf_add_char(out, '.');
        buf_add(out, d->text + whole, (size_t)(d->count - whole));
    }
}

/* %g: whichever is readable. */
static void
add_general(struct buf *out, double v, char form, int precision)
{
    struct digits d;
    int threshold = precision;

    if (precision < 0) {
        shortest(v, &d);
        threshold = 6;
    } else {
        round_to(v, (precision == 0 ? 1 : precision) - 1, &d);
        threshold = precision == 0 ? 1 : precision;
        while (d.count > 1 && d.text[d.count - 1] == '0')
            d.count--;
        if (threshold > d.count && d.count >= d.exponent + 1)
            threshold = d.count;
    }
    if (d.exponent < -4 || d.exponent >= threshold)
        add_scientific(out, &d, d.count - 1, form == 'G' ? 'E' : 'e');
    else
        add_plain(out, &d);
}

static void
split_bits(double v, uint64_t *mantissa, int *exponent)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    *mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    *exponent = (int)(bits >> MANTISSA_BITS & 0x7FF);
    if (*exponent == 0)
        *exponent = 1;
    else
        *mantissa |= UINT64_C(1) << MANTISSA_BITS;
    *exponent -= EXPONENT_BIAS;
}

/* %b: mantissa and exponent of two. */
static void
add_binary(struct buf *out, double v)
{
    uint64_t mantissa;
    int exponent;

    split_bits(v, &mantissa, &exponent);
    buf_printf(out, "%llup%+d", (unsigned long long)mantissa, exponent);
}

/* %x: 0x1.8p+01. */
static void
add_hex(struct buf *out, double v, char form, int precision)
{
    const char *digits = form == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    uint64_t mantissa;
    int exponent, n = 13;

    split_bits(v, &mantissa, &exponent);
    exponent += MANTISSA_BITS;
    if (mantissa == 0)
        exponent = 0;
    while (mantissa != 0 && (mantissa >> MANTISSA_BITS) == 0) {
        mantissa <<= 1;
        exponent--;
    }
    if (precision >= 0 && precision < n) { /* round half to even */
        int drop = (n - precision) * 4;
        uint64_t half = UINT64_C(1) << (drop - 1), rest = mantissa & (half * 2 - 1);
        mantissa >>= drop;
        mantissa += rest > half || (rest == half && (mantissa & 1) != 0);
        mantissa <<= drop;
        if (mantissa >> (MANTISSA_BITS + 1)) {
            mantissa >>= 1;
            exponent++;
        }
        n = precision;
    } else if (precision < 0) {
        while (n > 0 && (mantissa >> (4 * (13 - n)) & 15) == 0)
            n--;
    }
    buf_printf(out, "0%c%c", form, mantissa != 0 ? '1' : '0');
    if (n > 0 || precision > 0)
        buf_add_char(out, '.');
    for (int i = 0; i < n; i++)
        buf_add_char(out, digits[mantissa >> (MANTISSA_BITS - 4 * (i + 1)) & 15]);
    if (precision > n)
        add_zeros(out, precision - n);
    add_exponent(out, form == 'X' ? 'P' : 'p', exponent);
}

void
gofmt_float_digits(struct buf *out, double v, char form, int precision)
{
    struct digits d;

    if (isnan(v)) {
        buf_add_str(out, "+NaN");
        return;
    }
    buf_add_char(out, signbit(v) ? '-' : '+');
    v = fabs(v);
    if (isinf(v)) {
        buf_add_str(out, "Inf");
        return;
    }
    switch (form) {
    case 'b':
        add_binary(out, v);
        break;
    case 'e':
    case 'E':
        round_to(v, precision, &d);
        add_scientific(out, &d, precision, form);
        break;
    case 'f':
        buf_printf(out, "%.*f", precision, v);
        break;
    case 'x':
    case 'X':
        add_hex(out, v, form, precision);
        break;
    default:
        add_general(out, v, form, precision);
    }
}
