/* gofmt.c - reading a format, and the print functions. */
#include "common/template/gofmt.h"

#include <string.h>

#include "common/template/gofmt_verb.h"
#include "common/template/rune.h"

#define NUMBER_MAX 1000000 /* the widest width that Go takes */

/* A format under way. */
struct scan {
    struct gofmt_verb verb;
    const char *p, *end;
    const struct template_value *args;
    size_t count;
    size_t next;     /* the argument that comes next */
    bool reordered;  /* an index was used: left-over arguments are no mistake */
    bool good_index; /* of this conversion */
};

static bool
at(const struct scan *s, char c)
{
    return s->p < s->end && *s->p == c;
}

/* Digits at *p; false (and nothing consumed) when there are none, false with everything
 * consumed when they are too many. */
static bool
read_number(const char **p, const char *end, int *out)
{
    const char *start = *p;
    int v = 0;

    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        if (v > NUMBER_MAX) {
            *p = end;
            *out = 0;
            return false;
        }
        v = v * 10 + (**p - '0');
    }
    *out = v;
    return *p > start;
}

/* "[n]" selects the argument; true when it was there and good. */
static bool
read_index(struct scan *s)
{
    const char *close, *p = s->p + 1;
    int n;

    if (!at(s, '['))
        return false;
    s->reordered = true;
    close = s->end - s->p < 3 ? NULL : memchr(p, ']', (size_t)(s->end - p));
    if (close == NULL) {
        s->p++;
        s->good_index = false;
        return false;
    }
    bool number = read_number(&p, close, &n) && p == close;
    s->p = close + 1;
    if (number && n >= 1 && (size_t)n <= s->count) {
        s->next = (size_t)n - 1;
        return true;
    }
    s->good_index = false;
    return number;
}

/* '*': the number is an argument. */
static bool
star(struct scan *s, int *out)
{
    const struct template_value *v;

    *out = 0;
    if (s->next >= s->count)
        return false;
    v = &s->args[s->next++];
    if ((v->kind != TEMPLATE_INT && v->kind != TEMPLATE_BYTE) ||
        v->as.integer > NUMBER_MAX || v->as.integer < -NUMBER_MAX)
        return false;
    *out = (int)v->as.integer;
    return true;
}

static void
read_flags(struct scan *s)
{
    struct gofmt_spec *spec = &s->verb.spec;

    for (; s->p < s->end; s->p++) {
        switch (*s->p) {
        case '#':
            spec->sharp = true;
            break;
        case '0':
            spec->zero = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case '-':
            spec->minus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        default:
            return;
        }
    }
}

/* Returns whether an index stands right before what follows. */
static bool
read_width(struct scan *s)
{
    struct gofmt_spec *spec = &s->verb.spec;
    bool after_index = read_index(s);

    if (at(s, '*')) {
        s->p++;
        spec->has_width = star(s, &spec->width);
        if (!spec->has_width)
            buf_add_str(s->verb.out, "%!(BADWIDTH)");
        if (spec->width < 0) {
            spec->width = -spec->width;
            spec->minus = true;
            spec->zero = false;
        }
        return false;
    }
    spec->has_width = read_number(&s->p, s->end, &spec->width);
    if (after_index && spec->has_width)
        s->good_index = false; /* "%[3]2d": the index belongs behind the width */
    return after_index;
}

static bool
read_precision(struct scan *s, bool after_index)
{
    struct gofmt_spec *spec = &s->verb.spec;

    if (!at(s, '.'))
        return after_index;
    s->p++;
    if (after_index)
        s->good_index = false;
    after_index = read_index(s);
    if (at(s, '*')) {
        s->p++;
        spec->has_precision = star(s, &spec->precision);
        if (spec->precision < 0) {
            spec->precision = 0;
            spec->has_precision = false;
        }
        if (!spec->has_precision)
            buf_add_str(s->verb.out, "%!(BADPREC)");
        return false;
    }
    if (!read_number(&s->p, s->end, &spec->precision))
        spec->precision = 0;
    spec->has_precision = true;
    return after_index;
}

static void
add_problem(struct scan *s, uint32_t verb, const char *what)
{
    char utf8[4];

    buf_add_str(s->verb.out, "%!");
    buf_add(s->verb.out, utf8, rune_encode(verb, utf8));
    buf_add_str(s->verb.out, what);
}

/* One conversion, behind its '%'. */
static void
convert(struct scan *s)
{
    struct gofmt_spec *spec = &s->verb.spec;
    uint32_t verb;
    size_t width;

    *spec = (struct gofmt_spec){0};
    s->good_index = true;
    read_flags(s);
    if (!read_precision(s, read_width(s)))
        read_index(s);
    if (s->p >= s->end) {
        buf_add_str(s->verb.out, "%!(NOVERB)");
        return;
    }
    verb = rune_decode(s->p, (size_t)(s->end - s->p), &width);
    s->p += width;
    if (verb == '%') {
        buf_add_char(s->verb.out, '%');
    } else if (!s->good_index) {
        add_problem(s, verb, "(BADINDEX)");
    } else if (s->next >= s->count) {
        add_problem(s, verb, "(MISSING)");
    } else {
        if (verb == 'v' || verb == 'w') {
            spec->sharp_v = spec->sharp;
            spec->plus_v = spec->plus;
            spec->sharp = spec->plus = false;
        }
        gofmt_value(&s->verb, &s->args[s->next++], verb, 0);
    }
}

static void
add_extra(struct scan *s)
{
    s->verb.spec = (struct gofmt_spec){0};
    buf_add_str(s->verb.out, "%!(EXTRA ");
    for (size_t i = s->next; i < s->count; i++) {
        const struct template_value *v = &s->args[i];
        if (i > s->next)
            buf_add_str(s->verb.out, ", ");
        buf_add_str(s->verb.out, value_type_name(v));
        if (v->kind != TEMPLATE_NIL) {
            buf_add_char(s->verb.out, '=');
            gofmt_value(&s->verb, v, 'v', 0);
        }
    }
    buf_add_char(s->verb.out, ')');
}

void
gofmt_sprintf(struct buf *out, const char *format, size_t size,
              const struct template_value *args, size_t count)
{
    struct scan s = {.verb = {.out = out},
                     .p = format,
                     .end = format + size,
                     .args = args,
                     .count = count,
                     .good_index = true};

    while (s.p < s.end && !out->failed) {
        const char *percent = memchr(s.p, '%', (size_t)(s.end - s.p));
        const char *stop = percent != NULL ? percent : s.end;
        buf_add(out, s.p, (size_t)(stop - s.p));
        s.p = stop;
        if (percent != NULL) {
            s.p++;
            convert(&s);
        }
    }
    if (!s.reordered && s.next < count)
        add_extra(&s);
}

void
gofmt_sprint(struct buf *out, const struct template_value *args, size_t count)
{
    struct gofmt_verb f = {.out = out};

    for (size_t i = 0; i < count && !out->failed; i++) {
        if (i > 0 && args[i].kind != TEMPLATE_STRING &&
            args[i - 1].kind != TEMPLATE_STRING)
            buf_add_char(out, ' ');
        gofmt_value(&f, &args[i], 'v', 0);
    }
}

void
gofmt_sprintln(struct buf *out, const struct template_value *args, size_t count)
{
    struct gofmt_verb f = {.out = out};

    for (size_t i = 0; i < count && !out->failed; i++) {
        if (i > 0)
            buf_add_char(out, ' ');
        gofmt_value(&f, &args[i], 'v', 0);
    }
    buf_add_char(out, '\n');
}
