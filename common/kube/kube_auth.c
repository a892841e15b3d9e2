/* kube_auth.c - see kube_auth.h. */
#include "common/kube/kube_auth.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/log.h"
#include "common/http/pem.h"

enum {
    TOKEN_AGE_MS = 50000,
    FILES_AGE_MS = 300000,
    DOUBT_MS = 1000,
    FILE_BYTES = 4 << 20
};

struct kube_auth {
    struct kubeconfig *config;
    struct http_transport transport;
    struct secret *token;     /* what is sent now */
    int64_t token_read_ms;    /* of the token file */
    unsigned generation;      /* grows with each new credential */
    bool token_failed;        /* the last re-read failed: said once */
    struct buf ca, cert, key; /* contents of files; key is wiped */
    int64_t files_read_ms;
    kube_credential_fn *plugin;
    void *plugin_arg;
    struct kube_credential given; /* by the plug-in */
    bool have_given;
};

static int
read_file(const char *path, struct buf *out, struct err *e)
{
    FILE *f = fopen(path, "re");
    size_t n;
    char *at;

    if (f == NULL)
        return err_errno(e, "%s", path);
    out->limit = FILE_BYTES;
    while ((at = buf_reserve(out, 8192)) != NULL && (n = fread(at, 1, 8192, f)) > 0)
        out->size += n;
    int bad = ferror(f);
    fclose(f);
    if (bad || out->failed)
        return err_set(e, ERR_SYSTEM, "%s: cannot be read", path);
    if (out->data != NULL)
        out->data[out->size] = '\0';
    return 0;
}

/* Replaces *have by the file's content. Returns 1 when it changed, 0 when not, -1. */
static int
renew_file(const char *path, struct buf *have, bool bundle, struct err *e)
{
    SCOPED(buf) struct buf fresh = BUF_INIT;

    if (path == NULL)
        return 0;
    if (read_file(path, &fresh, e) < 0)
        return -1;
    if (fresh.size == 0 || (bundle && pem_certificates(buf_str(&fresh), fresh.size) <= 0))
        return err_set(e, ERR_INVALID, "%s: holds no usable certificate", path);
    if (fresh.size == have->size && memcmp(fresh.data, have->data, fresh.size) == 0)
        return 0;
    struct buf old = *have;
    *have = fresh;
    fresh = (struct buf)BUF_INIT;
    buf_wipe(&old);
    return 1;
}

static void
set_transport(struct kube_auth *a)
{
    const struct kubeconfig *c = a->config;

    a->transport = (struct http_transport){
        .ca_pem = c->ca_pem != NULL ? c->ca_pem : a->ca.data,
        .cert_pem = c->cert_pem != NULL ? c->cert_pem : a->cert.data,
        .key_pem = c->key_pem != NULL ? secret_reveal(c->key_pem) : a->key.data,
        .server_name = c->server_name,
        .proxy = c->proxy,
        .insecure = c->insecure,
    };
    if (a->given.cert_pem != NULL) {
        a->transport.cert_pem = a->given.cert_pem;
        a->transport.key_pem = secret_reveal(a->given.key_pem);
    }
}

/* CA and client certificate. A file that cannot be used keeps its old content: -1, *e set. */
static int
renew_files(struct kube_auth *a, bool *changed, struct err *e)
{
    const struct kubeconfig *c = a->config;
    int ca = c->ca_pem == NULL ? renew_file(c->ca_file, &a->ca, true, e) : 0;
    int cert = c->cert_pem == NULL ? renew_file(c->cert_file, &a->cert, true, e) : 0;
    int key = c->key_pem == NULL ? renew_file(c->key_file, &a->key, false, e) : 0;

    set_transport(a);
    *changed = ca > 0 || cert > 0 || key > 0;
    return ca < 0 || cert < 0 || key < 0 ? -1 : 0;
}

/* Opens the path anew: the kubelet swaps a symbolic link. */
static int
read_token(struct kube_auth *a, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = read_file(a->config->token_file, &text, e);
    const char *start = buf_str(&text);

    if (rc == 0) {
        start += strspn(start, " \t\r\n");
        size_t size = strlen(start);
        while (size > 0 && strchr(" \t\r\n", start[size - 1]) != NULL)
            size--;
        if (size == 0) {
            rc = err_set(e, ERR_INVALID, "%s: is empty", a->config->token_file);
        } else if (a->token == NULL || secret_size(a->token) != size ||
                   memcmp(secret_reveal(a->token), start, size) != 0) {
            secret_free(a->token);
            a->token = secret_new(start, size);
            a->generation++;
        }
    }
    buf_wipe(&text);
    return rc;
}

/* A failed re-read keeps the last good token. */
static int
refresh_token(struct kube_auth *a, int64_t now_ms, bool force, struct err *e)
{
    struct err why = ERR_INIT;

    if (a->config->token_file == NULL ||
        (!force && a->token_read_ms != 0 && now_ms - a->token_read_ms < TOKEN_AGE_MS))
        return 0;
    a->token_read_ms = now_ms;
    if (read_token(a, &why) == 0) {
        a->token_failed = false;
        return 0;
    }
    if (a->token == NULL)
        return err_set(e, why.code, "token: %s", why.text);
    if (!a->token_failed)
        log_warn(NULL, "token: %s; the last one is used on", why.text);
    a->token_failed = true;
    return 0;
}

/* Plug-ins run only where nothing else was configured. */
static bool
uses_plugin(const struct kube_auth *a)
{
    const struct kubeconfig *c = a->config;
    return a->plugin != NULL && c->exec != NULL && c->token == NULL &&
           c->token_file == NULL && c->username == NULL && c->cert_file == NULL &&
           c->cert_pem == NULL;
}

static void
drop_given(struct kube_credential *g)
{
    secret_free(g->token);
    secret_free(g->key_pem);
    free(g->cert_pem);
    *g = (struct kube_credential){0};
}

static int
run_plugin(struct kube_auth *a, bool after_401, bool *changed_tls, struct err *e)
{
    struct kube_credential fresh = {0};

    if (a->plugin(a->plugin_arg, after_401, &fresh, e) < 0)
        return -1;
    bool same_cert = (fresh.cert_pem == NULL && a->given.cert_pem == NULL) ||
                     (fresh.cert_pem != NULL && a->given.cert_pem != NULL &&
                      strcmp(fresh.cert_pem, a->given.cert_pem) == 0);
    if (!same_cert && changed_tls != NULL)
        *changed_tls = true;
    drop_given(&a->given);
    a->given = fresh;
    a->have_given = true;
    a->generation++;
    set_transport(a);
    return 0;
}

struct kube_auth *
kube_auth_new(struct kubeconfig **config, struct err *e)
{
    SCOPED(kube_auth) struct kube_auth *a = calloc(1, sizeof *a);

    if (a == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    a->config = *config;
    *config = NULL;
    a->generation = 1;
    if (a->config->token != NULL)
        a->token =
            secret_new(secret_reveal(a->config->token), secret_size(a->config->token));
    bool changed;
    if (renew_files(a, &changed, e) < 0)
        return NULL;
    a->files_read_ms = clock_mono_ms();
    return TAKE(a);
}

void
kube_auth_free(struct kube_auth *a)
{
    if (a == NULL)
        return;
    drop_given(&a->given);
    secret_free(a->token);
    buf_free(&a->ca);
    buf_free(&a->cert);
    buf_wipe(&a->key);
    kubeconfig_free(a->config);
    free(a);
}

void
kube_auth_plugin(struct kube_auth *a, kube_credential_fn *fn, void *arg)
{
    a->plugin = fn;
    a->plugin_arg = arg;
}

int
kube_auth_refresh(struct kube_auth *a, int64_t now_ms, bool *changed_tls, struct err *e)
{
    struct err why = ERR_INIT;

    if (now_ms - a->files_read_ms >= FILES_AGE_MS) {
        a->files_read_ms = now_ms;
        bool changed = false;
        if (renew_files(a, &changed, &why) < 0)
            log_warn(NULL, "TLS: %s; the old ones are used on", why.text);
        if (changed)
            *changed_tls = true;
    }
    if (refresh_token(a, now_ms, false, e) < 0)
        return -1;
    if (!uses_plugin(a))
        return 0;
    bool expired =
        a->given.expires_wall_ms != 0 && a->given.expires_wall_ms <= clock_wall_ms();
    if (a->have_given && !expired)
        return 0;
    return run_plugin(a, false, changed_tls, e);
}

bool
kube_auth_renew(struct kube_auth *a, unsigned generation, int64_t now_ms, struct err *e)
{
    if (generation != a->generation)
        return true; /* somebody already did */
    if (uses_plugin(a))
        return run_plugin(a, true, NULL, e) == 0;
    if (a->config->token_file == NULL)
        return false;
    if (refresh_token(a, now_ms, true, e) < 0)
        return false;
    return true;
}

void
kube_auth_doubt(struct kube_auth *a, int64_t now_ms)
{
    if (now_ms - a->files_read_ms >= DOUBT_MS)
        a->files_read_ms = now_ms - FILES_AGE_MS;
}

unsigned
kube_auth_generation(const struct kube_auth *a)
{
    return a->generation;
}

const struct http_transport *
kube_auth_transport(const struct kube_auth *a)
{
    return &a->transport;
}

const struct kubeconfig *
kube_auth_config(const struct kube_auth *a)
{
    return a->config;
}

/* ---- headers ---- */

struct giver {
    int (*fn)(void *arg, const char *line);
    void *arg;
};

static int PRINTF_LIKE(2, 3) give(const struct giver *g, const char *fmt, ...)
{
    char *line;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&line, fmt, ap);
    va_end(ap);
    if (n < 0)
        return -1;
    int rc = g->fn(g->arg, line);
    explicit_bzero(line, (size_t)n);
    free(line);
    return rc;
}

static int
give_basic(const struct giver *g, const struct kubeconfig *c)
{
    struct buf plain = BUF_INIT, coded = BUF_INIT;

    buf_printf(&plain, "%s:%s", c->username,
               c->password != NULL ? secret_reveal(c->password) : "");
    base64_encode(&coded, plain.data, plain.size);
    int rc = give(g, "Authorization: Basic %s", buf_str(&coded));
    buf_wipe(&plain);
    buf_wipe(&coded);
    return rc;
}

static int
give_extra(const struct giver *g, const json_t *extra)
{
    const char *key;
    json_t *values, *value;
    size_t i;

    json_object_foreach((json_t *)extra, key, values)
    {
        SCOPED(buf) struct buf name = BUF_INIT;
        if (http_escape(&name, key) < 0)
            return -1;
        json_array_foreach(values, i,
                           value) if (json_is_string(value) &&
                                      give(g, "Impersonate-Extra-%s: %s", name.data,
                                           json_string_value(value)) < 0) return -1;
    }
    return 0;
}

int
kube_auth_headers(const struct kube_auth *a, int (*fn)(void *arg, const char *line),
                  void *arg)
{
    const struct kubeconfig *c = a->config;
    const struct giver g = {fn, arg};
    const struct secret *token = a->token != NULL ? a->token : a->given.token;

    if (token != NULL && give(&g, "Authorization: Bearer %s", secret_reveal(token)) < 0)
        return -1;
    if (token == NULL && c->username != NULL && give_basic(&g, c) < 0)
        return -1;
    if (c->as != NULL && give(&g, "Impersonate-User: %s", c->as) < 0)
        return -1;
    if (c->as_uid != NULL && give(&g, "Impersonate-Uid: %s", c->as_uid) < 0)
        return -1;
    for (size_t i = 0; c->as_groups != NULL && c->as_groups[i] != NULL; i++)
        if (give(&g, "Impersonate-Group: %s", c->as_groups[i]) < 0)
            return -1;
    return give_extra(&g, c->as_extra);
}
