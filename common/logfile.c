/* logfile.c - see logfile.h. */
#include "common/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"

#define CHUNK 32768
#define HEAD_MAX 64 /* stamp, stream, tag and blanks */

enum place { AT_HEAD, IN_TEXT, IN_SKIPPED };

struct logfile {
    char dir[4600];
    struct logfile_options o;
    int fd;             /* the file being read */
    bool older;         /* it is log.1 */
    int64_t skip_lines; /* physical lines before the tail */
    char in[CHUNK];
    size_t in_at, in_size;
    char head[HEAD_MAX];
    size_t head_size;
    char pending[2 * HEAD_MAX]; /* decided text that has not been handed out */
    size_t pending_at, pending_size;
    enum place place;
    bool partial; /* the line goes on behind its newline */
    bool in_part; /* the line before was partial: no stamp again */
};

static int
open_file(const struct logfile *l, const char *name)
{
    char path[4700];

    snprintf(path, sizeof path, "%s/%s", l->dir, name);
    return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* Lines of a file. */
static int64_t
count_lines(int fd)
{
    char bytes[CHUNK];
    int64_t lines = 0;
    off_t at = 0;
    ssize_t n;

    while ((n = pread(fd, bytes, sizeof bytes, at)) > 0) {
        for (char *p = bytes; (p = memchr(p, '\n', (size_t)(bytes + n - p))) != NULL; p++)
            lines++;
        at += n;
    }
    return lines;
}

static int64_t
all_lines(const struct logfile *l)
{
    SCOPED(fd) int older = open_file(l, "log.1");
    SCOPED(fd) int newer = open_file(l, "log");

    return (older >= 0 ? count_lines(older) : 0) + (newer >= 0 ? count_lines(newer) : 0);
}

struct logfile *
logfile_open(const char *dir, const struct logfile_options *o, struct err *e)
{
    SCOPED(logfile) struct logfile *l = calloc(1, sizeof *l);

    if (l == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    l->fd = -1;
    l->o = *o;
    snprintf(l->dir, sizeof l->dir, "%s", dir);
    if (o->tail >= 0)
        l->skip_lines = all_lines(l) - o->tail;
    l->fd = open_file(l, "log.1");
    l->older = l->fd >= 0;
    if (l->fd < 0)
        l->fd = open_file(l, "log");
    if (l->fd < 0) {
        if (errno == ENOENT)
            err_set(e, ERR_NOT_FOUND, "no log yet");
        else
            err_errno(e, "log %s", dir);
        return NULL;
    }
    return TAKE(l);
}

void
logfile_free(struct logfile *l)
{
    if (l == NULL)
        return;
    if (l->fd >= 0)
        close(l->fd);
    free(l);
}

/* At the end of a file: goes on with the one that came after it. */
static bool
next_file(struct logfile *l)
{
    struct stat mine, theirs;
    SCOPED(fd) int fd = open_file(l, "log");

    if (fd < 0 || fstat(l->fd, &mine) < 0 || fstat(fd, &theirs) < 0)
        return false;
    if (mine.st_ino == theirs.st_ino && mine.st_dev == theirs.st_dev)
        return false;
    close(l->fd);
    l->fd = fd;
    fd = -1;
    l->older = false;
    return true;
}

static void
hold(struct logfile *l, const char *bytes, size_t size)
{
    memcpy(l->pending + l->pending_size, bytes, size);
    l->pending_size += size;
}

/* The line's head is complete: decides what is shown of the line. `size` bytes of head belong
 * to it, of which `stamp` are the time. */
static void
decide(struct logfile *l, size_t stamp, size_t size, char stream, bool partial)
{
    int64_t at = 0;
    char time[HEAD_MAX];
    bool shown = l->skip_lines <= 0;

    memcpy(time, l->head, stamp);
    time[stamp] = '\0';
    if (l->o.since_ms > 0 && rfc3339_parse(time, &at) == 0 && at < l->o.since_ms)
        shown = false;
    if (l->o.only != 0 && stream != l->o.only)
        shown = false;
    l->skip_lines -= l->skip_lines > 0;
    l->partial = partial;
    l->place = shown ? IN_TEXT : IN_SKIPPED;
    if (shown && l->o.stamps && !l->in_part)
        hold(l, l->head, stamp + 1);
    if (shown)
        hold(l, l->head + size, l->head_size - size);
    l->head_size = 0;
}

/* "2026-01-02T03:04:05.000000006Z stdout F ": 1 when it is one, 0 when more bytes are needed,
 * -1 when the line has no stamp. */
static int
parse_head(struct logfile *l)
{
    const char *p = l->head, *end = l->head + l->head_size;
    const char *space = memchr(p, ' ', l->head_size), *next;

    if (l->head_size > 0 && (*p < '0' || *p > '9'))
        return -1;
    if (space == NULL)
        return l->head_size > 40 ? -1 : 0;
    next = space + 1 < end ? memchr(space + 1, ' ', (size_t)(end - space - 1)) : NULL;
    if (next == NULL)
        return end - space > 8 ? -1 : 0;
    if (next - space != 7 || memcmp(space, " std", 4) != 0)
        return -1;
    if (end - next < 3)
        return 0;
    if ((next[1] != 'F' && next[1] != 'P') || next[2] != ' ')
        return -1;
    decide(l, (size_t)(space - p), (size_t)(next + 3 - p), space[4] == 'e' ? 'e' : 'o',
           next[1] == 'P');
    return 1;
}

/* A line without a stamp is text from its first byte on. */
static void
no_head(struct logfile *l)
{
    l->place = l->skip_lines > 0 ? IN_SKIPPED : IN_TEXT;
    l->skip_lines -= l->skip_lines > 0;
    l->partial = false;
    if (l->place == IN_TEXT)
        hold(l, l->head, l->head_size);
    l->head_size = 0;
}

/* Takes bytes of the input at the head of a line. */
static void
take_head(struct logfile *l)
{
    while (l->in_at < l->in_size && l->place == AT_HEAD) {
        char c = l->in[l->in_at];
        int rc;

        if (c == '\n' && l->head_size == 0) {
            no_head(l);
            return;
        }
        if (c == '\n') { /* cut short: the newline is text */
            no_head(l);
            return;
        }
        l->head[l->head_size++] = c;
        l->in_at++;
        rc = parse_head(l);
        if (rc < 0 || l->head_size == HEAD_MAX - 1)
            no_head(l);
    }
}

/* Copies or skips text up to the end of the line. */
static size_t
take_text(struct logfile *l, char *out, size_t size)
{
    const char *from = l->in + l->in_at;
    size_t have = l->in_size - l->in_at, n;
    const char *newline = memchr(from, '\n', have);
    bool ends;

    n = newline != NULL ? (size_t)(newline - from) + 1 : have;
    if (l->place == IN_TEXT && n > size)
        n = size;
    ends = newline != NULL && from + n == newline + 1;
    l->in_at += n;
    if (ends) {
        bool skipped = l->place == IN_SKIPPED;

        l->place = AT_HEAD;
        l->in_part = l->partial;
        if (skipped)
            return 0;
        memcpy(out, from, n);
        return l->partial ? n - 1 : n; /* the newline of a part is not the line's */
    }
    if (l->place == IN_SKIPPED)
        return 0;
    memcpy(out, from, n);
    return n;
}

long
logfile_read(struct logfile *l, char *out, size_t size)
{
    size_t done = 0;

    while (done < size) {
        if (l->pending_at < l->pending_size) {
            size_t n = l->pending_size - l->pending_at;

            if (n > size - done)
                n = size - done;
            memcpy(out + done, l->pending + l->pending_at, n);
            l->pending_at += n;
            done += n;
            if (l->pending_at == l->pending_size)
                l->pending_at = l->pending_size = 0;
            continue;
        }
        if (l->in_at == l->in_size) {
            ssize_t n = read(l->fd, l->in, sizeof l->in);

            if (n < 0)
                return done > 0 ? (long)done : -1;
            if (n == 0 && !next_file(l))
                break;
            l->in_at = 0;
            l->in_size = (size_t)n;
            continue;
        }
        if (l->place == AT_HEAD)
            take_head(l);
        else
            done += take_text(l, out + done, size - done);
    }
    return (long)done;
}
