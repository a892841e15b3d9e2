/* gc.h - what goes on after writes: the collector of dependents, emptying of namespaces, old
 * Events. All work is noted in the store, so that a restart goes on with it. */
#ifndef KELOS_LOCAL_APISERVER_GC_H
#define KELOS_LOCAL_APISERVER_GC_H

#include "local/apiserver/api.h"

/* Notes what a write of this object means for others; within its transaction. */
int gc_note(struct server *s, const struct resource *r, char type, const json_t *obj,
            const json_t *old, struct err *e);

/* Does at most `steps` pieces of noted work. Returns 1 when more is left, 0 when all is done,
 * -1 with *e. The caller commits. */
int gc_run(struct server *s, int steps, struct err *e);

/* Removes Events older than an hour and prunes the change log. */
int gc_age(struct server *s, struct err *e);

#endif
