/* request.h - one request as the forge's handlers see it, and the answer they fill.
 *
 * Nothing here knows the HTTP library: server.c fills and sends, tests may fill by
 * hand. */
#ifndef KELOS_LOCAL_FORGE_REQUEST_H
#define KELOS_LOCAL_FORGE_REQUEST_H

#include <jansson.h>
#include <stddef.h>

#include "local/forge/state.h"

#define SEGMENTS_MAX 12
#define PAIRS_MAX 48

struct pair {
    char *name;
    char *value;
};

struct request {
    char method[16];
    char *path;   /* without /api/v3, without a slash at the end */
    char *prefix; /* "/api/v3" or "" */
    char *segments[SEGMENTS_MAX];
    size_t n_segments;
    struct pair query[PAIRS_MAX]; /* decoded */
    size_t n_query;
    struct pair headers[PAIRS_MAX];
    size_t n_headers;
    const char *body; /* borrowed; "" when there is none */
    size_t body_size;
    char *token;         /* of the Authorization header, NULL when there is none */
    const char *login;   /* who that token is, borrowed; NULL: anonymous */
    int64_t now;         /* wall ms */
    struct pair args[4]; /* what stood for :owner, :repo, ...; borrowed */
    size_t n_args;
    bool too_many; /* segments, query keys or headers beyond what fits */
};

/* What a handler answers. body NULL: no body. */
struct reply {
    int status;
    json_t *body;
    struct pair headers[16]; /* both owned */
    size_t n_headers;
    bool countable; /* counts against the rate limit and may be answered with a 304 */
};

void request_free(struct request *q);
void reply_free(struct reply *r);

/* Splits `url` (decoded by the library already) into prefix, path and segments. */
void request_set_path(struct request *q, const char *url);

const char *request_query(const struct request *q,
                          const char *name); /* NULL: not given */
const char *request_header(const struct request *q,
                           const char *name); /* NULL: not given */
const char *request_arg(const struct request *q,
                        const char *name); /* NULL: not in route */
/* The number in a path; -1 when it is none. */
int64_t request_arg_number(const struct request *q, const char *name);

void reply_header(struct reply *r, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* A failure in GitHub's shape: {"message": ..., "documentation_url": ...}. */
void reply_error(struct reply *r, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* One page of `all` (borrowed) after per_page and page of the query, with its Link
 * header. `base` is the server's own address. */
void reply_page(struct reply *r, const struct request *q, const char *base, json_t *all);

/* ---- routes ---- */

struct forge;

struct route {
    const char *method;
    const char *path;  /* "/repos/:owner/:repo/issues" */
    const char *query; /* the keys it knows, " state labels " with blanks around each */
    void (*handle)(struct forge *f, struct request *q, struct reply *r);
};

/* Runs the route that fits; when none does, an error that names what was wrong. */
void routes_run(const struct route *routes, size_t n, struct forge *f, struct request *q,
                struct reply *r);

#endif
