/* strategy.h - what single built-in types do besides their schema. */
#ifndef KELOS_LOCAL_APISERVER_STRATEGY_H
#define KELOS_LOCAL_APISERVER_STRATEGY_H

#include "local/apiserver/api.h"

/* Fills in what the type derives (a Job's selector, a Secret's data, a Pod's phase). old is
 * NULL on create. Runs after defaults. */
void strategy_prepare(struct server *s, const struct resource *r, json_t *obj,
                      const json_t *old);

/* Adds causes for what the schema cannot say. */
void strategy_validate(struct server *s, const struct resource *r, const json_t *obj,
                       const json_t *old, json_t *causes);

/* Does the generation move from old to obj? (status and metadata apart) */
bool strategy_generation_moves(const struct resource *r, const json_t *obj,
                               const json_t *old);

/* Is a new object's status kept when it comes with the create? */
bool strategy_keeps_status(const struct resource *r);

/* batch/v1 Jobs orphan their Pods when DELETE names no policy. */
bool strategy_orphans(const struct resource *r);

/* Seconds that a deletion waits for whoever runs the object: Pods that were placed and have
 * not ended. `asked` is gracePeriodSeconds or -1. */
int64_t strategy_grace(const struct resource *r, const json_t *obj, int64_t asked);

#endif
