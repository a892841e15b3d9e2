/* taskmemory.h - what a shard remembers of a Task between two decisions.
 *
 * Nothing here is needed after a restart: it keeps a decision from acting on a view that is
 * older than its own last write, and holds answers that are on their way. */
#ifndef KELOS_RECONCILER_TASKMEMORY_H
#define KELOS_RECONCILER_TASKMEMORY_H

#include "reconciler/echo.h"
#include "reconciler/shard.h"
#include "reconciler/task/task.h"
#include "reconciler/task/taskrefresh.h"

struct task_memory {
    char *uid;          /* of the Task this is about */
    struct echo echo;   /* of our last write; unseen in time, the server is asked */
    unsigned conflicts; /* in a row */
    bool look;          /* after one: the server is asked before anything is decided */
    bool creating;      /* a Job's create is under way */
    bool job_created;   /* answered, not seen yet */
    int64_t job_until;  /* monotonic: until then it is waited for */
    /* Likewise, for the Task to go: our finalizer was taken away. */
    int64_t released_until;
    bool job_absent; /* the server said so */
    bool job_seen;   /* it was in view: when it is not any more, it has gone */
    enum capture_state capture;
    char *capture_pod; /* whose log it is */
    struct capture captured;
    struct pool capture_arena;
    int64_t finished_seen_ms; /* wall */
    bool pods_asked;
    bool branch_warned;
    bool prompt_warned;
    enum auth_state auth;
    char *auth_message;
    char *token_secret; /* of the pod: holds GITHUB_TOKEN; NULL: none */
    int64_t auth_until; /* wall: AUTH_READY and AUTH_RETRY hold until then */
    char *auth_secret;  /* the Workspace's Secret that auth is about */
    struct token_known
        token;               /* of a GitHub App; what keeps it fresh while the Job runs */
    struct refresh *refresh; /* under way; owned */
    char *build_error;
    char *input_error; /* what a value of the Job is missing; NULL: nothing known */
    const char *input_reason; /* of the Event; static */
    int64_t input_since;      /* wall: since when it is missing; 0: it is not */
    int64_t input_again;      /* wall: when to look again */
    /* Why the server would not have its objects; NULL: it was not asked, or took them. */
    char *refused;
    unsigned refusals;     /* in a row */
    int64_t refused_again; /* wall: when to ask again */
    char *conflict;
};

/* The memory of the Task in view, made or begun anew when the uid is another one. */
struct task_memory *task_memory_of(struct shard *s, const char *key,
                                   const struct task_view *t);
/* NULL when there is none. */
struct task_memory *task_memory_find(const struct shard *s, const char *key);
void task_memory_forget(struct shard *s, const char *key);
/* For table_new. */
void task_memory_free(void *memory);

#endif
