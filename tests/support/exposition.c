#include "tests/support/exposition.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"

enum { NAMES = 512, SERIES = 20000, NAME = 128, LABELS = 1024 };

struct family {
    char name[NAME], type[16];
};

struct sample {
    char name[NAME], labels[LABELS]; /* without le */
    char le[32];
    double value;
};

struct reader {
    struct family families[NAMES];
    size_t n_families;
    struct sample *samples;
    size_t n;
    char *why;
    size_t room;
};

static int bad(struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int
bad(struct reader *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->why, r->room, fmt, ap);
    va_end(ap);
    return -1;
}

static const struct family *
family_of(const struct reader *r, const char *name)
{
    for (size_t i = 0; i < r->n_families; i++) {
        size_t n = strlen(r->families[i].name);
        bool histogram = strcmp(r->families[i].type, "histogram") == 0;

        if (strcmp(name, r->families[i].name) == 0 && !histogram)
            return &r->families[i];
        if (histogram && strncmp(name, r->families[i].name, n) == 0 &&
            (strcmp(name + n, "_bucket") == 0 || strcmp(name + n, "_sum") == 0 ||
             strcmp(name + n, "_count") == 0))
            return &r->families[i];
    }
    return NULL;
}

static int
read_type(struct reader *r, const char *line)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "summary",
                                        "untyped"};
    struct family *f = &r->families[r->n_families];
    bool known = false;

    if (r->n_families == NAMES ||
        sscanf(line, "# TYPE %127s %15s", f->name, f->type) != 2)
        return bad(r, "bad TYPE: %s", line);
    for (size_t i = 0; i < 5; i++)
        known |= strcmp(types[i], f->type) == 0;
    if (!known)
        return bad(r, "unknown type: %s", line);
    for (size_t i = 0; i < r->n_families; i++)
        if (strcmp(r->families[i].name, f->name) == 0)
            return bad(r, "type given twice: %s", f->name);
    r->n_families++;
    return 0;
}

static size_t
name_size(const char *p, bool colon)
{
    size_t n = 0;

    if (!isalpha((unsigned char)*p) && *p != '_' && !(colon && *p == ':'))
        return 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_' || (colon && p[n] == ':'))
        n++;
    return n;
}

/* Reads {a="b",...}; returns what follows, NULL when it is malformed. */
static const char *
read_labels(const char *p, struct sample *s)
{
    size_t used = 0;

    for (p++; *p != '}';) {
        size_t n = name_size(p, false);
        const char *key = p, *value;
        bool le = n == 2 && strncmp(p, "le", 2) == 0;

        if (n == 0 || p[n] != '=' || p[n + 1] != '"')
            return NULL;
        value = p += n + 2;
        while (*p != '"') {
            if (*p == '\0' || *p == '\n' || (*p == '\\' && strchr("\\\"n", p[1]) == NULL))
                return NULL;
            p += *p == '\\' ? 2 : 1;
        }
        if (le)
            snprintf(s->le, sizeof(s->le), "%.*s", (int)(p - value), value);
        else if (used < sizeof(s->labels))
            used += (size_t)snprintf(s->labels + used, sizeof(s->labels) - used, "%.*s,",
                                     (int)(p - key), key);
        p++;
        if (*p == ',')
            p++;
        else if (*p != '}')
            return NULL;
    }
    return p + 1;
}

static int
read_sample(struct reader *r, const char *line)
{
    struct sample *s = &r->samples[r->n];
    size_t n = name_size(line, true);
    const char *p = line + n;
    const struct family *f;
    char *end;

    if (n == 0 || n >= NAME || r->n == SERIES)
        return bad(r, "bad name: %s", line);
    *s = (struct sample){0};
    memcpy(s->name, line, n);
    if (*p == '{' && (p = read_labels(p, s)) == NULL)
        return bad(r, "bad labels: %s", line);
    if (*p != ' ')
        return bad(r, "no value: %s", line);
    s->value = strtod(p + 1, &end);
    if (end == p + 1 || *end != '\0')
        return bad(r, "bad value: %s", line);
    if ((f = family_of(r, s->name)) == NULL)
        return bad(r, "sample without a type before it: %s", line);
    if (strcmp(f->type, "gauge") != 0 && s->value < 0 && strstr(s->name, "_sum") == NULL)
        return bad(r, "below zero: %s", line);
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->samples[i].name, s->name) == 0 &&
            strcmp(r->samples[i].labels, s->labels) == 0 &&
            strcmp(r->samples[i].le, s->le) == 0)
            return bad(r, "series twice: %s", line);
    r->n++;
    return 0;
}

static const struct sample *
find(const struct reader *r, const char *family, const char *suffix, const char *labels)
{
    char name[2 * NAME];

    snprintf(name, sizeof(name), "%s%s", family, suffix);
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->samples[i].name, name) == 0 &&
            strcmp(r->samples[i].labels, labels) == 0)
            return &r->samples[i];
    return NULL;
}

/* The buckets of one histogram series grow and end in +Inf, which is its count. */
static int
check_buckets(struct reader *r, const char *family, const char *labels, double count)
{
    double le = -INFINITY, value = 0, last = NAN;
    char name[2 * NAME];

    snprintf(name, sizeof(name), "%s_bucket", family);
    for (size_t i = 0; i < r->n; i++) {
        const struct sample *s = &r->samples[i];

        if (strcmp(s->name, name) != 0 || strcmp(s->labels, labels) != 0)
            continue;
        if (strtod(s->le, NULL) <= le || s->value < value)
            return bad(r, "buckets do not grow: %s{%s}", name, labels);
        le = strtod(s->le, NULL);
        value = s->value;
        last = s->value;
    }
    if (!isinf(le) || last != count)
        return bad(r, "no +Inf bucket equal to the count: %s{%s}", name, labels);
    return 0;
}

static int
check_histograms(struct reader *r)
{
    for (size_t f = 0; f < r->n_families; f++) {
        char name[2 * NAME];

        if (strcmp(r->families[f].type, "histogram") != 0)
            continue;
        snprintf(name, sizeof(name), "%s_bucket", r->families[f].name);
        for (size_t i = 0; i < r->n; i++) {
            const struct sample *count;

            if (strcmp(r->samples[i].name, name) != 0)
                continue;
            count = find(r, r->families[f].name, "_count", r->samples[i].labels);
            if (count == NULL ||
                find(r, r->families[f].name, "_sum", r->samples[i].labels) == NULL)
                return bad(r, "no sum or count: %s", name);
            if (check_buckets(r, r->families[f].name, r->samples[i].labels,
                              count->value) < 0)
                return -1;
        }
    }
    return 0;
}

static int
read_lines(struct reader *r, char *text)
{
    for (char *line = text, *end; *line != '\0'; line = end + 1) {
        int rc = 0;

        if ((end = strchr(line, '\n')) == NULL)
            return bad(r, "no newline at the end");
        *end = '\0';
        if (strncmp(line, "# TYPE ", 7) == 0)
            rc = read_type(r, line);
        else if (*line != '#' && *line != '\0')
            rc = read_sample(r, line);
        if (rc < 0)
            return -1;
    }
    return 0;
}

int
exposition_check(const char *text, char *why, size_t room)
{
    struct reader *r = calloc(1, sizeof(*r));
    char *copy = strdup(text);
    int rc;

    r->why = why;
    r->room = room;
    r->samples = calloc(SERIES + 1, sizeof(*r->samples));
    rc = read_lines(r, copy) < 0 || check_histograms(r) < 0 ? -1 : (int)r->n;
    free(r->samples);
    free(r);
    free(copy);
    return rc;
}
