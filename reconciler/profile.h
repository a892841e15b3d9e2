/* profile.h - what differs between the two API groups, and the images of a controller.
 *
 * Everything that is named after the product stands in one row per group: no other place
 * asks which group an object is of. */
#ifndef KELOS_RECONCILER_PROFILE_H
#define KELOS_RECONCILER_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/value/agent.h"
#include "common/value/resourcelist.h"

struct profile {
    const char *group;       /* "kelos.dev" */
    const char *api_version; /* "kelos.dev/v1alpha1" */
    const char *task_finalizer;
    const char *spawner_finalizer;
    const char *label_task;       /* on Jobs and Pods: the Task's name */
    const char *label_spawner;    /* on spawned Tasks: the TaskSpawner's name */
    const char *note_ordinal;     /* annotation: the how many-th Task of its spawner */
    const char *note_creating;    /* annotation of a TaskSpawner: intent.h */
    const char *note_revision;    /* annotation: which revision of the work item */
    const char *note_isolation;   /* annotation of a TaskSpawner: process or pod */
    const char *note_bus_mark;    /* annotation of its Pod: which bus key it has */
    const char *note_cancel;      /* annotation: "true" ends a Task */
    const char *note_kind;        /* annotation: issue or pull-request */
    const char *note_number;      /* annotation: its number */
    const char *label_credential; /* on spawned Tasks: which of several they got */
    const char *note_sha;         /* annotation: head commit of a pull request */
    const char *label_name;       /* app.kubernetes.io/name */
    const char *managed_by;       /* app.kubernetes.io/managed-by */
    const char *entrypoint;       /* the agent's command */
    const char *env_model;        /* set besides KELOS_MODEL; NULL: nothing */
    const char *spawner_account;  /* ServiceAccount and RoleBinding of a namespace */
    const char *spawner_role;     /* ClusterRole that the binding names */
    bool task_results;     /* status.results, usage, conditions are in the schema */
    bool task_conditions;  /* TaskSpawner status.conditions is in the schema */
    bool task_waiting;     /* phase Waiting is in the schema */
    bool retry_disruption; /* backoffLimit 1 and podFailurePolicy, else 0 and none */
    bool codex_oauth_file; /* codex with oauth reads CODEX_AUTH_JSON */
    bool events;           /* Events are emitted */
    /* By enum agent_type; used when no flag names one. */
    const char *default_images[AGENT_TYPES];
};

/* `index` is enum api_profile of proto/message.h; NULL when there is no such group. */
const struct profile *profile_of(unsigned index);
/* How many there are. */
unsigned profile_count(void);
/* The index of the group with that apiVersion, or -1. */
int profile_by_api_version(const char *api_version);

/* What the controller's flags say about images; a NULL image means the profile's default. */
struct images {
    const char *image[AGENT_TYPES];
    const char *pull_policy[AGENT_TYPES]; /* NULL: the cluster's default */
    const char *git;                      /* of clone, branches, files, plugins */
    const char *node;                     /* of skills-install */
    const char *git_pull, *node_pull;     /* their pull policies; NULL likewise */
};

/* What they say about sources in Pods of their own; texts are borrowed. */
struct isolation {
    bool by_default; /* every TaskSpawner that does not say otherwise has a Pod */
    bool possible;   /* TaskSpawners may have one */
    struct resource_list requests, limits; /* of each container of such a Pod */
    const char *image, *pull_policy;       /* policy "": the cluster's */
    const char *refresher_image, *refresher_pull_policy; /* likewise */
    const char *address;                                 /* host that the Pods dial */
    int64_t port;                                        /* there, of the first shard */
};

/* For isolation's requests and limits, as flags say them. */
#define ISOLATION_REQUESTS "cpu=5m,memory=16Mi"
#define ISOLATION_LIMITS "memory=128Mi"

#endif
