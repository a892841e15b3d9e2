/* jirasearch.h - all issues that a JQL finds, in its order, page by page.
 *
 * Asks the newer endpoint (/search/jql, pages by token); where that does not exist, or answers
 * like the older one, the older one (/search, pages by number), going on behind what was read
 * already. There the first page says how many there are: the others are asked for together,
 * LIMIT_SOURCE_CALLS at once. */
#ifndef KELOS_SPAWNER_JIRASEARCH_H
#define KELOS_SPAWNER_JIRASEARCH_H

#include "spawner/items.h"
#include "spawner/source.h"

struct jirasearch;

/* Called once at the end of a read; `f` is NULL when all went well. */
typedef void jirasearch_fn(void *arg, const struct failure *f);

/* The caller owns the result; NULL when memory ran out. */
struct jirasearch *jirasearch_new(struct group *g);
void jirasearch_free(struct jirasearch *s);
/* Ends a read, without calling done, and drops what it found. */
void jirasearch_clear(struct jirasearch *s);

/* Reads all that `jql` finds; it is borrowed till the end. Calls done once, perhaps before this
 * returns, unless jirasearch_free comes first. */
void jirasearch_read(struct jirasearch *s, const char *jql, jirasearch_fn *done,
                     void *arg);

/* For `done` after a good read: a copy of what was found, each issue once; the caller owns it.
 * NULL when memory ran out. */
struct items *jirasearch_items(const struct jirasearch *s);
/* Adds what is missing in it, for people; nothing when all is there. */
void jirasearch_warning(const struct jirasearch *s, struct buf *out);

#endif
