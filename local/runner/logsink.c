/* logsink.c - see logsink.h. */
#include "local/runner/logsink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/limits.h"

struct stream {
    struct buf line; /* the unfinished line */
    size_t dropped;  /* bytes of it beyond the limit */
};

struct logsink {
    int dir; /* borrowed */
    int log;
    int64_t size, limit;
    struct stream streams[2];
    struct hide *hide; /* owned */
    struct buf out;    /* lines that are ready, written together */
};

static int
open_log(struct logsink *s)
{
    struct stat st;

    s->log = openat(s->dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                    0600);
    if (s->log < 0 || fstat(s->log, &st) < 0)
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
    *s = (struct logsink){.dir = dir_fd, .log = -1, .limit = limit};
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
    buf_free(&s->out);
    hide_free(s->hide);
    fd_scoped_free(&s->log);
    free(s);
}

void
logsink_hide(struct logsink *s, struct hide **h)
{
    hide_free(s->hide);
    s->hide = TAKE(*h);
}

static void
rotate(struct logsink *s)
{
    fd_scoped_free(&s->log);
    renameat(s->dir, "log", s->dir, "log.1");
    open_log(s);
}

static void
empty(struct buf *b)
{
    /* A long line must not hold its memory for as long as the container lives. */
    if (b->capacity > 65536)
        buf_free(b);
    buf_clear(b);
    b->failed = false;
}

/* Writes the lines that are ready; what the disk does not take is lost. */
static void
flush(struct logsink *s)
{
    const char *bytes = buf_str(&s->out);
    size_t size = s->out.size;

    if (s->limit > 0 && s->size >= s->limit)
        rotate(s);
    while (size > 0) {
        ssize_t n = write(s->log, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        s->size += n;
        bytes += n;
        size -= (size_t)n;
    }
    empty(&s->out);
}

static void
hold(struct stream *to, const char *bytes, size_t size)
{
    size_t room = to->line.size < LIMIT_AGENT_LINE_BYTES
                      ? LIMIT_AGENT_LINE_BYTES - to->line.size
                      : 0;
    size_t kept = size < room ? size : room;

    if (kept > 0 && buf_add(&to->line, bytes, kept) < 0)
        kept = 0;
    to->dropped += size - kept;
}

/* "2026-01-02T03:04:05.000000006Z stdout F " */
static void
format_stamp(int stream, int64_t wall_ns, char *out, size_t room)
{
    time_t seconds = (time_t)(wall_ns / 1000000000);
    struct tm t;
    char day[32];

    gmtime_r(&seconds, &t);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out, room, "%s.%09ldZ %s F ", day, (long)(wall_ns % 1000000000),
             stream == 0 ? "stdout" : "stderr");
}

/* The held beginning of a line and its end. */
static void
finish_line(struct logsink *s, struct stream *from, const char *stamp)
{
    buf_add_str(&s->out, stamp);
    hide_text(s->hide, from->line.data, from->line.size, &s->out);
    if (from->dropped > 0)
        buf_printf(&s->out, " [kelos: %zu bytes of this line were dropped]",
                   from->dropped);
    buf_add_char(&s->out, '\n');
    empty(&from->line);
    from->dropped = 0;
}

void
logsink_feed(struct logsink *s, int stream, const char *bytes, size_t size,
             int64_t wall_ns)
{
    struct stream *from = &s->streams[stream];
    char stamp[64];
    const char *nl;

    format_stamp(stream, wall_ns, stamp, sizeof stamp);
    while (size > 0 && (nl = memchr(bytes, '\n', size)) != NULL) {
        size_t part = (size_t)(nl - bytes);
        hold(from, bytes, part);
        finish_line(s, from, stamp);
        bytes += part + 1;
        size -= part + 1;
    }
    if (s->out.size > 0)
        flush(s);
    hold(from, bytes, size);
}

void
logsink_end(struct logsink *s, int64_t wall_ns)
{
    char stamp[64];

    for (int i = 0; i < 2; i++) {
        if (s->streams[i].line.size == 0 && s->streams[i].dropped == 0)
            continue;
        format_stamp(i, wall_ns, stamp, sizeof stamp);
        finish_line(s, &s->streams[i], stamp);
    }
    if (s->out.size > 0)
        flush(s);
}
