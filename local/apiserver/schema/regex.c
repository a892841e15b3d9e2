/* regex.c - see regex.h. A Pike machine: a program of instructions, run over all threads at
 * once, so that no pattern takes more than text size times program size. regex_parse.c makes
 * the program. */
#include "local/apiserver/schema/regex.h"

#include <stdlib.h>
#include <string.h>

#include "local/apiserver/schema/regex_program.h"

/* Threads in order of preference; `mark` says which instruction was added in which step. */
struct threads {
    struct {
        unsigned pc;
        size_t start;
    } * list;
    size_t count;
    unsigned *mark;
    unsigned step;
};

struct machine {
    const struct regex *r;
    const char *text;
    size_t size;
    struct threads now, next;
};

static bool
is_word(const char *text, size_t size, size_t at)
{
    unsigned char c = at < size ? (unsigned char)text[at] : 0;

    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

static bool
holds(const struct machine *m, const struct inst *in, size_t at)
{
    bool before = at > 0 && is_word(m->text, m->size, at - 1),
         behind = is_word(m->text, m->size, at);

    switch (in->a) {
    case ASSERT_BEGIN:
        return at == 0;
    case ASSERT_END:
        return at == m->size;
    case ASSERT_LINE_BEGIN:
        return at == 0 || m->text[at - 1] == '\n';
    case ASSERT_LINE_END:
        return at == m->size || m->text[at] == '\n';
    case ASSERT_WORD:
        return before != behind;
    default:
        return before == behind;
    }
}

static void
add(struct machine *m, struct threads *t, unsigned pc, size_t start, size_t at)
{
    const struct inst *in = &m->r->code[pc];

    if (t->mark[pc] == t->step)
        return;
    t->mark[pc] = t->step;
    switch (in->op) {
    case OP_JUMP:
        add(m, t, in->a, start, at);
        return;
    case OP_SPLIT:
        add(m, t, in->a, start, at);
        add(m, t, in->b, start, at);
        return;
    case OP_ASSERT:
        if (holds(m, in, at))
            add(m, t, pc + 1, start, at);
        return;
    default:
        t->list[t->count].pc = pc;
        t->list[t->count++].start = start;
    }
}

static unsigned
decode(const char *text, size_t size, size_t *length)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = p[0] < 0x80    ? 1
               : p[0] >= 0xf0 ? 4
               : p[0] >= 0xe0 ? 3
               : p[0] >= 0xc0 ? 2
                              : 1;
    unsigned c = n == 1 ? p[0] : p[0] & (0x7f >> n);

    if (n > size)
        n = 1;
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3f);
    *length = n;
    return c;
}

static bool
in_class(const struct regex *r, const struct inst *in, unsigned c)
{
    const struct set *set = &r->sets[in->a];
    bool found = false;

    for (size_t i = 0; i < set->count && !found; i++)
        found = c >= set->ranges[i].from && c <= set->ranges[i].to;
    return found != set->negated;
}

static bool
takes(const struct regex *r, const struct inst *in, unsigned c)
{
    switch (in->op) {
    case OP_CHAR:
        return in->a == c;
    case OP_ANY:
        return in->a != 0 || c != '\n';
    default:
        return in_class(r, in, c);
    }
}

static bool
threads_init(struct threads *t, size_t n)
{
    t->list = calloc(n, sizeof *t->list);
    t->mark = calloc(n, sizeof *t->mark);
    return t->list != NULL && t->mark != NULL;
}

static void
threads_free(struct threads *t)
{
    free(t->list);
    free(t->mark);
}

/* Moves all threads over one character. True when a match ended; worse threads are cut. */
static bool
step(struct machine *m, size_t at, size_t *start)
{
    size_t length = 1;
    unsigned c = at < m->size ? decode(m->text + at, m->size - at, &length) : 0;
    bool matched = false;

    m->next.count = 0;
    m->next.step++;
    for (size_t i = 0; i < m->now.count; i++) {
        const struct inst *in = &m->r->code[m->now.list[i].pc];

        if (in->op == OP_MATCH) {
            *start = m->now.list[i].start;
            matched = true;
            break;
        }
        if (at < m->size && takes(m->r, in, c))
            add(m, &m->next, m->now.list[i].pc + 1, m->now.list[i].start, at + length);
    }
    return matched;
}

/* `any`: any match will do. */
static bool
run(const struct regex *r, const char *text, size_t size, size_t from, bool any,
    size_t *start, size_t *end)
{
    struct machine m = {.r = r, .text = text, .size = size};
    bool found = false;

    if (threads_init(&m.now, r->count) && threads_init(&m.next, r->count)) {
        m.now.step = 1;
        for (size_t at = from;;) {
            size_t length = 1, begun;

            if (!found)
                add(&m, &m.now, 0, at, at);
            if (m.now.count == 0 && found)
                break;
            if (step(&m, at, &begun) && (!found || begun <= *start)) {
                found = true;
                *start = begun;
                *end = at;
                if (any)
                    break;
            }
            if (at >= size)
                break;
            decode(text + at, size - at, &length);
            at += length;
            struct threads swap = m.now;
            m.now = m.next;
            m.next = swap;
        }
    }
    threads_free(&m.now);
    threads_free(&m.next);
    return found;
}

bool
regex_match(const struct regex *r, const char *text, size_t size)
{
    size_t start, end;

    return run(r, text, size, 0, true, &start, &end);
}

bool
regex_find(const struct regex *r, const char *text, size_t size, size_t from,
           size_t *start, size_t *end)
{
    return run(r, text, size, from, false, start, end);
}

void
regex_free(struct regex *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->set_count; i++)
        free(r->sets[i].ranges);
    free(r->sets);
    free(r->code);
    free(r);
}
