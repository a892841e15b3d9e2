/* items.h - the complete set of work items that one TaskSpawner matches. Pure.
 *
 * A set owns copies of all its texts. What is longer than its field of the bus may be is cut
 * at a character's border; what cannot be an item at all is left out and counted. */
#ifndef KELOS_SPAWNER_ITEMS_H
#define KELOS_SPAWNER_ITEMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/scoped.h"
#include "proto/message.h"

#define DIGEST_SIZE 65 /* sha256 in hex */

struct items {
    struct msg_item *rows;
    size_t n, capacity;
    size_t bytes;    /* of all texts */
    size_t left_out; /* over LIMIT_SOURCE_SET_BYTES or _ITEMS, or without an id */
    struct chunk *chunks;
};

/* The caller owns the result; NULL when memory ran out. */
struct items *items_new(void);
void items_free(struct items *s);
SCOPED_DEFINE(items)

/* Copies one item in. Returns 0, or -1 when it was left out. */
int items_add(struct items *s, const struct msg_item *item);

/* A hash over everything that is in the set, in its order. */
void items_digest(const struct items *s, char out[DIGEST_SIZE]);

/* How many rows from `from` on fit into one message: at most LIMIT_SOURCE_PAGE_ITEMS and
 * LIMIT_SOURCE_PAGE_BYTES, at least one while there are any. */
size_t items_page(const struct items *s, size_t from);

/* [{"id": ..., "number": ...}, ...] with the names of the bus fields; the caller owns it. */
json_t *items_json(const struct items *s);

/* sha256 of bytes as hex. */
void digest_hex(const void *bytes, size_t size, char out[DIGEST_SIZE]);

#endif
