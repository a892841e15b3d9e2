/* ghcomments.h - the comments of issues, asked for only when an issue has changed. */
#ifndef KELOS_SPAWNER_GHCOMMENTS_H
#define KELOS_SPAWNER_GHCOMMENTS_H

#include "spawner/source.h"

struct ghcomments;

/* The comments of one group's repository. The caller owns the result. */
struct ghcomments *ghcomments_new(struct group *g);
void ghcomments_free(struct ghcomments *c);

/* Gets what is missing for these issues (an array, borrowed until done), at most
 * LIMIT_SOURCE_CALLS at once, and calls done (perhaps at once). `f` is NULL when all went
 * well; else the first failure, of `failed` issues, and `fatal` when the rest was not tried. */
typedef void ghcomments_fn(void *arg, const struct failure *f, size_t failed, bool fatal);
void ghcomments_get(struct ghcomments *c, const char *repo_url, const json_t *issues,
                    const char *const *commands, ghcomments_fn *done, void *arg);
/* Ends it; done is not called. */
void ghcomments_cancel(struct ghcomments *c);

/* What is known of an issue: an array (borrowed), NULL when it could not be read. */
const json_t *ghcomments_of(const struct ghcomments *c, const json_t *issue);

/* Forgets everything; or what belongs to none of these issues. */
void ghcomments_forget(struct ghcomments *c);
void ghcomments_keep_only(struct ghcomments *c, const json_t *issues);
size_t ghcomments_bytes(const struct ghcomments *c);

#endif
