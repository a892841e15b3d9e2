#include "spawner/glob.h"

#include <string.h>

#include "common/buf.h"
#include "common/scoped.h"

enum { CHOICES_MAX = 256, PATTERN_MAX = 4096 };

/* ---- one pattern without braces ---- */

/* Reads the class behind '['. Returns what follows it, NULL when it is not closed; *hit says
 * whether it holds c. */
static const char *
class_read(const char *p, unsigned char c, bool *hit)
{
    bool inverted = *p == '!' || *p == '^', first = true;

    *hit = false;
    for (p += inverted; *p != ']' || first; first = false) {
        unsigned char low, high;

        if (*p == '\\')
            p++;
        if (*p == '\0')
            return NULL;
        low = high = (unsigned char)*p++;
        if (*p == '-' && p[1] != ']') {
            if (*++p == '\\')
                p++;
            if (*p == '\0')
                return NULL;
            high = (unsigned char)*p++;
        }
        *hit |= low <= c && c <= high;
    }
    *hit ^= inverted;
    return p + 1;
}

/* Whether the pattern's next character stands for c; *next is what follows it. */
static bool
one_fits(const char *p, unsigned char c, const char **next)
{
    bool hit;

    switch (*p) {
    case '\0':
        return false;
    case '?':
        *next = p + 1;
        return c != '/';
    case '[':
        *next = class_read(p + 1, c, &hit);
        return *next != NULL && hit && c != '/';
    case '\\':
        p++;
        break;
    default:
        break;
    }
    *next = p + 1;
    return (unsigned char)*p == c;
}

static bool
is_spanning(const char *start, const char *p)
{
    return p[0] == '*' && p[1] == '*' && (p == start || p[-1] == '/') &&
           (p[2] == '/' || p[2] == '\0');
}

/* Where to go on when what follows a star does not fit: with one more character in the star. */
struct retry {
    const char *pattern, *path; /* NULL: no star yet */
};

static bool
take_back(struct retry *star, struct retry *span, const char **p, const char **s)
{
    if (star->pattern != NULL && *star->path != '\0' && *star->path != '/') {
        *s = ++star->path;
        *p = star->pattern;
        return true;
    }
    star->pattern = NULL;
    if (span->pattern == NULL)
        return false;
    /* A span takes whole folders. */
    span->path = strchr(span->path, '/');
    if (span->path == NULL)
        return false;
    *s = ++span->path;
    *p = span->pattern;
    return true;
}

static bool
plain_match(const char *pattern, const char *path)
{
    struct retry star = {NULL, NULL}, span = {NULL, NULL};
    const char *p = pattern, *s = path, *next;

    for (;;) {
        if (is_spanning(pattern, p)) {
            if (p[2] == '\0')
                return true;
            p += 3;
            star.pattern = NULL;
            span = (struct retry){p, s};
        } else if (*p == '*') {
            while (*p == '*')
                p++;
            star = (struct retry){p, s};
        } else if (*s != '\0' && one_fits(p, (unsigned char)*s, &next)) {
            p = next;
            s++;
        } else if (*s == '\0' && (*p == '\0' || strcmp(p, "/**") == 0)) {
            return true;
        } else if (!take_back(&star, &span, &p, &s)) {
            return false;
        }
    }
}

/* ---- braces ---- */

/* What follows one character, class or escaped character; NULL when it has no end. */
static const char *
atom_skip(const char *p)
{
    bool hit;

    if (*p == '\\')
        return p[1] != '\0' ? p + 2 : NULL;
    return *p == '[' ? class_read(p + 1, 0, &hit) : p + 1;
}

/* Whether every class, brace and backslash of the pattern has its end. */
static bool
is_whole(const char *p)
{
    size_t depth = 0;

    for (const char *next; *p != '\0'; p = next) {
        if ((next = atom_skip(p)) == NULL)
            return false;
        if (*p == '{')
            depth++;
        else if (*p == '}' && depth-- == 0)
            return false;
    }
    return depth == 0;
}

/* The end of the choice that begins at p, behind '{' or ',': a ',' or '}' of that brace. */
static const char *
choice_end(const char *p)
{
    size_t depth = 0;

    for (;; p = atom_skip(p)) {
        if (depth == 0 && (*p == ',' || *p == '}'))
            return p;
        depth += (*p == '{');
        depth -= (*p == '}');
    }
}

static bool
match_choices(const char *pattern, const char *path, size_t *left)
{
    const char *open = pattern, *close, *from;

    while (*open != '\0' && *open != '{')
        open = atom_skip(open);
    if (*open == '\0')
        return plain_match(pattern, path);
    for (close = open + 1; *(close = choice_end(close)) == ',';)
        close++;
    for (from = open + 1; from <= close && *left > 0;) {
        SCOPED(buf) struct buf one = {.limit = PATTERN_MAX};
        const char *to = choice_end(from);

        (*left)--;
        buf_printf(&one, "%.*s%.*s%s", (int)(open - pattern), pattern, (int)(to - from),
                   from, close + 1);
        if (!one.failed && match_choices(buf_str(&one), path, left))
            return true;
        from = to + 1;
    }
    return false;
}

bool
glob_match(const char *pattern, const char *path)
{
    size_t left = CHOICES_MAX;

    return strlen(pattern) < PATTERN_MAX && is_whole(pattern) &&
           match_choices(pattern, path, &left);
}

static bool
match_any(const struct texts *patterns, const char *path)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (glob_match(patterns->items[i], path))
            return true;
    return false;
}

bool
glob_wants(const struct texts *include, const struct texts *exclude,
           const char *const *files, size_t n)
{
    if (include->n == 0 && exclude->n == 0)
        return true;
    for (size_t i = 0; i < n; i++)
        if (!match_any(exclude, files[i]) &&
            (include->n == 0 || match_any(include, files[i])))
            return true;
    return false;
}
