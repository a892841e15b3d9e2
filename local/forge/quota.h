/* quota.h - requests per hour and token, as the X-RateLimit-* headers report them.
 * Pure. */
#ifndef KELOS_LOCAL_FORGE_QUOTA_H
#define KELOS_LOCAL_FORGE_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quota {
    char who[128]; /* the token, "" for anonymous */
    int64_t limit;
    int64_t used;
    int64_t reset; /* wall ms; the hour begins with the first request */
};

struct quotas {
    struct quota rows[64];
    size_t n;
};

/* The row of a token, made or renewed when its hour is over. Never NULL: when the table
 * is full the last row is shared. */
struct quota *quota_of(struct quotas *q, const char *who, int64_t limit, int64_t now);

/* Counts one request. Returns false when none was left. */
bool quota_take(struct quota *row);

static inline int64_t
quota_left(const struct quota *row)
{
    return row->used < row->limit ? row->limit - row->used : 0;
}

#endif
