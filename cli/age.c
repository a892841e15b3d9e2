/* age.c - see age.h. */
#include "cli/age.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/macros.h"

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

/* Spans shorter than `below` seconds are written as big units, then small ones unless they
 * are none (small 0: never). */
static const struct {
    int64_t below;
    int64_t big;
    const char *big_name;
    int64_t small;
    const char *small_name;
} formats[] = {
    {2 * MINUTE, 1, "s", 0, ""},    {10 * MINUTE, MINUTE, "m", 1, "s"},
    {3 * HOUR, MINUTE, "m", 0, ""}, {8 * HOUR, HOUR, "h", MINUTE, "m"},
    {2 * DAY, HOUR, "h", 0, ""},    {8 * DAY, DAY, "d", HOUR, "h"},
    {2 * YEAR, DAY, "d", 0, ""},    {8 * YEAR, YEAR, "y", DAY, "d"},
    {INT64_MAX, YEAR, "y", 0, ""},
};

const char *
age_format(int64_t span_ms, char *out)
{
    int64_t s = span_ms / 1000;
    size_t i = 0;

    if (s < -1) {
        strcpy(out, "<invalid>");
        return out;
    }
    s = s < 0 ? 0 : s;
    while (s >= formats[i].below && i + 1 < ARRAY_LEN(formats))
        i++;
    int64_t small = formats[i].small != 0 ? s % formats[i].big / formats[i].small : 0;
    int n =
        snprintf(out, AGE_SIZE, "%" PRId64 "%s", s / formats[i].big, formats[i].big_name);
    if (small != 0)
        snprintf(out + n, (size_t)(AGE_SIZE - n), "%" PRId64 "%s", small,
                 formats[i].small_name);
    return out;
}

const char *
age_since(const char *rfc3339, int64_t now_ms, char *out)
{
    int64_t then;

    if (rfc3339_parse(rfc3339, &then) < 0) {
        strcpy(out, "<unknown>");
        return out;
    }
    return age_format(now_ms - then, out);
}

const char *
age_between(const char *start, const char *end, int64_t now_ms, char *out)
{
    int64_t from, to;

    if (rfc3339_parse(start, &from) < 0) {
        strcpy(out, "-");
        return out;
    }
    if (rfc3339_parse(end, &to) < 0)
        to = now_ms;
    return age_format(to - from, out);
}
