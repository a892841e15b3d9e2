/* poisoned.c - the real kelos-reconciler, linked with --wrap, that really dies of two kinds of
 * Task while the file $KELOS_TEST_POISON exists: of prompts with "poison-decide" when it
 * decides about them, of those with "poison-build" when it makes their Job, in a callback. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/task/prompt.h"
#include "reconciler/task/task.h"

static void
taste(const struct task_view *t, const char *what)
{
    const char *poison = getenv("KELOS_TEST_POISON");

    if (poison != NULL && access(poison, F_OK) == 0 && strstr(t->prompt, what) != NULL)
        abort();
}

void __real_task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d);
void __wrap_task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d);

void
__wrap_task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    taste(f->task, "poison-decide");
    __real_task_decide(f, now_ms, d);
}

int __real_prompt_render(const struct task_view *t, deps_lookup *lookup, void *arg,
                         struct buf *out, struct err *e);
int __wrap_prompt_render(const struct task_view *t, deps_lookup *lookup, void *arg,
                         struct buf *out, struct err *e);

int
__wrap_prompt_render(const struct task_view *t, deps_lookup *lookup, void *arg,
                     struct buf *out, struct err *e)
{
    taste(t, "poison-build");
    return __real_prompt_render(t, lookup, arg, out, e);
}
