/* shard.h - which shard decides about a namespace: equal ranges of its mixed FNV-1a hash.
 *
 * The plain hash cannot be cut into ranges: names that differ in their last letters only
 * ("team-1" … "team-64") share its upper bits and would all fall into one shard. */
#ifndef KELOS_COMMON_SHARD_H
#define KELOS_COMMON_SHARD_H

#include <stdint.h>

static inline uint64_t
fnv1a_64(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

/* 0 .. shards - 1; everything is in shard 0 when there is but one (or none). */
static inline uint64_t
shard_of(const char *ns, uint64_t shards)
{
    if (shards < 2)
        return 0;
    uint64_t h = fnv1a_64(ns);
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    return (uint64_t)((unsigned __int128)h * shards >> 64);
}

#endif
