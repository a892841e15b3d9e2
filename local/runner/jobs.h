/* jobs.h - the Job controller of local mode: carries out what job.h decides. */
#ifndef KELOS_LOCAL_RUNNER_JOBS_H
#define KELOS_LOCAL_RUNNER_JOBS_H

#include <jansson.h>

#include "common/kube/kube.h"
#include "common/loop.h"
#include "common/scoped.h"
#include "local/runner/pods.h"

struct jobs;

/* All are borrowed and must outlive the result. The caller owns it; NULL with *e set. */
struct jobs *jobs_new(struct kube *k, struct loop *loop, struct pods *pods,
                      struct err *e);
void jobs_free(struct jobs *j);
SCOPED_DEFINE(jobs)

void jobs_seen(struct jobs *j, json_t *job);
void jobs_gone(struct jobs *j, json_t *job);
void jobs_list_begin(struct jobs *j);
void jobs_list_end(struct jobs *j);

/* Pods, of whatever owner. Nothing is decided before the first pod list has ended. */
void jobs_pod_seen(struct jobs *j, json_t *pod);
void jobs_pod_gone(struct jobs *j, json_t *pod);
void jobs_pod_list_begin(struct jobs *j);
void jobs_pod_list_end(struct jobs *j);

#endif
