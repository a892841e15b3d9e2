/* seed.h - what a data directory holds before the first request: namespaces, CRDs, token. */
#ifndef KELOS_LOCAL_APISERVER_SEED_H
#define KELOS_LOCAL_APISERVER_SEED_H

#include "local/apiserver/api.h"

/* Creates the namespaces and the node of this machine where they are missing, and applies
 * the CRDs of a directory (NULL: none) where they differ. Returns 0, or -1 with *e (the file
 * and why). */
int seed_objects(struct server *s, const char *crd_dir, struct err *e);

/* The bearer token, made on first use and kept. out holds 65 bytes. */
int seed_token(struct store *s, char *out, size_t size, struct err *e);

/* Writes a kubeconfig for http://127.0.0.1:port with mode 0600, by rename. */
int seed_kubeconfig(const char *path, int port, const char *token, struct err *e);

#endif
