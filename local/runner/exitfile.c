/* exitfile.c - see exitfile.h. */
#include "local/runner/exitfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/scoped.h"

#define NAME_MAX_BYTES 48

/* Hands a scoped descriptor over. */
#define TAKE_FD(fd)                                                                      \
    __extension__({                                                                      \
        int taken_ = (fd);                                                               \
        (fd) = -1;                                                                       \
        taken_;                                                                          \
    })

uint64_t
process_starttime(pid_t pid)
{
    char path[64], text[1024];
    unsigned long long value = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    SCOPED(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    /* The name in parentheses may hold anything: count from its end. Field 3 follows. */
    const char *at = strrchr(text, ')');
    for (int field = 3; at != NULL && field <= 22; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL || sscanf(at + 1, "%llu", &value) != 1)
        return 0;
    return value;
}

/* The lock and the text are there before the name is: nobody sees a claim half made. */
int
claim_take(int dir_fd, int64_t attempt, struct err *e)
{
    char name[NAME_MAX_BYTES], draft[NAME_MAX_BYTES + 16], text[96];

    snprintf(name, sizeof name, "claim.%" PRId64, attempt);
    snprintf(draft, sizeof draft, "%s.%d", name, (int)getpid());
    SCOPED(fd)
    int fd = openat(dir_fd, draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_errno(e, "making %s", draft);
    int n = snprintf(text, sizeof text, "%d %" PRIu64 " %" PRId64 "\n", (int)getpid(),
                     process_starttime(getpid()), clock_wall_ms());
    if (write(fd, text, (size_t)n) != n)
        err_errno(e, "writing %s", draft);
    else if (linkat(dir_fd, draft, dir_fd, name, 0) == 0)
        e = NULL;
    else if (errno == EEXIST)
        err_set(e, ERR_EXISTS, "%s is taken", name);
    else
        err_errno(e, "making %s", name);
    unlinkat(dir_fd, draft, 0);
    return e == NULL ? TAKE_FD(fd) : -1;
}

enum claim_state
claim_look(int dir_fd, int64_t attempt, struct claim *c)
{
    char name[NAME_MAX_BYTES], text[128];
    int pid = 0;

    snprintf(name, sizeof name, "claim.%" PRId64, attempt);
    SCOPED(fd) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return CLAIM_NONE;
    *c = (struct claim){0};
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%d %" SCNu64 " %" SCNd64, &pid, &c->starttime, &c->wall_ms) == 3)
        c->pid = pid;
    if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return CLAIM_ALIVE;
    return CLAIM_ENDED;
}

int
claim_open_process(const struct claim *c)
{
    if (c->pid <= 0)
        return -1;
    SCOPED(fd) int fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    if (fd < 0 || process_starttime(c->pid) != c->starttime)
        return -1;
    return TAKE_FD(fd);
}

int
exit_write(int dir_fd, int64_t attempt, const struct exit_info *info, struct err *e)
{
    char name[NAME_MAX_BYTES], draft[NAME_MAX_BYTES], text[1024];

    snprintf(name, sizeof name, "exit.%" PRId64, attempt);
    snprintf(draft, sizeof draft, "exit.%" PRId64 ".new", attempt);
    int n = snprintf(text, sizeof text, "%d %d %" PRId64 " %" PRId64 "\n%s\n%s\n",
                     info->code, info->signal, info->started_ms, info->finished_ms,
                     info->reason, info->message);
    SCOPED(fd)
    int fd = openat(dir_fd, draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    0600);
    if (fd < 0 || write(fd, text, (size_t)n) != n)
        return err_errno(e, "writing %s", draft);
    if (renameat(dir_fd, draft, dir_fd, name) < 0)
        return err_errno(e, "renaming %s", draft);
    return 0;
}

/* The next line of *text without its newline; NULL at the end. */
static char *
next_line(char **text)
{
    char *line = *text, *nl = strchr(line, '\n');

    if (nl == NULL)
        return NULL;
    *nl = '\0';
    *text = nl + 1;
    return line;
}

int
exit_read(int dir_fd, int64_t attempt, struct exit_info *info, struct err *e)
{
    char name[NAME_MAX_BYTES], text[1024], *at = text;

    snprintf(name, sizeof name, "exit.%" PRId64, attempt);
    SCOPED(fd) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_set(e, ERR_NOT_FOUND, "%s: %s", name, strerror(errno));
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    *info = (struct exit_info){0};
    const char *first = next_line(&at), *reason = first != NULL ? next_line(&at) : NULL;
    const char *message = reason != NULL ? next_line(&at) : NULL;
    if (message == NULL ||
        sscanf(first, "%d %d %" SCNd64 " %" SCNd64, &info->code, &info->signal,
               &info->started_ms, &info->finished_ms) != 4)
        return err_set(e, ERR_INVALID, "%s is not readable", name);
    snprintf(info->reason, sizeof info->reason, "%s", reason);
    snprintf(info->message, sizeof info->message, "%s", message);
    return 0;
}
