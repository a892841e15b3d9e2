/* pods.c - which of a Job's Pods speaks for it, and what became of the agent in it. */
#include <string.h>

#include "reconciler/task/task.h"

const struct pod_view *
pods_choose(const struct pod_view *const *pods, size_t n)
{
    const struct pod_view *best = NULL;

    for (size_t i = 0; i < n; i++) {
        const struct pod_view *p = pods[i];
        bool ok = strcmp(p->phase, "Succeeded") == 0;
        bool best_ok = best != NULL && strcmp(best->phase, "Succeeded") == 0;
        bool newer = best == NULL ||
                     p->view.meta.created_ms > best->view.meta.created_ms ||
                     (p->view.meta.created_ms == best->view.meta.created_ms &&
                      strcmp(p->view.meta.name, best->view.meta.name) > 0);
        if (best == NULL || (ok && !best_ok) || (ok == best_ok && newer))
            best = p;
    }
    return best;
}

const struct container_end *
pods_agent_end(const struct pod_view *pod, const char *type)
{
    for (size_t i = 0; pod != NULL && i < pod->n_ends; i++) {
        const struct container_end *c = &pod->ends[i];
        if (strcmp(c->name, type) == 0 || strcmp(c->name, "kelos-agent") == 0)
            return c;
    }
    return NULL;
}
