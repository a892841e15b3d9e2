/* cel_strings.c - see cel_strings.h. */
#include "local/apiserver/cel/cel_strings.h"

#include <ctype.h>
#include <string.h>

#include "common/buf.h"
#include "common/scoped.h"
#include "local/apiserver/schema/regex.h"

#define SIZE(i) a[i].v.s.size
#define TEXT(i) a[i].v.s.p

struct value
s_starts_with(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_bool(SIZE(0) >= SIZE(1) && memcmp(TEXT(0), TEXT(1), SIZE(1)) == 0);
}

struct value
s_ends_with(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_bool(SIZE(0) >= SIZE(1) &&
                      memcmp(TEXT(0) + SIZE(0) - SIZE(1), TEXT(1), SIZE(1)) == 0);
}

/* The first occurrence at or behind `from`; NULL for none. */
static const char *
find(const struct value *a, size_t from)
{
    if (from > SIZE(0))
        return NULL;
    return SIZE(1) == 0 ? TEXT(0) + from
                        : memmem(TEXT(0) + from, SIZE(0) - from, TEXT(1), SIZE(1));
}

struct value
s_contains(struct cel_run *r, const struct value *a)
{
    (void)r;
    return value_bool(find(a, 0) != NULL);
}

/* The pattern of a[1]; the caller frees. NULL with *out an error value. */
static struct regex *
pattern(struct cel_run *r, const struct value *a, struct value *out)
{
    struct err e = ERR_INIT;
    char *text = run_alloc(r, SIZE(1) + 1);
    struct regex *re;

    if (text == NULL) {
        *out = value_error(r, "the limit CEL_STEPS is reached");
        return NULL;
    }
    memcpy(text, TEXT(1), SIZE(1));
    if ((re = regex_compile(text, &e)) == NULL)
        *out = value_error(r, "%.250s", e.text);
    r->steps -= (int64_t)(SIZE(0) / 4 + SIZE(1));
    return re;
}

struct value
s_matches(struct cel_run *r, const struct value *a)
{
    struct value out;
    SCOPED(regex) struct regex *re = pattern(r, a, &out);

    return re == NULL ? out : value_bool(regex_match(re, TEXT(0), SIZE(0)));
}

struct value
s_find(struct cel_run *r, const struct value *a)
{
    struct value out;
    size_t start, end;
    SCOPED(regex) struct regex *re = pattern(r, a, &out);

    if (re == NULL)
        return out;
    if (!regex_find(re, TEXT(0), SIZE(0), 0, &start, &end))
        return value_string("", 0);
    return value_string(TEXT(0) + start, end - start);
}

struct value
s_find_all(struct cel_run *r, const struct value *a)
{
    struct value out;
    size_t at = 0, start, end,
           max = a[2].kind == V_INT && a[2].v.i >= 0 ? (size_t)a[2].v.i : 1000, n = 0;
    SCOPED(regex) struct regex *re = pattern(r, a, &out);

    if (re == NULL)
        return out;
    out = value_list(r, max < 1000 ? max : 1000);
    if (out.kind == V_ERROR)
        return out;
    while (n < out.v.c.count && at <= SIZE(0) &&
           regex_find(re, TEXT(0), SIZE(0), at, &start, &end)) {
        out.v.c.items[n++] = value_string(TEXT(0) + start, end - start);
        at = end > start ? end : end + 1;
        r->steps -= (int64_t)(SIZE(0) / 4);
        if (r->steps < 0)
            return value_error(r, "the limit CEL_STEPS is reached");
    }
    out.v.c.count = n;
    return out;
}

static struct value
out_of_range(struct cel_run *r, int64_t i)
{
    return value_error(r, "index out of range: %lld", (long long)i);
}

struct value
s_char_at(struct cel_run *r, const struct value *a)
{
    int64_t i = a[1].v.i, n = (int64_t)utf8_count(TEXT(0), SIZE(0));
    size_t from, to;

    if (i < 0 || i > n)
        return out_of_range(r, i);
    from = utf8_offset(TEXT(0), SIZE(0), (size_t)i);
    to = utf8_offset(TEXT(0), SIZE(0), (size_t)i + 1);
    return value_string(TEXT(0) + from, to - from);
}

static int64_t
characters_before(const struct value *a, const char *at)
{
    return (int64_t)utf8_count(TEXT(0), (size_t)(at - TEXT(0)));
}

struct value
s_index_of(struct cel_run *r, const struct value *a)
{
    int64_t from = a[2].kind == V_INT ? a[2].v.i : 0;
    const char *at;

    if (from < 0 || from > (int64_t)utf8_count(TEXT(0), SIZE(0)))
        return out_of_range(r, from);
    at = find(a, utf8_offset(TEXT(0), SIZE(0), (size_t)from));
    return value_int(at == NULL ? -1 : characters_before(a, at));
}

struct value
s_last_index_of(struct cel_run *r, const struct value *a)
{
    int64_t n = (int64_t)utf8_count(TEXT(0), SIZE(0)),
            from = a[2].kind == V_INT ? a[2].v.i : n;

    if (from < 0 || from > n)
        return out_of_range(r, from);
    for (size_t i = utf8_offset(TEXT(0), SIZE(0), (size_t)from) + 1; i > 0; i--)
        if (i - 1 + SIZE(1) <= SIZE(0) && memcmp(TEXT(0) + i - 1, TEXT(1), SIZE(1)) == 0)
            return value_int(characters_before(a, TEXT(0) + i - 1));
    return value_int(-1);
}

static struct value
mapped(struct cel_run *r, const struct value *a, int (*fn)(int), char from, char to)
{
    struct value out = value_text(r, TEXT(0), SIZE(0));
    char *p = (char *)out.v.s.p;

    for (size_t i = 0; out.kind != V_ERROR && i < out.v.s.size; i++)
        if (p[i] >= from && p[i] <= to)
            p[i] = (char)fn(p[i]);
    return out;
}

struct value
s_lower(struct cel_run *r, const struct value *a)
{
    return mapped(r, a, tolower, 'A', 'Z');
}

struct value
s_upper(struct cel_run *r, const struct value *a)
{
    return mapped(r, a, toupper, 'a', 'z');
}

struct value
s_replace(struct cel_run *r, const struct value *a)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    int64_t left = a[3].kind == V_INT ? a[3].v.i : -1;
    size_t at = 0;
    const char *next;

    out.limit = 16 << 20;
    while (left != 0 && at <= SIZE(0) && (next = find(a, at)) != NULL) {
        size_t skip = (size_t)(next - (TEXT(0) + at));

        buf_add(&out, TEXT(0) + at, skip);
        buf_add(&out, TEXT(2), SIZE(2));
        at += skip + SIZE(1);
        if (SIZE(1) == 0) { /* between all characters */
            if (at < SIZE(0))
                buf_add_char(&out, TEXT(0)[at]);
            at++;
        }
        left -= left > 0;
    }
    if (at < SIZE(0))
        buf_add(&out, TEXT(0) + at, SIZE(0) - at);
    return out.failed ? value_error(r, "the text becomes too long")
                      : value_text(r, buf_str(&out), out.size);
}

struct value
s_split(struct cel_run *r, const struct value *a)
{
    int64_t limit = a[2].kind == V_INT ? a[2].v.i : -1;
    struct value out = value_list(r, SIZE(0) + 1);
    size_t at = 0, n = 0;

    if (out.kind == V_ERROR)
        return out;
    out.v.c.count = 0;
    if (limit == 0)
        return out;
    while (limit < 0 || (int64_t)n + 1 < limit) {
        const char *next = find(a, at);
        size_t length = SIZE(1) == 0   ? utf8_offset(TEXT(0) + at, SIZE(0) - at, 1)
                        : next != NULL ? (size_t)(next - TEXT(0)) - at
                                       : 0;

        if (SIZE(1) == 0 ? at + length >= SIZE(0) : next == NULL)
            break;
        out.v.c.items[n++] = value_string(TEXT(0) + at, length);
        at += length + SIZE(1);
    }
    if (SIZE(1) > 0 || at < SIZE(0))
        out.v.c.items[n++] = value_string(TEXT(0) + at, SIZE(0) - at);
    out.v.c.count = n;
    return out;
}

struct value
s_substring(struct cel_run *r, const struct value *a)
{
    int64_t n = (int64_t)utf8_count(TEXT(0), SIZE(0)), from = a[1].v.i,
            to = a[2].kind == V_INT ? a[2].v.i : n;
    size_t first, last;

    if (from < 0 || from > n || to < from || to > n)
        return value_error(r,
                           "index out of range: substring(%lld, %lld) of %lld characters",
                           (long long)from, (long long)to, (long long)n);
    first = utf8_offset(TEXT(0), SIZE(0), (size_t)from);
    last = utf8_offset(TEXT(0), SIZE(0), (size_t)to);
    return value_string(TEXT(0) + first, last - first);
}

struct value
s_trim(struct cel_run *r, const struct value *a)
{
    const char *p = TEXT(0);
    size_t n = SIZE(0);

    (void)r;
    while (n > 0 && isspace((unsigned char)*p)) {
        p++;
        n--;
    }
    while (n > 0 && isspace((unsigned char)p[n - 1]))
        n--;
    return value_string(p, n);
}

struct value
s_reverse(struct cel_run *r, const struct value *a)
{
    struct value out = value_text(r, TEXT(0), SIZE(0));
    char *to = (char *)out.v.s.p + SIZE(0);

    for (size_t at = 0; out.kind != V_ERROR && at < SIZE(0);) {
        size_t n = utf8_offset(TEXT(0) + at, SIZE(0) - at, 1);

        to -= n;
        memcpy(to, TEXT(0) + at, n);
        at += n;
    }
    return out;
}
