/* kube_auth.h - the credentials of a Kubernetes client, kept fresh. */
#ifndef KELOS_COMMON_KUBE_AUTH_H
#define KELOS_COMMON_KUBE_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/http/http.h"
#include "common/kube/kube.h"
#include "common/kube/kubeconfig.h"
#include "common/scoped.h"

struct kube_auth;

/* Takes *config. Reads CA and certificates; NULL with *e set when they cannot be used. */
struct kube_auth *kube_auth_new(struct kubeconfig **config, struct err *e);
void kube_auth_free(struct kube_auth *a);
SCOPED_DEFINE(kube_auth)

void kube_auth_plugin(struct kube_auth *a, kube_credential_fn *fn, void *arg);

/* Brings everything up to date: token file (every 50 s), CA and client certificate (every 5
 * minutes), plug-in (when expired). *changed_tls is set when new connections must be made.
 * -1 only when there is no usable credential at all. */
int kube_auth_refresh(struct kube_auth *a, int64_t now_ms, bool *changed_tls,
                      struct err *e);

/* A 401 for a request that was started with `generation`: drops the token if it is still that
 * one, and reads anew. Returns true when a repeat makes sense (once). */
bool kube_auth_renew(struct kube_auth *a, unsigned generation, int64_t now_ms,
                     struct err *e);
/* The server's certificate was refused: a CA bundle in a file may have been replaced since it
 * was read. The next refresh reads it, at most once a second. */
void kube_auth_doubt(struct kube_auth *a, int64_t now_ms);
unsigned kube_auth_generation(const struct kube_auth *a);

/* How to connect; borrowed until the next refresh. */
const struct http_transport *kube_auth_transport(const struct kube_auth *a);

/* The headers Authorization and Impersonate-*: each is given to fn as "Name: value". */
int kube_auth_headers(const struct kube_auth *a, int (*fn)(void *arg, const char *line),
                      void *arg);

const struct kubeconfig *kube_auth_config(const struct kube_auth *a);

#endif
