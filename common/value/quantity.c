/* quantity.c - reading, comparing and writing Kubernetes quantities. */
#include "common/value/quantity.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"

__extension__ typedef __int128 i128;
__extension__ typedef unsigned __int128 u128;

#define NANO ((i128)1000000000)
#define QUANTITY_MAX ((i128)INT64_MAX * NANO)

static const struct suffix {
    const char *name;
    enum quantity_format format;
    int exponent; /* of 10, or of 1024 */
} suffixes[] = {
    {"", QUANTITY_DECIMAL, 0},   {"n", QUANTITY_DECIMAL, -9}, {"u", QUANTITY_DECIMAL, -6},
    {"m", QUANTITY_DECIMAL, -3}, {"k", QUANTITY_DECIMAL, 3},  {"M", QUANTITY_DECIMAL, 6},
    {"G", QUANTITY_DECIMAL, 9},  {"T", QUANTITY_DECIMAL, 12}, {"P", QUANTITY_DECIMAL, 15},
    {"E", QUANTITY_DECIMAL, 18}, {"Ki", QUANTITY_BINARY, 1},  {"Mi", QUANTITY_BINARY, 2},
    {"Gi", QUANTITY_BINARY, 3},  {"Ti", QUANTITY_BINARY, 4},  {"Pi", QUANTITY_BINARY, 5},
    {"Ei", QUANTITY_BINARY, 6},
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "e3", "E-2": an exponent of ten; false when the text is no such thing. */
static bool
read_exponent(const char *text, int *exponent)
{
    char *end;
    long v;

    if ((*text != 'e' && *text != 'E') ||
        (!is_digit(text[1]) && text[1] != '-' && text[1] != '+'))
        return false;
    errno = 0;
    v = strtol(text + 1, &end, 10);
    if (*end != '\0' || end == text + 1)
        return false;
    *exponent = errno != 0 || v > 100 ? 100 : v < -100 ? -100 : (int)v;
    return true;
}

static bool
read_suffix(const char *text, enum quantity_format *format, int *exponent)
{
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if (strcmp(text, suffixes[i].name) == 0) {
            *format = suffixes[i].format;
            *exponent = suffixes[i].exponent;
            return true;
        }
    }
    *format = QUANTITY_EXPONENT;
    return read_exponent(text, exponent);
}

/* v * by, cut to the largest quantity. */
static i128
times(i128 v, i128 by)
{
    return v > QUANTITY_MAX / by ? QUANTITY_MAX : v * by;
}

/* v / by, rounded up. */
static i128
over(i128 v, i128 by)
{
    return (v + by - 1) / by;
}

/* `digits` digits of v stand behind the point; scales v to units of 10^-9. */
static i128
scale(i128 v, int digits, enum quantity_format format, int exponent)
{
    int tens = 9 - digits;

    if (format == QUANTITY_BINARY) {
        for (; exponent > 0; exponent--)
            v = times(v, 1024);
    } else {
        tens += exponent;
    }
    for (; tens > 0 && v != 0; tens--)
        v = times(v, 10);
    for (; tens < 0 && v > 1; tens++)
        v = over(v, 10);
    return v > QUANTITY_MAX ? QUANTITY_MAX : v;
}

int
quantity_parse(const char *text, struct quantity *q)
{
    const char *p = text;
    bool negative = false, lost = false, any = false, point = false;
    int behind = 0, exponent;
    i128 v = 0;

    if (text == NULL)
        return -1;
    if (*p == '-' || *p == '+')
        negative = *p++ == '-';
    for (; is_digit(*p) || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        any = true;
        if (point && behind >= 18) {
            lost |= *p != '0';
            continue;
        }
        if (v > QUANTITY_MAX)
            return -1; /* tens of digits: nobody means that */
        v = v * 10 + (*p - '0');
        behind += point;
    }
    if (!any || !read_suffix(p, &q->format, &exponent))
        return -1;
    v = scale(v + lost, behind, q->format, exponent);
    q->nano = negative ? -v : v;
    return 0;
}

int
quantity_compare(const struct quantity *a, const struct quantity *b)
{
    return (a->nano > b->nano) - (a->nano < b->nano);
}

/* Decimal digits of v, NUL-terminated; returns where they begin inside out[48]. */
static char *
digits_of(u128 v, char out[48])
{
    char *p = out + 47;

    *p = '\0';
    do {
        *--p = (char)('0' + (int)(v % 10));
        v /= 10;
    } while (v != 0);
    return p;
}

static const char *
suffix_name(enum quantity_format format, int exponent)
{
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        if (suffixes[i].format == format && suffixes[i].exponent == exponent)
            return suffixes[i].name;
    return "";
}

static void
format_binary(u128 v, const char *sign, char *out)
{
    char digits[48];
    int exponent = 0;

    v /= NANO;
    while (v != 0 && v % 1024 == 0 && exponent < 6) {
        v /= 1024;
        exponent++;
    }
    snprintf(out, QUANTITY_SIZE, "%s%s%s", sign, digits_of(v, digits),
             exponent > 0 ? suffix_name(QUANTITY_BINARY, exponent) : "");
}

void
quantity_format(const struct quantity *q, char *out)
{
    u128 v = q->nano < 0 ? (u128)-q->nano : (u128)q->nano;
    const char *sign = q->nano < 0 ? "-" : "";
    int exponent = -9;
    char digits[48];

    if (v == 0) {
        strcpy(out, "0");
        return;
    }
    /* A fraction, and what is below one Ki, is written in decimals: nothing is rounded. */
    if (q->format == QUANTITY_BINARY && v >= (u128)(1024 * NANO) && v % NANO == 0) {
        format_binary(v, sign, out);
        return;
    }
    while (v % 1000 == 0 && exponent < 18) {
        v /= 1000;
        exponent += 3;
    }
    if (q->format == QUANTITY_EXPONENT && exponent != 0)
        snprintf(out, QUANTITY_SIZE, "%s%se%d", sign, digits_of(v, digits), exponent);
    else
        snprintf(out, QUANTITY_SIZE, "%s%s%s", sign, digits_of(v, digits),
                 suffix_name(QUANTITY_DECIMAL, exponent));
}

/* nano / unit, rounded away from zero, cut to int64_t. */
static int64_t
rounded(i128 nano, i128 unit)
{
    i128 v = nano > 0 ? over(nano, unit) : -over(-nano, unit);

    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

int64_t
quantity_value(const struct quantity *q)
{
    return rounded(q->nano, NANO);
}

int64_t
quantity_milli(const struct quantity *q)
{
    return rounded(q->nano, NANO / 1000);
}
