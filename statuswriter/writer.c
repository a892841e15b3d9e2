/* writer.c - see writer.h. */
#include "statuswriter/writer.h"

const struct kube_resource *
writer_resource(uint64_t kind, uint64_t profile)
{
    const char *plural = object_kind_plural((enum object_kind)kind);

    if (kind >= N_KINDS || profile >= N_PROFILES || plural == NULL)
        return NULL;
    return kube_res_find(object_kind_ours((enum object_kind)kind)
                             ? api_profile_group((enum api_profile)profile)
                             : NULL,
                         plural);
}
