/* delivery.h - one spawn's results on their way to its shard: staged, sent, acknowledged. */
#ifndef KELOS_SPAWNER_DELIVERY_H
#define KELOS_SPAWNER_DELIVERY_H

#include "spawner/engine.h"

enum staged { STAGED_NOTHING, STAGED_SET, STAGED_UNCHANGED, STAGED_FAILURE };

/* A set and what goes with it. */
struct parcel {
    struct items *set; /* owned; NULL: none */
    char digest[DIGEST_SIZE];
    char *cache, *warning; /* owned */
    int64_t watermark;
    uint64_t serial;
    int64_t sent_at; /* monotonic ms, 0: waits for its turn */
};

struct delivery {
    enum staged staged;
    struct parcel next; /* staged by the poll that runs */
    struct failure failure;
    struct parcel out;    /* sent, or waiting for the window */
    struct msg_poll poll; /* of the latest poll */
    bool answered;        /* a one-shot spawn has been acknowledged, or failed */
};

struct delivery *delivery_new(void);
void delivery_free(struct delivery *d);
void parcel_clear(struct parcel *p);

/* What a finished poll staged goes out. `serial` is the next free one. Returns whether there
 * is now a parcel to send. */
bool delivery_settle(struct spawn *s, uint64_t serial);

/* Sends all pages of s->delivery->out. -1 when the bus did not take them. */
int delivery_send(const struct engine_config *c, struct spawn *s, int64_t now_mono);
int delivery_send_unchanged(const struct engine_config *c, struct spawn *s,
                            uint64_t serial);
int delivery_send_failure(const struct engine_config *c, struct spawn *s,
                          const struct failure *f, const struct quota *q,
                          uint64_t serial);

/* The shard has taken the set of that serial: it becomes what the shard holds. Returns false
 * when it is not the one that is out. */
bool delivery_taken(struct spawn *s, uint64_t serial);

#endif
