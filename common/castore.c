/* castore.c - see castore.h. */
#include "common/castore.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>

struct castore {
    X509_STORE *store;
};

void
castore_free(struct castore *c)
{
    if (c == NULL)
        return;
    X509_STORE_free(c->store);
    free(c);
}

static const char *
setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : fallback;
}

static int
load(X509_STORE *store, struct err *e)
{
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    const char *file = setting("SSL_CERT_FILE", v->cainfo);
    const char *folder = setting("SSL_CERT_DIR", v->capath);

    if (file != NULL && X509_STORE_load_file(store, file) != 1)
        return err_set(e, ERR_INVALID,
                       "%s: no certificates of authorities can be read (SSL_CERT_FILE "
                       "names another file)",
                       file);
    if (folder != NULL && X509_STORE_load_path(store, folder) != 1)
        return err_set(e, ERR_INVALID, "%s: SSL_CERT_DIR cannot be used", folder);
    return 0;
}

struct castore *
castore_new(struct err *e)
{
    SCOPED(castore) struct castore *c = calloc(1, sizeof *c);
    SSL_CTX *once;

    if (c == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        (c->store = X509_STORE_new()) == NULL) {
        err_set(e, ERR_SYSTEM, "libcurl: cannot be initialised");
        return NULL;
    }
    /* As libcurl has it: an authority of ours ends the chain, also one in its middle. */
    X509_STORE_set_flags(c->store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    if (load(c->store, e) < 0)
        return NULL;
    /* The first context fetches the algorithms. */
    if ((once = SSL_CTX_new(TLS_client_method())) == NULL) {
        err_set(e, ERR_SYSTEM, "OpenSSL: no TLS context");
        return NULL;
    }
    SSL_CTX_free(once);
    return TAKE(c);
}

static CURLcode
on_context(CURL *easy, void *context, void *arg)
{
    struct castore *c = arg;

    (void)easy;
    SSL_CTX_set1_cert_store(context, c->store);
    return CURLE_OK;
}

void
castore_use(void *arg, void *easy)
{
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, arg);
}
