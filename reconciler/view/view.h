/* view.h - typed objects, made from what the watcher sends.
 *
 * A view is read once from a tree and owns all it points to. What the schema of the API
 * server would refuse but an object holds nevertheless (stored before the schema was
 * tightened, or without one) is refused here with one sentence that starts with the field:
 * that stops this object and no other. Times are wall milliseconds, 0 when absent.
 */
#ifndef KELOS_RECONCILER_VIEW_H
#define KELOS_RECONCILER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/data/json.h"
#include "reconciler/view/pool.h"
#include "reconciler/profile.h"

/* A list of texts; `at` is NULL when it is empty. */
struct texts {
    const char **at;
    size_t n;
};
bool texts_have(const struct texts *t, const char *text);

/* Of every object. The members a kind does not have stay NULL or 0. */
struct meta {
    unsigned profile; /* enum api_profile */
    const char *ns;
    const char *name;
    const char *uid;
    const char *version;        /* resourceVersion */
    const char *controller_uid; /* of the controller owner, NULL without one */
    int64_t generation;
    int64_t created_ms;
    int64_t deleted_ms; /* deletionTimestamp; 0: not being deleted */
    struct texts finalizers;
};

/* What each view starts with. */
struct view {
    unsigned kind; /* enum object_kind */
    struct meta meta;
    const char *wrong; /* why its spec cannot be used (view_wrong); NULL: it can */
    struct pool arena;
};

enum phase {
    PHASE_NONE,
    PHASE_PENDING,
    PHASE_WAITING,
    PHASE_RUNNING,
    PHASE_SUCCEEDED,
    PHASE_FAILED
};
const char *phase_name(enum phase p); /* "" for PHASE_NONE */
static inline bool
phase_terminal(enum phase p)
{
    return p == PHASE_SUCCEEDED || p == PHASE_FAILED;
}

/* Why a Task has no Job yet: its condition Blocked. */
enum blocked {
    BLOCKED_NOT,
    BLOCKED_BY_DEPENDENCY,
    BLOCKED_BY_BRANCH,
    BLOCKED_BY_REFERENCE,
    BLOCKED_BY_SECRET,
    BLOCKED_BY_REFUSAL
};
const char *blocked_reason(enum blocked b); /* the condition's reason */

struct task_view {
    struct view view;
    /* labels and annotations */
    const char *spawner;  /* NULL without the label */
    const char *revision; /* NULL without the annotation */
    int64_t ordinal;      /* 0 without the annotation */
    bool cancel;          /* the annotation says that it is to end */
    /* spec */
    const char *type;
    const char *prompt;
    const char *credentials_type;
    const char *credentials_secret;
    const char *model; /* NULL or not empty, like the five below */
    const char *effort;
    const char *image;
    const char *workspace;
    const char *branch;
    const char *upstream_repo;
    struct texts agent_configs; /* in the order in which they are merged */
    struct texts depends_on;    /* without duplicates */
    int64_t ttl_s;              /* -1: none */
    json_t *pod_overrides;      /* owned, NULL when absent, like the next */
    json_t *failure_policy;     /* spec.podFailurePolicy */
    /* status */
    enum phase phase;
    const char *message; /* "" when absent, like the next two */
    const char *job_name;
    const char *pod_name;
    int64_t started_ms;
    int64_t completed_ms;
    enum blocked blocked;
    int64_t blocked_ms; /* since when that is so */
    bool quarantined;   /* its condition says so */
    json_t *conditions; /* status.conditions, owned; NULL when absent */
    struct texts outputs;
    struct texts result_keys; /* parallel to result_values */
    struct texts result_values;
};

struct workspace_remote {
    const char *name, *url;
};
struct named_text {
    const char *name, *content;
};
struct workspace_view {
    struct view view;
    const char *repo;
    const char *ref;    /* NULL or not empty */
    const char *secret; /* NULL without secretRef */
    const char *setup;  /* setupCommand as a JSON list, NULL without */
    int64_t depth;      /* commits that are cloned; 0: all */
    struct workspace_remote *remotes;
    size_t n_remotes;
    struct named_text *files; /* name is the path */
    size_t n_files;
};

struct plugin_skill {
    const char *name, *content;
    struct named_text *files; /* beside SKILL.md; name is the path */
    size_t n_files;
};
struct plugin {
    const char *name;
    struct plugin_skill *skills;
    size_t n_skills;
    struct named_text *agents;
    size_t n_agents;
};
struct skill_source {
    const char *source;
    const char *skill;  /* NULL: all of the package */
    const char *secret; /* with GITHUB_TOKEN; NULL: the source is public */
};
struct agentconfig_view {
    struct view view;
    const char *agents_md; /* NULL or not empty */
    struct plugin *plugins;
    size_t n_plugins;
    struct skill_source *skills;
    size_t n_skills;
    json_t *mcp;          /* spec.mcpServers, owned; NULL when absent or empty */
    struct texts secrets; /* that MCP servers and skills name; a name may come twice */
};

enum source_kind { SOURCE_NONE, SOURCE_GITHUB, SOURCE_PULLS, SOURCE_JIRA, SOURCE_CRON };
/* Issues or pull requests: of a repository. */
static inline bool
source_is_github(enum source_kind k)
{
    return k == SOURCE_GITHUB || k == SOURCE_PULLS;
}
const char *source_kind_name(enum source_kind k); /* "githubIssues", "jira", "cron" */

struct condition {
    const char *type, *status, *reason, *message, *since;
    int64_t generation;
};
struct spawner_view {
    struct view view;
    const char *isolation; /* annotation: where its source runs; NULL without one */
    /* spec */
    enum source_kind source;
    size_t n_sources;            /* members of spec.when that we know */
    json_t *when;                /* owned */
    json_t *template_;           /* spec.taskTemplate, owned */
    json_t *credentials;         /* spec.credentials, owned; NULL: none */
    const char *workspace;       /* taskTemplate.workspaceRef.name or NULL */
    const char *prompt_template; /* "" when absent, like the next */
    const char *branch_template;
    const char *name_template;
    const char *trigger_comment; /* NULL or not empty */
    const char *repo;            /* of a GitHub source, NULL or not empty */
    const char *schedule;
    const char *time_zone; /* NULL or not empty */
    const char *jira_base;
    const char *jira_secret;
    struct texts priority_labels;
    const char *poll_interval;
    int64_t max_concurrency; /* 0: no cap, like the next */
    int64_t max_total;
    bool suspend;
    /* status */
    const char *phase; /* "" when absent */
    const char *message;
    int64_t total_discovered;
    int64_t total_created;
    int64_t active;
    int64_t discovered_ms;
    int64_t handed_ms;    /* cron: newest tick handed out while some wait; 0: none does */
    int64_t next_poll_ms; /* 0: not said */
    int64_t quota_left;   /* -1: not said */
    const char *deployment_name; /* "" when absent, like the next */
    const char *cron_job_name;
    struct condition *conditions;
    size_t n_conditions;
};

struct job_view {
    struct view view;
    const char *task; /* the label of the profile, NULL without */
    int64_t active, succeeded, failed;
    bool failing;          /* condition FailureTarget is True: its Pods are being ended */
    bool complete;         /* condition Complete or SuccessCriteriaMet is True */
    bool failed_condition; /* condition Failed is True */
    const char *failed_reason; /* "" when absent, like the next */
    const char *failed_message;
    int64_t finished_ms; /* completionTime or the Failed condition's transition */
};

/* A Deployment or CronJob of a TaskSpawner. */
struct workload_view {
    struct view view;
    const char *spawner; /* the label of the profile, NULL without */
};

struct container_end {
    const char *name;
    int64_t code;
    int64_t at_ms; /* 0: not said */
};
struct pod_view {
    struct view view;
    const char *task;    /* the label of the profile, NULL without */
    const char *phase;   /* "" when absent */
    const char *waiting; /* why no container runs, one line; NULL when nothing is wrong */
    struct container_end *ends; /* of containers, not of init containers */
    size_t n_ends, n_running;
    bool started;        /* a container (none of the init containers) runs or has run */
    const char *failure; /* "container \"x\" exited with code 3", NULL without one */
    const char
        *waiting_reason; /* one word of `waiting`: "ImagePullBackOff"; NULL likewise */
    const char *failure_reason; /* one word of `failure`: "OOMKilled"; NULL likewise */
    const char *failed_init;    /* the init container that failed, NULL without one */
};

/* Makes the view of `kind` (enum object_kind) from `object`, which is only read. Returns a
 * view the caller owns, or NULL with ERR_INVALID and a sentence that starts with the field. */
struct view *view_new(unsigned kind, unsigned profile, const json_t *object,
                      struct err *e);
/* The same from the projection on the wire. */
struct view *view_from_projection(unsigned kind, unsigned profile, const void *bytes,
                                  size_t size, struct err *e);
/* The view of an object of ours that view_new refused with the sentence `why`: metadata and
 * status as they are, an empty spec, and `wrong`. So it can be told about, counted and
 * deleted like any other. NULL with *e set when not even that can be read. */
struct view *view_wrong(unsigned kind, unsigned profile, const json_t *object,
                        const char *why, struct err *e);
void view_free(struct view *v);
SCOPED_DEFINE(view)

/* Whether the object was observed with `finalizer`. */
bool meta_has_finalizer(const struct meta *m, const char *finalizer);
/* A copy whose texts stand in `a`, for what outlives the view; without the controller. */
void meta_copy(struct meta *out, const struct meta *m, struct pool *a);

/* ---- for view_*.c: each reads its kind into the zeroed view ---- */
typedef int view_reader(struct view *v, const json_t *object, struct err *e);
view_reader task_view_read, workspace_view_read, agentconfig_view_read, spawner_view_read,
    job_view_read, pod_view_read, workload_view_read, secret_view_read;
/* Copies an optional text into the arena: absent or empty gives NULL. */
int view_opt(struct view *v, const json_t *object, const char *path, const char **out,
             struct err *e);
/* Copies an optional list of texts; unique drops later duplicates. */
int view_texts(struct view *v, const json_t *object, const char *path, bool unique,
               struct texts *out, struct err *e);
/* An optional RFC 3339 time; what is no time counts as absent. */
int64_t view_time(const json_t *object, const char *path);

/* The entry of a list of conditions (NULL: none) with this type, or NULL; borrowed. */
json_t *view_condition(const json_t *conditions, const char *type);

#endif
