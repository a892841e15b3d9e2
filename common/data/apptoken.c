/* apptoken.c - see apptoken.h. */
#include "common/data/apptoken.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "common/clock.h"

#define QUOTED_BYTES 1024
#define JWT_AGE_S 60
#define JWT_LIFE_S 540
#define UNKNOWN_LIFE_MS 60000
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000

struct apptoken {
    char app[64];
    char installation[64];
    EVP_PKEY *key; /* owned */
};

static const char *const members[] = {"appID", "installationID", "privateKey"};

struct secret *
secret_value(const json_t *data, const char *key)
{
    const char *text = json_string_value(json_object_get(data, key));
    size_t size = text != NULL ? strlen(text) : 0;

    if (text == NULL || size % 4 != 0)
        return NULL;
    unsigned char *bytes = malloc(size + 1);
    if (bytes == NULL)
        return NULL;
    int n = size > 0 ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)size) : 0;
    if (n >= 0 && size > 0)
        n -= (text[size - 1] == '=') + (text[size - 2] == '=');
    struct secret *s = n >= 0 ? secret_new(bytes, (size_t)n) : NULL;
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    return s;
}

bool
apptoken_is(const json_t *data)
{
    for (size_t i = 0; i < 3; i++)
        if (json_object_get(data, members[i]) == NULL)
            return false;
    return true;
}

static int
read_id(const json_t *data, const char *member, char *out, size_t room, struct err *e)
{
    SCOPED(secret) struct secret *s = secret_value(data, member);
    const char *text = s != NULL ? secret_reveal(s) : "";

    while (isspace((unsigned char)*text))
        text++;
    size_t n = strlen(text);
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    if (n == 0)
        return err_set(e, ERR_INVALID, "missing %s in secret data", member);
    if (n >= room || strspn(text, "0123456789") < n) {
        bool id = strcmp(member, "installationID") == 0;
        for (size_t i = 0; i < n; i++) /* a client id such as Iv1.0a names an app, too */
            if (n >= room || id || !(isalnum((unsigned char)text[i]) || text[i] == '.'))
                return err_set(e, ERR_INVALID, "%s is not a number", member);
    }
    snprintf(out, room, "%.*s", (int)n, text);
    return 0;
}

static EVP_PKEY *
read_key(const char *pem, struct err *e)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    if (key == NULL)
        err_set(e, ERR_INVALID,
                strstr(pem, "-----BEGIN") == NULL
                    ? "parsing private key: no PEM block found in private key"
                    : "parsing private key: failed to parse private key as PKCS1 "
                      "or PKCS8: it is damaged, encrypted or of another form");
    else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        key = NULL;
        err_set(e, ERR_INVALID, "parsing private key: PKCS8 key is not RSA");
    }
    return key;
}

struct apptoken *
apptoken_new(const json_t *data, struct err *e)
{
    SCOPED(apptoken) struct apptoken *a = calloc(1, sizeof *a);
    SCOPED(secret) struct secret *pem = secret_value(data, "privateKey");

    if (a == NULL) {
        err_errno(e, "credentials");
        return NULL;
    }
    if (read_id(data, "appID", a->app, sizeof a->app, e) < 0 ||
        read_id(data, "installationID", a->installation, sizeof a->installation, e) < 0)
        return NULL;
    if (pem == NULL || secret_size(pem) == 0) {
        err_set(e, ERR_INVALID, "missing privateKey in secret data");
        return NULL;
    }
    if ((a->key = read_key(secret_reveal(pem), e)) == NULL)
        return NULL;
    return TAKE(a);
}

void
apptoken_free(struct apptoken *a)
{
    if (a == NULL)
        return;
    EVP_PKEY_free(a->key);
    free(a);
}

const char *
apptoken_app(const struct apptoken *a)
{
    return a->app;
}

const char *
apptoken_installation(const struct apptoken *a)
{
    return a->installation;
}

/* Adds base64url without padding. */
static void
add_base64url(struct buf *out, const void *bytes, size_t size)
{
    unsigned char *text = malloc(size / 3 * 4 + 8);

    if (text == NULL)
        abort();
    int n = EVP_EncodeBlock(text, bytes, (int)size);
    for (int i = 0; i < n && text[i] != '='; i++)
        buf_add_char(out, text[i] == '+' ? '-' : text[i] == '/' ? '_' : (char)text[i]);
    free(text);
}

static int
sign(const struct apptoken *a, struct buf *jwt, struct err *e)
{
    unsigned char signature[1024];
    size_t size = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx != NULL &&
             EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, a->key) == 1 &&
             EVP_DigestSign(ctx, signature, &size, (const unsigned char *)jwt->data,
                            jwt->size) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    if (!ok)
        return err_set(e, ERR_INVALID, "signing with the private key failed");
    buf_add_char(jwt, '.');
    add_base64url(jwt, signature, size);
    return 0;
}

struct secret *
apptoken_jwt(const struct apptoken *a, int64_t now_ms, struct err *e)
{
    static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
    SCOPED(buf) struct buf claims = BUF_INIT, jwt = BUF_INIT;
    long long now = now_ms / 1000;

    buf_printf(&claims, "{\"iss\":\"%s\",\"iat\":%lld,\"exp\":%lld}", a->app,
               now - JWT_AGE_S, now + JWT_LIFE_S);
    add_base64url(&jwt, header, sizeof header - 1);
    buf_add_char(&jwt, '.');
    add_base64url(&jwt, claims.data, claims.size);
    if (sign(a, &jwt, e) < 0)
        return NULL;
    struct secret *s = secret_new(jwt.data, jwt.size);
    buf_wipe(&jwt);
    return s;
}

void
apptoken_url(const struct apptoken *a, const char *api_base, char *out, size_t room)
{
    snprintf(out, room, "%s/app/installations/%s/access_tokens",
             *api_base != '\0' ? api_base : "https://api.github.com", a->installation);
}

void
apptoken_revoke_url(const char *api_base, char *out, size_t room)
{
    snprintf(out, room, "%s/installation/token",
             *api_base != '\0' ? api_base : "https://api.github.com");
}

struct secret *
apptoken_answer(int status, const char *body, size_t size, int64_t *expires_ms,
                struct err *e)
{
    bool passing = status == 429 || status >= 500;

    *expires_ms = 0;
    if (status != 201) {
        err_set(e, passing ? ERR_BUSY : ERR_INVALID,
                "GitHub API returned status %d: %.*s", status,
                (int)(size < QUOTED_BYTES ? size : QUOTED_BYTES), body);
        return NULL;
    }
    SCOPED(json) json_t *answer = json_parse(body, size, 0, e);
    const char *token = json_str_or(answer, "token", "");
    if (answer == NULL || *token == '\0') {
        if (answer != NULL)
            err_set(e, ERR_BUSY, "no token in the answer");
        e->code = ERR_BUSY;
        err_wrap(e, "decoding response");
        return NULL;
    }
    if (rfc3339_parse(json_str_or(answer, "expires_at", NULL), expires_ms) < 0)
        *expires_ms = 0;
    return secret_new(token, strlen(token));
}

int64_t
apptoken_renew_ms(int64_t issued_ms, int64_t expires_ms)
{
    if (expires_ms == 0)
        return issued_ms + UNKNOWN_LIFE_MS;
    int64_t margin = (expires_ms - issued_ms) / 3;
    return expires_ms - (margin < APPTOKEN_MARGIN_MS ? margin : APPTOKEN_MARGIN_MS);
}

int64_t
apptoken_retry_ms(int64_t expires_ms, int64_t now_ms)
{
    int64_t half = (expires_ms - now_ms) / 2;

    if (expires_ms <= now_ms || half > RETRY_MAX_MS)
        return RETRY_MAX_MS;
    return half < RETRY_MIN_MS ? RETRY_MIN_MS : half;
}
