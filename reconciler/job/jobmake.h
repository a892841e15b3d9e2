/* jobmake.h - builds a Task's Job and creates it with what must exist before it. */
#ifndef KELOS_RECONCILER_JOBMAKE_H
#define KELOS_RECONCILER_JOBMAKE_H

#include "common/kube/kube.h"
#include "common/secret.h"
#include "reconciler/job/job.h"

struct job_make;

enum job_made {
    JOB_MADE,   /* it exists and is the Task's; e is empty */
    JOB_WRONG,  /* it cannot be built, or the server says that it is invalid: why */
    JOB_TAKEN,  /* something of that name is not the Task's: the message */
    JOB_ENDING, /* its namespace is being deleted, and the Task with it */
    JOB_LATER   /* a failure that may pass */
};
typedef void job_made_fn(void *arg, enum job_made result, const struct err *e);

/* Builds now, so the wish need not live on; then creates ConfigMaps and Job in order. `done`
 * is called once, later. The caller frees. NULL when it cannot even begin: *why and *e say so,
 * and `done` is not called. */
struct job_make *job_make_start(struct kube *k, const struct job_wish *w,
                                job_made_fn *done, void *arg, enum job_made *why,
                                struct err *e);
/* Creates, or renews, Secret <task>-github-token, which the Task owns. JOB_WRONG: a Secret of
 * that name is somebody else's. */
struct job_make *job_make_token(struct kube *k, const struct meta *task,
                                const char *app_secret, const struct secret *token,
                                int64_t expires_ms, job_made_fn *done, void *arg,
                                enum job_made *why, struct err *e);
/* Forgets what is under way; NULL is allowed. */
void job_make_free(struct job_make *m);

#endif
