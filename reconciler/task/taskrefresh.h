/* taskrefresh.h - keeps a running Task's GitHub token fresh, beside the Task's own decisions.
 *
 * Nothing here makes a Task wait: what is asked for comes back to the queue as the Task's key.
 */
#ifndef KELOS_RECONCILER_TASKREFRESH_H
#define KELOS_RECONCILER_TASKREFRESH_H

#include "reconciler/shard.h"
#include "reconciler/auth/tokenkeep.h"

struct credential;
struct task_memory;
struct refresh; /* what is under way */

/* The Task's token was made just now, of `app_secret`, or (NULL) it is no App's. */
void refresh_made(struct token_known *t, const char *app_secret,
                  const struct credential *c);

/* Does what token_judge says is due. */
void refresh_step(struct shard *s, const char *key, struct task_memory *m);

/* Forgets what is under way; NULL is allowed. */
void refresh_free(struct refresh *r);

#endif
