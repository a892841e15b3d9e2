/* podlog.h - GET pods/NAME/log: what the runner wrote into <pods>/<pod uid>/<container>/.
 *
 * The file `log` holds the container's output, `log.1` what was before it. Each line is
 *
 *     <RFC 3339 time with nanoseconds, Z> <stdout|stderr> <F|P> <text>\n
 *
 * as container runtimes write it: F ends a line, P is a part of a longer one. A line without
 * such a stamp is served as it is. Following ends when the Pod's status says that the
 * container has terminated, or the Pod is gone, and everything written has been told. */
#ifndef KELOS_LOCAL_APISERVER_PODLOG_H
#define KELOS_LOCAL_APISERVER_PODLOG_H

#include "common/loop.h"
#include "local/apiserver/api.h"

/* The followed logs of a server: wakes their streams when files grow or Pods change. */
struct podlogs;
struct podlogs *podlogs_new(struct server *s, struct loop *loop, struct err *e);
void podlogs_free(struct podlogs *p);
SCOPED_DEFINE(podlogs)

/* A Pod was written; after the commit the streams look at it again. */
void podlogs_mark(struct podlogs *p);
void podlogs_flush(struct podlogs *p);
/* All streams end (shutdown). */
void podlogs_close(struct podlogs *p);

/* Called after streams were woken, so that their connections go on. */
void podlogs_on_wake(struct podlogs *p, void (*fn)(void *arg), void *arg);

void podlog_start(struct server *s, const struct call *c, const struct target *t,
                  struct reply *r);

#endif
