/* podlog.h - GET pods/NAME/log: what the runner wrote into <pods>/<pod uid>/<container>/.
 *
 * The file `log` holds the running (or last) instance's output. Each line is
 *     <RFC 3339 time with nanoseconds, Z> <stdout|stderr> <F|P> <text>\n
 * as container runtimes write it: F ends a line, P is a part of a longer one. `log.1` is what
 * was rotated away; `previous` is the log of the instance before. A file without such stamps
 * is served as it is. Following ends when the Pod's status says that the container has
 * terminated, or the Pod is gone, and everything written has been told.
 */
#ifndef KELOS_LOCAL_APISERVER_PODLOG_H
#define KELOS_LOCAL_APISERVER_PODLOG_H

#include "local/apiserver/api.h"

void podlog_start(struct server *s, const struct call *c, const struct target *t, struct reply *r);

#endif
