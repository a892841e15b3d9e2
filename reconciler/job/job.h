/* job.h - the Job that a Task wants, and what must exist before it. Pure. */
#ifndef KELOS_RECONCILER_JOB_H
#define KELOS_RECONCILER_JOB_H

#include "reconciler/view/view.h"

/* All texts above this size go into a ConfigMap: one string of a process has 128 KiB. */
#define JOB_INLINE_BYTES 65536

/* What a controller's flags say about every Job. All zero: Jobs have the original's form. */
struct job_policy {
    bool restricted; /* our containers keep Pod Security level "restricted" */
    bool token_file; /* a GitHub token is a file only, and in no variable */
    const char
        *refused; /* podOverrides members that no Task may use: "a,b"; NULL: none */
};

struct job_wish {
    const struct task_view *task;
    const struct workspace_view *workspace;      /* NULL: none */
    const struct agentconfig_view *agent_config; /* NULL: none */
    const char *prompt;                          /* rendered */
    const char *token_secret;                    /* holds GITHUB_TOKEN; NULL: none */
    const json_t *values; /* of inputs.h; NULL: nothing was wanted */
    const struct images *images;
    const struct job_policy *policy; /* NULL: all zero */
};

/* What is created, in this order. The caller owns all (job_wanted_free). */
struct job_wanted {
    json_t *config_maps; /* and Secrets: list, maybe empty; owned by the Task */
    json_t *job;
};

/* Returns 0 with *out, or -1 with ERR_INVALID (the cause that follows "Failed to build Job:
 * "). */
int job_build(const struct job_wish *w, struct job_wanted *out, struct err *e);
void job_wanted_free(struct job_wanted *w);

/* ---- for the files that build its parts ---- */

/* The pod while it is built: the parts add to it. */
struct pod_parts {
    const struct job_wish *wish;
    const struct profile *profile;
    json_t *volumes, *init, *mounts, *env; /* mounts and env are the agent's */
    json_t *config_maps;
    json_t *mcp;     /* the variable of the MCP servers, NULL: none */
    json_t *content; /* data of the Task's content ConfigMap; empty: not needed */
};

/* {"name": n, "value": v} with every $ doubled: the kubelet expands $(NAME) in values, and a
 * text of the outside must not become a secret. */
json_t *env_literal(const char *name, const char *value);
json_t *env_secret(const char *name, const char *secret, const char *key);
void env_add(json_t *env, json_t *variable);
/* The text with every $ doubled, as a JSON string. */
json_t *literal(const char *text);
/* The policy of the wish, never NULL. */
const struct job_policy *job_policy_of(const struct job_wish *w);
/* Makes it a container of the git image, with its pull policy and built_in_context(). */
void git_container(const struct job_wish *w, json_t *container);
/* What a container of ours runs under: {"runAsUser": 61100}, and with the policy `restricted`
 * all that this level asks for. */
json_t *built_in_context(const struct job_wish *w);
json_t *volume_mount(const char *volume, const char *path, bool read_only);
/* metadata of an object that the Task owns. */
json_t *owned_metadata(const struct job_wish *w, const char *name);

/* Volumes, init containers, mounts and variables of a Workspace. */
int workspace_add(struct pod_parts *p, struct err *e);
/* The same of an AgentConfig; its init containers come after the Workspace's. */
int agentconfig_add(struct pod_parts *p, struct err *e);
/* The Workspace's variables of the agent; called in the order of the list. */
void workspace_env(struct pod_parts *p);
void agentconfig_env(struct pod_parts *p);

/* "path is empty" and so on; *out is the cleaned path (room bytes). -1 with ERR_INVALID
 * `invalid workspace file path "..": ...`. */
int workspace_path(const char *path, char *out, size_t room, struct err *e);
/* The cleaned path (room bytes) of a file below a directory, NULL; or what is wrong with it. */
const char *path_clean(const char *path, char *out, size_t room);
/* Whether the text is 40 or 64 hex digits. */
bool commit_id(const char *ref);
/* "plugin", "skill" …: -1 with ERR_INVALID when the name may not be a file's. */
int component_check(const char *what, const char *name, struct err *e);

#endif
