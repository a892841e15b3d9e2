/* supervisor.h - the one struct that everything of the supervisor hangs from.
 *
 * The supervisor starts, watches and restarts workers and says who they are. It parses
 * nothing but its own control messages, has no network socket and stays out of the data
 * path. */
#ifndef KELOS_SUPERVISOR_SUPERVISOR_H
#define KELOS_SUPERVISOR_SUPERVISOR_H

#include <czmq.h>

#include "common/bus/bus.h"
#include "common/metrics/pages.h"
#include "common/bus/zap.h"
#include "supervisor/child.h"
#include "supervisor/config.h"
#include "supervisor/quarantine.h"
#include "supervisor/slots.h"
#include "supervisor/tree.h"
#include "supervisor/zygote.h"

#define EXIT_TEXT_MAX 64

/* One worker of the tree, with or without a living process. */
struct unit {
    const struct tree_row *row;
    char id[64];       /* "shard-0" */
    char argument[80]; /* of the row: shard number or source key */
    int index;         /* shard number */
    bool wanted;
    struct child child;
    struct quarantine quarantine;
    int slot;

    pid_t pid; /* 0: no process */
    int pidfd; /* -1: none */
    zmq_pollitem_t item;
    uint64_t incarnation;
    char user_id[MESSAGE_ORIGIN_MAX + 1];
    bool binder;                   /* said HELLO and gets the table of peers */
    uint64_t acked;                /* serial of the table it has */
    uint64_t start_keys;           /* keys_done when it started */
    uint64_t seen_loops;           /* at the last look at its page */
    int64_t look_ms;               /* when it must be looked at again, 0: with the tick */
    struct {                       /* the event that it was seen busy with */
        int64_t since_ms, seen_ms; /* when that began, and when we first saw it */
        int64_t waited_ms;         /* for a processor, until then */
    } busy;
    int64_t started_ms, ready_ms; /* monotonic; ready_ms 0: not yet */
    bool fenced; /* killed because another controller may lead: nobody's fault */
    uint64_t restarts;
    char last_exit[EXIT_TEXT_MAX]; /* "killed by SIGKILL", "" */
};

/* Dead, and not reaped before its role is revoked everywhere. */
struct corpse {
    pid_t pid;
    uint64_t serial;     /* of the first table without it */
    int64_t deadline_ms; /* reaped then in any case */
};

#define CORPSES_MAX 256
#define WANTS_MAX 64

/* One shard's set of sources. */
struct want {
    char (*keys)[65];
    size_t count;
};

struct supervisor {
    struct config config;
    zloop_t *loop;
    struct zap *zap;
    struct bus *control, *admin, *tap;
    struct peer self;
    struct slots slots;
    struct zygote zygote;
    struct metrics *metrics;
    int lock_fd, signal_fd;
    int port; /* of the local API server, 0: none */
    char identity[320];
    int64_t started_ms;

    struct unit **units;
    size_t n_units;
    struct listener {
        char name[32];
        int fd;
    } listeners[2 + 2 * 64];
    size_t n_listeners;

    uint64_t peers_serial;
    struct corpse corpses[CORPSES_MAX];
    size_t n_corpses;
    struct want wants[WANTS_MAX];
    size_t sources_waiting; /* wanted, without a worker for want of a slot */

    bool led, leader; /* leadership was announced, and is ours */
    char leader_identity[321];
    int fence_fd;       /* timerfd, -1: no election */
    int64_t renewed_ms; /* of the Lease, CLOCK_BOOTTIME */

    char tap_kinds[1025];
    bool tapped;

    int stop_stage; /* 0: running; else the stage that is being stopped */
    bool done, announced_ready;
    int deadline_timer;
    int64_t ticked_ms; /* the last tick, 0: none yet */
    uint64_t kubeconfig_stamp;
};

/* ---- units.c: processes ---- */
struct unit *unit_add(struct supervisor *s, const struct tree_row *row, int index,
                      const char *argument, struct err *e);
void unit_event(struct supervisor *s, struct unit *u, enum child_event event);
struct unit *unit_by_user_id(struct supervisor *s, const char *user_id);
struct unit *unit_by_pid(struct supervisor *s, pid_t pid);
/* Starts what is wanted and whose dependencies are up; ends what is not wanted. */
void units_settle(struct supervisor *s);
/* Once a second: progress, degraded, memory. */
void units_tick(struct supervisor *s);
void units_arm(struct supervisor *s);                 /* the timer of the next deadline */
void units_stopped_or_orphaned(struct supervisor *s); /* after SIGCHLD */
void units_reap(struct supervisor *s);
void unit_free(struct supervisor *s, struct unit *u);

/* ---- control.c: hand-shakes, the table of peers, wanted sources ---- */
int control_open(struct supervisor *s, struct err *e);
void control_send_peers(struct supervisor *s);
/* Adds a worker for each wanted source that has none, as far as there are slots; what is left
 * over is counted in sources_waiting. Returns how many were added. */
size_t control_add_sources(struct supervisor *s);
void control_ask_stop(struct supervisor *s, struct unit *u);

/* ---- admin.c: people ---- */
int admin_open(struct supervisor *s, struct err *e);
void admin_tap_worker(struct supervisor *s, const char *user_id);
void admin_tick(struct supervisor *s);

/* ---- stop.c: the end, in order ---- */
void stop_begin(struct supervisor *s);
void stop_advance(struct supervisor *s);
void stop_now(struct supervisor *s); /* asked twice: kill all */

/* ---- report.c: the tree as JSON ---- */
void report_tree(struct supervisor *s, struct buf *out);
bool report_ready(struct supervisor *s, char *reason, size_t size);
void report_publish(struct supervisor *s); /* into the supervisor's own page */

#endif
