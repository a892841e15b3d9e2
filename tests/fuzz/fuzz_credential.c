/* fuzz_credential.c - certificates, base64 and a GitHub App's key and answers. */
#include <stdint.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/data/json.h"
#include "common/http/pem.h"
#include "common/secret.h"
#include "common/data/apptoken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was decoded is encoded again to something that decodes to the same. */
static void
base64(const char *text, size_t size)
{
    struct err e = ERR_INIT;
    SCOPED(buf) struct buf bytes = BUF_INIT;
    SCOPED(buf) struct buf again = BUF_INIT;
    SCOPED(buf) struct buf twice = BUF_INIT;

    if (base64_decode(&bytes, text, size, &e) < 0)
        return;
    if (base64_encode(&again, buf_str(&bytes), bytes.size) < 0 ||
        base64_decode(&twice, buf_str(&again), again.size, &e) < 0 ||
        twice.size != bytes.size || memcmp(buf_str(&twice), buf_str(&bytes), twice.size))
        abort();
}

/* A private key is written as a Secret's data has it. */
static void
key(const char *text, size_t size)
{
    struct err e = ERR_INIT;
    SCOPED(buf) struct buf encoded = BUF_INIT;

    base64_encode(&encoded, text, size);
    SCOPED(json)
    json_t *data = json_pack("{s:s, s:s, s:s}", "appID", "MQ==", "installationID",
                             "Mg==", "privateKey", buf_str(&encoded));
    SCOPED(apptoken) struct apptoken *a = apptoken_new(data, &e);
    if (a != NULL)
        secret_free(apptoken_jwt(a, 0, &e));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct err e = ERR_INIT;
    int64_t expires_ms;

    (void)pem_certificates(text, size);
    base64(text, size);
    key(text, size);
    secret_free(apptoken_answer(201, text, size, &expires_ms, &e));
    SCOPED(json) json_t *secret = json_parse(text, size, 0, &e);
    if (secret != NULL)
        apptoken_free(apptoken_new(secret, &e));
    return 0;
}
