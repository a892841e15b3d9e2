/* plan.h - which Tasks a TaskSpawner wants now, and what its status says. Pure.
 *
 * spawnercarry.c carries out the plan's first part (Tasks to delete, Tasks to create), tells the
 * next plan of it, and writes the status of the plan that has nothing left to do. So limits
 * hold at every instant: each plan counts all that exists or may exist. */
#ifndef KELOS_RECONCILER_PLAN_H
#define KELOS_RECONCILER_PLAN_H

#include "reconciler/plan/itemtask.h"

/* Failed polls in a row until the phase says so. */
#define PLAN_FAILURES_MAX 3
/* lastDiscoveryTime and nextPollTime alone are written at most this often, and while the source
 * answers at most once in so many polls: each such write goes to all who watch. */
#define PLAN_STAMP_MS 60000
#define PLAN_STAMP_POLLS 50

/* A Task of this spawner: in view, or created by us and not in view yet. */
struct plan_task {
    const char *name, *uid;
    const char *version; /* as judged; NULL: not in view */
    enum phase phase;
    int64_t completed_ms;
    int64_t ordinal;
    bool deleting;
};

/* What the planner needs of a Task in view; texts are borrowed from it. */
struct plan_task plan_task_of(const struct task_view *t);
/* Whether the Task is of this spawner: by its controller, without one by its label. */
bool plan_owns(const struct spawner_view *s, const struct task_view *t);

/* A Task that was there and is gone. */
struct plan_gone {
    const char *name;
    int64_t gone_ms;      /* wall time when its deletion was seen */
    int64_t completed_ms; /* of its status */
};

/* A Task that could not be created from the present items. */
struct plan_refusal {
    const char *name, *message;
    bool passing; /* a quota or a policy: it may be created later, as it is */
};
/* So many of these, and no more Tasks are tried until it is time to ask again. */
#define PLAN_PASSING_MAX 3

/* Of the credential that a source is asked with. */
struct plan_quota {
    int64_t limit; /* 0 or less: not known */
    int64_t left, reset_ms;
};

struct plan_facts {
    const struct spawner_view *spawner;
    const struct item_set *items;  /* NULL: nothing was polled yet */
    const struct plan_task *tasks; /* by name, ascending */
    size_t n_tasks;
    const struct plan_gone *gone;
    size_t n_gone;
    int64_t
        since_ms; /* which Tasks went before is not known: polls before confirm nothing */
    const struct plan_refusal *refusals;
    size_t n_refusals;
    /* Whether a Task of that name exists that is not of this spawner. */
    bool (*taken)(void *arg, const char *name);
    void *arg;
    int64_t total; /* highest count known to this process; the rest is found here */
    /* A create that was sent and not answered (intent.h): its Task may come up at any time, so
     * it is made first, and nothing else starts while it cannot be. NULL: there is none. */
    const char *unsettled;
    const char *config_error;   /* the spec cannot work: why; NULL */
    const char *template_error; /* a template cannot be parsed: why; NULL */
    struct plan_quota quota;
    int64_t next_poll_ms;        /* wall time of the source's next look; 0: not known */
    const char *deployment_name; /* what the source runs in, "" : none; NULL: as it is */
    const char *cron_job_name;   /* likewise */
    bool workspace_missing;
    unsigned failures;                        /* of the source, in a row */
    const char *error_reason, *error_message; /* of the last; NULL without one */
};

/* What the plan says of one item. */
enum plan_state {
    PLAN_STARTS,       /* its Task is created now */
    PLAN_HAS_TASK,     /* `task` is there already */
    PLAN_AGAIN,        /* `task` has ended and is deleted, because the trigger is newer */
    PLAN_WAITS_SLOT,   /* for maxConcurrency */
    PLAN_WAITS_BUDGET, /* for maxTotalTasks */
    PLAN_WAITS_POLL,   /* its Task has just gone: the next poll must still find it */
    PLAN_WAITS_WRITE,  /* an earlier create may still come up (plan_facts.unsettled) */
    PLAN_WAITS_SERVER, /* the API server does not let it be created now: `why` */
    PLAN_PAST,         /* a tick that is done with */
    PLAN_FAILS         /* it becomes no Task: `why` */
};
const char *plan_state_name(enum plan_state s);

struct plan_verdict {
    const struct item *item;
    const char *name; /* of the Task */
    enum plan_state state;
    const struct plan_task *task; /* NULL without one */
    const char *why;              /* NULL without a reason */
};

struct plan_create {
    const struct item *item;
    char name[ITEM_NAME_SIZE];
    int64_t ordinal;
    json_t *task; /* owned */
};

struct spawner_status {
    const char *phase, *message;
    int64_t total_discovered, total_created, active, discovered_ms;
    int64_t handed_ms;    /* cron: newest tick handed out while some wait; 0: none does */
    int64_t next_poll_ms; /* 0: none */
    int64_t quota_left;   /* -1: not known */
    const char *deployment_name, *cron_job_name; /* NULL: as they are */
    struct condition conditions[12];
    size_t n_conditions;
};

/* An Event that goes with the status once it is written. */
struct plan_news {
    bool warning;
    const char *reason, *text;
};

struct plan {
    struct plan_create *creates; /* in order */
    size_t n_creates;
    const struct plan_task **deletes; /* to be made anew: their trigger is newer */
    size_t n_deletes;
    struct plan_verdict *verdicts; /* of all items, best rank first */
    size_t n_verdicts;
    struct spawner_status status; /* as it is when all is created */
    bool write;                   /* it differs from what is there */
    bool flawed;                  /* an item becomes no Task, or has no name */
    struct plan_news news[12];    /* of troubles that begin or end with it */
    size_t n_news;
    struct pool arena;
};

void plan_make(const struct plan_facts *f, int64_t now_ms, struct plan *out);
void plan_free(struct plan *p);

/* {"status": {...}} with the members that differ. The caller owns. */
json_t *plan_patch(const struct spawner_view *s, const struct spawner_status *want);

/* ---- planconfig.c ---- */

/* Why the spec can never work, written into out; false when it can. */
bool plan_config_error(const struct spawner_view *s, char *out, size_t room);
/* The time between polls, never below the floor. */
int64_t plan_poll_ms(const struct spawner_view *s);

#endif
