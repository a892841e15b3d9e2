/* ghaccess.h - who may give commands, by permission in the repository or by team.
 *
 * Each login is asked about at most once in a poll, on condition (ETag) when it was asked
 * before; a failed question counts as none and is asked again with the next poll. */
#ifndef KELOS_SPAWNER_GHACCESS_H
#define KELOS_SPAWNER_GHACCESS_H

#include "spawner/ghpolicy.h"
#include "spawner/source.h"

struct ghaccess;

/* Of one group's repository. The caller owns the result. */
struct ghaccess *ghaccess_new(struct group *g);
void ghaccess_free(struct ghaccess *a);

/* A poll begins: all is asked anew. `repo_url` is copied. */
void ghaccess_begin(struct ghaccess *a, const char *repo_url);

/* A ghpolicy_may_fn; arg is the struct ghaccess. GH_ASK: the question waits for
 * ghaccess_run. GH_FAIL: a question failed, and no other rule says yes. */
enum gh_may ghaccess_may(void *arg, const struct ghpolicy *p, const char *login);

/* Whether questions wait. */
bool ghaccess_waits(const struct ghaccess *a);
/* Asks them; `fatal` (NULL: none): nothing more can be asked now. done is called once, perhaps
 * at once. */
typedef void ghaccess_fn(void *arg, const struct failure *fatal);
void ghaccess_run(struct ghaccess *a, ghaccess_fn *done, void *arg);
/* Ends it; done is not called. */
void ghaccess_cancel(struct ghaccess *a);

/* The first failure of this poll; NULL without one. */
const struct failure *ghaccess_failure(const struct ghaccess *a);
/* Whether anybody was asked about: the answer may change without a change of the listing. */
bool ghaccess_used(const struct ghaccess *a);

#endif
