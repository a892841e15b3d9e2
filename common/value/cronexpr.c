/* cronexpr.c - parsing cron expressions and finding their ticks. */
#include "common/value/cronexpr.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/macros.h"
#include "common/value/tzone.h"

#define FIELDS 5
#define HORIZON_YEARS 5

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

struct field {
    uint64_t bits; /* bit n: the value n matches */
    bool starred;
};

struct cronexpr {
    struct field fields[FIELDS];
    struct tzone *zone;
};

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct bounds {
    int min, max;
    const char *const *names; /* of min, min + 1, ... */
    size_t n_names;
} bounds[FIELDS] = {
    [MINUTE] = {0, 59, NULL, 0},
    [HOUR] = {0, 23, NULL, 0},
    [DAY] = {1, 31, NULL, 0},
    [MONTH] = {1, 12, months, ARRAY_LEN(months)},
    [WEEKDAY] = {0, 6, weekdays, ARRAY_LEN(weekdays)},
};

static const struct descriptor {
    const char *name, *text;
} descriptors[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

void
cronexpr_free(struct cronexpr *c)
{
    if (c == NULL)
        return;
    tzone_free(c->zone);
    free(c);
}

/* ---- parsing ---- */

static int
parse_int(const char *text, long *out, struct err *e)
{
    const char *digits = text + (*text == '-' || *text == '+');

    errno = 0;
    *out = strtol(text, NULL, 10);
    if (!isdigit((unsigned char)*digits) || digits[strspn(digits, "0123456789")] != '\0')
        return err_set(e, ERR_INVALID, "failed to parse int from %s: not a number", text);
    if (errno != 0 || *out > INT32_MAX)
        return err_set(e, ERR_INVALID, "failed to parse int from %s: out of range", text);
    if (*out < 0)
        return err_set(e, ERR_INVALID, "negative number (%ld) not allowed: %s", *out,
                       text);
    return 0;
}

static int
parse_value(const char *text, const struct bounds *b, long *out, struct err *e)
{
    for (size_t i = 0; i < b->n_names; i++) {
        if (strcasecmp(text, b->names[i]) == 0) {
            *out = b->min + (long)i;
            return 0;
        }
    }
    return parse_int(text, out, e);
}

/* Cuts `text` at `sep` into at most `max` parts; returns how many there are. */
static size_t
split(char *text, char sep, char **parts, size_t max)
{
    size_t n = 0;
    char *p = text;

    for (;;) {
        char *end = strchr(p, sep);
        if (n < max)
            parts[n] = p;
        n++;
        if (end == NULL)
            return n;
        *end = '\0';
        p = end + 1;
    }
}

struct range {
    long low, high, step;
    bool starred;
};

/* The part before the slash: *, ?, N or N-M. */
static int
parse_span(char *text, const char *whole, const struct bounds *b, bool stepped,
           struct range *r, struct err *e)
{
    char *ends[2];
    size_t n = split(text, '-', ends, 2);

    if (strcmp(ends[0], "*") == 0 || strcmp(ends[0], "?") == 0) {
        *r = (struct range){b->min, b->max, 1, true};
        return 0;
    }
    if (n > 2)
        return err_set(e, ERR_INVALID, "too many hyphens: %s", whole);
    if (parse_value(ends[0], b, &r->low, e) < 0)
        return -1;
    r->high = r->low;
    if (n == 2 && parse_value(ends[1], b, &r->high, e) < 0)
        return -1;
    if (n == 1 && stepped)
        r->high = b->max; /* N/step runs to the end */
    return 0;
}

static int
check_range(const struct range *r, const char *whole, const struct bounds *b,
            struct err *e)
{
    if (r->low < b->min)
        return err_set(e, ERR_INVALID, "beginning of range (%ld) below minimum (%d): %s",
                       r->low, b->min, whole);
    if (r->high > b->max)
        return err_set(e, ERR_INVALID, "end of range (%ld) above maximum (%d): %s",
                       r->high, b->max, whole);
    if (r->low > r->high)
        return err_set(e, ERR_INVALID,
                       "beginning of range (%ld) beyond end of range (%ld): %s", r->low,
                       r->high, whole);
    if (r->step == 0)
        return err_set(e, ERR_INVALID, "step of range should be a positive number: %s",
                       whole);
    return 0;
}

/* One element of a field's list. */
static int
parse_range(const char *whole, const struct bounds *b, struct field *f, struct err *e)
{
    SCOPED(string) char *copy = strdup(whole);
    struct range r = {0, 0, 1, false};
    char *parts[2];
    size_t n;

    if (copy == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    n = split(copy, '/', parts, 2);
    if (parse_span(parts[0], whole, b, n == 2, &r, e) < 0)
        return -1;
    if (n > 2)
        return err_set(e, ERR_INVALID, "too many slashes: %s", whole);
    if (n == 2 && parse_int(parts[1], &r.step, e) < 0)
        return -1;
    if (check_range(&r, whole, b, e) < 0)
        return -1;
    f->starred |= r.starred && r.step == 1;
    for (long v = r.low; v <= r.high; v += r.step)
        f->bits |= UINT64_C(1) << v;
    return 0;
}

static int
parse_field(char *text, const struct bounds *b, struct field *f, struct err *e)
{
    char *rest = NULL;

    for (char *p = strtok_r(text, ",", &rest); p != NULL; p = strtok_r(NULL, ",", &rest))
        if (parse_range(p, b, f, e) < 0)
            return -1;
    return 0;
}

static int
parse_fields(struct cronexpr *c, const char *text, struct err *e)
{
    SCOPED(string) char *copy = strdup(text);
    char *words[FIELDS], *rest = NULL;
    size_t n = 0;

    if (copy == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    for (char *p = strtok_r(copy, " \t\r\n\v\f", &rest); p != NULL;
         p = strtok_r(NULL, " \t\r\n\v\f", &rest)) {
        if (n < FIELDS)
            words[n] = p;
        n++;
    }
    if (n != FIELDS) {
        const char *from = text + strspn(text, " \t\r\n\v\f");
        size_t size = strlen(from);
        while (size > 0 && isspace((unsigned char)from[size - 1]))
            size--;
        return err_set(e, ERR_INVALID, "expected exactly 5 fields, found %zu: [%.*s]", n,
                       (int)(size > 512 ? 512 : size), from);
    }
    for (size_t i = 0; i < FIELDS; i++)
        if (parse_field(words[i], &bounds[i], &c->fields[i], e) < 0)
            return -1;
    return 0;
}

/* TZ=Zone at the front; *text moves behind it. */
static struct tzone *
parse_zone(const char **text, struct err *e)
{
    static const char *const prefixes[] = {"TZ=", "CRON_TZ="};
    char name[200];

    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        size_t skip = strlen(prefixes[i]), size;
        if (strncmp(*text, prefixes[i], skip) != 0)
            continue;
        size = strcspn(*text + skip, " ");
        snprintf(name, sizeof name, "%.*s",
                 (int)(size < sizeof name ? size : sizeof name - 1), *text + skip);
        *text += skip + size;
        *text += strspn(*text, " ");
        struct tzone *z = tzone_load(name, e);
        if (z == NULL)
            err_wrap(e, "provided bad location %s", name);
        return z;
    }
    return tzone_load("", e);
}

struct cronexpr *
cronexpr_parse(const char *text, unsigned flags, struct err *e)
{
    SCOPED(cronexpr) struct cronexpr *c = calloc(1, sizeof *c);

    if (c == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    if (text == NULL || *text == '\0') {
        err_set(e, ERR_INVALID, "empty spec string");
        return NULL;
    }
    if ((c->zone = parse_zone(&text, e)) == NULL)
        return NULL;
    if (*text == '@') {
        const struct descriptor *d = NULL;
        for (size_t i = 0; i < ARRAY_LEN(descriptors); i++)
            if (strcmp(text, descriptors[i].name) == 0)
                d = &descriptors[i];
        if (d == NULL || !(flags & CRONEXPR_DESCRIPTORS)) {
            err_set(e, ERR_INVALID,
                    flags & CRONEXPR_DESCRIPTORS
                        ? "unrecognized descriptor: %s"
                        : "parser does not accept descriptors: %s",
                    text);
            return NULL;
        }
        text = d->text;
    }
    return parse_fields(c, text, e) < 0 ? NULL : TAKE(c);
}

struct cronexpr *
cronexpr_parse_in(const char *text, const char *zone, unsigned flags, struct err *e)
{
    SCOPED(string) char *both = NULL;

    if (*zone == '\0')
        return cronexpr_parse(text, flags, e);
    if (strncmp(text, "TZ=", 3) == 0 || strncmp(text, "CRON_TZ=", 8) == 0 ||
        strchr(zone, ' ') != NULL) {
        err_set(e, ERR_INVALID, "timeZone and TZ= in the schedule exclude each other");
        return NULL;
    }
    if (asprintf(&both, "TZ=%s %s", zone, text) < 0) {
        both = NULL;
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    return cronexpr_parse(both, flags, e);
}

/* ---- ticks ---- */

static bool
matches(const struct field *f, int value)
{
    return (f->bits >> value & 1) != 0;
}

static bool
day_matches(const struct cronexpr *c, const struct tm *local)
{
    bool day = matches(&c->fields[DAY], local->tm_mday);
    bool weekday = matches(&c->fields[WEEKDAY], local->tm_wday);

    if (c->fields[DAY].starred || c->fields[WEEKDAY].starred)
        return day && weekday;
    return day || weekday;
}

static void
local_time(const struct cronexpr *c, int64_t t, struct tm *out)
{
    time_t shifted = (time_t)(t + tzone_offset(c->zone, t));

    gmtime_r(&shifted, out);
}

/* The first instant of the local day after that of t. */
static int64_t
next_day(const struct cronexpr *c, int64_t t, const struct tm *local)
{
    int64_t next =
        t + 86400 - (local->tm_hour * 3600 + local->tm_min * 60 + local->tm_sec);
    struct tm there, back;

    local_time(c, next, &there);
    /* A change of the clock in between: midnight lies a little before, or does not exist.
     */
    int64_t over = there.tm_hour * 3600 + there.tm_min * 60 + there.tm_sec;
    if (over == 0 || there.tm_mday == local->tm_mday)
        return next;
    local_time(c, next - over, &back);
    return back.tm_mday == there.tm_mday ? next - over : next;
}

int64_t
cronexpr_next(const struct cronexpr *c, int64_t after_s)
{
    int64_t t = after_s - (after_s % 60 + 60) % 60 + 60; /* the next full minute */
    struct tm local;
    int last_year;

    for (size_t i = 0; i < FIELDS; i++)
        if (c->fields[i].bits == 0)
            return CRONEXPR_NEVER; /* a field of commas alone */
    local_time(c, t, &local);
    last_year = local.tm_year + HORIZON_YEARS;
    for (;;) {
        local_time(c, t, &local);
        if (local.tm_year > last_year)
            return CRONEXPR_NEVER;
        if (!matches(&c->fields[MONTH], local.tm_mon + 1) || !day_matches(c, &local))
            t = next_day(c, t, &local);
        else if (!matches(&c->fields[HOUR], local.tm_hour))
            t += 3600 - (local.tm_min * 60 + local.tm_sec);
        else if (!matches(&c->fields[MINUTE], local.tm_min) || local.tm_sec != 0)
            t += 60 - local.tm_sec;
        else
            return t;
    }
}

size_t
cronexpr_ticks(const struct cronexpr *c, int64_t after_s, int64_t now_s, int64_t *out,
               size_t max)
{
    size_t n = 0;

    while (n < max) {
        int64_t t = cronexpr_next(c, after_s);
        if (t == CRONEXPR_NEVER || t > now_s)
            break;
        out[n++] = after_s = t;
    }
    return n;
}

void
cronexpr_id(int64_t tick_s, char *out)
{
    time_t t = (time_t)tick_s;
    struct tm utc;

    gmtime_r(&t, &utc);
    if (strftime(out, CRONEXPR_ID_SIZE, "%Y%m%d-%H%M", &utc) == 0)
        out[0] = '\0';
}
