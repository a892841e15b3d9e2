/* castore.c - see castore.h. */
#include "common/castore.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A certificate as the file has it. A parsed one takes ten times as much, and of 140 a process
 * needs one or two. */
struct authority {
    unsigned long subject; /* hash of its name */
    uint32_t at, size;     /* in `ders` */
};

struct castore {
    X509_STORE *store; /* what was needed so far */
    X509_LOOKUP_METHOD *method;
    unsigned char *ders; /* one after another; pages of their own, which nobody writes */
    size_t size, room;
    struct authority *authorities; /* by subject, ascending */
    size_t n, slots;
};

void
castore_free(struct castore *c)
{
    if (c == NULL)
        return;
    X509_STORE_free(c->store);
    X509_LOOKUP_meth_free(c->method);
    if (c->ders != NULL)
        munmap(c->ders, c->room);
    free(c->authorities);
    free(c);
}

/* ---- finding one ---- */

static X509 *
parse(const struct castore *c, const struct authority *a)
{
    const unsigned char *p = c->ders + a->at;

    return d2i_X509_AUX(NULL, &p, (long)a->size);
}

/* The store asks for an authority that it does not hold yet. All of that name go into it, and
 * *ret borrows one from there. */
static int
on_lookup(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
          X509_OBJECT *ret)
{
    const struct castore *c = X509_LOOKUP_get_method_data(lookup);
    unsigned long hash = X509_NAME_hash_ex(name, NULL, NULL, NULL);
    int found = 0;

    for (size_t i = 0; type == X509_LU_X509 && i < c->n; i++) {
        X509 *x = c->authorities[i].subject == hash ? parse(c, &c->authorities[i]) : NULL;
        if (x == NULL)
            continue;
        if (X509_NAME_cmp(X509_get_subject_name(x), name) == 0 &&
            X509_STORE_add_cert(X509_LOOKUP_get_store(lookup), x) == 1 && !found) {
            found = X509_OBJECT_set1_X509(ret, x);
            if (found)
                X509_free(x); /* the store's reference is the one that stays */
        }
        X509_free(x);
    }
    return found;
}

/* ---- reading them ---- */

static int
keep(struct castore *c, const unsigned char *der, size_t size, X509 *x, struct err *e)
{
    if (size > c->room - c->size)
        return err_set(e, ERR_LIMIT, "over %zu bytes of certificates", c->room);
    if (c->n == c->slots) {
        c->slots = c->slots > 0 ? 2 * c->slots : 128;
        c->authorities = reallocarray(c->authorities, c->slots, sizeof *c->authorities);
        if (c->authorities == NULL)
            abort();
    }
    c->authorities[c->n++] = (struct authority){
        .subject = X509_NAME_hash_ex(X509_get_subject_name(x), NULL, NULL, NULL),
        .at = (uint32_t)c->size,
        .size = (uint32_t)size,
    };
    memcpy(c->ders + c->size, der, size);
    c->size += size;
    return 0;
}

static bool
is_certificate(const char *name)
{
    return strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0 ||
           strcmp(name, PEM_STRING_X509_TRUSTED) == 0;
}

/* One PEM block of the file. Returns 1, 0 at the end, -1 with *e set. */
static int
read_block(struct castore *c, BIO *file, struct err *e)
{
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long size = 0;
    int rc = 1;

    if (PEM_read_bio(file, &name, &header, &der, &size) != 1) {
        ERR_clear_error();
        return 0;
    }
    const unsigned char *p = der;
    X509 *x = is_certificate(name) ? d2i_X509_AUX(NULL, &p, size) : NULL;
    if (x != NULL && keep(c, der, (size_t)size, x, e) < 0)
        rc = -1;
    X509_free(x);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return rc;
}

static int
read_file(struct castore *c, const char *path, struct err *e)
{
    BIO *file = BIO_new_file(path, "r");
    struct stat st;
    int rc = -1;

    if (file != NULL && stat(path, &st) == 0 && st.st_size > 0) {
        c->room = (size_t)st.st_size; /* base64 is longer than what it says */
        c->ders = mmap(NULL, c->room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
        if (c->ders == MAP_FAILED)
            c->ders = NULL;
        while (c->ders != NULL && (rc = read_block(c, file, e)) > 0)
            ;
    }
    BIO_free(file);
    if (rc == 0 && c->n == 0)
        rc = -1;
    if (rc < 0)
        return err_set(e, ERR_INVALID,
                       "%s: no certificates of authorities can be read (SSL_CERT_FILE "
                       "names another file)",
                       path);
    mprotect(c->ders, c->room, PROT_READ);
    return 0;
}

static int
add_lookup(struct castore *c, struct err *e)
{
    X509_LOOKUP *lookup;

    if ((c->method = X509_LOOKUP_meth_new("authorities, parsed when asked for")) == NULL ||
        X509_LOOKUP_meth_set_get_by_subject(c->method, on_lookup) != 1 ||
        (lookup = X509_STORE_add_lookup(c->store, c->method)) == NULL ||
        X509_LOOKUP_set_method_data(lookup, c) != 1)
        return err_set(e, ERR_SYSTEM, "OpenSSL: no certificate store");
    return 0;
}

static const char *
setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : fallback;
}

static int
load(struct castore *c, struct err *e)
{
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    const char *file = setting("SSL_CERT_FILE", v->cainfo);
    const char *folder = setting("SSL_CERT_DIR", v->capath);

    if (file != NULL && (read_file(c, file, e) < 0 || add_lookup(c, e) < 0))
        return -1;
    if (folder != NULL && X509_STORE_load_path(c->store, folder) != 1)
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
    if (load(c, e) < 0)
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
