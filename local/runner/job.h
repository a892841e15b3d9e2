/* job.h - what a Job wants next, from the Job, its Pods and the clock. Pure.
 *
 * A Job's Pods are numbered attempts, and an attempt's name follows from the Job's uid and
 * the number alone. So whoever decides again, after whatever was lost, comes to the same
 * name and meets AlreadyExists instead of starting a second run. */
#ifndef KELOS_LOCAL_RUNNER_JOB_H
#define KELOS_LOCAL_RUNNER_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_NODE "local"                /* spec.nodeName of what runs here */
#define JOB_ATTEMPT "kelos.dev/attempt" /* annotation of a Job's Pod: the number */

enum job_pod_phase { JOB_POD_ACTIVE, JOB_POD_SUCCEEDED, JOB_POD_FAILED };

/* One Pod of a Job, as it was last seen. */
struct job_pod {
    char name[254], uid[65];
    int64_t attempt;
    enum job_pod_phase phase;
    bool deleting;
    int64_t finished_ms;  /* wall; of the last container, 0: unknown */
    const json_t *status; /* borrowed */
};

/* Fills *out from a Pod object, which must outlive it. */
void job_pod_from(const json_t *pod, struct job_pod *out);

enum job_stop { JOB_STOP_NONE, JOB_STOP_DEADLINE, JOB_STOP_FAILED, JOB_STOP_SUSPENDED };

struct job_plan {
    json_t *status;     /* {"status": ...} merge patch; NULL: it says so already. Owned */
    int64_t create;     /* the attempt whose Pod is to be created, -1: none */
    enum job_stop stop; /* active Pods are to be ended, and why */
    bool delete_job;    /* ttlSecondsAfterFinished is over */
    int64_t wake_ms;    /* wall; decide again then, 0: an event will come */
};

/* Decides. One Pod is created at a time; call again after each change. */
void job_decide(const json_t *job, const struct job_pod *pods, size_t count,
                int64_t now_ms, struct job_plan *plan);
void job_plan_clear(struct job_plan *plan);

/* Whether the Job has a True condition Complete or Failed. */
bool job_finished(const json_t *job);

/* The name of an attempt's Pod: the Job's name, a dash, five letters. */
void job_pod_name(const json_t *job, int64_t attempt, char *out, size_t room);

/* The Pod of an attempt, ready to be created; the caller owns. NULL: no memory. */
json_t *job_pod_object(const json_t *job, int64_t attempt);

#endif
