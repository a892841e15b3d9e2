/* logsink.h - writes what a container prints to its log: whole lines, stamped, bounded.
 *
 * Two streams meet in one file, `log` in the container's directory. Each line is
 *
 *     <RFC 3339 time with nanoseconds, Z> <stdout|stderr> F <text>\n
 *
 * as container runtimes write it, which is what the API server reads. A line of one stream
 * is never cut by the other. One over LIMIT_AGENT_LINE_BYTES loses its rest and says so.
 * At `limit` bytes the log becomes `log.1`, so that a container takes at most twice that.
 * A full disk loses lines and never stops the container. */
#ifndef KELOS_LOCAL_RUNNER_LOGSINK_H
#define KELOS_LOCAL_RUNNER_LOGSINK_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hide.h"
#include "common/scoped.h"

struct logsink;

/* Opens (appends to) the log in the directory, which is borrowed and must stay open.
 * Returns a sink the caller owns, or NULL with *e set. */
struct logsink *logsink_open(int dir_fd, int64_t limit, struct err *e);
void logsink_free(struct logsink *s);
SCOPED_DEFINE(logsink)

/* Takes over what no line of the log may show (NULL: nothing). */
void logsink_hide(struct logsink *s, struct hide **h);

/* Bytes of stdout (0) or stderr (1), which came at `wall_ns`. */
void logsink_feed(struct logsink *s, int stream, const char *bytes, size_t size,
                  int64_t wall_ns);

/* Both streams have ended: lines without a newline are written with one. */
void logsink_end(struct logsink *s, int64_t wall_ns);

#endif
