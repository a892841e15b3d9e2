/* model.h - a small Kubernetes API, kubelet, user and statuswriter around the real reconciler.
 *
 * The reconciler's own files run unchanged: queue, facts, decisions, runs, Jobs. What reaches
 * outside (API calls, status writes, credentials, clocks, timers) ends in fakes.c. One random
 * step does one thing: an object is shown, a call takes effect, its answer arrives, a user or
 * a kubelet acts, a clock moves, the process dies. check.c looks at every step.
 */
#ifndef KELOS_TESTS_MODEL_H
#define KELOS_TESTS_MODEL_H

#include <czmq.h>

#include "common/kube/kube.h"
#include "proto/message.h"
#include "reconciler/shard.h"
#include "reconciler/plan/spawnermemory.h"
#include "reconciler/task/taskmemory.h"
#include "reconciler/writes.h"

#define NS "dev"
#define NAME_SPACE 300

/* What was changed and not shown to the reconciler yet; doc NULL: it went. */
struct change {
    unsigned kind;
    char name[NAME_SPACE], uid[65];
    json_t *doc;
};

/* A call of the reconciler: asked, then maybe carried out, then answered. */
struct call {
    enum kube_verb verb;
    const struct kube_resource *res;
    char name[NAME_SPACE], uid[65];
    json_t *body;
    kube_done_fn *done;
    void *arg;
    bool executed;
    struct kube_result result;
    json_t *answer; /* owned; result.body */
};

/* A status patch on its way; done is NULL when the process that sent it has died. */
struct status_write {
    unsigned kind;
    char name[NAME_SPACE], uid[65];
    json_t *patch;
    write_fn *done;
    void *arg;
    bool executed;
    enum write_code code;
    char version[32];
};

/* A question for the outputs of a Pod. */
struct ask {
    char pod[NAME_SPACE];
    outputs_fn *done;
    void *arg;
};

struct model {
    uint64_t random;
    int64_t wall_ms, mono_ms;
    uint64_t version, uids;
    zhashx_t *objects; /* "kind/name" -> json_t */
    zlistx_t *changes[N_KINDS], *calls, *statuses, *asks;
    void *graves[65536]; /* runs of dead processes, kept in sight */
    size_t n_graves;
    struct shard shard;
    worker_fn *timer;
    void *timer_arg;
    int64_t timer_at;
    bool quiet; /* settling: everything succeeds */
    enum auth_state auth;
    uint64_t step;
};
extern struct model model;

uint64_t pick(uint64_t n); /* 0 .. n-1 */
bool chance(unsigned percent);

/* ---- api.c ---- */
const char *object_key(unsigned kind,
                       const char *name);         /* borrowed until the next call */
json_t *api_get(unsigned kind, const char *name); /* borrowed, NULL: none */
/* Takes doc; gives it a new version (and uid, when it has none) and queues the change. */
void api_put(unsigned kind, const char *name, json_t *doc);
void api_delete(unsigned kind, const char *name);
void api_remove(unsigned kind, const char *name);
json_t *api_random(unsigned kind); /* borrowed, NULL: there is none */
size_t api_count(unsigned kind);
const char *doc_text(const json_t *doc, const char *path); /* "" when absent */
int64_t doc_time(const json_t *doc, const char *path);
const char *owner_uid(const json_t *doc);
void stamp(json_t *object, const char *key, int64_t wall_ms);
/* Removes what belongs to nobody any more. */
void api_collect_garbage(void);

/* ---- fakes.c ---- */
void call_execute(struct call *c);
void call_answer(struct call *c); /* frees it */
void status_execute(struct status_write *w);
void status_answer(struct status_write *w); /* frees it */
void ask_answer(struct ask *a);             /* frees it */
void timer_fire(void);
void process_start(void);
void process_kill(void); /* forgets all that a process remembers, then starts another */

/* ---- check.c ---- */
/* Ends the program with the step, the seed and what is wrong. */
void violated(const char *invariant, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));
void check_task_change(const json_t *old, const json_t *now);
void check_task_removed(const json_t *old);
void check_job_created(const json_t *job);
void check_call(const struct call *c);
void check_status(const struct status_write *w);
void check_spawned(const json_t *task);
void check_decision(const struct task_facts *f, const struct decision *d);
void check_wrote(const char *name, const char *uid, const char *version);
void check_forget(void); /* the process has died */
void check_settled(void);
/* Prints the table of transitions; the number of rows that were not seen. */
size_t check_coverage(void);
/* Claims what the run has shown. */
void check_claim(void);

/* ---- actors.c ---- */
void user_prepare(void);    /* Workspaces, AgentConfig, TaskSpawner */
void user_clear_jobs(void); /* deletes those that belong to no Task */
void user_step(void);
void kubelet_step(void);
void show_step(unsigned kind);
void show_all(unsigned kind);

#endif
