/* ghlisting.h - one listing of issues or pull requests, page by page, with conditional requests.
 *
 * What was read stays, with its ETags, so that an unchanged repository costs one request
 * that is not counted. After a restart only the ETags are there (the cache text): as long as
 * every page answers 304 nothing else is needed, otherwise the pages are read anew. */
#ifndef KELOS_SPAWNER_GHLISTING_H
#define KELOS_SPAWNER_GHLISTING_H

#include "spawner/source.h"

struct ghlisting;

enum ghlisting_end {
    LISTING_SAME, /* nothing changed; the pages may not be held */
    LISTING_READ, /* ghlisting_issues has all of them */
    LISTING_FAILED
};
typedef void ghlisting_fn(void *arg, enum ghlisting_end end, const struct failure *f);

/* The caller owns the result. `what` (static) names its items in errors: "issues". */
struct ghlisting *ghlisting_new(struct group *g, const char *what);
void ghlisting_free(struct ghlisting *l);

/* Reads `url` and the pages that follow. `whole`: LISTING_SAME will not do. Calls done once. */
void ghlisting_read(struct ghlisting *l, const char *url, bool whole, ghlisting_fn *done,
                    void *arg);
/* Ends it; done is not called. */
void ghlisting_cancel(struct ghlisting *l);

/* All issues in order, each number once; borrowed until the next read. NULL: not held. */
const json_t *ghlisting_issues(struct ghlisting *l);
/* There were more pages than LIMIT_SOURCE_PAGES. */
bool ghlisting_truncated(const struct ghlisting *l);

/* ---- what outlives the process ---- */

/* Takes over the ETags of a cache text when it fits `url`; false: it does not. */
bool ghlisting_restore(struct ghlisting *l, const char *url, const char *cache);
/* The cache text: [["url", "etag"], ...], or "" when it would be too long. */
void ghlisting_cache(const struct ghlisting *l, struct buf *out);

/* The next read is unconditional: what was read could not be used to its end. */
void ghlisting_forget(struct ghlisting *l);
/* Whether anything is held, or restored. */
bool ghlisting_known(const struct ghlisting *l);
/* Drops the issues but not the ETags: there is no room to keep them. */
void ghlisting_drop_issues(struct ghlisting *l);
size_t ghlisting_bytes(const struct ghlisting *l);

#endif
