/* state.h - what the forge serves: repositories with issues, comments and pull requests,
 * and who may ask for them.
 *
 * Objects are kept in the shape in which GitHub's API shows them, so that serving one is
 * printing it. Timestamps have GitHub's resolution of a second; `now` is wall
 * milliseconds. */
#ifndef KELOS_LOCAL_FORGE_STATE_H
#define KELOS_LOCAL_FORGE_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/data/json.h"
#include "common/scoped.h"

struct issue {
    int64_t number;
    json_t *doc;      /* as GET .../issues/N shows it; "pull_request" is set for a PR */
    json_t *comments; /* array, oldest first */
    json_t *reviews;  /* the rest: of pull requests only, arrays */
    json_t *review_comments;
    json_t *files;
    json_t *pull; /* fields that only GET .../pulls/N shows */
};

struct repo {
    char *full;            /* "owner/name" */
    struct issue **issues; /* in order of their numbers */
    size_t n_issues;
    json_t *roles; /* login in lower case -> role name: collaborators */
};

struct state {
    char base[96]; /* "http://127.0.0.1:PORT", without a slash at the end */
    struct repo **repos;
    size_t n_repos;
    json_t *tokens; /* token -> {"login": ..., "expires": wall ms or 0} */
    json_t
        *apps; /* app id -> {"publicKey": PEM or absent, "installations": ["1", ...]} */
    json_t *teams;        /* "org/slug" -> {login in lower case: "active" or "pending"} */
    bool anonymous;       /* requests without a token are served (60 an hour) */
    int64_t rate_limit;   /* requests per hour and token */
    int64_t app_token_ms; /* how long an App's installation token lives */
    int64_t next_id;
};

/* An empty state; the caller owns it. */
struct state *state_new(const char *base);
void state_free(struct state *s);
SCOPED_DEFINE(state)

/* Adds what the JSON file says (see --help for its fields). ERR_INVALID names the
 * field. */
int state_load(struct state *s, const char *path, int64_t now, struct err *e);
/* The same from a tree; borrowed. */
int state_fill(struct state *s, json_t *root, int64_t now, struct err *e);

/* Finds; names are compared without case, as GitHub does. NULL when there is none. */
struct repo *state_repo(const struct state *s, const char *owner, const char *name);
struct issue *repo_issue(const struct repo *r, int64_t number);

/* The login behind a token that has not expired; borrowed, NULL when it is unknown. */
const char *state_login(const struct state *s, const char *token, int64_t now);

/* Makes or changes an issue. `want` has the fields title, body, state, user, assignees,
 * labels, milestone and, for a new one, number, created_at, updated_at, comments, pull;
 * unknown ones are ERR_INVALID. Lists replace what was there. */
struct issue *repo_add_issue(struct state *s, struct repo *r, json_t *want, int64_t now,
                             struct err *e);
int repo_edit_issue(struct state *s, struct repo *r, struct issue *i, json_t *want,
                    int64_t now, struct err *e);

/* Adds a comment {user, body, created_at, author_association}; returns it, borrowed. */
json_t *repo_add_comment(struct state *s, struct repo *r, struct issue *i, json_t *want,
                         int64_t now, struct err *e);

/* ---- pull requests (pulls.c) ---- */

/* Makes the issue a pull request, as `pull` says: head, base, sha, draft, merged, reviews,
 * review_comments, files. */
int pull_fill(struct state *s, const struct repo *r, struct issue *i, json_t *pull,
              const char *where, int64_t now, struct err *e);
/* Sets head, sha, draft of one. */
int pull_edit(struct issue *i, json_t *want, int64_t now, struct err *e);
/* Adds a review {user, body, state, sha, submitted_at} or a comment on a line {user, body, path,
 * line, sha, created_at}; returns it, borrowed. Both are of the head when no sha is given. */
json_t *pull_add_review(struct state *s, const struct repo *r, struct issue *i,
                        json_t *want, int64_t now, struct err *e);
json_t *pull_add_line_comment(struct state *s, const struct repo *r, struct issue *i,
                              json_t *want, int64_t now, struct err *e);

/* ---- for pulls.c ---- */

json_t *state_user(const struct state *s, const char *login);
void doc_time(json_t *doc, const char *key, int64_t at);
/* A string field of `want`, `fallback` when absent; NULL with *e set for another type. */
const char *field_text(json_t *want, const char *key, const char *fallback,
                       const char *where, struct err *e);

/* Whether the object has only fields named in `allowed` (NULL-terminated); else
 * ERR_INVALID. */
int fields_check(json_t *object, const char *where, const char *const *allowed,
                 struct err *e);

#endif
