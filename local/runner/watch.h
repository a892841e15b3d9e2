/* watch.h - one kind of object, listed and followed, as trees.
 *
 * Lists all pages, follows from there with bookmarks, resumes after an end, lists again
 * after 410. A failure is retried with back-off for ever. For each kind the runner keeps
 * what it must itself; this keeps nothing but the last version. */
#ifndef KELOS_LOCAL_RUNNER_WATCH_H
#define KELOS_LOCAL_RUNNER_WATCH_H

#include <jansson.h>

#include "common/kube/kube.h"
#include "common/loop.h"
#include "common/scoped.h"

struct watch;

struct watch_calls {
    /* The object is there; borrowed for the call (json_incref to keep). */
    void (*seen)(void *arg, json_t *object);
    /* It is no longer there. */
    void (*gone)(void *arg, json_t *object);
    /* A list begins: what is not seen before list_end, is gone. */
    void (*list_begin)(void *arg);
    void (*list_end)(void *arg);
    void *arg;
};

/* Starts. All are borrowed and must outlive the watch. Returns a watch the caller owns, or
 * NULL with *e set. */
struct watch *watch_new(struct kube *k, struct loop *loop, enum kube_res res,
                        const struct watch_calls *calls, struct err *e);
void watch_free(struct watch *w);
SCOPED_DEFINE(watch)

#endif
