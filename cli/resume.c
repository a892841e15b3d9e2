/* resume.c - see resume.h. */
#include "cli/resume.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"

#define SECOND_CHARS 19 /* 2026-01-02T03:04:05 */

struct resume {
    resume_show *show;
    void *arg;
    bool keep_stamps;
    /* the line that is being read */
    bool begun; /* its stamp is known; before, its first bytes are in head */
    struct buf head;
    uint64_t hash; /* of its stamp and what was read of its text */
    size_t size;   /* bytes of that text */
    /* what was shown: the whole lines of the last second, in order, and a part of one */
    char stamp[RESUME_STAMP_SIZE]; /* of the last line that was shown; "" */
    char since[RESUME_STAMP_SIZE];
    uint64_t *seen;
    size_t n_seen;
    bool cut;
    uint64_t cut_hash;
    size_t cut_size;
    /* after a break */
    bool matching;   /* lines are compared with what was shown before */
    size_t next;     /* in seen */
    struct buf held; /* the line that is compared, as it would be shown */
};

struct resume *
resume_new(bool keep_stamps, resume_show *show, void *arg)
{
    struct resume *r = calloc(1, sizeof(*r));

    if (r == NULL || (r->seen = calloc(LIMIT_RESUME_LINES, sizeof(*r->seen))) == NULL) {
        free(r);
        return NULL;
    }
    r->keep_stamps = keep_stamps;
    r->show = show;
    r->arg = arg;
    return r;
}

void
resume_free(struct resume *r)
{
    if (r == NULL)
        return;
    buf_free(&r->head);
    buf_free(&r->held);
    free(r->seen);
    free(r);
}

/* ---- stamps ---- */

/* "d" a digit, anything else itself. */
static bool
looks_like(const char *s, size_t size, const char *form)
{
    for (size_t i = 0; form[i] != '\0'; i++)
        if (i >= size || (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i]))
            return false;
    return true;
}

/* The size of the stamp that the line begins with, without the blank behind it; 0 for none. */
static size_t
stamp_size(const char *s, size_t size)
{
    size_t at = SECOND_CHARS;

    if (!looks_like(s, size, "dddd-dd-ddTdd:dd:dd"))
        return 0;
    if (at < size && s[at] == '.')
        do
            at++;
        while (looks_like(s + at, size - at, "d"));
    if (looks_like(s + at, size - at, "Z"))
        at++;
    else if (looks_like(s + at, size - at, "+dd:dd") ||
             looks_like(s + at, size - at, "-dd:dd"))
        at += 6;
    else
        return 0;
    return at < RESUME_STAMP_SIZE && (at == size || s[at] == ' ') ? at : 0;
}

/* ---- lines ---- */

static uint64_t
add_to_hash(uint64_t hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void
put(struct resume *r, const char *bytes, size_t size)
{
    if (size == 0)
        return;
    if (!r->matching) {
        r->show(r->arg, bytes, size);
        return;
    }
    /* A line too long to be held is not compared either. */
    if (r->held.size + size > LIMIT_RESUME_LINE_BYTES ||
        buf_add(&r->held, bytes, size) < 0) {
        r->matching = false;
        r->show(r->arg, buf_str(&r->held), r->held.size);
        r->show(r->arg, bytes, size);
        buf_free(&r->held);
    }
}

/* Text of the line. What was shown of the line that the break cut ends in the midst of it. */
static void
take_text(struct resume *r, const char *bytes, size_t size)
{
    if (r->matching && r->cut && r->next == r->n_seen && r->size < r->cut_size &&
        r->size + size >= r->cut_size) {
        size_t part = r->cut_size - r->size;

        r->hash = add_to_hash(r->hash, bytes, part);
        r->size += part;
        put(r, bytes, part);
        bytes += part;
        size -= part;
        if (r->matching && r->hash == r->cut_hash) {
            r->matching = r->cut = false;
            buf_clear(&r->held);
        }
    }
    r->hash = add_to_hash(r->hash, bytes, size);
    r->size += size;
    put(r, bytes, size);
}

/* The stamp, and what of the text came with it. */
static void
begin_line(struct resume *r)
{
    const char *head = buf_str(&r->head);
    size_t stamp = stamp_size(head, r->head.size);
    size_t text = stamp > 0 && stamp < r->head.size ? stamp + 1 : stamp;
    size_t key = stamp > 0 ? SECOND_CHARS : 0;

    r->begun = true;
    r->size = 0;
    r->hash = add_to_hash(UINT64_C(0xcbf29ce484222325), head, stamp);
    if (strlen(r->stamp) < key || strncmp(r->stamp, head, key) != 0) {
        r->n_seen = r->next = 0; /* a second that was not seen before */
        r->matching = r->cut = false;
    }
    memcpy(r->stamp, head, stamp);
    r->stamp[stamp] = '\0';
    if (r->keep_stamps)
        put(r, head, text);
    take_text(r, head + text, r->head.size - text);
    buf_clear(&r->head);
}

/* Whether the line that was held is one that was shown before. */
static bool
was_seen(struct resume *r)
{
    for (size_t i = r->next; i < r->n_seen; i++)
        if (r->seen[i] == r->hash) {
            r->next = i + 1;
            return true;
        }
    return false;
}

static void
end_line(struct resume *r)
{
    put(r, "\n", 1);
    r->begun = false;
    if (r->matching && was_seen(r)) {
        buf_clear(&r->held);
        r->matching = r->next < r->n_seen || r->cut;
        return;
    }
    if (r->matching) {
        r->matching = r->cut = false;
        r->show(r->arg, buf_str(&r->held), r->held.size);
        buf_clear(&r->held);
    }
    if (r->n_seen < LIMIT_RESUME_LINES)
        r->seen[r->n_seen++] = r->hash;
}

void
resume_feed(struct resume *r, const char *bytes, size_t size)
{
    while (size > 0) {
        const char *end = memchr(bytes, '\n', size);
        size_t part = end != NULL ? (size_t)(end - bytes) : size;

        if (r->begun) {
            take_text(r, bytes, part);
        } else {
            /* Enough to know the stamp by; no more of a long line. */
            size_t wanted = RESUME_STAMP_SIZE + 1 - r->head.size;
            const char *blank = memchr(bytes, ' ', part);

            if (blank != NULL && (size_t)(blank - bytes) + 1 < wanted)
                wanted = (size_t)(blank - bytes) + 1;
            if (part >= wanted) {
                part = wanted;
                end = NULL;
            }
            buf_add(&r->head, bytes, part);
            if (end != NULL || part == wanted)
                begin_line(r);
        }
        bytes += part;
        size -= part;
        if (end == NULL)
            continue;
        end_line(r);
        bytes++;
        size--;
    }
}

const char *
resume_again(struct resume *r)
{
    if (r->begun && !r->matching) {
        r->cut = true;
        r->cut_hash = r->hash;
        r->cut_size = r->size;
    }
    r->begun = false;
    r->next = 0;
    r->matching = r->n_seen > 0 || r->cut;
    buf_clear(&r->head);
    buf_clear(&r->held);
    size_t stamp = strlen(r->stamp);
    if (stamp == 0)
        return NULL;
    /* Whole seconds, and the zone. */
    size_t zone = r->stamp[stamp - 1] == 'Z' ? 1 : 6;
    memcpy(r->since, r->stamp, SECOND_CHARS);
    memcpy(r->since + SECOND_CHARS, r->stamp + stamp - zone, zone + 1);
    return r->since;
}

void
resume_end(struct resume *r)
{
    if (!r->begun && r->head.size > 0)
        begin_line(r);
    if (r->begun && r->matching && !was_seen(r))
        r->show(r->arg, buf_str(&r->held), r->held.size);
    r->begun = r->matching = r->cut = false;
    buf_clear(&r->held);
}
