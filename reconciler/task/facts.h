/* facts.h - what a decision about a Task depends on, as the shard has it now. */
#ifndef KELOS_RECONCILER_FACTS_H
#define KELOS_RECONCILER_FACTS_H

#include "reconciler/task/taskmemory.h"

/* Gathers all that task_decide needs; borrowed until the next event. *m learns what was seen. */
struct task_facts facts_gather(struct shard *s, const struct task_view *t,
                               struct task_memory *m);
/* A deps_lookup with the shard as its argument. */
const struct task_view *facts_lookup(void *arg, const struct task_view *of,
                                     const char *name);

#endif
