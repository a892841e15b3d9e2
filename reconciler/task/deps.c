/* deps.c - see deps.h. */
#include "reconciler/task/deps.h"

#include <czmq.h>

/* The colours of the search. White is "not in the table". */
static char grey[] = "grey", black[] = "black";

/* One Task on the path from the start, and the entry of it that is looked at next. */
struct step {
    const struct task_view *task;
    size_t next;
};

struct search {
    deps_lookup *lookup;
    void *arg;
    zhashx_t *colour; /* name -> grey or black; owned */
    struct step
        *path; /* owned: the depth is bounded by the number of Tasks, not by the stack */
    size_t depth, room;
};

static void
push(struct search *s, const struct task_view *t)
{
    if (s->depth == s->room) {
        s->room = s->room > 0 ? s->room * 2 : 16;
        if ((s->path = reallocarray(s->path, s->room, sizeof *s->path)) == NULL)
            abort();
    }
    s->path[s->depth++] = (struct step){t, 0};
    zhashx_update(s->colour, t->view.meta.name, grey);
}

/* Depth-first with three colours: each Task is opened once, so a diamond costs nothing. A
 * Task that has succeeded ends its path; one that has failed may have failed of the cycle. */
static const char *
find_cycle(const struct task_view *t, deps_lookup *lookup, void *arg)
{
    struct search s = {.lookup = lookup, .arg = arg, .colour = zhashx_new()};
    const char *closed = NULL;

    push(&s, t);
    while (s.depth > 0 && closed == NULL) {
        struct step *top = &s.path[s.depth - 1];
        if (top->next == top->task->depends_on.n) {
            zhashx_update(s.colour, top->task->view.meta.name, black);
            s.depth--;
            continue;
        }
        const char *name = top->task->depends_on.at[top->next++];
        const char *colour = zhashx_lookup(s.colour, name);
        if (colour == grey) {
            closed = name;
        } else if (colour == NULL) {
            const struct task_view *dep = lookup(arg, t, name);
            if (dep != NULL && dep->phase != PHASE_SUCCEEDED)
                push(&s, dep);
        }
    }
    free(s.path);
    zhashx_destroy(&s.colour);
    return closed;
}

struct deps
deps_judge(const struct task_view *t, deps_lookup *lookup, void *arg)
{
    struct deps first = {DEPS_READY, NULL};
    const char *closed = t->depends_on.n > 0 ? find_cycle(t, lookup, arg) : NULL;

    if (closed != NULL)
        return (struct deps){DEPS_CYCLE, closed};
    for (size_t i = 0; i < t->depends_on.n; i++) {
        const struct task_view *dep = lookup(arg, t, t->depends_on.at[i]);
        if (dep != NULL && dep->phase == PHASE_FAILED)
            return (struct deps){DEPS_FAILED, t->depends_on.at[i]};
        if (first.state != DEPS_READY)
            continue;
        if (dep == NULL)
            first = (struct deps){DEPS_ABSENT, t->depends_on.at[i]};
        else if (dep->phase != PHASE_SUCCEEDED)
            first = (struct deps){DEPS_WAITING, t->depends_on.at[i]};
    }
    return first;
}

struct texts
deps_uids(const struct task_view *t, deps_lookup *lookup, void *arg, struct pool *a)
{
    struct texts uids = {NULL, 0};

    if (t->depends_on.n > 0)
        uids.at = pool_alloc(a, t->depends_on.n * sizeof *uids.at);
    for (; uids.n < t->depends_on.n; uids.n++) {
        const struct task_view *dep = lookup(arg, t, t->depends_on.at[uids.n]);
        uids.at[uids.n] = pool_str(a, dep != NULL ? dep->view.meta.uid : "");
    }
    return uids;
}

bool
deps_hold(const struct task_view *t, const struct texts *uids, deps_lookup *lookup,
          void *arg)
{
    if (uids->n != t->depends_on.n)
        return false;
    for (size_t i = 0; i < uids->n; i++) {
        const struct task_view *dep = lookup(arg, t, t->depends_on.at[i]);
        if (dep == NULL)
            return false;
        if (strcmp(dep->view.meta.uid, uids->at[i]) != 0)
            return false;
    }
    return true;
}
