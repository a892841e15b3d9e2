/* clock.c - see clock.h. */
#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t
read_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t
clock_boot_ms(void)
{
    return read_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t
clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

/* A random number in 0..range-1. */
static uint64_t
random_below(uint64_t range)
{
    uint64_t r = 0;

    if (range == 0)
        return 0;
    if (getrandom(&r, sizeof r, GRND_NONBLOCK) != (ssize_t)sizeof r)
        r = (uint64_t)clock_mono_ns() * 6364136223846793005u;
    return r % range;
}

int64_t
backoff_next_ms(struct backoff *b)
{
    int64_t delay = b->first_ms;

    for (unsigned i = 0; i < b->attempts && delay < b->cap_ms; i++)
        delay *= 2;
    if (delay > b->cap_ms)
        delay = b->cap_ms;
    b->attempts++;
    int64_t spread = delay * b->jitter_percent / 100;
    return delay - spread + (int64_t)random_below((uint64_t)(2 * spread + 1));
}

void
backoff_reset(struct backoff *b)
{
    b->attempts = 0;
}

void
rfc3339_format(int64_t wall_ms, char *out)
{
    time_t t = (time_t)(wall_ms / 1000 - (wall_ms % 1000 < 0));
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(out, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void
rfc3339_format_micro(int64_t wall_us, char *out)
{
    int64_t us = wall_us % 1000000;
    if (us < 0)
        us += 1000000;
    time_t t = (time_t)((wall_us - us) / 1000000);
    struct tm tm;
    char seconds[RFC3339_SIZE];

    gmtime_r(&t, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, RFC3339_SIZE, "%.19s.%06dZ", seconds, (int)us);
}

/* Reads exactly n digits. */
static int
digits(const char **p, int n, int *out)
{
    int v = 0;

    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        v = v * 10 + (**p - '0');
    }
    *out = v;
    return 0;
}

static int
expect(const char **p, char c)
{
    if (**p != c)
        return -1;
    (*p)++;
    return 0;
}

/* "Z" or an offset; *minutes is what has to be taken away to reach UTC. */
static int
zone(const char **p, int *minutes)
{
    int hh, mm;

    *minutes = 0;
    if (**p == 'Z' || **p == 'z') {
        (*p)++;
        return 0;
    }
    if (**p != '+' && **p != '-')
        return -1;
    int sign = **p == '-' ? -1 : 1;
    (*p)++;
    if (digits(p, 2, &hh) < 0 || expect(p, ':') < 0 || digits(p, 2, &mm) < 0)
        return -1;
    *minutes = sign * (hh * 60 + mm);
    return hh < 24 && mm < 60 ? 0 : -1;
}

int
rfc3339_parse(const char *text, int64_t *wall_ms)
{
    struct tm tm = {0};
    int ms = 0, offset = 0, month, year;
    const char *p = text;

    if (p == NULL || digits(&p, 4, &year) < 0 || expect(&p, '-') < 0 ||
        digits(&p, 2, &month) < 0 || expect(&p, '-') < 0 ||
        digits(&p, 2, &tm.tm_mday) < 0)
        return -1;
    if (*p != 'T' && *p != 't' && *p != ' ')
        return -1;
    p++;
    if (digits(&p, 2, &tm.tm_hour) < 0 || expect(&p, ':') < 0 ||
        digits(&p, 2, &tm.tm_min) < 0 || expect(&p, ':') < 0 ||
        digits(&p, 2, &tm.tm_sec) < 0)
        return -1;
    if (*p == '.') {
        int scale = 100;
        p++;
        if (*p < '0' || *p > '9')
            return -1;
        for (; *p >= '0' && *p <= '9'; p++, scale /= 10)
            ms += (*p - '0') * scale;
    }
    if (zone(&p, &offset) < 0 || *p != '\0')
        return -1;
    if (month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
        tm.tm_min > 59 || tm.tm_sec > 60)
        return -1;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    *wall_ms = ((int64_t)timegm(&tm) - (int64_t)offset * 60) * 1000 + ms;
    return 0;
}
