/* runplan.h - all that kelos run is going to write, settled before anything is written. */
#ifndef KELOS_CLI_RUNPLAN_H
#define KELOS_CLI_RUNPLAN_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/dialect.h"
#include "common/err.h"

#define INLINE_WORKSPACE (dialect()->workspace)
#define INLINE_SECRET (dialect()->workspace_secret)

struct runplan {
    json_t *credential;       /* keys of Secret kelos-credentials; NULL: none to write */
    json_t *workspace_secret; /* keys of Secret kelos-workspace-credentials; NULL: none */
    json_t *workspace;        /* spec of Workspace kelos-workspace; NULL: none */
    json_t *task;
};

/* Reads flags, configuration and the files they name. The Task has no namespace yet.
 * Returns 0 with *out filled (release with runplan_free), or -1 with *e set. Contacts
 * nothing. */
int runplan_make(struct cli *c, struct runplan *out, struct err *e);
void runplan_free(struct runplan *p);

/* The objects in the order in which they are written, the Task last; the caller owns. */
json_t *runplan_objects(const struct runplan *p, const char *ns);

#endif
