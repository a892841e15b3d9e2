/* agentmerge.h - several AgentConfigs as one, in the order in which they are added.
 *
 * Instructions are joined by an empty line; plugins and skills follow one another, a skill
 * that is there already is left out; an MCP server of a later one takes the place of the
 * earlier one of its name. */
#ifndef KELOS_RECONCILER_AGENTMERGE_H
#define KELOS_RECONCILER_AGENTMERGE_H

#include "common/buf.h"
#include "reconciler/view/pool.h"
#include "reconciler/view/view.h"

/* {0} is the empty one. `config` borrows the texts of what was added. */
struct agentmerge {
    struct agentconfig_view config;
    struct pool arena;
    struct buf agents_md;
};

void agentmerge_add(struct agentmerge *m, const struct agentconfig_view *a);

/* SCOPED(agentmerge) struct agentmerge m = {0}; */
void agentmerge_scoped_free(struct agentmerge *m);

#endif
