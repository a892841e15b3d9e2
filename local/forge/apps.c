/* apps.c - GitHub App authentication: a JWT signed with the app's key becomes a token. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "local/forge/forge.h"

enum { JWT_MAX_S = 600, SKEW_S = 60 };

SCOPED_DEFINE_AS(pkey, EVP_PKEY *, EVP_PKEY_free)
SCOPED_DEFINE_AS(md_ctx, EVP_MD_CTX *, EVP_MD_CTX_free)
SCOPED_DEFINE_AS(bio, BIO *, BIO_free)

static int
digit_of(char c)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *p = c != '\0' ? strchr(digits, c) : NULL;

    return p != NULL ? (int)(p - digits) : -1;
}

/* base64url without padding; -1 for any other character. */
static int
decode(const char *text, size_t size, struct buf *out)
{
    uint32_t bits = 0;
    int have = 0;

    for (size_t i = 0; i < size; i++) {
        int d = digit_of(text[i]);

        if (d < 0)
            return -1;
        bits = bits << 6 | (uint32_t)d;
        if ((have += 6) >= 8) {
            have -= 8;
            buf_add_char(out, (char)(bits >> have & 0xff));
        }
    }
    return out->failed ? -1 : 0;
}

static json_t *
decode_json(const char *text, size_t size)
{
    SCOPED(buf) struct buf raw = BUF_INIT;

    if (decode(text, size, &raw) < 0)
        return NULL;
    return json_loadb(buf_str(&raw), raw.size, 0, NULL);
}

static bool
signed_by(const char *pem, const char *jwt, size_t signed_size, const char *signature)
{
    SCOPED(bio) BIO *bio = BIO_new_mem_buf(pem, -1);
    SCOPED(pkey) EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    SCOPED(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    SCOPED(buf) struct buf raw = BUF_INIT;

    return key != NULL && decode(signature, strlen(signature), &raw) == 0 &&
           EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
           EVP_DigestVerify(ctx, (const unsigned char *)buf_str(&raw), raw.size,
                            (const unsigned char *)jwt, signed_size) == 1;
}

/* What is wrong with the times of a JWT; NULL when nothing is. */
static const char *
times_wrong(json_t *claims, int64_t now_s)
{
    int64_t iat = json_integer_value(json_object_get(claims, "iat"));
    int64_t exp = json_integer_value(json_object_get(claims, "exp"));

    if (iat == 0 || exp == 0)
        return "'Issued at' claim ('iat') and 'Expiration time' claim ('exp') are "
               "required";
    if (iat > now_s + SKEW_S)
        return "'Issued at' claim ('iat') is in the future";
    if (exp <= now_s)
        return "'Expiration time' claim ('exp') must be in the future";
    if (exp > now_s + JWT_MAX_S)
        return "'Expiration time' claim ('exp') is too far in the future";
    return NULL;
}

/* The app that the JWT proves; NULL with *why set. */
static json_t *
app_of(struct forge *f, const char *jwt, int64_t now, const char **why)
{
    const char *dot = strchr(jwt, '.'), *dot2 = dot != NULL ? strchr(dot + 1, '.') : NULL;
    SCOPED(json)
    json_t *header = dot2 != NULL ? decode_json(jwt, (size_t)(dot - jwt)) : NULL;
    SCOPED(json)
    json_t *claims = dot2 != NULL ? decode_json(dot + 1, (size_t)(dot2 - dot - 1)) : NULL;
    const char *alg = json_string_value(json_object_get(header, "alg")), *iss, *pem;
    json_t *app;

    *why = "A JSON web token could not be decoded";
    if (alg == NULL || strcmp(alg, "RS256") != 0 || claims == NULL)
        return NULL;
    if ((*why = times_wrong(claims, now / 1000)) != NULL)
        return NULL;
    iss = json_string_value(json_object_get(claims, "iss"));
    *why = "'Issuer' claim ('iss') must be the id of a known app, as a string";
    if (iss == NULL || (app = json_object_get(f->state->apps, iss)) == NULL)
        return NULL;
    *why = "the JSON web token's signature does not fit the app's key";
    pem = json_string_value(json_object_get(app, "publicKey"));
    if (pem != NULL && !signed_by(pem, jwt, (size_t)(dot2 - jwt), dot2 + 1))
        return NULL;
    return app;
}

static bool
has_installation(json_t *app, const char *id)
{
    size_t k;
    json_t *v;

    json_array_foreach(json_object_get(app, "installations"), k,
                       v) if (json_is_string(v) &&
                              strcmp(json_string_value(v), id) == 0) return true;
    return false;
}

void
apps_issue_token(struct forge *f, struct request *q, struct reply *r)
{
    const char *auth = request_header(q, "Authorization"), *why;
    unsigned char random[18];
    char token[64] = "ghs_", until[RFC3339_SIZE];
    json_t *app;

    r->countable = false;
    if (auth == NULL || strncmp(auth, "Bearer ", 7) != 0) {
        reply_error(r, 401, "an app authenticates with \"Authorization: Bearer <JWT>\"");
        return;
    }
    if ((app = app_of(f, auth + 7, q->now, &why)) == NULL) {
        reply_error(r, 401, "%s", why);
        return;
    }
    if (!has_installation(app, request_arg(q, "id"))) {
        reply_error(r, 404, "installation %s: Not Found", request_arg(q, "id"));
        return;
    }
    RAND_bytes(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(token + 4 + 2 * i, 3, "%02x", random[i]);
    json_object_set_new(f->state->tokens, token,
                        json_pack("{s:s, s:I}", "login", "app[bot]", "expires",
                                  (json_int_t)(q->now + f->state->app_token_ms)));
    rfc3339_format(q->now + f->state->app_token_ms, until);
    r->status = 201;
    r->body = json_pack("{s:s, s:s, s:{s:s}}", "token", token, "expires_at", until,
                        "permissions", "issues", "write");
}

void
apps_revoke_token(struct forge *f, struct request *q, struct reply *r)
{
    r->countable = false;
    if (q->token == NULL) {
        reply_error(r, 401, "Requires authentication");
        return;
    }
    if (strncmp(q->token, "ghs_", 4) != 0) {
        reply_error(r, 403, "Resource not accessible: not an installation access token");
        return;
    }
    if (q->body_size > 0) {
        reply_error(r, 400, "this DELETE has no body");
        return;
    }
    /* the entry stays: the journal names the login of this request */
    json_object_set_new(json_object_get(f->state->tokens, q->token), "expires",
                        json_integer(q->now));
    r->status = 204;
}
