/* poisoned.c - the real kelos-reconciler, linked with --wrap, that really dies of some objects
 * while the file $KELOS_TEST_POISON exists: of Tasks with "poison-decide" in their prompt when
 * it decides about them, of those with "poison-build" when it makes their Job, in a callback, of
 * those with "poison-read" and of Workspaces with it in their ref when they are read. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/task/prompt.h"
#include "reconciler/task/task.h"

static void
taste(const char *text, const char *what)
{
    const char *poison = getenv("KELOS_TEST_POISON");

    if (poison != NULL && access(poison, F_OK) == 0 && text != NULL &&
        strstr(text, what) != NULL)
        abort();
}

void __real_task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d);
void __wrap_task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d);

void
__wrap_task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d)
{
    taste(f->task->prompt, "poison-decide");
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
    taste(t->prompt, "poison-build");
    return __real_prompt_render(t, lookup, arg, out, e);
}

view_reader __real_task_view_read, __wrap_task_view_read, __real_workspace_view_read,
    __wrap_workspace_view_read;

int
__wrap_task_view_read(struct view *v, const json_t *object, struct err *e)
{
    taste(json_str_or(object, "spec.prompt", NULL), "poison-read");
    return __real_task_view_read(v, object, e);
}

int
__wrap_workspace_view_read(struct view *v, const json_t *object, struct err *e)
{
    taste(json_str_or(object, "spec.ref", NULL), "poison-read");
    return __real_workspace_view_read(v, object, e);
}
