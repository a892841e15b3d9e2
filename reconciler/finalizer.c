/* finalizer.c - see finalizer.h. */
#include "reconciler/finalizer.h"

int
finalizer_patch(struct shard *s, unsigned kind, const struct meta *meta, const char *ours,
                bool with, kube_done_fn *done, void *arg, struct err *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < meta->finalizers.n; i++)
        if (strcmp(meta->finalizers.at[i], ours) != 0)
            json_array_append_new(list, json_string(meta->finalizers.at[i]));
    if (with)
        json_array_append_new(list, json_string(ours));
    SCOPED(json)
    json_t *body = json_pack("{s:{s:s,s:s,s:o}}", "metadata", "uid", meta->uid,
                             "resourceVersion", meta->version, "finalizers", list);
    const struct kube_request q = {.verb = KUBE_PATCH_MERGE,
                                   .res = shard_resource(kind, meta->profile),
                                   .ns = meta->ns,
                                   .name = meta->name,
                                   .body = body,
                                   .accept = KUBE_ACCEPT_META};
    return kube_call(s->kube, &q, done, arg, e) == NULL ? -1 : 0;
}
