/* worker_self.h - the inside of a worker, shared by worker.c, worker_bus.c and
 * worker_loop.c only. */
#ifndef KELOS_COMMON_WORKER_SELF_H
#define KELOS_COMMON_WORKER_SELF_H

#include <czmq.h>

#include "common/bus/zap.h"
#include "common/timers.h"
#include "common/worker/worker.h"

#define WORKER_BUSES_MAX 80 /* a source worker connects to every shard */

struct worker_watch;

/* A process that the supervisor says is ours. */
struct known_peer {
    pid_t pid;
    char user_id[MESSAGE_ORIGIN_MAX + 1];
};

struct worker {
    struct worker_spec spec;
    struct peer self;
    char process[160]; /* "shard-0#3", for logs */

    /* flags */
    const char *run_dir, *id, *kubeconfig, *identity, *log_level, *log_format, *sandbox;
    const char *all_pages;
    int64_t incarnation;
    int64_t page_fd, lease_fd;
    struct flag_list listeners;

    zloop_t *loop;
    struct timers *timers;
    int alarm; /* the loop's own timer, for the first of ours; 0: none */
    int64_t alarm_ms;
    struct worker_watch *watches;
    int signal_fd;

    struct page *page;
    struct metrics *metrics;
    /* The watcher's, read-only; NULL: there is no election. */
    const struct page *lease_page;
    bool led;                /* this process has seen the Lease hold */
    const struct page **all; /* mapped read-only */
    size_t n_all;
    int pss_fd;
    int64_t pss_read_ms;
    int64_t event_ns; /* start of the event in hand */
    unsigned events;  /* since memory was looked at */
    int trimmer;      /* the timer of the next look; 0: none */

    struct zap *zap;
    struct worker_keys keys; /* .known NULL: none are known */
    struct bus *control;
    struct bus_calls control_calls; /* the role's own */
    struct bus *buses[WORKER_BUSES_MAX];
    size_t n_buses;
    struct known_peer *peers;
    size_t n_peers;

    struct bus *tap;
    char *tap_kinds; /* comma separated, "" for all; NULL: no tap */
    uint64_t tap_lost;

    char **quarantine;
    struct msg_strs quarantine_view;

    bool welcomed, ready, stopping, drained, failed;
    bool leave; /* the loop ends after this event */
};

/* Around every event (worker_loop.c). worker_end gives -1 when the loop shall end. */
void worker_begin(void *w);
int worker_end(void *w);

/* Ends the process if it led and does not any more (worker_fence.c). */
void worker_fence_look(struct worker *w);

/* Starts the stop once (worker.c). */
void worker_stop(struct worker *w);

/* The control bus and its handlers, the tap, the peers' table (worker_bus.c). */
int worker_control_open(struct worker *w, struct err *e);
void worker_bus_close(struct worker *w);
/* What a bus of this name needs; `endpoint` (ipc, in the run directory) is written too. */
struct bus_config worker_bus_setup(struct worker *w, const char *name, char *endpoint,
                                   size_t size);
/* The descriptor behind --listener NAME=FD, -1 when there is none. */
int worker_listener(const struct worker *w, const char *name);
/* The bus is closed with the worker. Returns b, which may be NULL. */
struct bus *worker_keep(struct worker *w, struct bus *b);
/* For the zap handler and the buses (worker_keys.c). */
bool worker_check_key(void *w, const char *domain, const char *public_key, char *user_id);
bool worker_stands(void *w, const char *user_id);

void worker_loop_close(struct worker *w);

#endif
