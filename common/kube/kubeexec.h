/* kubeexec.h - exec credential plugins of a kubeconfig (EKS, GKE, AKS …). For the CLI only:
 * workers have no execve, and nothing else links this file. */
#ifndef KELOS_COMMON_KUBEEXEC_H
#define KELOS_COMMON_KUBEEXEC_H

#include "common/kube/kube.h"

struct kubeexec;

struct kubeexec_options {
    int64_t timeout_ms; /* 0: 60 s */
    bool terminal;      /* stdin is a terminal that a plugin may use */
};

/* Runs the plugin of the client's kubeconfig whenever it needs a credential: before the first
 * request, when the last one expired, and once after a 401. Without a plugin in the kubeconfig
 * this does nothing. Returns what the caller frees after kube_free, or NULL with *e set. */
struct kubeexec *kubeexec_attach(struct kube *k, const struct kubeexec_options *o,
                                 struct err *e);
void kubeexec_free(struct kubeexec *x);
SCOPED_DEFINE(kubeexec)

/* Reads a plugin's answer, which must carry `api_version`. Returns 0 with *out (its parts are
 * the caller's), or -1 with ERR_INVALID. */
int kubeexec_read(const char *bytes, size_t size, const char *api_version,
                  struct kube_credential *out, struct err *e);

#endif
