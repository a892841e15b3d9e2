/* ghfilter.h - which issues and pull requests a TaskSpawner wants (when.githubIssues,
 * when.githubPullRequests). Pure. */
#ifndef KELOS_SPAWNER_GHFILTER_H
#define KELOS_SPAWNER_GHFILTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/scoped.h"
#include "spawner/ghpolicy.h"

/* All texts are borrowed from `source`, which is owned. */
struct ghfilter {
    json_t *source;
    const char *field; /* which member of `when` it is; static */
    bool pull_source;  /* githubPullRequests: the last three are its own */
    bool issues, pulls;
    struct texts labels, exclude_labels, exclude_comments, exclude_authors;
    const char *state, *assignee, *author, *trigger; /* "" : not set */
    struct ghpolicy policy;                          /* .given: instead of trigger and
                                                      * exclude_comments */
    const char *review_state;                        /* "any" or what it must be */
    int draft;                                       /* -1: both will do */
    struct texts include_files, exclude_files;
};

/* Reads the GitHub source of `when`; the defaults of the schema are filled in. Returns NULL
 * with ERR_INVALID that names the field. */
struct ghfilter *ghfilter_read(const json_t *when, struct err *e);
void ghfilter_free(struct ghfilter *f);
SCOPED_DEFINE(ghfilter)

/* ---- the query of a listing ---- */

/* Which part of a filter the server checks. */
struct ghquery {
    bool labels, assignee, author;
};

/* The query string in alphabetical order: assignee, creator, labels, per_page, state; of pull
 * requests direction, per_page, sort, state, the latest changed ones first. */
void ghfilter_query(const struct ghfilter *f, struct ghquery with, struct buf *out);

/* ---- one issue, in the trimmed form of ghissue.h ---- */

/* Whether a rule excludes it: kind, labels, and what the server did not check. `why` (NULL:
 * nobody asks) gets the rule, "excludeLabels: has \"wontfix\"". */
bool ghfilter_excludes(const struct ghfilter *f, const json_t *issue,
                       struct ghquery checked, struct buf *why);

/* ---- comments: [{"body", "created_at", "user"}], oldest first ---- */

/* Whether the comments exclude the item: the newest command decides. `why` as above. */
bool ghfilter_comments_exclude(const struct ghfilter *f, const json_t *comments,
                               struct buf *why);

/* When the newest trigger comment was made (wall ms), 0: none, or no trigger is set. */
int64_t ghfilter_trigger_time(const struct ghfilter *f, const json_t *comments);

/* The newest comments that fit into LIMIT_COMMENTS_BYTES, oldest first, "\n---\n" between. */
int comments_join(const json_t *comments, struct buf *out);

#endif
