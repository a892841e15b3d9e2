/* kubeconfig.h - where the cluster is and who we are: kubeconfig files and in-cluster
 * files. */
#ifndef KELOS_COMMON_KUBECONFIG_H
#define KELOS_COMMON_KUBECONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/scoped.h"
#include "common/secret.h"

/* What to look for; all may be NULL or 0. */
struct kubeconfig_options {
    const char *path; /* --kubeconfig: this file only, and it must exist */
    const char *env;  /* $KUBECONFIG */
    const char *home; /* $HOME */
    const char
        *fallback; /* a file tried after $KUBECONFIG and home (local mode's); NULL */
    const char *context;        /* --context */
    const char *cluster, *user; /* --cluster, --user: instead of the context's */
    bool in_cluster_first;      /* controllers: in-cluster before the home file */
    const char *service_host, *service_port; /* $KUBERNETES_SERVICE_HOST, _PORT */
    const char *service_dir;   /* NULL: /var/run/secrets/kubernetes.io/serviceaccount */
    const char *pod_namespace; /* $POD_NAMESPACE */
    const char *token;         /* --token: before all others */
};

struct kubeconfig_exec {
    char *api_version, *command, *install_hint;
    char **args;            /* ends with NULL */
    char **env;             /* "NAME=value", ends with NULL */
    char *interactive_mode; /* "Never", "IfAvailable", "Always" */
    bool provide_cluster_info;
    json_t
        *cluster_config; /* the cluster's client.authentication.k8s.io/exec extension */
};

/* The chosen context, resolved: file paths are absolute, *-data is decoded. */
struct kubeconfig {
    char *source; /* file(s) it came from, or "in-cluster": for messages */
    char *context;
    char *server;     /* base URL, may hold a path prefix; no slash at its end */
    char *namespace_; /* of the context or the Pod; "default" */
    char *ca_file, *ca_pem, *server_name, *proxy;
    bool insecure;
    char *cert_file, *key_file, *cert_pem;
    struct secret *key_pem;
    struct secret *token;
    char *token_file;
    char *username;
    struct secret *password;
    struct kubeconfig_exec *exec; /* NULL: none */
    char *as, *as_uid;
    char **as_groups; /* ends with NULL */
    json_t *as_extra; /* {"key": ["value"]} or NULL */
    json_t *warnings; /* texts for the user: data beside file, missing files … */
};

/* Reads the environment into *o (borrowed from environ); fields that are set stay. */
void kubeconfig_options_from_env(struct kubeconfig_options *o);

/* Finds, merges, resolves. Returns what the caller owns, or NULL: ERR_NOT_FOUND (nothing
 * is configured), ERR_INVALID (which file, which field). */
struct kubeconfig *kubeconfig_load(const struct kubeconfig_options *o, struct err *e);
void kubeconfig_free(struct kubeconfig *c);
SCOPED_DEFINE(kubeconfig)

#endif
