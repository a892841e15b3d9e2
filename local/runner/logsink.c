/* logsink.c - see logsink.h. */
#include "local/runner/logsink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/limits.h"

struct stream {
    struct buf line; /* the unfinished line */
    size_t dropped;  /* bytes of it beyond the limit */
};

struct logsink {
    int dir; /* borrowed */
    int log, at;
    int64_t size, limit;
    struct stream streams[2];
};

static int
open_log(struct logsink *s)
{
    struct stat st;

    s->log = openat(s->dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    s->at = openat(s->dir, "log.at", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->log < 0 || s->at < 0 || fstat(s->log, &st) < 0)
        return -1;
    s->size = st.st_size;
    return 0;
}

struct logsink *
logsink_open(int dir_fd, int64_t limit, struct err *e)
{
    SCOPED(logsink) struct logsink *s = calloc(1, sizeof *s);

    if (s == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    *s = (struct logsink){.dir = dir_fd, .log = -1, .at = -1, .limit = limit};
    if (open_log(s) < 0) {
        err_errno(e, "opening the container's log");
        return NULL;
    }
    return TAKE(s);
}

void
logsink_free(struct logsink *s)
{
    if (s == NULL)
        return;
    buf_free(&s->streams[0].line);
    buf_free(&s->streams[1].line);
    fd_scoped_free(&s->log);
    fd_scoped_free(&s->at);
    free(s);
}

static void
rotate(struct logsink *s)
{
    fd_scoped_free(&s->log);
    fd_scoped_free(&s->at);
    renameat(s->dir, "log", s->dir, "log.1");
    renameat(s->dir, "log.at", s->dir, "log.at.1");
    open_log(s);
}

/* Writes whole lines; what the disk does not take is lost. */
static void
put(struct logsink *s, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(s->log, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        s->size += n;
        bytes += n;
        size -= (size_t)n;
    }
}

static void
stamp(struct logsink *s, int64_t wall_ns)
{
    struct logsink_stamp st;

    if (s->limit > 0 && s->size >= s->limit)
        rotate(s);
    st = (struct logsink_stamp){(uint64_t)s->size, wall_ns};
    ssize_t ignored __attribute__((unused)) = write(s->at, &st, sizeof st);
}

/* The held beginning of a line and its end. */
static void
put_line(struct logsink *s, struct stream *from)
{
    if (from->dropped > 0)
        buf_printf(&from->line, " [kelos: %zu bytes of this line were dropped]", from->dropped);
    buf_add_char(&from->line, '\n');
    put(s, buf_str(&from->line), from->line.size);
    if (from->line.capacity > 65536)
        buf_free(&from->line);
    buf_clear(&from->line);
    from->line.failed = false;
    from->dropped = 0;
}

static void
hold(struct stream *to, const char *bytes, size_t size)
{
    size_t room = to->line.size < LIMIT_AGENT_LINE_BYTES ? LIMIT_AGENT_LINE_BYTES - to->line.size : 0;
    size_t kept = size < room ? size : room;

    if (kept > 0 && buf_add(&to->line, bytes, kept) < 0)
        kept = 0;
    to->dropped += size - kept;
}

void
logsink_feed(struct logsink *s, int stream, const char *bytes, size_t size, int64_t wall_ns)
{
    struct stream *from = &s->streams[stream];
    const char *last = memrchr(bytes, '\n', size);

    if (last == NULL) {
        hold(from, bytes, size);
        return;
    }
    stamp(s, wall_ns);
    if (from->line.size > 0 || from->dropped > 0) {
        size_t first = (size_t)((const char *)memchr(bytes, '\n', size) - bytes);
        hold(from, bytes, first);
        put_line(s, from);
        bytes += first + 1;
        size -= first + 1;
    }
    if (bytes <= last) {
        size_t whole = (size_t)(last + 1 - bytes);
        put(s, bytes, whole);
        bytes += whole;
        size -= whole;
    }
    hold(from, bytes, size);
}

void
logsink_end(struct logsink *s, int64_t wall_ns)
{
    for (int i = 0; i < 2; i++) {
        if (s->streams[i].line.size == 0 && s->streams[i].dropped == 0)
            continue;
        stamp(s, wall_ns);
        put_line(s, &s->streams[i]);
    }
}
