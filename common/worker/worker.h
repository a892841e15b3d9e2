/* worker.h - the life that all workers share: flags, sandbox, loop, bus, progress, end.
 *
 *     static const struct handler handlers[] = {
 *         {MSG_OBJECT_UPSERT, on_upsert},           // void (arg, bus, from, message)
 *         {MSG_SNAPSHOT_END, on_snapshot_end},
 *     };
 *     int main(int argc, char **argv)
 *     {
 *         struct err e = ERR_INIT;
 *         struct reconciler self = {.shards = 1};
 *         const struct flag flags[] = {
 *             {"shard-count", FLAG_NUMBER, &self.shards, "N", "number of reconcilers"},
 *         };
 *         const struct worker_spec spec = {
 *             .role = ROLE_RECONCILER, .usage = "kelos-reconciler --run-dir DIR ...",
 *             .flags = flags, .n_flags = ARRAY_LEN(flags),
 *             .prepare = grant_paths,               // sandbox grants; may be NULL
 *             .on_stop = on_stop, .arg = &self,
 *         };
 *         SCOPED(worker) struct worker *w = worker_join(argc, argv, &spec, &e);
 *         if (w == NULL)
 *             return worker_exit(w, &e);            // also after --help: exit status 0
 *         const struct bus_calls calls = {
 *             .rows = handlers, .n_rows = ARRAY_LEN(handlers),
 *             .joined = on_watcher_joined,          // send objects.join here, every time
 *             .gone = on_watcher_gone, .arg = &self,
 *         };
 *         if ((self.objects = worker_connect(w, "objects", &calls, &e)) == NULL)
 *             return worker_exit(w, &e);
 *         if (worker_ready(w, &e) < 0 || worker_run(w, &e) < 0)
 *             return worker_exit(w, &e);
 *         return 0;                                 // worker_free says BYE
 *     }
 *
 * One thread, one loop. Nothing blocks: a handler that keeps the loop for 2 s is taken
 * for stuck and the process is killed; long honest work calls worker_progress. */
#ifndef KELOS_COMMON_WORKER_H
#define KELOS_COMMON_WORKER_H

#include <sys/types.h>

#include "common/bus/bus.h"
#include "common/err.h"
#include "common/flags.h"
#include "common/metrics/metrics.h"
#include "common/worker/sandbox.h"
#include "common/scoped.h"

struct worker;

struct worker_spec {
    enum role role;
    const char *usage;        /* first line of --help */
    const struct flag *flags; /* the role's own; the common ones are added */
    size_t n_flags;
    /* After the flags were read, before the sandbox closes: open what must be open, grant
     * what must be reached (sandbox_allow). No thread, socket or curl handle may be made
     * here. Returns 0 or -1 with *e set. NULL: nothing to do. */
    int (*prepare)(void *arg, struct worker *w, struct sandbox *sandbox, struct err *e);
    /* The supervisor asks to stop (or SIGTERM came). Finish what is in flight and call
     * worker_drained; NULL: nothing is in flight. Called once. */
    void (*on_stop)(void *arg, struct worker *w);
    /* Leadership may be wanted by nobody: NULL. (LEADERSHIP comes on the bus to those
     * whom the table names.) */
    void *arg;
    /* There is no supervisor: a spawner in a Pod of its own. No --run-dir, no control bus; the
     * worker's id comes from worker_connect_keys. */
    bool alone;
};

/* Reads the command line, confines the process, connects to the supervisor, says HELLO
 * and waits for WELCOME. Returns a worker the caller owns, or NULL: *e set, or --help was
 * printed (then e->code is ERR_NONE). */
struct worker *worker_join(int argc, char **argv, const struct worker_spec *spec,
                           struct err *e);

/* Says BYE, closes every bus made by worker_bind and worker_connect, frees. */
void worker_free(struct worker *w);
SCOPED_DEFINE(worker)

/* Logs *e when it holds an error; returns the exit status for main. w may be NULL. */
int worker_exit(struct worker *w, const struct err *e);

/* Everything stands: from now on the others may rely on this worker. */
int worker_ready(struct worker *w, struct err *e);

/* Runs the loop until drained. Returns 0, or -1 with *e set. */
int worker_run(struct worker *w, struct err *e);

/* Nothing is in flight any more after on_stop: the loop ends. */
void worker_drained(struct worker *w);
/* Ends the loop as a failure: *why is logged, the exit status is 1. */
void worker_fail(struct worker *w, const struct err *why);
bool worker_stopping(const struct worker *w);

/* ---- who I am ---- */
const char *worker_id(const struct worker *w); /* "shard-0" */
uint64_t worker_incarnation(const struct worker *w);
const char *worker_run_dir(const struct worker *w);
const char *worker_kubeconfig(const struct worker *w); /* "" : in-cluster */
const char *worker_identity(const struct worker *w);   /* Lease holder identity, D20 */
/* The watcher's: when the Lease was last renewed (CLOCK_BOOTTIME), 0: we do not lead. */
void worker_lease(struct worker *w, int64_t renewed_boot_ms);

/* ---- those who write, with --lease-page: does the Lease in the watcher's page still hold? ---- */
#define WORKER_LEASE_MS 10000      /* after a renewal nobody writes any more */
#define WORKER_LEASE_SICK_MS 35000 /* and the controller is unhealthy: duration + 20 s */
/* Pure; renewed 0: we do not lead. Times are CLOCK_BOOTTIME. */
bool worker_lease_holds(int64_t renewed_boot_ms, int64_t now_boot_ms);
bool worker_lease_healthy(int64_t renewed_boot_ms, int64_t now_boot_ms);
/* Whether there is an election. */
bool worker_elects(const struct worker *w);
/* Whether a write may be sent now; for http_guard. A process that led and does not any more ends
 * here, and at the beginning of its next event. True when there is no election. */
bool worker_may_write(void *worker);
/* For /healthz: false when the last renewal is old and the lead was not given up. */
bool worker_healthy(struct worker *w, const char **reason);
const struct peer *worker_self(const struct worker *w);

/* Keys (as given to worker_busy) that were being processed at three deaths in a row: do
 * not touch them but every 10 minutes, and say so on the object. */
bool worker_quarantined(const struct worker *w, const char *key);

/* ---- bus ---- */

/* "objects", "status", "source-3": the listener came with --listener NAME=FD. The bus is
 * owned by the worker. NULL with *e set. */
struct bus *worker_bind(struct worker *w, const char *name, const struct bus_calls *calls,
                        struct err *e);
struct bus *worker_connect(struct worker *w, const char *name,
                           const struct bus_calls *calls, struct err *e);

/* Peers that prove a CurveZMQ key instead of being a process of the supervisor. */
struct worker_keys {
    /* Whose key (Z85) is it? user_id: MESSAGE_ORIGIN_MAX + 1 bytes. False: nobody's. */
    bool (*known)(void *arg, const char *public_key, char *user_id);
    /* Does this user id still belong to a key? */
    bool (*stands)(void *arg, const char *user_id);
    void *arg;
};
/* Whether --listener NAME=FD was given. */
bool worker_has_listener(const struct worker *w, const char *name);
/* A bus of worker_bind listens on that tcp listener, too: from now on who dials is not refused.
 * server_secret: Z85, not kept. Once in a process. Returns 0, or -1 with *e set. */
int worker_bind_keys(struct worker *w, struct bus *bus, const char *listener,
                     const char *server_secret, const struct worker_keys *keys,
                     struct err *e);
/* Connects over tcp ("tcp://host:port") to the source bus of whichever shard is there; this
 * worker is from now on who the key says it is. */
struct bus *worker_connect_keys(struct worker *w, const char *endpoint,
                                const struct bus_keys *keys,
                                const struct bus_calls *calls, struct err *e);

/* The bus to the supervisor: bus_send(worker_control(w), NULL, &want, e). */
struct bus *worker_control(struct worker *w);
/* Called at every (re-)connection of the control bus and for the kinds in rows. */
void worker_on_control(struct worker *w, const struct bus_calls *calls);

/* ---- timers: milliseconds on the monotonic clock, one shot ---- */
typedef void worker_fn(void *arg, struct worker *w);

/* Calls fn once after ms. Returns a timer id (1 or more), or -1 when memory ran out. */
int worker_after(struct worker *w, int64_t ms, worker_fn *fn, void *arg);
/* Forgets a timer, and returns the arg that fn will not get; ids of timers that fired are
 * ignored, 0 and -1 too (NULL). */
void *worker_cancel(struct worker *w, int timer);

/* ---- descriptors ---- */
enum { WATCH_IN = 1, WATCH_OUT = 2, WATCH_ERR = 4 };
typedef void watch_fn(void *arg, struct worker *w, int fd, int events);

/* Calls fn when fd is ready (level-triggered). A second call for the same fd replaces
 * what was asked before; events 0 is worker_unwatch. Unwatch before closing. 0, or -1. */
int worker_watch(struct worker *w, int fd, int events, watch_fn *fn, void *arg);
void worker_unwatch(struct worker *w, int fd);

struct _zloop_t *worker_loop(struct worker *w); /* for libraries that want zloop itself */

/* ---- progress ---- */

/* The loop now works on this key ("task/dev/fix-42"): named in the page, so that a key
 * that kills the process is known. worker_idle: done. Pairs do not nest. */
void worker_busy(struct worker *w, const char *key);
void worker_idle(struct worker *w);
/* Within a long handler: still alive. */
void worker_progress(struct worker *w);

struct metrics *worker_metrics(struct worker *w);

/* ---- for the statuswriter ---- */

/* Prometheus text of the whole tree's pages. Needs --all-pages, else only its own. */
void worker_export_metrics(struct worker *w, struct buf *out);
/* The supervisor's view: every worker ready and none degraded. *reason (borrowed until
 * the next call) says what is not. */
bool worker_tree_ready(struct worker *w, const char **reason);

#endif
