/* task.h - what to do about a Task: a pure function of what is observed and the time.
 *
 * task_decide() is told everything, does no I/O and keeps nothing; taskrun.c carries its
 * actions out in their order and stops at the first that fails. Deciding again on the same
 * facts gives the same actions, so a crash between two of them is repaired by deciding
 * anew. */
#ifndef KELOS_RECONCILER_TASK_H
#define KELOS_RECONCILER_TASK_H

#include "reconciler/task/branch.h"
#include "reconciler/task/deps.h"
#include "reconciler/task/taskconditions.h"
#include "reconciler/auth/tokenkeep.h"
#include "reconciler/view/view.h"

/* How long a finished Job may be without a Pod in view before outputs are given up. */
#define POD_GRACE_MS 5000
/* How long a deleted Task waits for its Pods to end: a Pod's usual grace period of 30 s, and
 * time for its node to say so. */
#define POD_END_MS 90000
/* How long other containers may outlast the agent before the Task ends without them. */
#define EXTRA_MS 30000
/* How long a Job of an earlier Task of this name may linger. */
#define STALE_JOB_MS 60000

enum reference { REF_NONE, REF_MISSING, REF_FOUND };

enum auth_state {
    AUTH_UNKNOWN, /* a Secret must be read */
    AUTH_PENDING, /* it is being read, or a token exchanged */
    AUTH_READY,
    AUTH_RETRY, /* not now: message says why; the time to try again is set elsewhere */
    AUTH_FAILED /* never: message says why */
};

enum capture_state { CAPTURE_NONE, CAPTURE_ASKED, CAPTURE_DONE };

/* What the statuswriter read from the agent's log. */
struct capture {
    bool complete; /* the log was read to its end */
    struct texts outputs, keys, values;
    const char *message; /* why it is not complete; "" when it is */
    const char *tail;    /* the last lines of a failed run, secrets masked; NULL or "" */
    unsigned level; /* of the agent image interface, as the image says; 0: it does not */
    bool setup;     /* a setup command was begun */
};

/* All that a decision depends on. Texts are borrowed. */
struct task_facts {
    const struct task_view *task;
    const struct job_view *job; /* the Job of the Task's name, NULL: none is in view */
    const struct pod_view *pod; /* pods_choose() of its Pods, NULL: none */
    bool pods_alive;            /* one of them has not ended */
    bool job_created;           /* our own create has been answered, not seen yet */
    bool job_absent;            /* the server itself said that there is none */
    bool job_known; /* that, or it was in view before: its absence is its end */
    struct deps deps;
    struct branch branch;
    enum reference workspace;
    const char *missing_config; /* the first AgentConfig that does not exist, or NULL */
    /* What is wrong with the one that is missing when it is there and cannot be read. */
    const char *wrong_workspace, *wrong_config;
    enum auth_state auth; /* AUTH_READY when no Secret is involved */
    const char *auth_message;
    int64_t auth_again_ms;   /* AUTH_RETRY: when to ask again */
    enum token_due token;    /* of a GitHub App, while the Job runs */
    int64_t token_wake_ms;   /* when to look at it again, 0: never by itself */
    const char *build_error; /* NULL: none known */
    /* A quota or a policy did not let its objects be made; NULL: no. */
    const char *refused;
    int64_t refused_again_ms; /* when to ask again */
    const char *input_error; /* a value that the Job needs is missing; NULL: none known */
    const char *input_reason; /* the Event's, if that ends the Task */
    int64_t input_again_ms;   /* when to look for it again */
    int64_t input_until_ms;   /* when waiting for it ends */
    const char *conflict; /* the name is taken by something that is not ours; or NULL */
    bool setup;           /* the Workspace has a setup command */
    enum capture_state capture;
    const struct capture *captured; /* with CAPTURE_DONE */
    int64_t finished_seen_ms; /* when the Job's end was first seen here; 0: not yet */
    bool pods_asked; /* since then the server was asked for its Pods: all are in view */
    bool branch_warned; /* BranchWithoutWorkspace was emitted */
    bool awaited;       /* another Task still needs this one's results */
    bool counted;       /* the TaskSpawner's status counts this Task, or has none */
};

/* The status to be shown. Texts are borrowed from facts or owned by the decision. */
struct task_status {
    enum phase phase;
    const char *message, *job_name, *pod_name;
    const char *cause; /* one word for condition Ready; NULL: nothing to say */
    int64_t started_ms, completed_ms;
    enum blocked blocked;
    enum captured captured;
    int64_t now_ms;    /* of conditions that change */
    bool with_outputs; /* the three below are to be written */
    struct texts outputs, keys, values;
};

enum action_kind {
    ACT_ADD_FINALIZER,
    ACT_DROP_FINALIZER,
    ACT_RESOLVE_AUTH, /* read the Workspace's Secret, then decide again */
    ACT_FIND_JOB,     /* ask the server for the Job, then decide again */
    ACT_FIND_PODS,    /* ask the server for its Pods, then decide again */
    ACT_CREATE_JOB, /* build and create; a build error comes back as facts.build_error */
    ACT_DELETE_JOB,
    ACT_DELETE_TASK,
    ACT_COLLECT,    /* read the log of `text`, a Pod: outputs, and how it ended */
    ACT_KEEP_TOKEN, /* what is due for its token; goes on beside the Task */
    ACT_STATUS,
    ACT_EVENT,
    ACT_COUNT_CREATED,
    ACT_COUNT_FINISHED, /* completed, duration and usage, by status */
    ACT_WAKE            /* decide again at `at_ms` (wall), also without an event */
};

struct action {
    enum action_kind kind;
    bool warning;          /* ACT_EVENT */
    const char *reason;    /* ACT_EVENT */
    const char *text;      /* ACT_EVENT: message; ACT_COLLECT: pod */
    const char *container; /* ACT_COLLECT: whose log; NULL: the agent's */
    int64_t at_ms;         /* ACT_WAKE */
};

#define DECISION_ACTIONS 10

struct decision {
    struct action actions[DECISION_ACTIONS];
    size_t n;
    struct task_status status; /* of ACT_STATUS */
    int64_t now_ms;
    struct pool arena; /* owns the texts made here */
};

/* Fills *d (zeroed by the caller; decision_free it). now_ms is wall time. */
void task_decide(const struct task_facts *f, int64_t now_ms, struct decision *d);
void decision_free(struct decision *d);
/* The first action of a kind, or NULL. */
const struct action *decision_find(const struct decision *d, enum action_kind kind);

/* Whether the Task's time is over. *wake_ms is when to look again, 0: never by itself. */
bool task_expired(const struct task_view *t, int64_t now_ms, int64_t *wake_ms);

/* Of a Job's Pods: one that succeeded, else the newest, by creation then name. */
const struct pod_view *pods_choose(const struct pod_view *const *pods, size_t n);
/* How the agent's own container (named after the type) ended; NULL: it has not. */
const struct container_end *pods_agent_end(const struct pod_view *pod, const char *type);

/* Whether the Task has, or may have, a Job. */
bool task_claims_job(const struct task_facts *f);

#endif
