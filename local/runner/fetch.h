/* fetch.h - gets the Secrets and ConfigMaps that a Pod names, all at once. */
#ifndef KELOS_LOCAL_RUNNER_FETCH_H
#define KELOS_LOCAL_RUNNER_FETCH_H

#include <jansson.h>

#include "common/kube/kube.h"
#include "common/scoped.h"
#include "local/runner/refs.h"

struct fetch;

/* Called once from the loop, unless fetch_free came first. `values` (refs.h) is borrowed.
 * *why is ERR_NONE, or says what could not be asked for; an object that does not exist is
 * no error but null among the values. The fetch is freed after the call. */
typedef void fetch_done_fn(void *arg, json_t *values, const struct err *why);

/* Starts. Returns a fetch that is valid until `done`, or NULL with *e set. With nothing to
 * fetch, `done` is called before this returns NULL and *e stays ERR_NONE. */
struct fetch *fetch_start(struct kube *k, const char *ns, const struct refs *refs,
                          fetch_done_fn *done, void *arg, struct err *e);
void fetch_free(struct fetch *f);
SCOPED_DEFINE(fetch)

#endif
