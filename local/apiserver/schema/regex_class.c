/* regex_class.c - sets of characters and single ones, as a pattern writes them. */
#include "local/apiserver/schema/regex_parser.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static struct set *
new_set(struct parser *ps)
{
    struct regex *r = ps->r;

    if (r->set_count == r->set_capacity) {
        size_t more = r->set_capacity == 0 ? 8 : r->set_capacity * 2;
        struct set *sets = realloc(r->sets, more * sizeof *sets);

        if (sets == NULL) {
            err_set(ps->e, ERR_SYSTEM, "out of memory");
            return NULL;
        }
        r->sets = sets;
        r->set_capacity = more;
    }
    r->sets[r->set_count] = (struct set){NULL, 0, false};
    return &r->sets[r->set_count++];
}

static int
add_range(struct parser *ps, struct set *set, unsigned from, unsigned to)
{
    struct range *ranges = realloc(set->ranges, (set->count + 3) * sizeof *ranges);

    if (ranges == NULL)
        return err_set(ps->e, ERR_SYSTEM, "out of memory");
    set->ranges = ranges;
    ranges[set->count++] = (struct range){from, to};
    if (!ps->fold)
        return 0;
    /* The other case of what the range has of a-z and A-Z. */
    unsigned lo = from > 'a' ? from : 'a', hi = to < 'z' ? to : 'z';
    if (lo <= hi)
        ranges[set->count++] = (struct range){lo - 32, hi - 32};
    lo = from > 'A' ? from : 'A';
    hi = to < 'Z' ? to : 'Z';
    if (lo <= hi)
        ranges[set->count++] = (struct range){lo + 32, hi + 32};
    return 0;
}

/* Ranges as pairs of characters; negation is written out. */
static int
add_named(struct parser *ps, struct set *set, const char *pairs, bool negated)
{
    unsigned next = 0;
    int rc = 0;

    if (!negated) {
        for (; *pairs != '\0' && rc == 0; pairs += 2)
            rc = add_range(ps, set, (unsigned char)pairs[0], (unsigned char)pairs[1]);
        return rc;
    }
    for (; *pairs != '\0' && rc == 0; pairs += 2) {
        if ((unsigned char)pairs[0] > next)
            rc = add_range(ps, set, next, (unsigned char)pairs[0] - 1);
        next = (unsigned char)pairs[1] + 1;
    }
    return rc < 0 ? -1 : add_range(ps, set, next, 0x10ffff);
}

/* \d \w \s and their opposites: pairs in ascending order, NULL for no such class. */
static const char *
perl_class(char c)
{
    switch (c) {
    case 'd':
    case 'D':
        return "09";
    case 'w':
    case 'W':
        return "09AZ__az";
    case 's':
    case 'S':
        return "\t\n\f\r  ";
    default:
        return NULL;
    }
}

static const char *
posix_class(const char *name, size_t n)
{
    static const struct {
        const char *name, *pairs;
    } classes[] = {
        {"alpha", "AZaz"},
        {"digit", "09"},
        {"alnum", "09AZaz"},
        {"upper", "AZ"},
        {"lower", "az"},
        {"space", "\t\r  "},
        {"punct", "!/:@[`{~"},
        {"xdigit", "09AFaf"},
        {"word", "09AZ__az"},
        {"blank", "\t\t  "},
        {"cntrl", "\001\037\177\177"},
        {"print", " ~"},
        {"graph", "!~"},
        {"ascii", "\001\177"},
        {"L", "AZaz"},
        {"Lu", "AZ"},
        {"Ll", "az"},
        {"N", "09"},
        {"Nd", "09"},
        {"P", "!/:@[`{~"},
        {"Letter", "AZaz"},
    };

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strlen(classes[i].name) == n && memcmp(classes[i].name, name, n) == 0)
            return classes[i].pairs;
    return NULL;
}

unsigned
regex_next_char(struct parser *ps)
{
    const unsigned char *p = (const unsigned char *)ps->p;
    int n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 1;
    unsigned c = n == 1 ? p[0] : p[0] & (0x7fu >> n);

    for (int i = 1; i < n && (p[i] & 0xc0) == 0x80; i++)
        c = c << 6 | (p[i] & 0x3f);
    ps->p++;
    while (n > 1 && ((unsigned char)*ps->p & 0xc0) == 0x80)
        ps->p++;
    return c;
}

/* The character behind a backslash, for those that stand for one. */
static int
escaped(struct parser *ps, unsigned *out)
{
    static const char names[] = "nrtfva", values[] = "\n\r\t\f\v\a";
    const char *at = *ps->p != '\0' ? strchr(names, *ps->p) : NULL;
    char *end;

    if (*ps->p == '\0')
        return regex_bad(ps, "ends with a backslash");
    if (at != NULL) {
        *out = (unsigned char)values[at - names];
        ps->p++;
        return 0;
    }
    if (*ps->p == 'x') {
        bool braces = ps->p[1] == '{';
        char hex[9] = "";
        size_t n = 0;

        ps->p += braces ? 2 : 1;
        while (n < (braces ? 8u : 2u) && isxdigit((unsigned char)*ps->p))
            hex[n++] = *ps->p++;
        *out = (unsigned)strtoul(hex, &end, 16);
        if (n == 0 || (braces && *ps->p++ != '}'))
            return regex_bad(ps, "bad \\x escape");
        return 0;
    }
    if (isalnum((unsigned char)*ps->p))
        return regex_bad(ps, "unknown escape");
    *out = regex_next_char(ps);
    return 0;
}

/* \pL, \p{Lu}, \P…: pairs into the set. p stands at the p. */
static int
unicode_class(struct parser *ps, struct set *set)
{
    bool negated = *ps->p++ == 'P';
    size_t n = *ps->p == '{' ? strcspn(ps->p, "}") : 1;
    const char *pairs =
        *ps->p == '{' ? posix_class(ps->p + 1, n - 1) : posix_class(ps->p, 1);

    if (pairs == NULL || (*ps->p == '{' && ps->p[n] != '}'))
        return regex_bad(ps, "unknown class of characters");
    ps->p += *ps->p == '{' ? n + 1 : 1;
    return add_named(ps, set, pairs, negated);
}

/* One member of [...]: a class or the start of a range. Returns 1 when *c is a character. */
static int
class_item(struct parser *ps, struct set *set, unsigned *c)
{
    if (ps->p[0] == '[' && ps->p[1] == ':') {
        const char *end = strstr(ps->p, ":]");
        bool negated = ps->p[2] == '^';
        const char *name = ps->p + 2 + negated, *pairs;

        if (end == NULL || (pairs = posix_class(name, (size_t)(end - name))) == NULL)
            return regex_bad(ps, "unknown class of characters");
        ps->p = end + 2;
        return add_named(ps, set, pairs, negated);
    }
    if (*ps->p != '\\') {
        *c = regex_next_char(ps);
        return 1;
    }
    ps->p++;
    if (perl_class(*ps->p) != NULL) {
        char name = *ps->p++;

        return add_named(ps, set, perl_class(name), isupper((unsigned char)name));
    }
    if (*ps->p == 'p' || *ps->p == 'P')
        return unicode_class(ps, set);
    return escaped(ps, c) < 0 ? -1 : 1;
}

int
regex_bracket(struct parser *ps)
{
    struct set *set = new_set(ps);
    unsigned index = (unsigned)ps->r->set_count - 1, from, to;
    bool first = true;

    if (set == NULL)
        return -1;
    set->negated = *ps->p == '^';
    ps->p += set->negated;
    while (*ps->p != ']' || first) {
        int rc;

        if (*ps->p == '\0')
            return regex_bad(ps, "missing ]");
        first = false;
        if ((rc = class_item(ps, set, &from)) < 0)
            return -1;
        if (rc == 0)
            continue;
        to = from;
        if (ps->p[0] == '-' && ps->p[1] != ']' && ps->p[1] != '\0') {
            ps->p++;
            if ((rc = class_item(ps, set, &to)) < 0)
                return -1;
            if (rc == 0 || to < from)
                return regex_bad(ps, "bad range");
        }
        if (add_range(ps, set, from, to) < 0)
            return -1;
    }
    ps->p++;
    return regex_emit(ps, OP_CLASS, index, 0);
}

int
regex_literal(struct parser *ps, unsigned c)
{
    if (!ps->fold || c > 127 || !isalpha((int)c))
        return regex_emit(ps, OP_CHAR, c, 0);
    struct set *set = new_set(ps);
    unsigned index = (unsigned)ps->r->set_count - 1;
    return set == NULL || add_range(ps, set, c, c) < 0
               ? -1
               : regex_emit(ps, OP_CLASS, index, 0);
}

/* Behind a backslash: a class, or what stands for one character. */
int
regex_escape(struct parser *ps)
{
    unsigned c;

    if (perl_class(*ps->p) != NULL || *ps->p == 'p' || *ps->p == 'P') {
        struct set *set = new_set(ps);
        unsigned index = (unsigned)ps->r->set_count - 1;
        char name = *ps->p;

        if (set == NULL)
            return -1;
        if (name == 'p' || name == 'P') {
            if (unicode_class(ps, set) < 0)
                return -1;
        } else {
            ps->p++;
            if (add_named(ps, set, perl_class(name), isupper((unsigned char)name)) < 0)
                return -1;
        }
        return regex_emit(ps, OP_CLASS, index, 0);
    }
    return escaped(ps, &c) < 0 ? -1 : regex_literal(ps, c);
}
