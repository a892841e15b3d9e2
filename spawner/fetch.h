/* fetch.h - one GET of a source: same host only, counted, and read for rate limits. */
#ifndef KELOS_SPAWNER_FETCH_H
#define KELOS_SPAWNER_FETCH_H

#include "spawner/source.h"

struct fetch;

struct fetch_result {
    int status; /* 0: no answer */
    const char *body;
    size_t body_size;
    const struct buf *headers;
    struct err err;        /* ERR_NONE when answered */
    int64_t limited_until; /* wall ms when the answer says "too much", else 0 */
    bool redirected;       /* the answer is a redirect that was refused */
};

/* Called once unless fetch_cancel came first; borrowed for the call. */
typedef void fetch_fn(void *arg, const struct fetch_result *r);

/* Starts a GET of a URL below the source's base. `headers` as in http_request; follows at
 * most three redirects within the same origin. NULL with *e set and no callback to come. */
struct fetch *fetch_start(struct group *g, const char *url, const char *const *headers,
                          fetch_fn *fn, void *arg, struct err *e);
void fetch_cancel(struct fetch *f);

/* What an answer other than 200 (or 304, where it was asked for) means. */
void fetch_failure(const struct source *src, const struct fetch_result *r,
                   struct failure *out);

#endif
