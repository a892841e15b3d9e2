#include "statuswriter/eventrate.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/macros.h"

/* Three tables of one kind: rows found by a 64-bit hash of their text, the least recently
 * used one is overwritten. A collision would fold two events: best effort, and rare. */
struct row {
    uint64_t hash;    /* 0: free */
    uint64_t used;    /* the clock of the table */
    char name[254];   /* events: what it is called on the server */
    char latest[254]; /* events: the last name that was counted under it */
    uint64_t count;
    int64_t first_ms;
    double tokens; /* objects */
    int64_t at_ms; /* objects: when tokens was right; similar: when the window began */
    uint64_t seen[EVENT_SIMILAR]; /* similar: hashes of messages */
};

struct table {
    struct row *rows;
    size_t n;
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

static struct row *
table_row(struct table *t, uint64_t h, bool *made)
{
    struct row *oldest = &t->rows[0];

    t->clock++;
    *made = false;
    for (size_t i = 0; i < t->n; i++) {
        struct row *r = &t->rows[i];

        if (r->hash == h) {
            r->used = t->clock;
            return r;
        }
        if (r->used < oldest->used)
            oldest = r;
    }
    *oldest = (struct row){.hash = h, .used = t->clock};
    *made = true;
    return oldest;
}

struct eventrate *
eventrate_new(void)
{
    struct eventrate *r = calloc(1, sizeof(*r));
    struct table *tables[3];

    if (r == NULL)
        return NULL;
    tables[0] = &r->events;
    tables[1] = &r->objects;
    tables[2] = &r->similar;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        tables[i]->n = i == 0 ? EVENT_KEYS : EVENT_KEYS / 4;
        if ((tables[i]->rows = calloc(tables[i]->n, sizeof(struct row))) == NULL) {
            eventrate_free(r);
            return NULL;
        }
    }
    return r;
}

void
eventrate_free(struct eventrate *r)
{
    if (r == NULL)
        return;
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
    struct row *o = table_row(&r->objects, hash_of(k->object, "", "", ""), &made);

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
    struct row *s =
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
    struct row *e;
    bool made;
    uint64_t plain = hash_of(k->object, k->type, k->reason, k->message);
    size_t i = 0;

    *out =
        (struct event_decision){.verdict = EVENT_CREATE, .count = 1, .first_ms = now_ms};
    snprintf(out->name, sizeof(out->name), "%s", k->event_name);
    /* A re-send must not count anywhere. */
    for (; i < r->events.n; i++)
        if (r->events.rows[i].hash != 0 &&
            strcmp(r->events.rows[i].latest, k->event_name) == 0) {
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
    if (made) {
        snprintf(e->name, sizeof(e->name), "%s", k->event_name);
        e->first_ms = now_ms;
        e->count = 1;
    } else {
        out->verdict = EVENT_COUNT;
        out->count = ++e->count;
        out->first_ms = e->first_ms;
        snprintf(out->name, sizeof(out->name), "%s", e->name);
    }
    snprintf(e->latest, sizeof(e->latest), "%s", k->event_name);
}

void
eventrate_forget(struct eventrate *r, const char *name)
{
    for (size_t i = 0; i < r->events.n; i++)
        if (strcmp(r->events.rows[i].name, name) == 0)
            r->events.rows[i] = (struct row){0};
}
