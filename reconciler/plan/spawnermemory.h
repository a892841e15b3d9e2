/* spawnermemory.h - what a shard remembers of a TaskSpawner: its items, and what it has done
 * that is not in view yet. All of it is found again after a restart by a poll and a sweep. */
#ifndef KELOS_RECONCILER_SPAWNERMEMORY_H
#define KELOS_RECONCILER_SPAWNERMEMORY_H

#include "reconciler/echo.h"
#include "reconciler/plan/intent.h"
#include "reconciler/plan/plan.h"
#include "reconciler/shard.h"

/* A Task that we created and do not see yet. */
struct expected {
    char uid[65];
    int64_t ordinal;
    int64_t until_ms; /* monotonic: then the server is asked whether it is still there */
    uint64_t asked;   /* the count that found it; 0: none has */
};

/* The Pod that a source runs in, as we left it. */
struct pod_memory {
    char secret[254];   /* Workspace's; "" : none was read */
    int64_t secret_ms;  /* monotonic: when; 0: never, like bus_ms */
    bool news;          /* it has changed since it was last asked for */
    bool app;           /* it is a GitHub App's */
    int64_t bus_ms;     /* when the Secret with the bus key was read */
    char bus_mark[17];  /* of that key; "" : there is none */
    char uid[65];       /* of the workload; "" : not known to stand */
    char hash[65];      /* of what it should be */
    int64_t generation; /* of its spec */
};

/* What /metrics is told of the polls: spawnercycle.h. */
struct cycle {
    bool open;        /* what follows from the last poll does not stand yet */
    uint64_t serial;  /* of that poll; grows */
    int64_t began_ms; /* wall time of it */
    /* Why the source could not be asked, as it was counted; 0: it can. */
    uint64_t unbuilt;
    int64_t unbuilt_ms; /* monotonic: when it was */
    bool named;         /* it has series of its own */
};

struct spawner_memory {
    char *uid;
    struct echo echo;       /* of our last write; unseen in time, the server is asked */
    unsigned conflicts;     /* in a row */
    bool look;              /* after one: the server is asked first */
    struct item_set *items; /* of the last poll, NULL: none yet; owned */
    struct item_set *incoming; /* pages of a poll that is not complete; owned */
    uint64_t incoming_serial, next_page;
    zhashx_t *expected;     /* Task name -> struct expected; owned */
    zhashx_t *deleted;      /* Task name -> uid that we asked to delete; owned */
    struct plan_gone *gone; /* texts owned */
    size_t n_gone;
    struct plan_refusal *refusals; /* texts owned */
    size_t n_refusals;
    unsigned bars;     /* how often in a row the server did not let a Task be created */
    int64_t barred_ms; /* wall: until then those that are passing stand; 0: none do */
    int64_t total;
    unsigned failures;
    struct plan_quota quota; /* as of the last poll */
    int64_t next_poll_ms;    /* wall time; 0: not known */
    int64_t checked;         /* generation that template_error is of; 0: none yet */
    char *template_error;    /* NULL: the templates can be parsed; owned */
    char *error_reason, *error_message; /* NULL without one */
    bool workspace_told;
    bool counted;          /* the API server itself was asked which Tasks there are */
    uint64_t counts;       /* how often it was asked */
    struct intent *intent; /* as it stands on the TaskSpawner; NULL: not known; owned */
    int64_t unsettled;     /* ordinal of the create that may still come up; 0: none can */
    int64_t settled_ms;    /* monotonic: by then it has, or never will */
    struct pod_memory pod;
    struct cycle cycle;
    bool resolved; /* which source it wants is known, or that it wants none */
};

struct spawner_memory *spawner_memory_of(struct shard *s, const char *key,
                                         const struct spawner_view *v);
struct spawner_memory *spawner_memory_find(const struct shard *s, const char *key);
void spawner_memory_free(void **item);

/* A poll is complete: takes *set. With keep_after_ms of 0 or more, items of the set before
 * whose time is later stay in front of the new ones. */
void spawner_memory_polled(struct spawner_memory *m, struct item_set **set,
                           int64_t keep_after_ms);
/* The last poll failed (reason NULL: it did not). */
void spawner_memory_error(struct spawner_memory *m, const char *reason,
                          const char *message);
/* What the poll says of the source's quota and of its next look. */
void spawner_memory_poll(struct spawner_memory *m, const struct msg_poll *poll);
/* The Task cannot be created from the items of the last poll. */
void spawner_memory_refuse(struct spawner_memory *m, const char *task,
                           const char *message);
/* The API server does not let it be created now (403); asked again at barred_ms. */
void spawner_memory_bar(struct spawner_memory *m, const char *task, const char *message,
                        int64_t now_ms);
/* What was barred is forgotten when its time has come. */
void spawner_memory_unbar(struct spawner_memory *m, int64_t now_ms);

/* The Task that was there, or that we expected, has gone. */
void spawner_memory_gone(struct spawner_memory *m, const char *task,
                         int64_t completed_ms);
/* A spawned Task has gone: its item needs a poll that still finds it. */
void spawner_task_gone(struct shard *s, const struct task_view *t);
/* A Deployment or CronJob has gone. */
void spawner_workload_gone(struct shard *s, const struct workload_view *w);
/* The first sweep is complete: the wanted sources may be told once all are known. */
void spawners_synced(struct shard *s);

#endif
