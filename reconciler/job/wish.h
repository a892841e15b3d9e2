/* wish.h - which API, and which repository there, a TaskSpawner wants to be polled. Pure. */
#ifndef KELOS_RECONCILER_WISH_H
#define KELOS_RECONCILER_WISH_H

#include "reconciler/job/repo.h"
#include "reconciler/view/view.h"

struct wish {
    char api_base[600]; /* "" : the type's own */
    struct repo repo;   /* of GitHub sources */
};

/* Fills *out for the spawner, whose Workspace is `w` (NULL where it has none). Returns 0, or -1
 * with ERR_INVALID: the repository names no owner. */
int wish_make(const struct spawner_view *v, const struct workspace_view *w,
              struct wish *out, struct err *e);

/* The repository: the override's, on the Workspace's host when it names none, else the
 * Workspace's. */
void wish_repo(const struct spawner_view *v, const struct workspace_view *w,
               struct repo *out);

/* "github", "jira", "cron": what the types are called on the bus. */
const char *wish_type(enum source_kind k);

#endif
