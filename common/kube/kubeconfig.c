/* kubeconfig.c - see kubeconfig.h: which files there are, and the in-cluster ones. */
#include "common/kube/kubeconfig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/data/json.h"
#include "common/kube/kubeconfig_merge.h"
#include "common/log.h"
#include "common/data/yaml.h"

#define SERVICE_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

void
kubeconfig_options_from_env(struct kubeconfig_options *o)
{
    const struct {
        const char **to;
        const char *name;
    } vars[] = {
        {&o->env, "KUBECONFIG"},
        {&o->home, "HOME"},
        {&o->service_host, "KUBERNETES_SERVICE_HOST"},
        {&o->service_port, "KUBERNETES_SERVICE_PORT"},
        {&o->pod_namespace, "POD_NAMESPACE"},
    };

    for (size_t i = 0; i < ARRAY_LEN(vars); i++)
        if (*vars[i].to == NULL)
            *vars[i].to = getenv(vars[i].name);
}

static bool
given(const char *text)
{
    return text != NULL && *text != '\0';
}

/* ---- files ---- */

static json_t *
merged_new(void)
{
    return json_pack("{s:{}, s:{}, s:{}, s:[], s:[]}", "clusters", "users", "contexts",
                     "files", "warnings");
}

/* Reads one file into the merge. Returns 1, 0 when it does not exist, -1 with *e set. */
static int
add_file(json_t *all, const char *path, struct err *e)
{
    if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    SCOPED(yaml_docs) struct yaml_docs *docs = yaml_read(path, e);
    if (docs == NULL)
        return err_wrap(e, "kubeconfig");
    for (size_t i = 0; i < docs->count; i++)
        if (docs->docs[i].value != NULL &&
            kubeconfig_merge(all, docs->docs[i].value, path, e) < 0)
            return -1;
    json_array_append_new(json_object_get(all, "files"), json_string(path));
    return 1;
}

/* The files of $KUBECONFIG; missing ones are skipped, and said so when all are missing. */
static int
add_list(json_t *all, const char *list, struct err *e)
{
    SCOPED(string) char *copy = strdup(list);
    SCOPED(json) json_t *seen = json_object();
    int found = 0, named = 0;
    char *rest = copy;

    for (char *path; copy != NULL && (path = strsep(&rest, ":")) != NULL;) {
        if (*path == '\0' || json_object_get(seen, path) != NULL)
            continue;
        json_object_set_new(seen, path, json_true());
        named++;
        int rc = add_file(all, path, e);
        if (rc < 0)
            return -1;
        found += rc;
    }
    if (named > 0 && found == 0)
        json_array_append_new(
            json_object_get(all, "warnings"),
            json_sprintf("KUBECONFIG: none of its files exists: %s", list));
    return found;
}

static struct kubeconfig *
resolve(json_t *all, const struct kubeconfig_options *o, struct err *e)
{
    struct kubeconfig *c = kubeconfig_resolve(all, o, e);

    if (c == NULL || !given(o->token))
        return c;
    secret_free(c->token);
    c->token = secret_new(o->token, strlen(o->token));
    free(c->token_file);
    c->token_file = NULL;
    return c;
}

static struct kubeconfig *
from_explicit(const struct kubeconfig_options *o, struct err *e)
{
    SCOPED(json) json_t *all = merged_new();
    int rc = add_file(all, o->path, e);

    if (rc == 0)
        err_set(e, ERR_INVALID, "kubeconfig %s does not exist", o->path);
    if (rc <= 0)
        return NULL;
    struct kubeconfig *c = resolve(all, o, e);
    if (c == NULL && e->code == ERR_NOT_FOUND)
        err_set(e, ERR_INVALID,
                "kubeconfig %s has no current-context; choose one with --context",
                o->path);
    return c;
}

/* ---- in cluster ---- */

/* The trimmed text of a small file, NULL when it cannot be read or is empty. */
static char *
small_file(const char *dir, const char *name)
{
    char path[512], text[4096];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return NULL;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
        n--;
    text[n] = '\0';
    return n > 0 ? strdup(text) : NULL;
}

static bool
can_in_cluster(const struct kubeconfig_options *o, const char *dir)
{
    char path[512];

    snprintf(path, sizeof path, "%s/token", dir);
    return given(o->service_host) && given(o->service_port) && access(path, F_OK) == 0;
}

static struct kubeconfig *
in_cluster(const struct kubeconfig_options *o, const char *dir, struct err *e)
{
    SCOPED(kubeconfig) struct kubeconfig *c = calloc(1, sizeof *c);
    bool v6 = strchr(o->service_host, ':') != NULL;

    if (c == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    c->source = strdup("in-cluster");
    c->context = strdup("in-cluster");
    if (asprintf(&c->server, "https://%s%s%s:%s", v6 ? "[" : "", o->service_host,
                 v6 ? "]" : "", o->service_port) < 0)
        c->server = NULL;
    if (asprintf(&c->token_file, "%s/token", dir) < 0)
        c->token_file = NULL;
    if (asprintf(&c->ca_file, "%s/ca.crt", dir) < 0)
        c->ca_file = NULL;
    if (given(o->pod_namespace))
        c->namespace_ = strdup(o->pod_namespace);
    else if ((c->namespace_ = small_file(dir, "namespace")) == NULL)
        c->namespace_ = strdup("default");
    c->warnings = json_array();
    if (c->server == NULL || c->token_file == NULL || c->ca_file == NULL ||
        c->namespace_ == NULL || c->source == NULL || c->context == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    if (access(c->ca_file, R_OK) < 0) {
        err_errno(e, "in-cluster: %s", c->ca_file);
        return NULL;
    }
    return TAKE(c);
}

/* ---- the order ---- */

struct kubeconfig *
kubeconfig_load(const struct kubeconfig_options *o, struct err *e)
{
    SCOPED(json) json_t *all = merged_new();
    const char *dir = given(o->service_dir) ? o->service_dir : SERVICE_DIR;
    SCOPED(string) char *home = NULL;
    struct kubeconfig *c = NULL;
    struct err inner = ERR_INIT;

    if (given(o->path))
        return from_explicit(o, e);
    if (given(o->env)) {
        if (add_list(all, o->env, e) < 0)
            return NULL;
    } else if (given(o->home) && !(o->in_cluster_first && can_in_cluster(o, dir))) {
        if (asprintf(&home, "%s/.kube/config", o->home) < 0 || add_file(all, home, e) < 0)
            return NULL;
    }
    if ((c = resolve(all, o, &inner)) != NULL)
        return c;
    if (inner.code != ERR_NOT_FOUND) {
        *e = inner;
        return NULL;
    }
    if (can_in_cluster(o, dir))
        return in_cluster(o, dir, e);
    if (given(o->fallback)) {
        SCOPED(json) json_t *local = merged_new();
        int rc = add_file(local, o->fallback, e);
        if (rc < 0)
            return NULL;
        if (rc > 0)
            return resolve(local, o, e);
    }
    const json_t *warning = json_array_get(json_object_get(all, "warnings"), 0);
    if (warning != NULL)
        err_set(e, ERR_NOT_FOUND, "no cluster is configured (%s)",
                json_string_value(warning));
    else
        err_set(
            e, ERR_NOT_FOUND,
            "no cluster is configured: no kubeconfig with a current-context was found");
    return NULL;
}

/* ---- release ---- */

static void
free_texts(char **texts)
{
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
        free(texts[i]);
    free(texts);
}

static void
exec_free(struct kubeconfig_exec *x)
{
    if (x == NULL)
        return;
    free(x->api_version);
    free(x->command);
    free(x->install_hint);
    free(x->interactive_mode);
    free_texts(x->args);
    free_texts(x->env);
    json_decref(x->cluster_config);
    free(x);
}

void
kubeconfig_free(struct kubeconfig *c)
{
    if (c == NULL)
        return;
    char *texts[] = {c->source,   c->context, c->server,    c->namespace_, c->ca_file,
                     c->ca_pem,   c->proxy,   c->cert_file, c->key_file,   c->server_name,
                     c->cert_pem, c->as,      c->as_uid,    c->token_file, c->username};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
    secret_free(c->key_pem);
    secret_free(c->token);
    secret_free(c->password);
    exec_free(c->exec);
    free_texts(c->as_groups);
    json_decref(c->as_extra);
    json_decref(c->warnings);
    free(c);
}
