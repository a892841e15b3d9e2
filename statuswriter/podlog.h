/* podlog.h - reads the log of a finished container to its end and takes the outputs out.
 *
 * Memory is bounded whatever the log holds: the bytes stream through the outputs reader.
 * A log that cannot be read yet is asked for again for PODLOG_BUDGET_MS, as long as it
 * takes a kubelet to come back, or PODLOG_AWAY_MS while it is the API server that cannot be
 * asked; then the answer says `complete: false` and why. */
#ifndef KELOS_STATUSWRITER_PODLOG_H
#define KELOS_STATUSWRITER_PODLOG_H

#include "statuswriter/writer.h"

enum {
    PODLOG_BUDGET_MS = 30000,
    PODLOG_AWAY_MS = 600000,
    PODLOG_STREAM_MS = 300000, /* one attempt */
    PODLOG_STREAMS = 16,       /* at once; more wait their turn */
    PODLOG_WAITING = 10000     /* beyond, the asker is not answered and asks again */
};

struct podlogs;

/* The caller owns the result; `w` is borrowed. NULL when memory ran out. */
struct podlogs *podlogs_new(const struct writer *w);
void podlogs_free(struct podlogs *l);
SCOPED_DEFINE(podlogs)

/* Takes one outputs.collect of a peer; answers with outputs.done. Asked again while it is
 * being read, it answers the newest question. */
void podlogs_collect(struct podlogs *l, const struct peer *from,
                     const struct msg_collect *m);

/* What to do about an attempt that ended. Pure. */
enum podlog_end {
    PODLOG_DONE,  /* the log was read to its end */
    PODLOG_GONE,  /* the pod is gone: there will never be a log */
    PODLOG_AGAIN, /* not yet, or cut */
    PODLOG_AWAY,  /* the API server cannot be asked: that says nothing of the log */
    PODLOG_NEVER  /* refused for good */
};
enum podlog_end podlog_end(const struct kube_stream_end *end);

#endif
