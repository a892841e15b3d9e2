/* workload.h - what Pods, Jobs, CronJobs and Deployments need besides their schema. */
#ifndef KELOS_LOCAL_APISERVER_WORKLOAD_H
#define KELOS_LOCAL_APISERVER_WORKLOAD_H

#include "local/apiserver/api.h"

/* prepare: fills in what is derived (obj changes; old NULL on create). */
void pod_prepare(struct server *s, json_t *obj, const json_t *old);
void job_prepare(struct server *s, json_t *obj, const json_t *old);
void cronjob_prepare(struct server *s, json_t *obj, const json_t *old);
void deployment_prepare(struct server *s, json_t *obj, const json_t *old);

/* validate: adds causes. */
void pod_validate(struct server *s, const json_t *obj, const json_t *old, json_t *causes);
void job_validate(struct server *s, const json_t *obj, const json_t *old, json_t *causes);
void cronjob_validate(struct server *s, const json_t *obj, const json_t *old,
                      json_t *causes);
void deployment_validate(struct server *s, const json_t *obj, const json_t *old,
                         json_t *causes);

#endif
