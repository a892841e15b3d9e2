/* pace.h - when a source may be asked again. Pure: it is handed `now` (wall ms). */
#ifndef KELOS_SPAWNER_PACE_H
#define KELOS_SPAWNER_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

enum {
    PACE_FLOOR_MS = 1000,       /* the shortest interval */
    PACE_JITTER_PERCENT = 10,   /* added, never taken away */
    PACE_ERROR_FIRST_MS = 2000, /* after a failure: this, doubled each time ... */
    PACE_ERROR_CAP_MS = 300000, /* ... up to this, or the interval when that is longer */
    PACE_SECONDARY_MS = 60000,  /* a secondary limit without Retry-After */
    PACE_WAIT_CAP_MS = 2 * 3600000 /* no answer makes us wait longer than this */
};

/* What the headers of the latest answer said. -1: not known. */
struct quota {
    int64_t limit, left;
    int64_t reset; /* wall ms */
};

#define QUOTA_UNKNOWN                                                                    \
    {                                                                                    \
        -1, -1, -1                                                                       \
    }

/* Reads X-RateLimit-Limit, -Remaining, -Reset ("Name: value\n" lines); what is absent stays. */
void quota_read(struct quota *q, const struct buf *headers);

/* The delay until the next regular poll. Below a tenth of the quota the pace halves. `random`
 * is 0 .. 1. */
int64_t pace_next_ms(int64_t interval_ms, const struct quota *q, double random);

/* The delay after the n-th failure in a row (1 is the first). */
int64_t pace_failed_ms(int64_t interval_ms, unsigned failures, double random);

/* Whether an answer says "too much", and until when (wall ms): a 429, or a 403 that speaks of
 * a limit. 0: it does not. `hits` counts such answers in a row (0 is the first). */
int64_t pace_limited_until(int status, const struct buf *headers, const char *body,
                           unsigned hits, int64_t now);

#endif
