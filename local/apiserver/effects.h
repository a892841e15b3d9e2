/* effects.h - what follows from a write: watchers wake, CRDs become resources, the collector
 * gets work. */
#ifndef KELOS_LOCAL_APISERVER_EFFECTS_H
#define KELOS_LOCAL_APISERVER_EFFECTS_H

#include "local/apiserver/api.h"

/* Called once per write, within its transaction; type as in struct row. */
int effects_after(struct server *s, const struct resource *r, char type,
                  const json_t *obj, const json_t *old, struct fault *f);

/* Reads all CRDs again: at start, and after a transaction was lost. */
int effects_reload(struct server *s, struct err *e);

#endif
