/* ghdetails.h - what belongs to the items of a listing: comments, reviews, changed files.
 *
 * A list is asked for only when its item has changed, and then on condition (ETag) where it
 * fits into one page. */
#ifndef KELOS_SPAWNER_GHDETAILS_H
#define KELOS_SPAWNER_GHDETAILS_H

#include "spawner/ghreview.h"
#include "spawner/source.h"

struct ghdetails;

/* Those of one group's repository. The caller owns the result. */
struct ghdetails *ghdetails_new(struct group *g);
void ghdetails_free(struct ghdetails *d);

/* Which part of the item is asked for next; N_PARTS: no more. */
typedef enum gh_part ghdetails_next_fn(void *arg, const json_t *issue);
/* All has been asked. `f` is NULL when all went well; else the first failure, and `fatal`
 * when the rest was not tried. */
typedef void ghdetails_done_fn(void *arg, const struct failure *f, bool fatal);

struct ghdetails_ask {
    const char *repo_url;        /* copied */
    const json_t *issues;        /* borrowed until done, like the next */
    const char *const *commands; /* lines that must not be cut off; NULL-terminated */
    ghdetails_next_fn *next;
    ghdetails_done_fn *done; /* called once, perhaps at once */
    void *arg;
};

/* Gets what `next` names, at most LIMIT_SOURCE_CALLS lists at once. */
void ghdetails_get(struct ghdetails *d, const struct ghdetails_ask *ask);
/* Ends it; done is not called. */
void ghdetails_cancel(struct ghdetails *d);

/* What is known of an issue as it is now; borrowed. */
struct gh_parts ghdetails_of(const struct ghdetails *d, const json_t *issue);
/* Something was read so soon after it changed that another change may look the same: it is
 * read again with the next poll, even when the listing has not changed. */
bool ghdetails_unsure(const struct ghdetails *d);

/* Forgets everything; or what belongs to none of these issues. */
void ghdetails_forget(struct ghdetails *d);
void ghdetails_keep_only(struct ghdetails *d, const json_t *issues);
size_t ghdetails_bytes(const struct ghdetails *d);

#endif
