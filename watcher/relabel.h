/* relabel.h - an object left a watch's label selector: is it deleted, or did it only lose the
 * label? A GET by name tells. Who deleted it may know as well: for him is waited a moment. */
#ifndef KELOS_WATCHER_RELABEL_H
#define KELOS_WATCHER_RELABEL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/kube/kube.h"
#include "common/loop.h"
#include "common/data/project.h"
#include "watcher/kinds.h"

struct relabel;

/* The answer for one object: `gone`, or its state now (id and projection, borrowed). */
typedef void relabel_fn(void *arg, const struct object_id *id, const void *doc,
                        size_t size, bool gone);

struct relabel *relabel_new(struct kube *kube, struct loop *loop,
                            const struct watched *watched, relabel_fn *fn, void *arg);
/* Ends what is under way; NULL is allowed. Before kube_free. */
void relabel_free(struct relabel *l);

/* Asks; fn is called later. -1 when it cannot be asked: take it as deleted. */
int relabel_look(struct relabel *l, const struct object_id *id);
/* The object of that uid is deleted, the server said so: who asks for it has the answer. */
void relabel_deleted(struct relabel *l, const char *uid);

#endif
