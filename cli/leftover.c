/* leftover.c - see leftover.h. */
#include "cli/leftover.h"

#include <glob.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/scoped.h"

#define ASK_MS 12000
#define KILL_MS 5000

/* Field 22 of /proc/PID/stat; 0 when there is no such process. */
static uint64_t
start_time(pid_t pid)
{
    char path[64], line[1024];
    uint64_t ticks = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fgets(line, sizeof(line), f) != NULL) {
        const char *p = strrchr(line, ')'); /* the name may hold blanks */

        for (int field = 2; p != NULL && field < 22; field++)
            p = strchr(p + 1, ' ');
        if (p != NULL)
            ticks = strtoull(p + 1, NULL, 10);
    }
    fclose(f);
    return ticks;
}

int
leftover_open(pid_t pid, uint64_t starttime)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd >= 0 && starttime != 0 && start_time(pid) != starttime) {
        close(fd);
        return -1;
    }
    return fd;
}

int
leftover_end(int pidfd, int signal, int wait_ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
    return poll(&p, 1, wait_ms) == 1 ? 0 : -1;
}

static int
open_claim(const char *path)
{
    FILE *f = fopen(path, "re");
    int pid = 0;
    uint64_t starttime = 0;

    if (f == NULL)
        return -1;
    int n = fscanf(f, "%d %" SCNu64, &pid, &starttime);
    fclose(f);
    return n == 2 && pid > 1 ? leftover_open(pid, starttime) : -1;
}

static int
end_in_time(const int *fds, size_t count, int signal, int64_t wait_ms)
{
    int64_t until = clock_mono_ms() + wait_ms;
    int left = 0;

    for (size_t i = 0; i < count; i++)
        syscall(SYS_pidfd_send_signal, fds[i], signal, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        struct pollfd p = {.fd = fds[i], .events = POLLIN};
        int64_t rest = until - clock_mono_ms();

        if (poll(&p, 1, rest > 0 ? (int)rest : 0) != 1)
            left++;
    }
    return left;
}

int
leftover_end_all(const char *dir, struct err *e)
{
    SCOPED(string) char *pattern = NULL;
    glob_t found = {0};
    size_t count = 0;
    int left = 0;

    if (asprintf(&pattern, "%s/pods/*/*/claim.*", dir) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return 0;
    int *fds = calloc(found.gl_pathc + 1, sizeof(*fds));
    for (size_t i = 0; fds != NULL && i < found.gl_pathc; i++) {
        int fd = open_claim(found.gl_pathv[i]);

        if (fd >= 0)
            fds[count++] = fd;
    }
    globfree(&found);
    if (count > 0 && end_in_time(fds, count, SIGTERM, ASK_MS) > 0 &&
        end_in_time(fds, count, SIGINT, KILL_MS) > 0)
        left = end_in_time(fds, count, SIGKILL, KILL_MS);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    free(fds);
    if (left > 0)
        return err_set(e, ERR_TIMEOUT, "%d containers do not end", left);
    return (int)count;
}
