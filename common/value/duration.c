/* duration.c - reading and writing Go durations. */
#include "common/value/duration.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"

#define NS_MAX ((uint64_t)INT64_MAX + 1) /* the magnitude of the most negative one */

static const struct unit {
    const char *name;
    uint64_t ns;
} units[] = {
    /* longer names first: "ms" also begins with "m" */
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000},
    {"\xce\xbcs", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", 60 * 1000000000ull},
    {"h", 3600 * 1000000000ull},
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whole digits; false when they do not fit. */
static bool
read_whole(const char **p, uint64_t *out)
{
    uint64_t v = 0;

    for (; is_digit(**p); (*p)++) {
        if (v > NS_MAX / 10)
            return false;
        v = v * 10 + (uint64_t)(**p - '0');
        if (v > NS_MAX)
            return false;
    }
    *out = v;
    return true;
}

/* Digits behind the point, as *out / *scale; what is too fine is dropped. */
static void
read_fraction(const char **p, uint64_t *out, double *scale)
{
    bool full = false;

    *out = 0;
    *scale = 1;
    for (; is_digit(**p); (*p)++) {
        if (full || *out > (NS_MAX - 10) / 10) {
            full = true;
            continue;
        }
        *out = *out * 10 + (uint64_t)(**p - '0');
        *scale *= 10;
    }
}

/* The unit at the front of *p, moved past; NULL when there is none or more letters
 * follow. */
static const struct unit *
read_unit(const char **p)
{
    size_t n = strcspn(*p, ".0123456789");

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strlen(units[i].name) == n && strncmp(*p, units[i].name, n) == 0) {
            *p += n;
            return &units[i];
        }
    }
    return NULL;
}

/* One number with its unit, added to *sum. */
static bool
read_part(const char **p, uint64_t *sum)
{
    const struct unit *unit;
    uint64_t whole = 0, part = 0;
    double scale = 1;
    bool digits = is_digit(**p);

    if (!digits && **p != '.')
        return false;
    if (!read_whole(p, &whole))
        return false;
    if (**p == '.') {
        (*p)++;
        digits |= is_digit(**p);
        read_fraction(p, &part, &scale);
    }
    if (!digits || (unit = read_unit(p)) == NULL || whole > NS_MAX / unit->ns)
        return false;
    whole *= unit->ns;
    whole += (uint64_t)((double)part * ((double)unit->ns / scale));
    if (whole > NS_MAX || *sum > NS_MAX - whole)
        return false;
    *sum += whole;
    return true;
}

int
duration_parse(const char *text, int64_t *ns)
{
    const char *p = text;
    bool negative = false;
    uint64_t sum = 0;

    if (text == NULL)
        return -1;
    if (*p == '-' || *p == '+')
        negative = *p++ == '-';
    if (strcmp(p, "0") == 0) {
        *ns = 0;
        return 0;
    }
    do {
        if (!read_part(&p, &sum))
            return -1;
    } while (*p != '\0');
    if (!negative && sum == NS_MAX)
        return -1;
    *ns = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return 0;
}

/* "1.5" for v units of `unit` ns each, without trailing zeros. */
static int
format_part(char *out, size_t size, uint64_t v, uint64_t unit)
{
    int n = snprintf(out, size, "%llu", (unsigned long long)(v / unit));
    uint64_t rest = v % unit;

    if (rest == 0)
        return n;
    out[n++] = '.';
    while (rest != 0) {
        unit /= 10;
        out[n++] = (char)('0' + rest / unit);
        rest %= unit;
    }
    out[n] = '\0';
    return n;
}

void
duration_format(int64_t ns, char *out)
{
    uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    char *p = out;

    if (v == 0) {
        strcpy(out, "0s");
        return;
    }
    if (ns < 0)
        *p++ = '-';
    if (v < 1000000000) {
        const struct unit *unit = v < 1000      ? &units[0]
                                  : v < 1000000 ? &units[2]
                                                : &units[4];
        p += format_part(p, 24, v, unit->ns);
        strcpy(p, unit->name);
        return;
    }
    uint64_t minutes = v / (60 * 1000000000ull);
    if (minutes >= 60)
        p += sprintf(p, "%lluh", (unsigned long long)(minutes / 60));
    if (minutes > 0)
        p += sprintf(p, "%llum", (unsigned long long)(minutes % 60));
    p += format_part(p, 24, v % (60 * 1000000000ull), 1000000000);
    strcpy(p, "s");
}

/* A bare number of seconds. */
static int
parse_seconds(const char *text, int64_t *ns)
{
    const char *digits = text + (*text == '-' || *text == '+');
    long long v;

    if (!is_digit(*digits) || digits[strspn(digits, "0123456789")] != '\0')
        return -1;
    errno = 0;
    v = strtoll(text, NULL, 10);
    if (errno != 0 || __builtin_mul_overflow(v, INT64_C(1000000000), ns))
        return -1;
    return 0;
}

enum duration_poll
duration_poll_parse(const char *text, int64_t *ns)
{
    if (text == NULL || *text == '\0') {
        *ns = DURATION_POLL_DEFAULT_NS;
        return DURATION_POLL_GOOD;
    }
    if (duration_parse(text, ns) < 0 && parse_seconds(text, ns) < 0) {
        *ns = DURATION_POLL_DEFAULT_NS;
        return DURATION_POLL_UNREAD;
    }
    return *ns > 0 ? DURATION_POLL_GOOD : DURATION_POLL_NEGATIVE;
}
