/* trash.c - see trash.h. */
#include "local/runner/trash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/scoped.h"
#include "local/runner/exitfile.h"

#define PREFIX ".trash-"

/* ---- processes ---- */

/* Calls fn with a pidfd of each live monitor below a Pod's directory; fn owns it. */
static void
each_monitor(const char *pod_dir, void (*fn)(void *arg, int pidfd), void *arg)
{
    DIR *containers = opendir(pod_dir);
    struct dirent *c;

    while (containers != NULL && (c = readdir(containers)) != NULL) {
        if (c->d_name[0] == '.')
            continue;
        SCOPED(fd)
        int fd = openat(dirfd(containers), c->d_name,
                        O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        struct claim claim;
        /* Only the newest attempt can live. */
        for (int64_t n = 0; fd >= 0; n++) {
            enum claim_state s = claim_look(fd, n, &claim);
            if (s == CLAIM_NONE)
                break;
            int pidfd = s == CLAIM_ALIVE ? claim_open_process(&claim) : -1;
            if (pidfd >= 0)
                fn(arg, pidfd);
        }
    }
    if (containers != NULL)
        closedir(containers);
}

static void
kill_now(void *arg, int pidfd)
{
    (void)arg;
    syscall(SYS_pidfd_send_signal, pidfd, SIGINT, NULL, 0);
    close(pidfd);
}

struct ends {
    int fds[1024];
    int count;
};

static void
ask_to_end(void *arg, int pidfd)
{
    struct ends *e = arg;

    syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
    if (e->count < (int)(sizeof e->fds / sizeof e->fds[0]))
        e->fds[e->count++] = pidfd;
    else
        close(pidfd);
}

int
trash_end_all(const char *pods_dir, long grace_ms)
{
    struct ends all = {.count = 0};
    int64_t until = clock_mono_ms() + grace_ms;
    char path[4200];
    DIR *d = opendir(pods_dir);
    struct dirent *entry;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", pods_dir, entry->d_name);
        each_monitor(path, ask_to_end, &all);
    }
    if (d != NULL)
        closedir(d);
    for (int i = 0; i < all.count; i++) {
        struct pollfd p = {.fd = all.fds[i], .events = POLLIN};
        int64_t left = until - clock_mono_ms();
        if (poll(&p, 1, left > 0 ? (int)left : 0) == 0) {
            syscall(SYS_pidfd_send_signal, p.fd, SIGINT, NULL, 0);
            poll(&p, 1, 2000);
        }
        close(p.fd);
    }
    return all.count;
}

/* ---- files ---- */

/* rm in a process of its own, which nobody waits for: its parent ends at once. */
static void
remove_tree(const char *path)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (fork() != 0)
            _exit(0);
        close_range(3, ~0U, 0);
        execl("/bin/rm", "rm", "-rf", "--one-file-system", "--", path, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void
trash(const char *pods_dir, const char *path, const char *uid, const char *what)
{
    char away[4200];

    snprintf(away, sizeof away, "%s/" PREFIX "%s%s", pods_dir, uid, what);
    if (rename(path, away) == 0)
        remove_tree(away);
    else if (errno != ENOENT)
        log_warn(NULL, "moving %s away: %s", path, strerror(errno));
}

void
trash_pod(const char *pods_dir, const char *uid)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/%s", pods_dir, uid);
    each_monitor(path, kill_now, NULL);
    trash(pods_dir, path, uid, "");
}

void
trash_volumes(const char *pods_dir, const char *uid)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/%s/.volumes", pods_dir, uid);
    trash(pods_dir, path, uid, "-volumes");
}

void
trash_empty(const char *pods_dir)
{
    DIR *d = opendir(pods_dir);
    char path[4200];
    struct dirent *entry;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", pods_dir, entry->d_name);
        remove_tree(path);
    }
    if (d != NULL)
        closedir(d);
}
