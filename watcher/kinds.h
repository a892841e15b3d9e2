/* kinds.h - the table of what is watched, and what is kept of each object. */
#ifndef KELOS_WATCHER_KINDS_H
#define KELOS_WATCHER_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/kube/kube.h"
#include "common/data/project.h"
#include "proto/message.h"

struct watched {
    enum object_kind kind;
    enum api_profile profile; /* of built-in kinds: KELOS */
    enum kube_res res;
    const char *selector; /* label selector or NULL */
    const struct projection *projection;
    bool metadata_only; /* the server is asked for metadata and for nothing else; where it
                         * refuses, the rest goes on without */
};

#define WATCHED_MAX 16

/* What is only watched when it is asked for. */
enum { KINDS_WORKLOADS = 1, KINDS_SECRETS = 2 };

/* The rows for a list of API groups ("kelos.dev,axon.io") and these besides, in the table's
 * order. Returns how many were written to out[WATCHED_MAX], or -1 with ERR_INVALID that names
 * the group. */
int kinds_select(const char *groups, unsigned with, struct watched *out, struct err *e);

#endif
