/* loop.h - the event loop as common/http and common/kube see it: descriptors and timers.
 *
 * Two implementations: loop_poll.c blocks in poll(2) and belongs to the CLI and to tests;
 * loop_worker.c rides on a worker's loop (and alone links CZMQ). */
#ifndef KELOS_COMMON_LOOP_H
#define KELOS_COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/scoped.h"

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* `events` is LOOP_READ, LOOP_WRITE or both; an error on the descriptor shows as both. */
typedef void loop_fd_fn(void *arg, int fd, int events);
typedef void loop_timer_fn(void *arg);

struct loop;

/* Watches `fd` for `events` (replaces an earlier watch of it; 0 ends it). Borrowed: arg
 * must live until the watch ends. Returns 0, or -1 with *e set. */
int loop_watch(struct loop *l, int fd, int events, loop_fd_fn *fn, void *arg,
               struct err *e);

/* Calls fn once after delay_ms. Returns an id above 0, or -1 with *e set. */
int loop_timer(struct loop *l, int64_t delay_ms, loop_timer_fn *fn, void *arg,
               struct err *e);
/* Ends a timer that has not fired yet; ids of 0 and below are ignored. */
void loop_timer_stop(struct loop *l, int id);

/* Frees the loop (not the zloop beneath); NULL is allowed. */
void loop_free(struct loop *l);
SCOPED_DEFINE(loop)

/* ---- loop_poll.c: for programs without a loop of their own ---- */
struct loop *loop_poll_new(struct err *e);
/* Runs until *done, or until wait_ms passed (-1: for ever), or until nothing is left to
 * wait for. Returns 1 when *done, 0 otherwise, -1 with ERR_SYSTEM. */
int loop_poll_run(struct loop *l, const bool *done, int64_t wait_ms, struct err *e);

/* ---- loop_worker.c: for workers ---- */
struct worker;
/* Rides on the worker's loop; `w` is borrowed and must outlive the result. */
struct loop *loop_worker_new(struct worker *w, struct err *e);

/* ---- for implementations ---- */
struct loop_ops {
    int (*watch)(struct loop *l, int fd, int events, loop_fd_fn *fn, void *arg,
                 struct err *e);
    int (*timer)(struct loop *l, int64_t delay_ms, loop_timer_fn *fn, void *arg,
                 struct err *e);
    void (*timer_stop)(struct loop *l, int id);
    void (*free)(struct loop *l);
};
struct loop {
    const struct loop_ops *ops;
};

#endif
