/* relabel.h - an object left a watch's label selector: is it deleted, or did it only lose the
 * label? A GET by name tells. */
#ifndef KELOS_WATCHER_RELABEL_H
#define KELOS_WATCHER_RELABEL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/kube/kube.h"
#include "common/data/project.h"
#include "watcher/kinds.h"

struct relabel;

/* The answer for one object: `gone`, or its state now (id and projection, borrowed). */
typedef void relabel_fn(void *arg, const struct object_id *id, const void *doc,
                        size_t size, bool gone);

struct relabel *relabel_new(struct kube *kube, const struct watched *watched,
                            relabel_fn *fn, void *arg);
/* Ends what is under way; NULL is allowed. Before kube_free. */
void relabel_free(struct relabel *l);

/* Asks; fn is called later. -1 when it cannot be asked: take it as deleted. */
int relabel_look(struct relabel *l, const struct object_id *id);

#endif
