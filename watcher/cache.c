/* cache.c - see cache.h. */
#include "watcher/cache.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_FIRST = 64 };

struct cache {
    const struct watched *watched;
    struct entry **buckets;
    size_t n_buckets, count, bytes;
};

const char *
entry_ns(const struct entry *e)
{
    return e->text;
}

const char *
entry_name(const struct entry *e)
{
    return e->text + e->name_at;
}

const char *
entry_uid(const struct entry *e)
{
    return e->text + e->uid_at;
}

const char *
entry_version(const struct entry *e)
{
    return e->body;
}

const void *
entry_doc(const struct entry *e)
{
    return e->body + strlen(e->body) + 1;
}

static size_t
entry_bytes(const struct entry *e)
{
    return sizeof *e + e->uid_at + strlen(entry_uid(e)) + 1 + strlen(e->body) + 1 +
           e->doc_size;
}

/* FNV-1a over both, with the NUL between them. */
static uint64_t
hash_of(const char *ns, const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *ns != '\0'; ns++)
        h = (h ^ (unsigned char)*ns) * UINT64_C(0x100000001b3);
    h *= UINT64_C(0x100000001b3);
    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

static struct entry **
slot_of(const struct cache *c, const char *ns, const char *name)
{
    struct entry **at = &c->buckets[hash_of(ns, name) & (c->n_buckets - 1)];

    while (*at != NULL &&
           (strcmp(entry_name(*at), name) != 0 || strcmp(entry_ns(*at), ns) != 0))
        at = &(*at)->next;
    return at;
}

struct cache *
cache_new(const struct watched *watched)
{
    struct cache *c = calloc(1, sizeof *c);

    if (c == NULL ||
        (c->buckets = calloc(BUCKETS_FIRST, sizeof(struct entry *))) == NULL) {
        free(c);
        return NULL;
    }
    c->watched = watched;
    c->n_buckets = BUCKETS_FIRST;
    return c;
}

static void
entry_free(struct entry *e)
{
    free(e->body);
    free(e);
}

void
cache_free(struct cache *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n_buckets; i++)
        while (c->buckets[i] != NULL) {
            struct entry *e = c->buckets[i];
            c->buckets[i] = e->next;
            entry_free(e);
        }
    free(c->buckets);
    free(c);
}

/* Twice the buckets; without memory the chains just get longer. */
static void
grow(struct cache *c)
{
    size_t n = c->n_buckets * 2;
    struct entry **fresh = calloc(n, sizeof(struct entry *));

    if (fresh == NULL)
        return;
    for (size_t i = 0; i < c->n_buckets; i++)
        while (c->buckets[i] != NULL) {
            struct entry *e = c->buckets[i];
            struct entry **to = &fresh[hash_of(entry_ns(e), entry_name(e)) & (n - 1)];
            c->buckets[i] = e->next;
            e->next = *to;
            *to = e;
        }
    free(c->buckets);
    c->buckets = fresh;
    c->n_buckets = n;
}

static char *
body_new(const char *version, const void *doc, size_t size)
{
    size_t n = strlen(version) + 1;
    char *body = malloc(n + size);

    if (body == NULL)
        return NULL;
    memcpy(body, version, n);
    if (size > 0)
        memcpy(body + n, doc, size);
    return body;
}

static struct entry *
entry_new(const struct cache *c, const struct object_id *id, const void *doc, size_t size)
{
    size_t ns = strlen(id->ns) + 1, name = strlen(id->name) + 1,
           uid = strlen(id->uid) + 1;
    struct entry *e = calloc(1, sizeof *e + ns + name + uid);

    if (e == NULL || (e->body = body_new(id->version, doc, size)) == NULL) {
        free(e);
        return NULL;
    }
    e->watched = c->watched;
    e->doc_size = (uint32_t)size;
    e->name_at = (uint16_t)ns;
    e->uid_at = (uint16_t)(ns + name);
    memcpy(e->text, id->ns, ns);
    memcpy(e->text + ns, id->name, name);
    memcpy(e->text + ns + name, id->uid, uid);
    return e;
}

struct entry *
cache_find(const struct cache *c, const char *ns, const char *name)
{
    return *slot_of(c, ns, name);
}

/* The same object in another state. */
static int
change_entry(struct cache *c, struct entry *e, const struct object_id *id,
             const void *doc, size_t size)
{
    char *body = body_new(id->version, doc, size);

    if (body == NULL)
        return -1;
    c->bytes -= entry_bytes(e);
    free(e->body);
    e->body = body;
    e->doc_size = (uint32_t)size;
    c->bytes += entry_bytes(e);
    return 0;
}

struct entry *
cache_put(struct cache *c, const struct object_id *id, const void *doc, size_t size,
          enum cache_change *change, struct entry **old)
{
    struct entry *e = cache_find(c, id->ns, id->name);

    *change = CACHE_ADDED;
    if (e != NULL && strcmp(entry_uid(e), id->uid) == 0) {
        *change = strcmp(entry_version(e), id->version) == 0 ? CACHE_SAME : CACHE_CHANGED;
        if (*change == CACHE_CHANGED && change_entry(c, e, id, doc, size) < 0)
            return NULL;
        return e;
    }
    struct entry *fresh = entry_new(c, id, doc, size);
    if (fresh == NULL)
        return NULL;
    if (e != NULL) {
        cache_take(c, e, NULL, true);
        *change = CACHE_REPLACED;
        *old = e;
    }
    if (c->count >= c->n_buckets)
        grow(c);
    struct entry **at = slot_of(c, id->ns, id->name);
    fresh->next = *at;
    *at = fresh;
    c->count++;
    c->bytes += entry_bytes(fresh);
    return fresh;
}

void
cache_take(struct cache *c, struct entry *e, const char *version, bool final_unknown)
{
    struct entry **at = slot_of(c, entry_ns(e), entry_name(e));

    if (*at != e)
        return;
    *at = e->next;
    e->next = NULL;
    c->count--;
    c->bytes -= entry_bytes(e);
    e->gone = true;
    e->final_unknown = final_unknown;
    /* only who it was is told of a deletion */
    char *body = body_new(version != NULL ? version : entry_version(e), NULL, 0);
    if (body != NULL) {
        free(e->body);
        e->body = body;
        e->doc_size = 0;
    }
}

void
entry_release(struct entry *e)
{
    if (e->gone && e->dirty == 0)
        entry_free(e);
}

void
cache_each(struct cache *c, void (*fn)(void *arg, struct entry *e), void *arg)
{
    for (size_t i = 0; i < c->n_buckets; i++)
        for (struct entry *e = c->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            fn(arg, e);
        }
}

size_t
cache_count(const struct cache *c)
{
    return c->count;
}

size_t
cache_bytes(const struct cache *c)
{
    return c->bytes + c->n_buckets * sizeof(struct entry *) + sizeof *c;
}
