/* eventrate.h - which Events are written, counted or dropped. Pure: it is handed
 * `now`. */
#ifndef KELOS_STATUSWRITER_EVENTRATE_H
#define KELOS_STATUSWRITER_EVENTRATE_H

#include <stddef.h>
#include <stdint.h>

#include "common/scoped.h"

enum {
    EVENT_KEYS = 4096,        /* remembered, least recently used goes first */
    EVENT_BURST = 25,         /* per object */
    EVENT_REFILL_MS = 300000, /* then one in five minutes */
    EVENT_SIMILAR = 10,       /* different messages of one reason ... */
    EVENT_SIMILAR_MS = 600000 /* ... within ten minutes are folded into one */
};

#define EVENT_COMBINED "(combined from similar events): "

/* What identifies an event; all borrowed. */
struct event_key {
    const char *object; /* kind, namespace, name, uid in one text */
    const char *type, *reason, *message;
    const char *event_name; /* fixed by who emits: the same name again is a re-send */
};

enum event_verdict {
    EVENT_CREATE, /* write it under its own name */
    EVENT_COUNT,  /* the one called .name has happened again: .count times by now */
    EVENT_KNOWN,  /* a re-send: nothing to do */
    EVENT_DROP    /* over the object's rate */
};

struct event_decision {
    enum event_verdict verdict;
    char name[254];   /* of the Event to create or to count */
    uint64_t count;   /* EVENT_COUNT: the new count */
    int64_t first_ms; /* when it first happened (wall ms) */
    int combined;     /* the message gets EVENT_COMBINED in front */
};

struct eventrate;

/* The caller owns the result; NULL when memory ran out. */
struct eventrate *eventrate_new(void);
void eventrate_free(struct eventrate *r);
SCOPED_DEFINE(eventrate)

/* Decides about one event and remembers it. */
void eventrate_decide(struct eventrate *r, const struct event_key *k, int64_t now_ms,
                      struct event_decision *out);

/* The Event called `name` is not there any more: the next one is created anew. */
void eventrate_forget(struct eventrate *r, const char *name);

#endif
