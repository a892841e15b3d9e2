#include "local/forge/forge.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

static const char *const known_headers[] = {"Host",
                                            "User-Agent",
                                            "Accept",
                                            "Accept-Encoding",
                                            "Authorization",
                                            "If-None-Match",
                                            "X-GitHub-Api-Version",
                                            "Connection",
                                            "Content-Type",
                                            "Content-Length",
                                            "Accept-Language",
                                            "Expect",
                                            "Upgrade",
                                            "HTTP2-Settings",
                                            "Transfer-Encoding"};

static const char *const known_accepts[] = {"application/vnd.github.v3+json",
                                            "application/vnd.github+json",
                                            "application/json", "*/*"};

static bool
among(const char *const *set, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(set[i], what) == 0)
            return true;
    return false;
}

bool
forge_is_control(const struct request *q)
{
    return q->n_segments > 0 && strcmp(q->segments[0], "_control") == 0;
}

/* Strict about what stands in a request, so that a client's slip shows. */
static bool
headers_fine(const struct request *q, struct reply *r)
{
    const char *accept = request_header(q, "Accept");

    for (size_t i = 0; i < q->n_headers; i++)
        if (!among(known_headers, ARRAY_LEN(known_headers), q->headers[i].name)) {
            reply_error(r, 400, "unknown request header \"%s\"", q->headers[i].name);
            return false;
        }
    if (request_header(q, "User-Agent") == NULL) {
        reply_error(r, 403, "request forbidden: a User-Agent header is required");
        return false;
    }
    if (accept == NULL || !among(known_accepts, ARRAY_LEN(known_accepts), accept)) {
        reply_error(r, 415, "header Accept: must be \"%s\" or \"%s\", not \"%s\"",
                    known_accepts[0], known_accepts[1], accept != NULL ? accept : "");
        return false;
    }
    if (q->body_size > 0 && strcmp(q->method, "GET") == 0) {
        reply_error(r, 400, "a GET has no body");
        return false;
    }
    return true;
}

/* Reads the token. Apps come with a JWT, which its own route checks. */
static bool
who_asks(struct forge *f, struct request *q, struct reply *r)
{
    const char *auth = request_header(q, "Authorization");
    bool is_app = q->n_segments > 0 && strcmp(q->segments[0], "app") == 0;
    size_t skip;

    if (is_app)
        return true;
    if (auth == NULL) {
        if (!f->state->anonymous)
            reply_error(r, 401, "Requires authentication");
        return f->state->anonymous;
    }
    skip = strncmp(auth, "token ", 6) == 0 ? 6 : strncmp(auth, "Bearer ", 7) == 0 ? 7 : 0;
    if (skip == 0 || auth[skip] == '\0' || strchr(auth + skip, ' ') != NULL) {
        reply_error(r, 401, "header Authorization: must be \"token T\" or \"Bearer T\"");
        return false;
    }
    q->token = strdup(auth + skip);
    if ((q->login = state_login(f->state, q->token, q->now)) == NULL)
        reply_error(r, 401, "Bad credentials");
    return q->login != NULL;
}

/* An ETag is bound to the token, as GitHub's are. */
static void
etag_of(const struct request *q, const struct reply *r, char out[72])
{
    char *text = json_dumps(r->body, JSON_COMPACT | JSON_SORT_KEYS);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int size = 0;

    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    EVP_DigestUpdate(ctx, text, strlen(text));
    if (q->token != NULL)
        EVP_DigestUpdate(ctx, q->token, strlen(q->token));
    for (size_t i = 0; i < r->n_headers; i++)
        EVP_DigestUpdate(ctx, r->headers[i].value, strlen(r->headers[i].value));
    EVP_DigestFinal_ex(ctx, hash, &size);
    EVP_MD_CTX_free(ctx);
    free(text);
    memcpy(out, "W/\"", 3);
    for (unsigned int i = 0; i < 20; i++)
        snprintf(out + 3 + 2 * i, 3, "%02x", hash[i]);
    strcpy(out + 43, "\"");
}

/* Sets the ETag; an answer that the client has already becomes a 304. */
static bool
unchanged(const struct request *q, struct reply *r)
{
    const char *have = request_header(q, "If-None-Match");
    char etag[72];

    if (strcmp(q->method, "GET") != 0 || r->status != 200)
        return false;
    etag_of(q, r, etag);
    reply_header(r, "ETag", "%s", etag);
    if (have == NULL || strcmp(have, etag) != 0)
        return false;
    r->status = 304;
    json_decref(r->body);
    r->body = NULL;
    return true;
}

static void
quota_headers(struct reply *r, const struct quota *row)
{
    reply_header(r, "X-RateLimit-Limit", "%lld", (long long)row->limit);
    reply_header(r, "X-RateLimit-Remaining", "%lld", (long long)quota_left(row));
    reply_header(r, "X-RateLimit-Used", "%lld", (long long)row->used);
    reply_header(r, "X-RateLimit-Reset", "%lld", (long long)(row->reset / 1000));
    reply_header(r, "X-RateLimit-Resource", "core");
}

void
forge_answer(struct forge *f, struct request *q, struct reply *r)
{
    struct quota *row;
    enum { ANONYMOUS_LIMIT = 60 };

    if (forge_is_control(q)) {
        control_run(f, q, r);
        return;
    }
    if (!headers_fine(q, r) || !who_asks(f, q, r))
        return;
    row = quota_of(&f->quotas, q->token != NULL ? q->token : "",
                   q->token != NULL ? f->state->rate_limit : ANONYMOUS_LIMIT, q->now);
    if (quota_left(row) == 0 && strcmp(q->path, "/rate_limit") != 0) {
        reply_error(r, 403, "API rate limit exceeded for %s.",
                    q->login != NULL ? q->login : "this address");
        quota_headers(r, row);
        return;
    }
    api_run(f, q, r);
    /* A 304 to somebody with a token is free. */
    if (unchanged(q, r) && q->token != NULL)
        r->countable = false;
    if (r->countable)
        (void)quota_take(row);
    quota_headers(r, row);
}
