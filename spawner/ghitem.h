/* ghitem.h - from what is known of an issue or pull request to a work item. Pure. */
#ifndef KELOS_SPAWNER_GHITEM_H
#define KELOS_SPAWNER_GHITEM_H

#include "spawner/ghreview.h"
#include "spawner/items.h"

struct gh_found {
    const json_t *issue; /* as ghissue.h has it; borrowed, like the next */
    struct gh_parts parts;
    /* out */
    int64_t trigger_ms; /* when somebody asked for it last; 0: unknown */
    bool cut; /* excluded by the files that were looked at, and there are more */
};

/* Whether the filter's rules about parts and comments let the item pass; `why` (NULL: nobody
 * asks) gets the rule that excludes it. GH_UNKNOWN: a part is missing, or who may give
 * commands cannot be known. */
enum gh_verdict ghitem_judge(const struct ghfilter *f, struct gh_found *found,
                             ghpolicy_may_fn *may, void *arg, struct buf *why);

/* Adds it to the set. */
void ghitem_add(struct items *set, const struct ghfilter *f,
                const struct gh_found *found);

#endif
