/* child.h - the states of one worker process: a pure machine that is handed `now`.
 *
 * The supervisor tells it what happened and does what it answers. Restart policy: a
 * worker that had become ready and made progress starts again at once, whatever killed
 * it; only consecutive deaths without progress wait, first 0, then 100 ms doubling to 30
 * s (20 % jitter); ten of them within five minutes make the worker degraded, but it is
 * never given up. */
#ifndef KELOS_SUPERVISOR_CHILD_H
#define KELOS_SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#define CHILD_READY_MS 30000 /* from start to READY */
#define CHILD_ABORT_MS 500   /* from SIGABRT to SIGKILL */
#define CHILD_STUCK_MS 1900  /* one event keeps the loop that long; noticed within 2 s */
#define CHILD_SEEN_MS 300    /* it must have been looked at for that long */
#define CHILD_STARVED_MS 20000 /* what a busy machine excuses at most */
#define CHILD_BACKOFF_MS 100
#define CHILD_BACKOFF_CAP_MS 30000
#define CHILD_DEGRADED_DEATHS 10
#define CHILD_DEGRADED_WINDOW_MS (5 * 60 * 1000)

enum child_state {
    CHILD_OFF,      /* no process, none wanted (yet) */
    CHILD_STARTING, /* process, not READY */
    CHILD_UP,
    CHILD_STOPPING, /* asked to stop */
    CHILD_WAITING,  /* no process; started again at the deadline */
    N_CHILD_STATES
};

enum child_event {
    EV_START, /* it is wanted and what it depends on is up */
    EV_READY,
    EV_EXIT,     /* the process is dead */
    EV_DEADLINE, /* deadline_ms passed */
    EV_STOP,     /* it is not wanted any more */
    EV_STUCK,    /* its loop makes no progress */
    EV_FROZEN,   /* it was stopped by a signal */
    N_CHILD_EVENTS
};

enum child_action {
    DO_NOTHING,
    DO_SPAWN,
    DO_ASK, /* say BYE */
    DO_ABORT,
    DO_KILL,
    DO_FORGET /* it is over: nobody wants it and no process is left */
};

struct child {
    enum child_state state;
    int64_t deadline_ms;    /* monotonic; 0: none */
    int64_t stop_budget_ms; /* from BYE to SIGKILL */
    bool progressed; /* this incarnation did something after READY; set by the owner */
    bool degraded;
    unsigned fruitless;                          /* consecutive deaths without progress */
    int64_t fruitless_ms[CHILD_DEGRADED_DEATHS]; /* when the last ones were, a ring */
};

void child_init(struct child *c, int64_t stop_budget_ms);

/* `random` in 0..1 gives the jitter. A started child is in STARTING before DO_SPAWN is
 * carried out; a spawn that fails is reported as EV_EXIT. */
enum child_action child_step(struct child *c, enum child_event event, int64_t now_ms,
                             double random);

/* Whether a worker is stuck that has been busy with one event for `busy_ms`, of which it was
 * looked at for the last `seen_ms` and spent `waited_ms` of these waiting for a processor. Who
 * gets none, or could not be looked at because the whole machine stood still, is not stuck. */
bool child_is_stuck(int64_t busy_ms, int64_t seen_ms, int64_t waited_ms);

/* The owner saw progress: a degraded worker has recovered. */
void child_progressed(struct child *c);

const char *child_state_name(enum child_state state);

#endif
