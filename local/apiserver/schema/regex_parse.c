/* regex_parse.c - compiles a pattern for regex.c. Code is written while parsing; a repeated
 * part is copied by parsing it again. */
#include "local/apiserver/schema/regex.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "local/apiserver/schema/regex_program.h"

#define DEPTH_MAX 100
#define REPEAT_MAX 1000

struct parser {
    struct regex *r;
    const char *start, *p;
    struct err *e;
    bool fold, dot_all, lines; /* flags i, s, m */
    int depth;
};

static int alternatives(struct parser *ps);

static int
bad(struct parser *ps, const char *why)
{
    return err_set(ps->e, ERR_INVALID, "regular expression '%.200s': %s at offset %td",
                   ps->start, why, ps->p - ps->start);
}

static int
emit(struct parser *ps, enum inst_op op, unsigned a, unsigned b)
{
    struct regex *r = ps->r;

    if (r->count >= LIMIT_REGEX_NODES)
        return err_set(ps->e, ERR_LIMIT,
                       "regular expression: larger than the limit REGEX_NODES (%d)",
                       LIMIT_REGEX_NODES);
    if (r->count == r->capacity) {
        size_t more = r->capacity == 0 ? 32 : r->capacity * 2;
        struct inst *code = realloc(r->code, more * sizeof *code);

        if (code == NULL)
            return err_set(ps->e, ERR_SYSTEM, "out of memory");
        r->code = code;
        r->capacity = more;
    }
    r->code[r->count++] = (struct inst){op, a, b};
    return 0;
}

/* Makes room for one instruction at `at`; targets behind it move along. */
static int
insert(struct parser *ps, size_t at, enum inst_op op, unsigned a, unsigned b)
{
    struct regex *r = ps->r;

    if (emit(ps, op, 0, 0) < 0)
        return -1;
    memmove(&r->code[at + 1], &r->code[at], (r->count - 1 - at) * sizeof *r->code);
    for (size_t i = at + 1; i < r->count; i++) {
        if ((r->code[i].op == OP_JUMP || r->code[i].op == OP_SPLIT) && r->code[i].a >= at)
            r->code[i].a++;
        if (r->code[i].op == OP_SPLIT && r->code[i].b >= at)
            r->code[i].b++;
    }
    r->code[at] = (struct inst){op, a, b};
    return 0;
}

/* ---- classes ---- */

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

static unsigned
next_char(struct parser *ps)
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
        return bad(ps, "ends with a backslash");
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
            return bad(ps, "bad \\x escape");
        return 0;
    }
    if (isalnum((unsigned char)*ps->p))
        return bad(ps, "unknown escape");
    *out = next_char(ps);
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

    if (pairs == NULL)
        return bad(ps, "unknown class of characters");
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
            return bad(ps, "unknown class of characters");
        ps->p = end + 2;
        return add_named(ps, set, pairs, negated);
    }
    if (*ps->p != '\\') {
        *c = next_char(ps);
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

static int
bracket(struct parser *ps)
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
            return bad(ps, "missing ]");
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
                return bad(ps, "bad range");
        }
        if (add_range(ps, set, from, to) < 0)
            return -1;
    }
    ps->p++;
    return emit(ps, OP_CLASS, index, 0);
}

/* ---- expressions ---- */

static int
literal(struct parser *ps, unsigned c)
{
    if (!ps->fold || c > 127 || !isalpha((int)c))
        return emit(ps, OP_CHAR, c, 0);
    struct set *set = new_set(ps);
    unsigned index = (unsigned)ps->r->set_count - 1;
    return set == NULL || add_range(ps, set, c, c) < 0 ? -1
                                                       : emit(ps, OP_CLASS, index, 0);
}

static int
backslash(struct parser *ps)
{
    unsigned c;

    switch (*ps->p) {
    case 'A':
        ps->p++;
        return emit(ps, OP_ASSERT, ASSERT_BEGIN, 0);
    case 'z':
        ps->p++;
        return emit(ps, OP_ASSERT, ASSERT_END, 0);
    case 'b':
    case 'B':
        return emit(ps, OP_ASSERT, *ps->p++ == 'b' ? ASSERT_WORD : ASSERT_NOT_WORD, 0);
    default:
        break;
    }
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
        return emit(ps, OP_CLASS, index, 0);
    }
    return escaped(ps, &c) < 0 ? -1 : literal(ps, c);
}

/* "(?" is read: flags, then ":" or ")", or a name "P<…>" or "<…>". Returns 1 when a group
 * follows, 0 when flags were set for the rest. */
static int
group_flags(struct parser *ps)
{
    bool on = true;

    if (*ps->p == 'P' || *ps->p == '<') {
        const char *end = strchr(ps->p, '>');

        if (end == NULL || (*ps->p == 'P' && ps->p[1] != '<') || ps->p[1] == '=' ||
            ps->p[1] == '!')
            return bad(ps, "unknown group");
        ps->p = end + 1;
        return 1;
    }
    for (;; ps->p++) {
        switch (*ps->p) {
        case 'i':
            ps->fold = on;
            break;
        case 's':
            ps->dot_all = on;
            break;
        case 'm':
            ps->lines = on;
            break;
        case 'U':
            break;
        case '-':
            on = false;
            break;
        case ':':
        case ')':
            return *ps->p++ == ':';
        default:
            return bad(ps, "unknown flag of a group");
        }
    }
}

static int
group(struct parser *ps)
{
    struct parser saved = *ps;
    int rc = 1;

    if (*ps->p == '?') {
        ps->p++;
        if ((rc = group_flags(ps)) < 0)
            return -1;
    }
    if (rc == 0)
        return 0; /* flags hold on to the end of the group around */
    if (++ps->depth > DEPTH_MAX)
        return bad(ps, "nested too deeply");
    if (alternatives(ps) < 0)
        return -1;
    if (*ps->p != ')')
        return bad(ps, "missing )");
    ps->p++;
    ps->depth--;
    ps->fold = saved.fold;
    ps->dot_all = saved.dot_all;
    ps->lines = saved.lines;
    return 0;
}

static int
atom(struct parser *ps)
{
    switch (*ps->p) {
    case '(':
        ps->p++;
        return group(ps);
    case '[':
        ps->p++;
        return bracket(ps);
    case '.':
        ps->p++;
        return emit(ps, OP_ANY, ps->dot_all, 0);
    case '^':
        ps->p++;
        return emit(ps, OP_ASSERT, ps->lines ? ASSERT_LINE_BEGIN : ASSERT_BEGIN, 0);
    case '$':
        ps->p++;
        return emit(ps, OP_ASSERT, ps->lines ? ASSERT_LINE_END : ASSERT_END, 0);
    case '\\':
        ps->p++;
        return backslash(ps);
    case '*':
    case '+':
    case '?':
        return bad(ps, "nothing to repeat");
    default:
        return literal(ps, next_char(ps));
    }
}

/* "{n}", "{n,}", "{n,m}": true and p behind it; a brace that is none of these is a letter. */
static bool
counts(struct parser *ps, long *min, long *max)
{
    const char *p = ps->p + 1;
    char *end;

    if (!isdigit((unsigned char)*p))
        return false;
    *min = *max = strtol(p, &end, 10);
    p = end;
    if (*p == ',') {
        p++;
        *max = -1;
        if (isdigit((unsigned char)*p)) {
            *max = strtol(p, &end, 10);
            p = end;
        }
    }
    if (*p != '}')
        return false;
    ps->p = p + 1;
    return true;
}

/* Wraps the code from `at` on into ? * or +. */
static int
wrap(struct parser *ps, size_t at, char how)
{
    size_t size;

    if (how == '+')
        return emit(ps, OP_SPLIT, (unsigned)at, (unsigned)ps->r->count + 1);
    if (insert(ps, at, OP_SPLIT, (unsigned)at + 1, 0) < 0)
        return -1;
    if (how == '*' && emit(ps, OP_JUMP, (unsigned)at, 0) < 0)
        return -1;
    size = ps->r->count;
    ps->r->code[at].b = (unsigned)size;
    return 0;
}

/* Copies of an atom: it is parsed again for each. from is where it stands in the pattern. */
static int
repeat(struct parser *ps, const char *from, size_t at, long min, long max)
{
    const char *behind = ps->p;

    if (min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && max < min))
        return bad(ps, "bad repeat count");
    ps->r->count = at;
    for (long i = 0; i < (max < 0 ? min + 1 : max); i++) {
        size_t here = ps->r->count;

        ps->p = from;
        if (atom(ps) < 0)
            return -1;
        if (i >= min && wrap(ps, here, max < 0 ? '*' : '?') < 0)
            return -1;
    }
    ps->p = behind;
    return 0;
}

static int
piece(struct parser *ps)
{
    const char *from = ps->p;
    size_t at = ps->r->count;
    long min, max;

    if (atom(ps) < 0)
        return -1;
    if (*ps->p == '*' || *ps->p == '+' || *ps->p == '?') {
        if (wrap(ps, at, *ps->p++) < 0)
            return -1;
    } else if (*ps->p == '{' && counts(ps, &min, &max)) {
        if (repeat(ps, from, at, min, max) < 0)
            return -1;
    } else {
        return 0;
    }
    if (*ps->p == '?') /* lazy: the same language */
        ps->p++;
    return strchr("*+?", *ps->p) != NULL && *ps->p != '\0'
               ? bad(ps, "invalid nested repetition operator")
               : 0;
}

static int
alternatives(struct parser *ps)
{
    size_t at = ps->r->count, jumps[256], n = 0;

    for (;;) {
        while (*ps->p != '\0' && *ps->p != '|' && *ps->p != ')')
            if (piece(ps) < 0)
                return -1;
        if (*ps->p != '|')
            break;
        ps->p++;
        if (n == 256)
            return bad(ps, "too many alternatives");
        if (insert(ps, at, OP_SPLIT, (unsigned)at + 1, 0) < 0)
            return -1;
        for (size_t i = 0; i < n; i++)
            jumps[i] += jumps[i] >= at;
        jumps[n++] = ps->r->count;
        if (emit(ps, OP_JUMP, 0, 0) < 0)
            return -1;
        ps->r->code[at].b = (unsigned)ps->r->count;
        at = ps->r->count;
    }
    for (size_t i = 0; i < n; i++)
        ps->r->code[jumps[i]].a = (unsigned)ps->r->count;
    return 0;
}

struct regex *
regex_compile(const char *pattern, struct err *e)
{
    SCOPED(regex) struct regex *r = calloc(1, sizeof *r);
    struct parser ps = {.r = r, .start = pattern, .p = pattern, .e = e};

    if (r == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    if (alternatives(&ps) < 0)
        return NULL;
    if (*ps.p == ')') {
        bad(&ps, "unexpected )");
        return NULL;
    }
    return emit(&ps, OP_MATCH, 0, 0) < 0 ? NULL : TAKE(r);
}
