/* outputs.c - see outputs.h. */
#include "statuswriter/outputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/macros.h"
#include "common/utf8.h"

static const struct marker {
    const char *start, *end;
} markers[] = {
    {OUTPUTS_START, OUTPUTS_END},
    {"---AXON_OUTPUTS_START---", "---AXON_OUTPUTS_END---"},
};

/* The lines of one block, joined by newlines. */
struct block {
    struct buf text;
    size_t lines;
    size_t json; /* bytes that the lines are as JSON strings */
    bool truncated;
};

struct outputs_reader {
    struct buf line;         /* the unfinished line, at most one byte over the limit */
    struct block open;       /* the block being read */
    struct block done;       /* the last complete one */
    const struct marker *in; /* which START opened it; NULL outside of a block */
    bool failed;             /* memory ran out */
    struct outputs_signs signs;
    char ring[OUTPUTS_TAIL_BYTES];
    size_t ring_next;  /* where the next byte goes */
    uint64_t ring_fed; /* bytes ever put in */
    struct buf tail;
};

/* ---- values ---- */

void
outputs_clear(struct outputs *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; i < o->line_count; i++)
        free(o->lines[i]);
    for (size_t i = 0; i < o->result_count; i++) {
        free(o->results[i].key);
        free(o->results[i].value);
    }
    free(o->lines);
    free(o->results);
    *o = (struct outputs){0};
}

const char *
outputs_result(const struct outputs *o, const char *key)
{
    for (size_t i = 0; i < o->result_count; i++)
        if (strcmp(o->results[i].key, key) == 0)
            return o->results[i].value;
    return NULL;
}

/* ---- reading ---- */

struct outputs_reader *
outputs_reader_new(void)
{
    return calloc(1, sizeof(struct outputs_reader));
}

void
outputs_reader_free(struct outputs_reader *r)
{
    if (r == NULL)
        return;
    buf_free(&r->line);
    buf_free(&r->open.text);
    buf_free(&r->done.text);
    buf_free(&r->tail);
    free(r);
}

/* Cuts blanks off both ends. */
static void
trim(const char **s, size_t *size)
{
    static const char blanks[] = " \t\r\v\f";

    while (*size > 0 && memchr(blanks, **s, sizeof blanks - 1) != NULL) {
        (*s)++;
        (*size)--;
    }
    while (*size > 0 && memchr(blanks, (*s)[*size - 1], sizeof blanks - 1) != NULL)
        (*size)--;
}

static bool
line_is(const char *s, size_t size, const char *want)
{
    return strlen(want) == size && memcmp(s, want, size) == 0;
}

static void
block_reset(struct block *b)
{
    buf_clear(&b->text);
    b->lines = b->json = 0;
    b->truncated = false;
}

/* The size of a text as a JSON string and the comma after it. */
static size_t
json_size(const char *s, size_t size)
{
    size_t n = size + sizeof "\"\"," - 1;

    for (size_t i = 0; i < size; i++) {
        if (s[i] == '"' || s[i] == '\\' || s[i] == '\t')
            n += 1;
        else if ((unsigned char)s[i] < ' ')
            n += sizeof "\\u0000" - 1 - 1;
    }
    return n;
}

static void
block_add(struct block *b, const char *s, size_t size)
{
    if (size == 0)
        return;
    /* An ill-formed byte grows to three; what is kept must stay within the limit. */
    if (b->lines >= LIMIT_OUTPUTS_LINES || size > LIMIT_OUTPUTS_LINE_BYTES ||
        b->text.size + size + 1 > LIMIT_OUTPUTS_BYTES) {
        b->truncated = true;
        return;
    }
    size_t before = b->text.size;
    if (b->lines > 0)
        buf_add_char(&b->text, '\n');
    size_t start = b->text.size;
    utf8_add_clean(&b->text, s, size);
    if (b->text.failed)
        return;
    bool empty = b->text.size == start; /* nothing but what cannot be shown */
    size_t json = b->json + json_size(buf_str(&b->text) + start, b->text.size - start);
    bool wide =
        b->text.size - before > LIMIT_OUTPUTS_LINE_BYTES || json > LIMIT_OUTPUTS_BYTES;
    if (empty || wide) {
        b->text.data[before] = '\0';
        b->text.size = before;
        b->truncated |= wide;
        return;
    }
    b->lines++;
    b->json = json;
}

#define LEVEL_MAX 99

/* "level=1", at the end of the line. */
static void
take_sign(struct outputs_reader *r, const char *s, size_t size)
{
    static const char head[] = OUTPUTS_INTERFACE;
    size_t at = sizeof head - 1;
    unsigned level = 0;

    if (line_is(s, size, OUTPUTS_SETUP))
        r->signs.setup = true;
    if (size <= at || memcmp(s, head, at) != 0)
        return;
    for (; at < size && s[at] >= '0' && s[at] <= '9' && level <= LEVEL_MAX; at++)
        level = level * 10 + (unsigned)(s[at] - '0');
    if (at == size && level <= LEVEL_MAX)
        r->signs.level = level;
}

/* One whole line; `cut` when it was longer than what is kept. */
static void
take_line(struct outputs_reader *r, const char *s, size_t size, bool cut)
{
    trim(&s, &size);
    for (size_t i = 0; i < ARRAY_LEN(markers); i++) {
        if (line_is(s, size, markers[i].start)) {
            block_reset(&r->open);
            r->in = &markers[i];
            return;
        }
    }
    if (r->in == NULL) {
        take_sign(r, s, size);
        return;
    }
    if (line_is(s, size, r->in->end)) {
        struct block swap = r->done;
        r->done = r->open;
        r->open = swap;
        block_reset(&r->open);
        r->in = NULL;
    } else if (cut) {
        r->open.truncated = true;
    } else {
        block_add(&r->open, s, size);
    }
    if (r->open.text.failed || r->done.text.failed)
        r->failed = true;
}

static void
end_line(struct outputs_reader *r)
{
    take_line(r, buf_str(&r->line), r->line.size,
              r->line.size > LIMIT_OUTPUTS_LINE_BYTES);
    buf_clear(&r->line);
}

static void
ring_add(struct outputs_reader *r, const char *s, size_t size)
{
    r->ring_fed += size;
    if (size > sizeof r->ring) {
        s += size - sizeof r->ring;
        size = sizeof r->ring;
    }
    size_t first = sizeof r->ring - r->ring_next;
    if (first > size)
        first = size;
    memcpy(r->ring + r->ring_next, s, first);
    memcpy(r->ring, s + first, size - first);
    r->ring_next = (r->ring_next + size) % sizeof r->ring;
}

void
outputs_reader_feed(struct outputs_reader *r, const void *bytes, size_t size)
{
    const char *s = bytes;

    if (size == 0)
        return;
    ring_add(r, s, size);
    while (size > 0) {
        const char *nl = memchr(s, '\n', size);
        size_t part = nl != NULL ? (size_t)(nl - s) : size;
        size_t room = LIMIT_OUTPUTS_LINE_BYTES + 1 - r->line.size;

        if (buf_add(&r->line, s, part < room ? part : room) < 0)
            r->failed = true;
        if (nl == NULL)
            return;
        end_line(r);
        s += part + 1;
        size -= part + 1;
    }
}

/* ---- the block as values ---- */

/* Splits "key: value"; a later key replaces an earlier one. */
static int
add_result(struct outputs *o, const char *line)
{
    const char *colon = strstr(line, ": ");
    char *value = NULL;

    if (colon == NULL || colon == line || colon - line > OUTPUTS_KEY_BYTES)
        return 0;
    if ((value = strdup(colon + 2)) == NULL)
        return -1;
    for (size_t i = 0; i < o->result_count; i++) {
        struct outputs_pair *p = &o->results[i];
        if (line_is(line, (size_t)(colon - line), p->key)) {
            free(p->value);
            p->value = value;
            return 0;
        }
    }
    char *key = strndup(line, (size_t)(colon - line));
    if (key == NULL) {
        free(value);
        return -1;
    }
    o->results[o->result_count++] = (struct outputs_pair){key, value};
    return 0;
}

static int
fill(struct outputs *o, const struct block *b)
{
    const char *s = buf_str(&b->text);

    o->truncated = b->truncated;
    o->lines = calloc(b->lines, sizeof *o->lines);
    o->results = calloc(b->lines, sizeof *o->results);
    if (o->lines == NULL || o->results == NULL)
        return -1;
    while (o->line_count < b->lines) {
        size_t size = strcspn(s, "\n");
        char *line = strndup(s, size);
        if (line == NULL)
            return -1;
        o->lines[o->line_count++] = line;
        if (add_result(o, line) < 0)
            return -1;
        s += size + 1;
    }
    return 0;
}

int
outputs_reader_end(struct outputs_reader *r, struct outputs *out, struct err *e)
{
    SCOPED(outputs) struct outputs o = {0};

    if (r->line.size > 0)
        end_line(r);
    if (r->failed)
        return err_set(e, ERR_SYSTEM, "reading outputs: out of memory");
    if (r->done.lines == 0)
        return 0;
    if (fill(&o, &r->done) < 0)
        return err_set(e, ERR_SYSTEM, "reading outputs: out of memory");
    *out = o;
    o = (struct outputs){0};
    return 1;
}

struct outputs_signs
outputs_reader_signs(const struct outputs_reader *r)
{
    return r->signs;
}

/* The line is for the controller, not for those who read why a run failed. */
static void
drop_interface(struct buf *tail)
{
    char *line = tail->size > 0 ? strstr(tail->data, OUTPUTS_INTERFACE) : NULL;

    if (line == NULL || (line > tail->data && line[-1] != '\n'))
        return;
    size_t size = strcspn(line, "\n"), before = (size_t)(line - tail->data);
    size += line[size] == '\n';
    memmove(line, line + size, tail->size - before - size + 1);
    tail->size -= size;
}

const char *
outputs_reader_tail(struct outputs_reader *r)
{
    char flat[OUTPUTS_TAIL_BYTES];
    size_t size = r->ring_next;

    if (r->ring_fed >= sizeof flat) {
        size_t old = sizeof flat - r->ring_next;
        memcpy(flat, r->ring + r->ring_next, old);
        memcpy(flat + old, r->ring, r->ring_next);
        size = sizeof flat;
    } else {
        memcpy(flat, r->ring, size);
    }
    const char *s = flat;
    if (r->ring_fed > sizeof flat) {
        const char *nl = memchr(s, '\n', size);
        if (nl != NULL && nl + 1 < s + size) {
            size -= (size_t)(nl + 1 - s);
            s = nl + 1;
        }
    }
    /* Repaired bytes grow: keep the end. */
    buf_clear(&r->tail);
    utf8_add_clean(&r->tail, s, size);
    if (r->tail.size > OUTPUTS_TAIL_BYTES) {
        size_t over = r->tail.size - OUTPUTS_TAIL_BYTES;
        while (over < r->tail.size && ((unsigned char)r->tail.data[over] & 0xC0) == 0x80)
            over++;
        buf_consume(&r->tail, over);
    }
    drop_interface(&r->tail);
    return buf_str(&r->tail);
}

/* ---- usage ---- */

static double
plausible(const char *text, double most)
{
    char *end = NULL;

    if (text == NULL || *text == '\0')
        return 0;
    double v = strtod(text, &end);
    if (*end != '\0' || !isfinite(v) || v <= 0 || v > most)
        return 0;
    return v;
}

bool
outputs_usage(const struct outputs *o, struct outputs_usage *usage)
{
    usage->cost_usd = plausible(outputs_result(o, "cost-usd"), 1e6);
    usage->input_tokens = plausible(outputs_result(o, "input-tokens"), 1e12);
    usage->output_tokens = plausible(outputs_result(o, "output-tokens"), 1e12);
    return usage->cost_usd > 0 || usage->input_tokens > 0 || usage->output_tokens > 0;
}

/* ---- writing ---- */

int
outputs_write(struct buf *out, char *const *lines, size_t count)
{
    if (count == 0)
        return 0;
    buf_add_str(out, OUTPUTS_START "\n");
    for (size_t i = 0; i < count; i++) {
        size_t at = out->size;
        buf_add_str(out, lines[i]);
        for (; !out->failed && at < out->size; at++)
            if (out->data[at] == '\n' || out->data[at] == '\r')
                out->data[at] = ' ';
        buf_add_char(out, '\n');
    }
    return buf_add_str(out, OUTPUTS_END "\n");
}
