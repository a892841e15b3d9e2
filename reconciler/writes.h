/* writes.h - what goes through the statuswriter: status, Events, outputs of finished Pods.
 *
 * Everything is kept until it is acknowledged, and sent again when the statuswriter comes
 * back or stays silent for too long. Of each of the three at most LIMIT_STATUS_WINDOW are under
 * way; the rest waits here, of Events LIMIT_EVENTS_WAITING: those beyond are dropped and
 * counted. With LIMIT_STATUSES_WAITING statuses it is full. */
#ifndef KELOS_RECONCILER_WRITES_H
#define KELOS_RECONCILER_WRITES_H

#include "common/data/json.h"
#include "common/kube/kube.h"
#include "common/worker/worker.h"
#include "reconciler/view/view.h"

struct writes;

enum write_code { WRITE_DONE = 0, WRITE_GONE = 1, WRITE_REFUSED = 2 };
/* Texts are borrowed for the call. */
typedef void write_fn(void *arg, enum write_code code, const char *version,
                      const char *message);
typedef void outputs_fn(void *arg, const struct msg_outputs *outputs);

/* Connects to the statuswriter. NULL with *e set. */
struct writes *writes_new(struct worker *w, struct err *e);
void writes_free(struct writes *w);
SCOPED_DEFINE(writes)

/* While requests of this client wait for their turn, statuses and Events step back: the server's
 * time is for what starts agents first. A few go all the same. `kube` is borrowed. */
void writes_yield(struct writes *w, const struct kube *kube);

/* Whether so many statuses wait that whoever has more to decide does that later. What comes all
 * the same is kept. */
bool writes_full(const struct writes *w);
/* From now on fn is called, from the loop, when it was full and is not any more. */
void writes_on_room(struct writes *w, void (*fn)(void *arg), void *arg);

/* Takes `patch`. `done` (NULL is allowed) is called once, from the loop. `m` has the newest
 * version of the object that is known, own writes included: it is what the patch is for. */
void writes_status(struct writes *w, unsigned kind, const struct meta *m, json_t *patch,
                   write_fn *done, void *arg);
/* An Event about the object, best effort; its name is made from all that it says. */
void writes_event(struct writes *w, unsigned kind, const struct meta *m, bool warning,
                  const char *reason, const char *message);
/* Asks for the outputs of a Pod's container; `done` is called once, with NULL when the process
 * ends before the answer. */
void writes_collect(struct writes *w, const struct meta *task, const char *pod,
                    const char *container, bool failed, outputs_fn *done, void *arg);

/* "fix-42.0123456789abcdef": the same for the same words about the same object. */
void event_name(const struct meta *m, const char *reason, const char *message, char *out,
                size_t room);

#endif
