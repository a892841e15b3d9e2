/* regex_parse.c - compiles a pattern for regex.c. Code is written while parsing; a repeated
 * part is copied by parsing it again. */
#include "local/apiserver/schema/regex_parser.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"

#define DEPTH_MAX 100
#define REPEAT_MAX 1000
/* Each level of a repetition parses what is in it once more, also where no code comes of it. */
#define ATOMS_MAX (16L * LIMIT_REGEX_NODES)

static int alternatives(struct parser *ps);

int
regex_bad(struct parser *ps, const char *why)
{
    return err_set(ps->e, ERR_INVALID, "regular expression '%.200s': %s at offset %td",
                   ps->start, why, ps->p - ps->start);
}

int
regex_emit(struct parser *ps, enum inst_op op, unsigned a, unsigned b)
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

    if (regex_emit(ps, op, 0, 0) < 0)
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

static int
backslash(struct parser *ps)
{
    switch (*ps->p) {
    case 'A':
        ps->p++;
        return regex_emit(ps, OP_ASSERT, ASSERT_BEGIN, 0);
    case 'z':
        ps->p++;
        return regex_emit(ps, OP_ASSERT, ASSERT_END, 0);
    case 'b':
    case 'B':
        return regex_emit(ps, OP_ASSERT, *ps->p++ == 'b' ? ASSERT_WORD : ASSERT_NOT_WORD,
                          0);
    default:
        break;
    }
    return regex_escape(ps);
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
            return regex_bad(ps, "unknown group");
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
            return regex_bad(ps, "unknown flag of a group");
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
        return regex_bad(ps, "nested too deeply");
    if (alternatives(ps) < 0)
        return -1;
    if (*ps->p != ')')
        return regex_bad(ps, "missing )");
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
    if (++ps->atoms > ATOMS_MAX)
        return regex_bad(ps, "too many repetitions");
    switch (*ps->p) {
    case '(':
        ps->p++;
        return group(ps);
    case '[':
        ps->p++;
        return regex_bracket(ps);
    case '.':
        ps->p++;
        return regex_emit(ps, OP_ANY, ps->dot_all, 0);
    case '^':
        ps->p++;
        return regex_emit(ps, OP_ASSERT, ps->lines ? ASSERT_LINE_BEGIN : ASSERT_BEGIN, 0);
    case '$':
        ps->p++;
        return regex_emit(ps, OP_ASSERT, ps->lines ? ASSERT_LINE_END : ASSERT_END, 0);
    case '\\':
        ps->p++;
        return backslash(ps);
    case '*':
    case '+':
    case '?':
        return regex_bad(ps, "nothing to repeat");
    default:
        return regex_literal(ps, regex_next_char(ps));
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
        return regex_emit(ps, OP_SPLIT, (unsigned)at, (unsigned)ps->r->count + 1);
    if (insert(ps, at, OP_SPLIT, (unsigned)at + 1, 0) < 0)
        return -1;
    if (how == '*' && regex_emit(ps, OP_JUMP, (unsigned)at, 0) < 0)
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
        return regex_bad(ps, "bad repeat count");
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
               ? regex_bad(ps, "invalid nested repetition operator")
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
            return regex_bad(ps, "too many alternatives");
        if (insert(ps, at, OP_SPLIT, (unsigned)at + 1, 0) < 0)
            return -1;
        for (size_t i = 0; i < n; i++)
            jumps[i] += jumps[i] >= at;
        jumps[n++] = ps->r->count;
        if (regex_emit(ps, OP_JUMP, 0, 0) < 0)
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
        regex_bad(&ps, "unexpected )");
        return NULL;
    }
    return regex_emit(&ps, OP_MATCH, 0, 0) < 0 ? NULL : TAKE(r);
}
