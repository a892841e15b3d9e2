/* test_apptoken.c - GitHub App credentials. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "common/base64.h"
#include "common/data/apptoken.h"

static EVP_PKEY *key;

/* A Secret's data of raw texts; NULL leaves the member out. */
static json_t *
data(const char *app, const char *installation, const char *pem)
{
    const char *values[][2] = {
        {"appID", app}, {"installationID", installation}, {"privateKey", pem}};
    json_t *all = keep(json_object());

    for (int i = 0; i < 3; i++) {
        SCOPED(buf) struct buf b = BUF_INIT;
        if (values[i][1] == NULL)
            continue;
        base64_encode(&b, values[i][1], strlen(values[i][1]));
        json_object_set_new(all, values[i][0], json_string(buf_str(&b)));
    }
    return all;
}

static char *
pem_of(bool pkcs1)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    if (key == NULL)
        key = keep(EVP_RSA_gen(2048));
    if (pkcs1)
        PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
    else
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    long n = BIO_get_mem_data(bio, &text);
    char *copy = keep(strndup(text, (size_t)n));
    BIO_free(bio);
    return copy;
}

Test(apptoken, is_told_by_three_keys)
{
    cr_assert(apptoken_is(data("1", "2", "x")));
    cr_assert_not(apptoken_is(data("1", NULL, "x")));
    cr_assert_not(apptoken_is(js("{'GITHUB_TOKEN':'eA=='}")));
    cr_assert_not(apptoken_is(js("{}")));
    cr_assert_not(apptoken_is(NULL));
    row_claim("TE/GA1");
}

Test(apptoken, reads_both_forms_of_a_key)
{
    for (int i = 0; i < 2; i++) {
        struct err e = ERR_INIT;
        struct apptoken *a = apptoken_new(data(" 12345\n", "67890", pem_of(i == 0)), &e);
        char url[200];
        cr_assert_not_null(a, "%s", e.text);
        cr_assert_str_eq(apptoken_app(a), "12345");
        apptoken_url(a, "", url, sizeof url);
        cr_assert_str_eq(url,
                         "https://api.github.com/app/installations/67890/access_tokens");
        apptoken_url(a, "https://h.example/api/v3", url, sizeof url);
        cr_assert_str_eq(
            url, "https://h.example/api/v3/app/installations/67890/access_tokens");
        apptoken_free(a);
    }
    row_claim("TE/GA2");
    row_claim("TE/GA7");
}

Test(apptoken, names_what_is_wrong)
{
    static const struct {
        const char *app, *installation, *pem, *why;
    } rows[] = {
        {"", "2", "x", "missing appID in secret data"},
        {"1", " ", "x", "missing installationID in secret data"},
        {"1", "2", "", "missing privateKey in secret data"},
        {"1", "../2", "x", "installationID is not a number"},
        {"1", "2", "not-a-pem", "parsing private key: no PEM block found in private key"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = ERR_INIT;
        cr_assert_null(
            apptoken_new(data(rows[i].app, rows[i].installation, rows[i].pem), &e));
        cr_assert_str_eq(e.text, rows[i].why);
    }
    struct err e = ERR_INIT;
    cr_assert_null(apptoken_new(data("1", "2", "-----BEGIN PRIVATE KEY-----\nxx\n"), &e));
    cr_assert_not_null(strstr(e.text, "failed to parse private key as PKCS1 or PKCS8"));
    row_claim("TE/GA3");
}

static void
decode(const char *part, size_t size, unsigned char *out, int *n)
{
    char text[2048];

    cr_assert_lt(size, sizeof text - 4);
    for (size_t i = 0; i < size; i++)
        text[i] = part[i] == '-' ? '+' : part[i] == '_' ? '/' : part[i];
    size_t padded = size;
    while (padded % 4 != 0)
        text[padded++] = '=';
    *n = EVP_DecodeBlock(out, (unsigned char *)text, (int)padded) - (int)(padded - size);
}

Test(apptoken, signs_what_the_server_can_verify)
{
    struct err e = ERR_INIT;
    struct apptoken *a = keep(apptoken_new(data("12345", "67890", pem_of(false)), &e));
    struct secret *jwt = keep(apptoken_jwt(a, 1700000000999, &e));
    const char *text = secret_reveal(jwt), *first = strchr(text, '.'),
               *last = strrchr(text, '.');
    unsigned char claims[512], signature[512];
    int n, m;

    decode(first + 1, (size_t)(last - first - 1), claims, &n);
    cr_assert_eq(strncmp((char *)claims,
                         "{\"iss\":\"12345\",\"iat\":1699999940,\"exp\":1700000540}",
                         (size_t)n),
                 0);
    decode(last + 1, strlen(last + 1), signature, &m);
    EVP_MD_CTX *ctx = keep(EVP_MD_CTX_new());
    cr_assert_eq(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    cr_assert_eq(EVP_DigestVerify(ctx, signature, (size_t)m, (const unsigned char *)text,
                                  (size_t)(last - text)),
                 1);
    /* exp above is nine minutes from now; the token it buys is renewed before its own end. */
    cr_assert_eq(apptoken_renew_ms(0, 3600000), 3300000);
    row_claim("SP/W10");
    row_claim("TE/W-G11"); /* nine minutes; ids with other than digits: see below */
}

Test(apptoken, reads_answers)
{
    static const struct {
        const char *row;
        int status;
        const char *body;
        enum err_code code;
        const char *why;
    } rows[] = {
        {"TE/GA5", 401, "{\"message\":\"Bad\"}", ERR_INVALID,
         "GitHub API returned status 401: {\"message\":\"Bad\"}"},
        {NULL, 429, "slow", ERR_BUSY, "GitHub API returned status 429: slow"},
        {NULL, 503, "", ERR_BUSY, "GitHub API returned status 503: "},
        {NULL, 201, "{}", ERR_BUSY, "decoding response: no token in the answer"},
        {NULL, 404, "none", ERR_INVALID, "GitHub API returned status 404: none"},
    };
    const char *good = "{\"token\":\"ghs_x\",\"expires_at\":\"2026-01-01T00:00:00Z\"}";
    struct err e = ERR_INIT;
    int64_t expires;
    SCOPED(secret)
    struct secret *token = apptoken_answer(201, good, strlen(good), &expires, &e);

    cr_assert_str_eq(secret_reveal(token), "ghs_x");
    cr_assert_eq(expires, AT("2026-01-01T00:00:00Z"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        e = (struct err)ERR_INIT;
        cr_assert_null(apptoken_answer(rows[i].status, rows[i].body, strlen(rows[i].body),
                                       &expires, &e));
        cr_assert_eq(e.code, rows[i].code);
        cr_assert_str_eq(e.text, rows[i].why);
        if (rows[i].row != NULL)
            row_claim(rows[i].row);
    }
    row_claim("TE/W-S3"); /* ERR_BUSY is tried again, ERR_INVALID is final */
}
