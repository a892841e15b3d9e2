/* pods.h - the Pods of this machine: takes them, runs them, says how they are, ends them.
 *
 * What runs is known from the disk (claims and exit files), so that a runner that was
 * killed goes on where it was. D/pods/<uid>/<container>/ holds logs and exit files until
 * the Pod object is gone; D/pods/<uid>/.volumes/ until its containers have ended. */
#ifndef KELOS_LOCAL_RUNNER_PODS_H
#define KELOS_LOCAL_RUNNER_PODS_H

#include <jansson.h>

#include "common/kube/kube.h"
#include "common/loop.h"
#include "common/scoped.h"
#include "local/runner/image.h"

struct pods;

struct pods_options {
    const char *dir;     /* D/pods, exists */
    const char *monitor; /* the kelos-monitor program */
    const char *node;    /* spec.nodeName of what runs here */
    struct image_host host;
    struct buf filter;           /* seccomp program, may be empty; taken */
    void (*on_start)(void *arg); /* a container was started: for metrics; may be NULL */
    void (*on_count)(void *arg, size_t active); /* likewise: how many have not ended */
    void *arg;
};

/* All are borrowed and must outlive the result. The caller owns it; NULL with *e set. */
struct pods *pods_new(struct kube *k, struct loop *loop, const struct pods_options *o,
                      struct err *e);
/* Forgets all Pods; what runs goes on running. */
void pods_free(struct pods *p);
SCOPED_DEFINE(pods)

/* The Pod is there, or gone. */
void pods_seen(struct pods *p, json_t *pod);
void pods_gone(struct pods *p, json_t *pod);
/* A list begins; at its end, Pods that were not seen are ended and their files removed. */
void pods_list_begin(struct pods *p);
void pods_list_end(struct pods *p);

/* Ends a Pod's containers; it becomes Failed with this reason, its log is kept. */
void pods_fail(struct pods *p, const char *uid, const char *reason, const char *message);
#endif
