/* cache.h - the objects of one watched kind: a projection each, keyed by namespace and name.
 *
 * An entry stays where it is while its object changes. An entry that was taken out (deleted,
 * or replaced by an object with another uid) lives on while consumers have not been told. */
#ifndef KELOS_WATCHER_CACHE_H
#define KELOS_WATCHER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/data/project.h"
#include "common/scoped.h"
#include "proto/message.h"

struct watched;

struct entry {
    struct entry *next; /* in its bucket */
    const struct watched *watched;
    uint64_t dirty; /* consumers (by slot) that have not seen this state */
    char *body;     /* version, NUL, projection */
    uint32_t doc_size;
    uint16_t name_at, uid_at; /* offsets in text */
    bool gone;                /* deleted or replaced; in no table any more */
    bool final_unknown;       /* the deletion itself was not seen */
    bool deleted;             /* as who deleted it says; the event is on its way */
    char text[];              /* namespace, name, uid */
};

struct cache;

enum cache_change { CACHE_ADDED, CACHE_CHANGED, CACHE_SAME, CACHE_REPLACED };

/* The caller owns it; NULL: no memory. `watched` is borrowed. */
struct cache *cache_new(const struct watched *watched);
void cache_free(struct cache *c);
SCOPED_DEFINE(cache)

/* Puts a state. *change says what it did. For CACHE_REPLACED *old is the entry of the former
 * uid, taken out and marked gone (the caller releases it with entry_release). Returns the
 * entry, NULL when memory ran out. */
struct entry *cache_put(struct cache *c, const struct object_id *id, const void *doc,
                        size_t size, enum cache_change *change, struct entry **old);

struct entry *cache_find(const struct cache *c, const char *ns, const char *name);

/* Takes an entry out and marks it gone; `version` (NULL: unchanged) is the deletion's. */
void cache_take(struct cache *c, struct entry *e, const char *version,
                bool final_unknown);

/* Frees an entry that is gone and that no consumer waits for; otherwise does nothing. */
void entry_release(struct entry *e);

/* Calls fn for each entry; fn may take out the entry it is given. */
void cache_each(struct cache *c, void (*fn)(void *arg, struct entry *e), void *arg);

size_t cache_count(const struct cache *c);
/* Memory in use: entries, bodies, table. */
size_t cache_bytes(const struct cache *c);

const char *entry_ns(const struct entry *e);
const char *entry_name(const struct entry *e);
const char *entry_uid(const struct entry *e);
const char *entry_version(const struct entry *e);
const void *entry_doc(const struct entry *e);

#endif
