/* podstate.h - what a Pod on this machine has come to, what is due next, and how that is
 * said in the Pod's status. Pure: no I/O, handed `now`. */
#ifndef KELOS_LOCAL_RUNNER_PODSTATE_H
#define KELOS_LOCAL_RUNNER_PODSTATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/scoped.h"
#include "local/runner/exitfile.h"

enum container_kind { CONTAINER_INIT, CONTAINER_SIDECAR, CONTAINER_MAIN };
enum container_phase { CONTAINER_WAITING, CONTAINER_RUNNING, CONTAINER_ENDED };

#define REASON_BYTES 48
#define MESSAGE_BYTES 768

struct container {
    const json_t *spec; /* borrowed from the Pod */
    char name[64];
    enum container_kind kind;
    enum container_phase phase;
    char reason[REASON_BYTES]; /* of waiting, or of the end; "" for none */
    char message[MESSAGE_BYTES];
    int64_t started_ms, finished_ms; /* wall; of the present run */
    int exit_code, signal;
    int64_t attempt; /* of the present or next run, 0 first */
    int64_t restarts;
    bool begun;            /* a start is under way: secrets are fetched, a monitor made */
    int64_t retry_ms;      /* wall; a waiting container is tried again then, 0: at once */
    unsigned failures;     /* failed tries to start, for the back-off */
    struct exit_info last; /* of the run before, when restarts > 0 */
};

enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

#define CONTAINERS_MAX 32

struct podstate {
    json_t *pod; /* the object; owned */
    char ns[64], name[254], uid[65];
    enum restart_policy policy;
    struct container containers[CONTAINERS_MAX]; /* init containers first, in order */
    size_t count;
    int64_t accepted_ms; /* wall; when the runner took the Pod: status.startTime */
    bool ending;         /* it is to be deleted: nothing is started any more */
    char failed_reason
        [REASON_BYTES]; /* "DeadlineExceeded": the Pod has failed as a whole */
    char failed_message[MESSAGE_BYTES];
};

/* Takes the Pod (a reference). Returns what the caller owns, or NULL with *e set:
 * ERR_INVALID names the field that cannot be understood. */
struct podstate *podstate_new(json_t *pod, int64_t now_ms, struct err *e);
void podstate_free(struct podstate *p);
SCOPED_DEFINE(podstate)

enum pod_phase { POD_PENDING, POD_RUNNING, POD_SUCCEEDED, POD_FAILED };

/* The phase that follows from the containers. A Pod that is ending or failed as a whole is
 * Failed once nothing of it runs. */
enum pod_phase podstate_phase(const struct podstate *p);
const char *pod_phase_name(enum pod_phase phase);

/* The next container to start now, whose index is returned; -1: none. *wake_ms gets the
 * wall time at which to ask again, or 0: an event will come. */
int podstate_next(const struct podstate *p, int64_t now_ms, int64_t *wake_ms);

/* Whether nothing runs and nothing is being started. */
bool podstate_idle(const struct podstate *p);

/* All that had to end by itself has ended, so sidecars are to be stopped. */
bool podstate_mains_ended(const struct podstate *p);

/* A start did not succeed and will be tried again: `reason` as the kubelet says it. The
 * wait grows from 1 s to 30 s. */
void podstate_start_failed(struct container *c, const char *reason, const char *message,
                           int64_t now_ms);

/* The container ended. With a policy that restarts it, it becomes waiting with back-off
 * (CrashLoopBackOff: 1 s to 5 min) and the next attempt. */
void podstate_ended(struct podstate *p, struct container *c, const struct exit_info *info,
                    int64_t now_ms);

/* The whole status as a merge patch that fits only this uid; the caller owns. */
json_t *podstate_status(const struct podstate *p);

#endif
