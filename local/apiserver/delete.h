/* delete.h - DELETE of objects and collections. */
#ifndef KELOS_LOCAL_APISERVER_DELETE_H
#define KELOS_LOCAL_APISERVER_DELETE_H

#include "local/apiserver/api.h"

enum propagation {
    PROPAGATE_DEFAULT,
    PROPAGATE_BACKGROUND,
    PROPAGATE_FOREGROUND,
    PROPAGATE_ORPHAN
};

struct delete_options {
    enum propagation propagation;
    int64_t grace;             /* seconds, -1: not given */
    const char *uid, *version; /* preconditions, NULL: none */
    bool dry;
};

void delete_object(struct server *s, const struct call *c, const struct target *t,
                   struct reply *r);
void delete_collection(struct server *s, const struct call *c, const struct target *t,
                       struct reply *r);

/* Deletes one object: at once, or by marking it when finalizers, dependents or its runner come
 * first. obj is the stored state and becomes what is told of. Returns 1 when it is gone, 0 when
 * it was marked, -1 with *f. */
int delete_one(struct server *s, struct resource *r, json_t *obj,
               const struct delete_options *o, struct fault *f);

#endif
