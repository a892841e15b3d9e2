/* kubeconfig_merge.c - see kubeconfig_merge.h. */
#include "common/kube/kubeconfig_merge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/data/json.h"

/* ---- files into one ---- */

/* The absolute folder of a file; the caller frees. */
static char *
folder_of(const char *path)
{
    SCOPED(string) char *full = realpath(path, NULL);
    char *slash = full != NULL ? strrchr(full, '/') : NULL;

    if (slash == NULL)
        return strdup(".");
    *(slash == full ? slash + 1 : slash) = '\0';
    return TAKE(full);
}

/* One of the three lists: [{name, <what>: {…}}] into {name: {…}}. */
static int
merge_list(json_t *all, const json_t *file, const char *list, const char *what,
           const char *path, const char *dir, struct err *e)
{
    json_t *from = NULL;
    json_t *into = json_object_get(all, list);

    if (json_opt_arr(file, list, &from, e) < 0)
        return err_wrap(e, "kubeconfig %s", path);
    for (size_t i = 0; i < json_array_size(from); i++) {
        const json_t *item = json_array_get(from, i);
        const char *name;
        if (json_get_str(item, "name", &name, e) < 0)
            return err_wrap(e, "kubeconfig %s: %s[%zu]", path, list, i);
        if (json_object_get(into, name) != NULL)
            continue;
        json_t *body = json_at(item, what);
        json_t *copy = json_is_object(body) ? json_copy(body) : json_object();
        json_object_set_new(copy, "_dir", json_string(dir));
        json_object_set_new(copy, "_file", json_string(path));
        json_object_set_new(into, name, copy);
    }
    return 0;
}

int
kubeconfig_merge(json_t *all, const json_t *file, const char *path, struct err *e)
{
    SCOPED(string) char *dir = folder_of(path);
    const char *current = NULL;

    if (dir == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if (!json_is_object(file))
        return err_set(e, ERR_INVALID, "kubeconfig %s is no map", path);
    if (merge_list(all, file, "clusters", "cluster", path, dir, e) < 0 ||
        merge_list(all, file, "users", "user", path, dir, e) < 0 ||
        merge_list(all, file, "contexts", "context", path, dir, e) < 0)
        return -1;
    if (json_opt_str(file, "current-context", &current, e) < 0)
        return err_wrap(e, "kubeconfig %s", path);
    if (current != NULL && *current != '\0' &&
        json_object_get(all, "current-context") == NULL)
        json_object_set_new(all, "current-context", json_string(current));
    return 0;
}

/* ---- one into a context ---- */

/* What fields are read from: an entry and how it is called in errors. */
struct entry {
    const json_t *body;
    const char *what, *name;
    json_t *warnings;
    struct err *e;
};

static int
complain(const struct entry *n, const char *why)
{
    return err_set(n->e, ERR_INVALID, "kubeconfig %s: %s \"%s\": %s",
                   json_str_or(n->body, "_file", ""), n->what, n->name, why);
}

static int
wrap(const struct entry *n)
{
    return err_wrap(n->e, "kubeconfig %s: %s \"%s\"", json_str_or(n->body, "_file", ""),
                    n->what, n->name);
}

/* Copies an optional text; "" counts as absent. */
static int
take_text(const struct entry *n, const char *field, char **out)
{
    const char *text = NULL;

    if (json_opt_str(n->body, field, &text, n->e) < 0)
        return wrap(n);
    if (text != NULL && *text != '\0' && (*out = strdup(text)) == NULL)
        return err_set(n->e, ERR_SYSTEM, "out of memory");
    return 0;
}

/* A path, taken from the folder of the file that names it. */
static int
take_path(const struct entry *n, const char *field, char **out)
{
    SCOPED(string) char *text = NULL;

    if (take_text(n, field, &text) < 0)
        return -1;
    if (text == NULL)
        return 0;
    if (text[0] == '/')
        *out = TAKE(text);
    else if (asprintf(out, "%s/%s", json_str_or(n->body, "_dir", "."), text) < 0)
        return err_set(n->e, ERR_SYSTEM, "out of memory");
    if (access(*out, R_OK) < 0)
        return err_set(n->e, ERR_INVALID, "kubeconfig %s: %s \"%s\": %s: %s: %s",
                       json_str_or(n->body, "_file", ""), n->what, n->name, field, *out,
                       strerror(errno));
    return 0;
}

static int
take_secret(const struct entry *n, const char *field, struct secret **out)
{
    const char *text = NULL;

    if (json_opt_str(n->body, field, &text, n->e) < 0)
        return wrap(n);
    if (text != NULL && *text != '\0' && (*out = secret_new(text, strlen(text))) == NULL)
        return err_set(n->e, ERR_SYSTEM, "out of memory");
    return 0;
}

/* `<field>-data` (base64 of PEM) wins over the file form. Exactly one of them is set. */
static int
take_pem(const struct entry *n, const char *field, char **file, struct buf *pem)
{
    char data_field[64];
    const char *data = NULL;

    snprintf(data_field, sizeof data_field, "%s-data", field);
    if (json_opt_str(n->body, data_field, &data, n->e) < 0)
        return wrap(n);
    if (data == NULL || *data == '\0')
        return take_path(n, field, file);
    if (json_at(n->body, field) != NULL)
        json_array_append_new(
            n->warnings, json_sprintf("%s \"%s\": %s is not used because %s is given",
                                      n->what, n->name, field, data_field));
    if (base64_decode(pem, data, strlen(data), n->e) < 0) {
        err_wrap(n->e, "%s", data_field);
        return wrap(n);
    }
    return 0;
}

static int
read_cluster(const struct entry *n, struct kubeconfig *c)
{
    struct buf pem = BUF_INIT;

    if (take_text(n, "server", &c->server) < 0 ||
        take_text(n, "proxy-url", &c->proxy) < 0 ||
        take_text(n, "tls-server-name", &c->server_name) < 0 ||
        take_pem(n, "certificate-authority", &c->ca_file, &pem) < 0) {
        buf_free(&pem);
        return -1;
    }
    if (pem.size > 0)
        c->ca_pem = buf_take(&pem);
    buf_free(&pem);
    if (json_opt_bool(n->body, "insecure-skip-tls-verify", &c->insecure, n->e) < 0)
        return wrap(n);
    if (c->server == NULL)
        return complain(n, "has no server");
    if (strncmp(c->server, "http://", 7) != 0 && strncmp(c->server, "https://", 8) != 0)
        return complain(n, "server must start with https:// or http://");
    if (c->insecure && (c->ca_pem != NULL || c->ca_file != NULL))
        return complain(
            n, "insecure-skip-tls-verify and a certificate-authority exclude each other");
    if (c->insecure)
        json_array_append_new(
            c->warnings,
            json_sprintf("cluster \"%s\": certificates are not verified", n->name));
    for (size_t size = strlen(c->server); size > 8 && c->server[size - 1] == '/'; size--)
        c->server[size - 1] = '\0';
    return 0;
}

/* A list of texts as an array that ends with NULL. */
static int
take_list(const struct entry *n, const json_t *list, const char *field, char ***out)
{
    size_t count = json_array_size(list);

    if ((*out = calloc(count + 1, sizeof **out)) == NULL)
        return err_set(n->e, ERR_SYSTEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL)
            return complain(n, field);
        if (((*out)[i] = strdup(text)) == NULL)
            return err_set(n->e, ERR_SYSTEM, "out of memory");
    }
    return 0;
}

static int
read_impersonation(const struct entry *n, struct kubeconfig *c)
{
    json_t *groups = NULL;
    json_t *extra = NULL;

    if (take_text(n, "as", &c->as) < 0 || take_text(n, "as-uid", &c->as_uid) < 0)
        return -1;
    if (json_opt_arr(n->body, "as-groups", &groups, n->e) < 0 ||
        json_opt_obj(n->body, "as-user-extra", &extra, n->e) < 0)
        return wrap(n);
    if (json_array_size(groups) > 0 &&
        take_list(n, groups, "as-groups must be a list of texts", &c->as_groups) < 0)
        return -1;
    if (json_object_size(extra) > 0)
        c->as_extra = json_deep_copy(extra);
    if (c->as == NULL &&
        (c->as_uid != NULL || c->as_groups != NULL || c->as_extra != NULL))
        return complain(n, "as-uid, as-groups and as-user-extra need as");
    return 0;
}

/* env: [{name, value}] as NAME=value. */
static int
read_exec_env(const struct entry *n, const json_t *list, struct kubeconfig_exec *x)
{
    size_t count = json_array_size(list);

    if ((x->env = calloc(count + 1, sizeof *x->env)) == NULL)
        return err_set(n->e, ERR_SYSTEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        const char *name;
        if (json_get_str(item, "name", &name, n->e) < 0) {
            err_wrap(n->e, "exec.env[%zu]", i);
            return wrap(n);
        }
        if (asprintf(&x->env[i], "%s=%s", name, json_str_or(item, "value", "")) < 0) {
            x->env[i] = NULL;
            return err_set(n->e, ERR_SYSTEM, "out of memory");
        }
    }
    return 0;
}

static int
check_exec(const struct entry *n, struct kubeconfig_exec *x)
{
    static const char *const v1 = "client.authentication.k8s.io/v1";

    if (x->command == NULL)
        return complain(n, "exec.command: is missing");
    if (x->api_version == NULL ||
        (strcmp(x->api_version, v1) != 0 &&
         strcmp(x->api_version, "client.authentication.k8s.io/v1beta1") != 0))
        return complain(
            n, "exec.apiVersion must be client.authentication.k8s.io/v1 or …/v1beta1");
    if (x->interactive_mode == NULL) {
        if (strcmp(x->api_version, v1) == 0)
            return complain(
                n, "exec.interactiveMode: is missing (Never, IfAvailable or Always)");
        x->interactive_mode = strdup("IfAvailable");
    }
    if (x->interactive_mode == NULL || (strcmp(x->interactive_mode, "Never") != 0 &&
                                        strcmp(x->interactive_mode, "Always") != 0 &&
                                        strcmp(x->interactive_mode, "IfAvailable") != 0))
        return complain(n, "exec.interactiveMode must be Never, IfAvailable or Always");
    return 0;
}

static int
read_exec(const struct entry *n, struct kubeconfig *c)
{
    json_t *exec = NULL, *args = NULL, *env = NULL;

    if (json_opt_obj(n->body, "exec", &exec, n->e) < 0)
        return wrap(n);
    if (exec == NULL)
        return 0;
    struct kubeconfig_exec *x = c->exec = calloc(1, sizeof *x);
    if (x == NULL)
        return err_set(n->e, ERR_SYSTEM, "out of memory");
    if (take_text(n, "exec.apiVersion", &x->api_version) < 0 ||
        take_text(n, "exec.command", &x->command) < 0 ||
        take_text(n, "exec.installHint", &x->install_hint) < 0 ||
        take_text(n, "exec.interactiveMode", &x->interactive_mode) < 0)
        return -1;
    if (json_opt_bool(exec, "provideClusterInfo", &x->provide_cluster_info, n->e) < 0 ||
        json_opt_arr(exec, "args", &args, n->e) < 0 ||
        json_opt_arr(exec, "env", &env, n->e) < 0)
        return wrap(n);
    if (take_list(n, args, "exec.args must be a list of texts", &x->args) < 0 ||
        read_exec_env(n, env, x) < 0 || check_exec(n, x) < 0)
        return -1;
    if (strchr(x->command, '/') != NULL && x->command[0] != '/') {
        char *full;
        if (asprintf(&full, "%s/%s", json_str_or(n->body, "_dir", "."), x->command) < 0)
            return err_set(n->e, ERR_SYSTEM, "out of memory");
        free(x->command);
        x->command = full;
    }
    return 0;
}

static int
read_user(const struct entry *n, struct kubeconfig *c)
{
    struct buf cert = BUF_INIT, key = BUF_INIT;
    char why[256];

    if (json_at(n->body, "auth-provider") != NULL) {
        if (json_at(n->body, "exec") != NULL)
            return complain(n, "auth-provider and exec exclude each other");
        snprintf(why, sizeof why,
                 "auth-provider \"%.60s\" is obsolete; use an exec plugin instead",
                 json_str_or(n->body, "auth-provider.name", ""));
        return complain(n, why);
    }
    int rc = take_pem(n, "client-certificate", &c->cert_file, &cert);
    if (rc == 0)
        rc = take_pem(n, "client-key", &c->key_file, &key);
    if (rc == 0 && cert.size > 0)
        c->cert_pem = buf_take(&cert);
    if (rc == 0 && key.size > 0)
        c->key_pem = secret_new(key.data, key.size);
    buf_free(&cert);
    buf_wipe(&key);
    if (rc < 0 || take_secret(n, "token", &c->token) < 0 ||
        take_path(n, "tokenFile", &c->token_file) < 0 ||
        take_text(n, "username", &c->username) < 0 ||
        take_secret(n, "password", &c->password) < 0 || read_impersonation(n, c) < 0 ||
        read_exec(n, c) < 0)
        return -1;
    bool have_cert = c->cert_file != NULL || c->cert_pem != NULL;
    bool have_key = c->key_file != NULL || c->key_pem != NULL;
    if (have_cert != have_key)
        return complain(n, have_cert ? "client-certificate without client-key"
                                     : "client-key without client-certificate");
    if (c->username != NULL && (c->token != NULL || c->token_file != NULL))
        return complain(n, "username and token exclude each other");
    return 0;
}

static const json_t *
find_entry(const json_t *all, const char *list, const char *what, const char *name,
           const char *context, struct err *e)
{
    const json_t *found = json_object_get(json_object_get(all, list), name);

    if (found == NULL && context == NULL)
        err_set(e, ERR_INVALID, "kubeconfig: %s \"%s\" does not exist", what, name);
    else if (found == NULL)
        err_set(e, ERR_INVALID,
                "kubeconfig: context \"%s\" names %s \"%s\", which does not exist",
                context, what, name);
    return found;
}

static void
name_sources(const json_t *all, struct kubeconfig *c)
{
    SCOPED(buf) struct buf text = BUF_INIT;
    json_t *path;
    size_t i;

    json_array_foreach(json_object_get(all, "files"), i, path)
        buf_printf(&text, "%s%s", i > 0 ? ":" : "", json_string_value(path));
    c->source = buf_take(&text);
}

/* The plug-in's own settings, from the cluster's extensions. */
static void
take_exec_config(const json_t *cluster, struct kubeconfig *c)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(cluster, "extensions"), i,
                       item) if (c->exec != NULL && c->exec->cluster_config == NULL &&
                                 strcmp(json_str_or(item, "name", ""),
                                        "client.authentication.k8s.io/exec") == 0)
        c->exec->cluster_config = json_deep_copy(json_object_get(item, "extension"));
}

static bool
given(const char *text)
{
    return text != NULL && *text != '\0';
}

/* The context to use and its name; one of the name "" and NULL where cluster and user are chosen
 * without any. */
static int
choose_context(const json_t *all, const struct kubeconfig_options *o, const char **name,
               const json_t **context, struct err *e)
{
    *name = given(o->context) ? o->context : json_str_or(all, "current-context", NULL);
    *context = NULL;
    if (*name == NULL && given(o->cluster) && given(o->user))
        *name = "";
    else if (*name == NULL)
        return err_set(e, ERR_NOT_FOUND, "kubeconfig: no current-context");
    else if ((*context = json_object_get(json_object_get(all, "contexts"), *name)) ==
             NULL)
        return err_set(e, ERR_INVALID, "kubeconfig: context \"%s\" does not exist",
                       *name);
    return 0;
}

struct kubeconfig *
kubeconfig_resolve(const json_t *all, const struct kubeconfig_options *o, struct err *e)
{
    const json_t *context;
    const char *name;

    if (choose_context(all, o, &name, &context, e) < 0)
        return NULL;
    const char *cluster_name =
        given(o->cluster) ? o->cluster : json_str_or(context, "cluster", "");
    const char *user_name = given(o->user) ? o->user : json_str_or(context, "user", "");
    if (*cluster_name == '\0' || *user_name == '\0') {
        err_set(e, ERR_INVALID, "kubeconfig: context \"%s\" has no %s", name,
                *cluster_name == '\0' ? "cluster" : "user");
        return NULL;
    }
    const json_t *cluster = find_entry(all, "clusters", "cluster", cluster_name,
                                       given(o->cluster) ? NULL : name, e);
    const json_t *user = cluster != NULL ? find_entry(all, "users", "user", user_name,
                                                      given(o->user) ? NULL : name, e)
                                         : NULL;
    SCOPED(kubeconfig) struct kubeconfig *c = calloc(1, sizeof *c);
    if (user == NULL || c == NULL)
        return NULL;
    json_t *warnings = json_object_get(all, "warnings");
    c->warnings = json_is_array(warnings) ? json_copy(warnings) : json_array();
    struct entry of_cluster = {cluster, "cluster", cluster_name, c->warnings, e};
    struct entry of_user = {user, "user", user_name, c->warnings, e};
    if (read_cluster(&of_cluster, c) < 0 || read_user(&of_user, c) < 0)
        return NULL;
    take_exec_config(cluster, c);
    name_sources(all, c);
    c->context = strdup(name);
    c->namespace_ = strdup(json_str_or(context, "namespace", "default"));
    if (c->namespace_ != NULL && c->namespace_[0] == '\0') {
        free(c->namespace_);
        c->namespace_ = strdup("default");
    }
    if (c->context == NULL || c->namespace_ == NULL || c->source == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    return TAKE(c);
}
