/* apply.h - server-side apply. */
#ifndef KELOS_LOCAL_APISERVER_APPLY_H
#define KELOS_LOCAL_APISERVER_APPLY_H

#include "local/apiserver/api.h"

/* Merges what `manager` wants to own into the object (old NULL: it becomes the object): fields
 * it gave up go when nobody else owns them, fields of others that differ are conflicts unless
 * forced. metadata.managedFields of the result is the new ownership. Returns a tree the caller
 * owns, or NULL with *f (409 with causes FieldManagerConflict). */
json_t *apply_merge(struct server *s, struct resource *r, const char *sub,
                    const char *manager, bool force, const json_t *config,
                    const json_t *old, struct fault *f);

/* Stores the merged object over the old one with the new ownership. */
int apply_over(struct server *s, const struct call *c, const struct target *t,
               json_t *obj, const json_t *old, json_t *managed, struct reply *r,
               struct fault *f);

#endif
