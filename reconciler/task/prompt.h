/* prompt.h - a Task's prompt with the results of its dependencies. Pure. */
#ifndef KELOS_RECONCILER_PROMPT_H
#define KELOS_RECONCILER_PROMPT_H

#include "common/buf.h"
#include "reconciler/task/deps.h"

/* Adds the prompt to `out`: verbatim when the Task depends on nothing, else as a template
 * over .Deps. Returns 0; or -1 with *e saying what is wrong with the template, and `out` then
 * holds the raw prompt, which is what the agent gets. */
int prompt_render(const struct task_view *t, deps_lookup *lookup, void *arg,
                  struct buf *out, struct err *e);

#endif
