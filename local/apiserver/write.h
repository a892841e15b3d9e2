/* write.h - POST, PUT and PATCH. */
#ifndef KELOS_LOCAL_APISERVER_WRITE_H
#define KELOS_LOCAL_APISERVER_WRITE_H

#include "local/apiserver/admit.h"

void write_create(struct server *s, const struct call *c, const struct target *t,
                  struct reply *r);
void write_put(struct server *s, const struct call *c, const struct target *t,
               struct reply *r);
void write_patch(struct server *s, const struct call *c, const struct target *t,
                 struct reply *r);

/* Stores a new, decoded object. Returns 0 with *obj as stored (dry: as it would be). */
int write_new(struct server *s, const struct call *c, const struct target *t, json_t *obj,
              enum validation v, struct reply *r, struct fault *f);
/* Replaces old by obj; 0 with obj as stored. Nothing is written when nothing changed. An
 * object that is being deleted and has lost its last finalizer goes; *gone says so. */
int write_over(struct server *s, const struct call *c, const struct target *t,
               json_t *obj, const json_t *old, enum validation v, struct reply *r,
               struct fault *f);

/* The namespace exists and takes new objects: 0, or -1 with 404 or 403. */
int write_namespace_open(struct server *s, const struct target *t, struct fault *f);

#endif
