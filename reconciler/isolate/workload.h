/* workload.h - the Deployment or CronJob that runs the source of a TaskSpawner in a Pod of its
 * own. Pure.
 *
 * The Pod runs kelos-spawner, which dials the controller with the key of its TaskSpawner. It
 * holds the credential of its source and none of the cluster: the token of its ServiceAccount is
 * not mounted. */
#ifndef KELOS_RECONCILER_WORKLOAD_H
#define KELOS_RECONCILER_WORKLOAD_H

#include "reconciler/view/view.h"

/* Environment of the Pod, and key of the Secret, with the Pod's bus key. */
#define WORKLOAD_BUS_KEY "KELOS_BUS_KEY"
/* CronJob names end in their Jobs' names, which end in eleven characters of their own. */
#define WORKLOAD_CRON_NAME_MAX 52

struct workload_wish {
    const struct spawner_view *spawner;
    const struct workspace_view *workspace; /* NULL without one */
    bool app;                               /* the Workspace's Secret is a GitHub App's */
    const char *github_api; /* of repositories on github.com; "" : GitHub's own */
    const char *bus_mark; /* changes with the bus key, so that the Pod is started anew */
    int64_t shard;        /* whose port is dialled */
    const struct isolation *isolation;
};

/* Whether the TaskSpawner has a Pod of its own. `wrong` (room bytes) says why it cannot be as
 * its annotation wants, or is "". */
bool workload_wanted(const struct spawner_view *v, const struct isolation *o, char *wrong,
                     size_t room);

/* KIND_DEPLOYMENT or KIND_CRON_JOB. */
unsigned workload_kind(const struct spawner_view *v);
/* "<name>-bus", written into out (254 bytes and more). */
void workload_secret_name(const char *spawner, char *out, size_t room);

/* The whole object. The caller owns. */
json_t *workload_build(const struct workload_wish *w);
/* The Secret with the bus key, the same for as long as the key is. The caller owns. */
json_t *workload_secret(const struct meta *spawner, const char *bus_key);

/* The merge patch that makes `live` what `want` says, bound to live's uid and version. NULL when
 * all that we set is there: what the API server or others added is left alone. The caller owns. */
json_t *workload_patch(const json_t *want, const json_t *live);

#endif
