/* logsink.h - writes what a container prints to its log: whole lines, bounded, with times.
 *
 * Two streams (stdout, stderr) meet in one file; a line of one is never cut by the other.
 * Files in the container's directory:
 *
 *     log       the bytes as they were printed
 *     log.at    pairs {uint64 offset in log, int64 wall nanoseconds}, native byte order, one
 *               for each burst of lines: the lines from that offset on came at that time
 *     log.1, log.at.1   the same from before the last rotation
 *
 * A line over LIMIT_AGENT_LINE_BYTES loses its rest and says so. At `limit` bytes the log
 * is rotated, so that a container takes at most twice that. A full disk loses lines and
 * never stops the container.
 */
#ifndef KELOS_LOCAL_RUNNER_LOGSINK_H
#define KELOS_LOCAL_RUNNER_LOGSINK_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/scoped.h"

struct logsink;

struct logsink_stamp {
    uint64_t offset;
    int64_t wall_ns;
};

/* Opens (appends to) the log in the directory, which is borrowed and must stay open.
 * Returns a sink the caller owns, or NULL with *e set. */
struct logsink *logsink_open(int dir_fd, int64_t limit, struct err *e);
void logsink_free(struct logsink *s);
SCOPED_DEFINE(logsink)

/* Bytes of stream 0 or 1, which came at `wall_ns`. */
void logsink_feed(struct logsink *s, int stream, const char *bytes, size_t size, int64_t wall_ns);

/* Both streams have ended: lines without a newline are written with one. */
void logsink_end(struct logsink *s, int64_t wall_ns);

#endif
