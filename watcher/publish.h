/* publish.h - what each consumer still has to be told: a set of dirty entries, never a queue.
 *
 * Joining marks everything dirty; a change marks one entry; the newest state of a dirty entry
 * is sent as the consumer grants credit. snapshot.end follows when the first sweep is through
 * and every kind is complete; objects.progress follows whenever nothing is left to send. */
#ifndef KELOS_WATCHER_PUBLISH_H
#define KELOS_WATCHER_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/scoped.h"
#include "proto/message.h"
#include "watcher/cache.h"
#include "watcher/kinds.h"

#define CONSUMERS_MAX 64

/* One watched kind as the publisher sees it. The reflector keeps the numbers right. */
struct shelf {
    const struct watched *watched;
    struct cache *cache;
    char version[129];   /* up to which the cache is complete; "" before the first list */
    bool complete;       /* the first list is in, or there is certainly nothing to list */
    int64_t stale_since; /* wall ms since the stream is down or suspect; 0: live */
};

struct publisher;

/* `send` gives 0, or -1 with ERR_BUSY (kept, tried again after publisher_flush), ERR_GONE (the
 * consumer is forgotten) or another code (that message is dropped). Shelves are borrowed. */
typedef int publish_fn(void *arg, const char *to, const struct message *m, struct err *e);

struct publisher *publisher_new(struct shelf *shelves, size_t n, uint64_t epoch,
                                publish_fn *send, void *arg);
void publisher_free(struct publisher *p);
SCOPED_DEFINE(publisher)

/* A consumer asks for kinds (bit per enum object_kind) of one shard; it starts anew when it
 * was here already. -1 with ERR_LIMIT when there are too many. */
int publisher_join(struct publisher *p, const char *user_id, const struct msg_join *join,
                   struct err *e);
void publisher_credit(struct publisher *p, const char *user_id, uint64_t messages);
void publisher_leave(struct publisher *p, const char *user_id);
/* Calls fn for every consumer that has joined. */
void publisher_each(struct publisher *p, void (*fn)(void *arg, const char *user_id),
                    void *arg);

/* An entry was put, changed or taken out: consumers must hear of it. */
void publisher_mark(struct publisher *p, struct entry *entry);

/* Sends what credit allows, then snapshot ends and progress that are due. Returns true when a
 * consumer's socket was full and another flush should follow soon. */
bool publisher_flush(struct publisher *p);

size_t publisher_waiting(const struct publisher *p); /* dirty entries, all consumers */

#endif
