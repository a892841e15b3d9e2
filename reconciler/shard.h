/* shard.h - one reconciler process: what its parts share.
 *
 * Keys of the work queue are "KIND/PROFILE/NS/NAME" with KIND "task" or "spawner". A key is
 * processed by one run at a time; a run may wait for answers and ends with shard_done or
 * shard_failed. */
#ifndef KELOS_RECONCILER_SHARD_H
#define KELOS_RECONCILER_SHARD_H

#include <czmq.h>

#include "common/kube/kube.h"
#include "common/table.h"
#include "common/worker/worker.h"
#include "reconciler/job/job.h"
#include "reconciler/queue.h"
#include "reconciler/view/store.h"

struct writes;
struct credentials;
struct sources;
struct source_keys;
struct token_ends;
struct task_view;

struct shard {
    struct worker *worker;
    struct loop *loop;
    struct kube *kube;
    struct bus *objects; /* to the watcher */
    struct store *store;
    struct queue *queue;
    struct writes *writes; /* status, Events, outputs: through the statuswriter */
    struct credentials *credentials; /* Secrets and tokens in use */
    struct token_ends *token_ends;   /* what became of them (tokenend.c) */
    struct sources *sources;         /* source workers */
    struct source_keys *keys;        /* of spawners in Pods */
    struct table *tasks;             /* key -> struct task_memory (taskmemory.h) */
    zhashx_t *spawners;              /* key -> struct spawner_memory (spawnermemory.h) */
    zhashx_t *accounts;              /* "profile/ns" whose spawner account exists */
    zhashx_t *held; /* key -> int64_t: quarantined until (monotonic ms) */
    struct images images;
    struct job_policy policy;
    struct isolation isolation;
    bool lock_repository;      /* a branch is locked per repository, not per Workspace */
    struct kubeconfig *config; /* until the client takes it */
    int64_t index, count;      /* this shard of how many */
    int64_t reference_grace_s; /* how long a value that is missing is waited for */
    const char *github_api;    /* of repositories on github.com; "": GitHub's own */
    uint64_t epoch;            /* of the sweep that is going on or was the last */
    bool synced;               /* a sweep is complete: decisions may be made */
    int64_t synced_ms; /* wall time when the first was; Tasks gone before are unknown */
    bool leader;
    bool stopping;
    bool background;         /* what is queued now is not news: it has time */
    size_t n_named_spawners; /* that have metrics of their own */
    int timer;               /* for the queue's next deadline */
    int64_t timer_at;
    uint64_t consumed; /* object messages since credit was given last */
};

#define SHARD_KEY_MAX 400

/* Writes the queue key into out (SHARD_KEY_MAX bytes) and returns it. */
const char *task_key(char *out, unsigned profile, const char *ns, const char *name);
const char *spawner_key(char *out, unsigned profile, const char *ns, const char *name);
/* Takes a key apart; false for anything else. ns and name hold 64 and 254 bytes. */
bool shard_parse_key(const char *key, bool *task, unsigned *profile, char *ns,
                     char *name);

/* Wants a key processed soon, or not before a wall time. */
void shard_add(struct shard *s, const char *key);
void shard_add_at(struct shard *s, const char *key, int64_t wall_ms);
void shard_add_task(struct shard *s, unsigned profile, const char *ns, const char *name);
void shard_add_spawner(struct shard *s, unsigned profile, const char *ns,
                       const char *name);

/* Says whose key is worked on, till the end of the scope, in case that ends the process: for the
 * first part of a run and at the head of each callback that goes on with it. */
#define SHARD_BUSY(shard, key)                                                           \
    SCOPED(busy) UNUSED struct busy busy_ = shard_busy(shard, key)
struct busy {
    struct worker *worker;
};
struct busy shard_busy(struct shard *s, const char *key);
static inline void
busy_scoped_free(struct busy *b)
{
    worker_idle(b->worker);
}

/* The run of the key has ended. */
void shard_done(struct shard *s, const char *key);
/* An error has ended a look at the key: counted. For those who tell it in their own way; the next
 * does so by itself. */
void shard_count_error(struct shard *s, const char *key);
/* It has failed for a reason that may pass: logged, counted, tried again later. */
void shard_failed(struct shard *s, const char *key, const struct err *e);

/* How long after so many refusals in a row (403: a quota, a policy) the server is asked again.
 * Pure. */
int64_t shard_refusal_ms(unsigned refusals);

/* Takes keys until none is due, then arms the timer; called after every event. */
void shard_work(struct shard *s);
/* The same soon; for kube_on_room and writes_on_room. */
void shard_go_on(void *shard);

/* The object's resource in the API of its group. */
const struct kube_resource *shard_resource(unsigned kind, unsigned profile);

/* ---- the parts ---- */

/* objects.c: from the watcher. */
void objects_joined(void *arg, struct bus *bus, const struct peer *peer);
/* Tells the watcher that the server has had this version for a while: if it does not have it
 * either, its stream is dead, however alive the connection seems. */
void objects_unseen(struct shard *s, unsigned kind, const struct meta *m,
                    const char *version);
/* The server has deleted it: it leaves the view. The watcher is told, too: its event needs no
 * second look. */
void objects_deleted(struct shard *s, unsigned kind, const char *ns, const char *name,
                     const char *uid);
extern const struct handler objects_handlers[];
extern const size_t objects_n_handlers;

/* Whether the appearance of `now` is not news: a first sight of what is older than a minute, or
 * the very version that was there. */
bool wake_has_time(const struct view *old, const struct view *now, int64_t wall_ms);
/* secretnews.c: a Secret has appeared, changed or gone. Those who use it read it again: the
 * TaskSpawners and the waiting Tasks whose Workspace names it, the Tasks that wait for a value
 * of it, the TaskSpawners of Jira that wait for it; and nobody else. */
void secret_news(struct shard *s, const char *ns, const char *name);
/* wake.c: queues what an object's appearance, change or end concerns. `old` is NULL when it
 * is new, `now` NULL when it has gone. */
void wake(struct shard *s, const struct view *old, const struct view *now);

/* tokenend.c: an App's token that nobody uses any more is given back. Its users are the Tasks
 * that have not ended and the sources that are polled here, whose Workspace names the App's
 * Secret; they are looked for anew each time, a moment after something has ended. */
struct token_ends *token_ends_new(struct shard *s);
void token_ends_free(struct token_ends *t);
/* Somebody may have stopped using a token. */
void tokens_look(struct shard *s);
/* The Task has ended, which had not when it was seen before. */
void tokens_task_ended(struct shard *s, const struct task_view *task);
/* The first sweep is complete: Tasks that ended lately may have a token that still lives. */
void tokens_synced(struct shard *s);

/* taskrun.c, spawnerrun.c: process a key that was taken from the queue. */
void task_run(struct shard *s, const char *key, unsigned profile, const char *ns,
              const char *name);
void spawner_run(struct shard *s, const char *key, unsigned profile, const char *ns,
                 const char *name);

/* account.c: makes ServiceAccount and RoleBinding of spawners in a namespace, once. Returns
 * true when they stand; else the key comes again when they do. */
bool account_ensure(struct shard *s, const char *key, unsigned profile, const char *ns);

#endif
