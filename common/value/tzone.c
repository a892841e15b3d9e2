/* tzone.c - TZif files (RFC 8536) and the rule at their end. */
#include "common/value/tzone.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/limits.h"

#define ZONEINFO "/usr/share/zoneinfo/"
#define DAY INT64_C(86400)

/* When a year's change happens, in local time. */
struct change {
    char form;            /* 'M' month.week.weekday, 'J' day 1-365, 'N' day 0-365 */
    int month, week, day; /* day alone for J and N */
    int32_t at;           /* seconds after midnight */
};

/* The rule for times after the last transition. */
struct rule {
    bool has_dst;
    int32_t standard, dst; /* offsets east of UTC */
    struct change begin, end;
};

struct tzone {
    size_t count;
    int64_t *when;   /* ascending */
    int32_t *offset; /* from when[i] on */
    int32_t first;   /* before when[0] */
    bool has_rule;
    struct rule rule;
};

void
tzone_free(struct tzone *z)
{
    if (z == NULL)
        return;
    free(z->when);
    free(z->offset);
    free(z);
}

/* ---- the rule: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool
read_number(const char **p, int max, int *out)
{
    int v = 0, n = 0;

    for (; isdigit((unsigned char)**p) && n < 4; (*p)++, n++)
        v = v * 10 + (**p - '0');
    *out = v;
    return n > 0 && v <= max;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool
read_time(const char **p, int32_t *out)
{
    int sign = 1, h, m = 0, s = 0;

    if (**p == '-' || **p == '+')
        sign = *(*p)++ == '-' ? -1 : 1;
    if (!read_number(p, 167, &h))
        return false;
    if (**p == ':' && ((*p)++, !read_number(p, 59, &m)))
        return false;
    if (**p == ':' && ((*p)++, !read_number(p, 59, &s)))
        return false;
    *out = sign * (h * 3600 + m * 60 + s);
    return true;
}

static bool
skip_name(const char **p)
{
    const char *start = *p;

    if (**p == '<') {
        *p += strcspn(*p, ">");
        if (**p != '>')
            return false;
        (*p)++;
        return true;
    }
    while (isalpha((unsigned char)**p))
        (*p)++;
    return *p - start >= 3;
}

static bool
read_change(const char **p, struct change *c)
{
    *c = (struct change){.form = 'N', .at = 2 * 3600};
    if (*(*p)++ != ',')
        return false;
    if (**p == 'M') {
        c->form = 'M';
        (*p)++;
        if (!read_number(p, 12, &c->month) || c->month < 1 || *(*p)++ != '.' ||
            !read_number(p, 5, &c->week) || c->week < 1 || *(*p)++ != '.' ||
            !read_number(p, 6, &c->day))
            return false;
    } else {
        if (**p == 'J') {
            c->form = 'J';
            (*p)++;
        }
        if (!read_number(p, 365, &c->day))
            return false;
    }
    if (**p != '/')
        return true;
    (*p)++;
    return read_time(p, &c->at);
}

static bool
read_rule(const char *text, struct rule *r)
{
    const char *p = text;
    int32_t west;

    if (!skip_name(&p) || !read_time(&p, &west))
        return false;
    r->standard = -west;
    r->has_dst = *p != '\0';
    if (!r->has_dst)
        return true;
    if (!skip_name(&p))
        return false;
    r->dst = r->standard + 3600;
    if (*p != ',') {
        if (!read_time(&p, &west))
            return false;
        r->dst = -west;
    }
    return read_change(&p, &r->begin) && read_change(&p, &r->end) && *p == '\0';
}

static bool
is_leap(int64_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days from 1970-01-01 to the first of January. */
static int64_t
days_to_year(int64_t y)
{
    int64_t p = y - 1;

    return 365 * (y - 1970) + (p / 4 - 492) - (p / 100 - 19) + (p / 400 - 4);
}

static int64_t
year_of(int64_t local_s)
{
    int64_t days = local_s / DAY - (local_s % DAY < 0);
    int64_t y = 1970 + days / 366;

    while (days >= days_to_year(y + 1))
        y++;
    return y;
}

/* Seconds of local time, since 1970, at which the change of `year` happens. */
static int64_t
change_time(const struct change *c, int64_t year)
{
    static const int before[] = {0,   31,  59,  90,  120, 151, 181,
                                 212, 243, 273, 304, 334, 365};
    int64_t day = days_to_year(year);

    if (c->form == 'M') {
        int leap = is_leap(year);
        int64_t first = day + before[c->month - 1] + (leap && c->month > 2);
        int length = before[c->month] - before[c->month - 1] + (leap && c->month == 2);
        int weekday = (int)((first + 4) % 7); /* 1970-01-01 was a Thursday */
        int on = (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
        day = first + (on >= length ? on - 7 : on);
    } else if (c->form == 'J') {
        day += c->day - 1 + (is_leap(year) && c->day >= 60);
    } else {
        day += c->day;
    }
    return day * DAY + c->at;
}

static int32_t
rule_offset(const struct rule *r, int64_t t)
{
    int64_t year, begin, end;
    bool summer;

    if (!r->has_dst)
        return r->standard;
    year = year_of(t + r->standard);
    begin = change_time(&r->begin, year) - r->standard;
    end = change_time(&r->end, year) - r->dst;
    summer = begin < end ? t >= begin && t < end : t >= begin || t < end;
    return summer ? r->dst : r->standard;
}

int32_t
tzone_offset(const struct tzone *z, int64_t t)
{
    size_t low = 0, high = z->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (z->when[mid] <= t)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == z->count && z->has_rule)
        return rule_offset(&z->rule, t);
    return low == 0 ? z->first : z->offset[low - 1];
}

/* ---- the file ---- */

#define HEADER 44

struct header {
    uint32_t isut, isstd, leap, time, type, chars;
    size_t size; /* of the data block that follows */
};

static uint64_t
big(const uint8_t *p, int bytes)
{
    uint64_t v = 0;

    for (int i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

static bool
read_header(const uint8_t *p, size_t left, int time_size, struct header *h)
{
    if (left < HEADER || memcmp(p, "TZif", 4) != 0)
        return false;
    h->isut = (uint32_t)big(p + 20, 4);
    h->isstd = (uint32_t)big(p + 24, 4);
    h->leap = (uint32_t)big(p + 28, 4);
    h->time = (uint32_t)big(p + 32, 4);
    h->type = (uint32_t)big(p + 36, 4);
    h->chars = (uint32_t)big(p + 40, 4);
    if (h->time > 4096 || h->type == 0 || h->type > 256 || h->chars > 4096 ||
        h->leap > 4096 || h->isut > 256 || h->isstd > 256)
        return false;
    h->size = (size_t)h->time * (size_t)(time_size + 1) + (size_t)h->type * 6 + h->chars +
              (size_t)h->leap * (size_t)(time_size + 4) + h->isstd + h->isut;
    return left - HEADER >= h->size;
}

static bool
read_data(const uint8_t *p, const struct header *h, struct tzone *z)
{
    const uint8_t *index = p + (size_t)h->time * 8;
    const uint8_t *types = index + h->time;

    z->when = calloc((size_t)h->time + 1, sizeof *z->when);
    z->offset = calloc((size_t)h->time + 1, sizeof *z->offset);
    if (z->when == NULL || z->offset == NULL)
        return false;
    z->count = h->time;
    z->first = (int32_t)big(types, 4);
    if (z->first < -DAY || z->first > DAY)
        return false;
    for (size_t i = 0; i < h->time; i++) {
        if (index[i] >= h->type)
            return false;
        z->when[i] = (int64_t)big(p + i * 8, 8);
        z->offset[i] = (int32_t)big(types + (size_t)index[i] * 6, 4);
        if (z->offset[i] < -DAY || z->offset[i] > DAY ||
            (i > 0 && z->when[i] < z->when[i - 1]))
            return false;
    }
    return true;
}

static bool
read_file(const uint8_t *bytes, size_t size, struct tzone *z)
{
    struct header h;
    char footer[128];
    size_t at;

    /* The first block has 4-byte times and is skipped; the second begins at its end. */
    if (!read_header(bytes, size, 4, &h) || bytes[4] < '2')
        return false;
    at = HEADER + h.size;
    if (!read_header(bytes + at, size - at, 8, &h) ||
        !read_data(bytes + at + HEADER, &h, z))
        return false;
    at += HEADER + h.size;
    if (size > at + 2 && bytes[at] == '\n' && size - at - 1 < sizeof footer) {
        memcpy(footer, bytes + at + 1, size - at - 1);
        footer[size - at - 1] = '\0';
        footer[strcspn(footer, "\n")] = '\0';
        z->has_rule = read_rule(footer, &z->rule);
    }
    return true;
}

struct tzone *
tzone_parse(const uint8_t *bytes, size_t size, struct err *e)
{
    SCOPED(tzone) struct tzone *z = calloc(1, sizeof *z);

    if (z == NULL || !read_file(bytes, size, z)) {
        err_set(e, ERR_INVALID, "not a time zone file");
        return NULL;
    }
    return TAKE(z);
}

static bool
name_is_safe(const char *name)
{
    return name[0] != '/' && name[0] != '.' && strstr(name, "..") == NULL &&
           strlen(name) < 200;
}

struct tzone *
tzone_load(const char *name, struct err *e)
{
    char path[256];
    SCOPED(fd) int fd = -1;
    SCOPED(string) char *bytes = NULL;
    struct tzone *z;
    ssize_t n;

    if (*name == '\0' || strcmp(name, "UTC") == 0)
        return calloc(1, sizeof *z);
    snprintf(path, sizeof path, ZONEINFO "%s", name);
    bytes = malloc(LIMIT_TZ_FILE_BYTES);
    if (!name_is_safe(name) || bytes == NULL ||
        (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 ||
        (n = read(fd, bytes, LIMIT_TZ_FILE_BYTES)) < 0) {
        err_set(e, ERR_INVALID, "unknown time zone %s", name);
        return NULL;
    }
    if ((z = tzone_parse((const uint8_t *)bytes, (size_t)n, e)) == NULL)
        err_wrap(e, "time zone %s", name);
    return z;
}
