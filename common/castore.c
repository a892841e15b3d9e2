/* castore.c - see castore.h. */
#include "common/castore.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/buf.h"

/* A certificate as the file has it. A parsed one takes ten times as much, and of 140 a process
 * needs one or two. */
struct authority {
    unsigned long subject; /* hash of its name */
    uint32_t at, size;     /* in `ders` */
};

struct castore {
    X509_STORE *store; /* what was needed so far */
    X509_LOOKUP_METHOD *method;
    const unsigned char
        *ders; /* one after another, in memory that is sealed: processes that
                                  are forked share it, and none can change it for the others */
    size_t size;
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
        munmap((void *)(uintptr_t)c->ders, c->size);
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

static void
keep(struct castore *c, const unsigned char *der, size_t size, const X509 *x,
     struct buf *all)
{
    if (c->n == c->slots) {
        c->slots = c->slots > 0 ? 2 * c->slots : 128;
        c->authorities = reallocarray(c->authorities, c->slots, sizeof *c->authorities);
        if (c->authorities == NULL)
            abort();
    }
    c->authorities[c->n++] = (struct authority){
        .subject = X509_NAME_hash_ex(X509_get_subject_name(x), NULL, NULL, NULL),
        .at = (uint32_t)all->size,
        .size = (uint32_t)size,
    };
    buf_add(all, der, size);
}

static bool
is_certificate(const char *name)
{
    return strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0 ||
           strcmp(name, PEM_STRING_X509_TRUSTED) == 0;
}

/* One PEM block of the file; false at the end. */
static bool
read_block(struct castore *c, BIO *file, struct buf *all)
{
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long size = 0;

    if (PEM_read_bio(file, &name, &header, &der, &size) != 1) {
        ERR_clear_error();
        return false;
    }
    const unsigned char *p = der;
    X509 *x = is_certificate(name) ? d2i_X509_AUX(NULL, &p, size) : NULL;
    if (x != NULL)
        keep(c, der, (size_t)size, x, all);
    X509_free(x);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return true;
}

/* Into memory that nobody can write any more. */
static int
seal(struct castore *c, const struct buf *all, struct err *e)
{
    int fd = memfd_create("kelos-authorities", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *at = MAP_FAILED;

    if (fd >= 0 && write(fd, all->data, all->size) == (ssize_t)all->size &&
        fcntl(fd, F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        at = mmap(NULL, all->size, PROT_READ, MAP_SHARED, fd, 0);
    int rc = at != MAP_FAILED ? 0 : err_errno(e, "memory for certificates");
    if (fd >= 0)
        close(fd);
    if (rc == 0) {
        c->ders = at;
        c->size = all->size;
    }
    return rc;
}

static int
read_file(struct castore *c, const char *path, struct err *e)
{
    BIO *file = BIO_new_file(path, "r");
    SCOPED(buf) struct buf all = BUF_INIT;

    while (file != NULL && read_block(c, file, &all))
        ;
    BIO_free(file);
    if (c->n == 0 || all.failed)
        return err_set(e, ERR_INVALID,
                       "%s: no certificates of authorities can be read (SSL_CERT_FILE "
                       "names another file)",
                       path);
    return seal(c, &all, e);
}

static int
add_lookup(struct castore *c, struct err *e)
{
    X509_LOOKUP *lookup;

    if ((c->method = X509_LOOKUP_meth_new("authorities, parsed when asked for")) ==
            NULL ||
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
