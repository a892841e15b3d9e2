/* ghissue.h - GitHub's answers, checked and cut down to what is used. Pure.
 *
 * An issue: {"number", "title", "body", "url", "user", "pull" (bool), "labels": [names],
 * "assignees": [logins], "updated", "comments" (count)}; of the listing of pull requests with
 * "branch", "sha" (of its head) and "draft". A comment: {"body", "created_at", "user"}, with
 * "cut": true when only its commands were kept; one on a line of a pull request with "path",
 * "line" (0: none) and "sha"; a review with "state" and "sha". */
#ifndef KELOS_SPAWNER_GHISSUE_H
#define KELOS_SPAWNER_GHISSUE_H

#include <jansson.h>
#include <stddef.h>

#include "common/err.h"

/* Reads a page of a listing. Returns an array that the caller owns, or NULL with ERR_INVALID
 * that names the bad path ("[3].number: ...") or ERR_LIMIT. */
json_t *ghissues_read(const char *bytes, size_t size, struct err *e);

/* Reads a page of comments, appends to `out` (an array). 0, or -1 with *e set. */
int ghcomments_read(const char *bytes, size_t size, json_t *out, struct err *e);
/* The same of reviews, of comments on lines, and of changed files (their paths, as strings). */
int ghreviews_read(const char *bytes, size_t size, json_t *out, struct err *e);
int ghline_comments_read(const char *bytes, size_t size, json_t *out, struct err *e);
int ghfiles_read(const char *bytes, size_t size, json_t *out, struct err *e);

/* Keeps the newest LIMIT_COMMENTS_BYTES whole; of older ones only the lines that are one of
 * the commands (NULL-terminated): what follows never needs more. */
void ghcomments_shrink(json_t *comments, const char *const *commands);

/* Roughly what a tree of these takes in memory. */
size_t ghtree_bytes(const json_t *tree);

#endif
