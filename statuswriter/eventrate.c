#include "statuswriter/eventrate.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"

/* Three tables: rows found by a 64-bit hash of their text, the least recently used one is
 * overwritten. A collision would fold two events: best effort, and rare. Each row begins with: */
struct key {
    uint64_t hash; /* 0: free */
    uint64_t used; /* the clock of the table */
};

/* Most names fit in here. Thousands of them, each in a block of its own that lives for hours,
 * would keep as many pages of a burst. */
enum { NAME_ROOM = 72 };

struct event_row {
    struct key key;
    char name[NAME_ROOM]; /* what it is called on the server; "": nothing is known */
    char *long_name;      /* the same, where it does not fit; owned */
    uint64_t latest;      /* hash of the last name that was counted under it */
    uint64_t count;
    int64_t first_ms;
};

struct object_row {
    struct key key;
    double tokens;
    int64_t at_ms; /* when tokens was right */
};

struct similar_row {
    struct key key;
    int64_t at_ms; /* when the window began */
    uint64_t count;
    uint64_t seen[EVENT_SIMILAR]; /* hashes of messages */
};

struct table {
    void *rows;
    size_t n, size; /* of a row */
    uint64_t clock;
};

struct eventrate {
    struct table events, objects, similar;
};

static uint64_t
hash(uint64_t h, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        h = (h ^ *p) * UINT64_C(1099511628211);
    h = (h ^ 0x1f) * UINT64_C(1099511628211);
    return h != 0 ? h : 1;
}

static uint64_t
hash_of(const char *a, const char *b, const char *c, const char *d)
{
    return hash(hash(hash(hash(UINT64_C(14695981039346656037), a), b), c), d);
}

static struct key *
row_at(const struct table *t, size_t i)
{
    return (struct key *)(void *)((char *)t->rows + i * t->size);
}

/* The row of that hash; with *made one that was free or is the least recently used, whose other
 * fields are as they were. */
static void *
table_row(struct table *t, uint64_t h, bool *made)
{
    struct key *oldest = row_at(t, 0);

    t->clock++;
    *made = false;
    for (size_t i = 0; i < t->n; i++) {
        struct key *k = row_at(t, i);

        if (k->hash == h) {
            k->used = t->clock;
            return k;
        }
        if (k->used < oldest->used)
            oldest = k;
    }
    *oldest = (struct key){.hash = h, .used = t->clock};
    *made = true;
    return oldest;
}

static int
table_new(struct table *t, size_t n, size_t size)
{
    *t = (struct table){.rows = calloc(n, size), .n = n, .size = size};
    return t->rows != NULL ? 0 : -1;
}

struct eventrate *
eventrate_new(void)
{
    SCOPED(eventrate) struct eventrate *r = calloc(1, sizeof(*r));

    if (r == NULL || table_new(&r->events, EVENT_KEYS, sizeof(struct event_row)) < 0 ||
        table_new(&r->objects, EVENT_KEYS / 4, sizeof(struct object_row)) < 0 ||
        table_new(&r->similar, EVENT_KEYS / 4, sizeof(struct similar_row)) < 0)
        return NULL;
    return TAKE(r);
}

static struct event_row *
event_at(const struct eventrate *r, size_t i)
{
    return (struct event_row *)(void *)row_at(&r->events, i);
}

static const char *
event_name_of(const struct event_row *e)
{
    return e->long_name != NULL ? e->long_name : e->name;
}

static void
event_clear(struct event_row *e)
{
    free(e->long_name);
    *e = (struct event_row){.long_name = NULL};
}

/* Without memory for a long one the next of its kind counts as the first. */
static void
event_set_name(struct event_row *e, const char *name)
{
    free(e->long_name);
    e->long_name = NULL;
    e->name[0] = '\0';
    if (strlen(name) < sizeof e->name)
        snprintf(e->name, sizeof e->name, "%s", name);
    else
        e->long_name = strdup(name);
}

void
eventrate_free(struct eventrate *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; r->events.rows != NULL && i < r->events.n; i++)
        event_clear(event_at(r, i));
    free(r->events.rows);
    free(r->objects.rows);
    free(r->similar.rows);
    free(r);
}

/* Takes a token of the object's bucket. */
static bool
within_rate(struct eventrate *r, const struct event_key *k, int64_t now)
{
    bool made;
    struct object_row *o = table_row(&r->objects, hash_of(k->object, "", "", ""), &made);

    if (made)
        o->tokens = EVENT_BURST;
    else if (now > o->at_ms)
        o->tokens += (double)(now - o->at_ms) / EVENT_REFILL_MS;
    if (o->tokens > EVENT_BURST)
        o->tokens = EVENT_BURST;
    o->at_ms = now;
    if (o->tokens < 1)
        return false;
    o->tokens -= 1;
    return true;
}

/* Whether this reason has said ten different things lately. */
static bool
is_similar(struct eventrate *r, const struct event_key *k, int64_t now)
{
    bool made;
    struct similar_row *s =
        table_row(&r->similar, hash_of(k->object, k->type, k->reason, ""), &made);
    uint64_t h = hash_of(k->message, "", "", "");

    if (made || now - s->at_ms > EVENT_SIMILAR_MS || now < s->at_ms) {
        s->at_ms = now;
        s->count = 0;
    }
    for (uint64_t i = 0; i < s->count; i++)
        if (s->seen[i] == h)
            return false;
    if (s->count == EVENT_SIMILAR)
        return true;
    s->seen[s->count++] = h;
    return false;
}

void
eventrate_decide(struct eventrate *r, const struct event_key *k, int64_t now_ms,
                 struct event_decision *out)
{
    struct event_row *e;
    bool made;
    uint64_t plain = hash_of(k->object, k->type, k->reason, k->message);
    uint64_t name = hash_of(k->event_name, "", "", "");

    *out =
        (struct event_decision){.verdict = EVENT_CREATE, .count = 1, .first_ms = now_ms};
    snprintf(out->name, sizeof(out->name), "%s", k->event_name);
    /* A re-send must not count anywhere. */
    for (size_t i = 0; i < r->events.n; i++)
        if (event_at(r, i)->latest == name) {
            out->verdict = EVENT_KNOWN;
            return;
        }
    if (!within_rate(r, k, now_ms)) {
        out->verdict = EVENT_DROP;
        return;
    }
    out->combined = is_similar(r, k, now_ms);
    e = table_row(&r->events,
                  out->combined ? hash_of(k->object, k->type, k->reason, EVENT_COMBINED)
                                : plain,
                  &made);
    if (made || *event_name_of(e) == '\0') {
        event_set_name(e, k->event_name);
        e->first_ms = now_ms;
        e->count = 1;
    } else {
        out->verdict = EVENT_COUNT;
        out->count = ++e->count;
        out->first_ms = e->first_ms;
        snprintf(out->name, sizeof(out->name), "%s", event_name_of(e));
    }
    e->latest = name;
}

void
eventrate_forget(struct eventrate *r, const char *name)
{
    for (size_t i = 0; i < r->events.n; i++)
        if (strcmp(event_name_of(event_at(r, i)), name) == 0)
            event_clear(event_at(r, i));
}
