/* events.h - Kubernetes Events: told once, counted when they repeat, never in the way.
 *
 * Best effort: a bounded queue, a few tries, then forgotten. An Event's name is fixed by
 * who emits it, so that a re-send meets AlreadyExists and is done. */
#ifndef KELOS_STATUSWRITER_EVENTS_H
#define KELOS_STATUSWRITER_EVENTS_H

#include "common/data/json.h"
#include "statuswriter/writer.h"

enum {
    EVENTS_QUEUE = 1000, /* what arrives beyond is dropped and counted */
    EVENTS_AT_ONCE =
        2, /* calls: most of those that the client may make are for statuses */
    EVENTS_TRIES = 12,
    EVENTS_RETRY_MS = 10000
};

struct events;

/* The caller owns the result; `w` is borrowed. NULL when memory ran out. */
struct events *events_new(const struct writer *w);
void events_free(struct events *v);
SCOPED_DEFINE(events)

/* Takes one event.emit of a peer. */
void events_emit(struct events *v, const struct peer *from, const struct msg_event *m);

/* How long after so many tries the next one is made; -1: none is. The first pause is a random
 * part of the full one, so that many do not come at once. Pure. */
int64_t event_pause_ms(unsigned tries, uint32_t random);

size_t events_pending(const struct events *v);

/* The Event object (core/v1) of a message: for tests, too. `count` and `first_ms` as
 * eventrate_decide says. The caller owns the result; NULL when memory ran out. */
json_t *event_doc(const struct msg_event *m, const char *name, const char *message,
                  uint64_t count, int64_t first_ms, int64_t now_ms);

#endif
