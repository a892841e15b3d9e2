/* run.c - see run.h. */
#include "local/runner/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/limits.h"

struct run {
    struct loop *loop;
    struct run_calls calls;
    char dir[4096];
    int64_t attempt;
    int process; /* pidfd */
    int report;  /* -1 for an adopted run */
};

static void on_process(void *arg, int fd, int events);
static void on_report(void *arg, int fd, int events);

static void
close_fd(struct run *r, int *fd)
{
    struct err e = ERR_INIT;

    if (*fd < 0)
        return;
    loop_watch(r->loop, *fd, 0, NULL, NULL, &e);
    close(*fd);
    *fd = -1;
}

void
run_free(struct run *r)
{
    if (r == NULL)
        return;
    close_fd(r, &r->process);
    close_fd(r, &r->report);
    free(r);
}

static struct run *
run_new(struct loop *loop, const char *dir, int64_t attempt,
        const struct run_calls *calls)
{
    struct run *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    *r = (struct run){
        .loop = loop, .calls = *calls, .attempt = attempt, .process = -1, .report = -1};
    snprintf(r->dir, sizeof r->dir, "%s", dir);
    return r;
}

/* ---- the end ---- */

/* How an attempt ended, of which no monitor lives. */
static void
read_end(int dir_fd, int64_t attempt, const struct claim *c, struct exit_info *info)
{
    struct err e = ERR_INIT;

    if (exit_read(dir_fd, attempt, info, &e) == 0)
        return;
    *info = (struct exit_info){.code = 137,
                               .signal = SIGKILL,
                               .started_ms = c->wall_ms,
                               .finished_ms = clock_wall_ms()};
    snprintf(info->reason, sizeof info->reason, "ContainerStatusUnknown");
    snprintf(info->message, sizeof info->message,
             "the monitor of this container was killed, and the container with it");
}

static int
watch_process(struct run *r, const struct claim *c)
{
    struct err e = ERR_INIT;

    r->process = claim_open_process(c);
    if (r->process < 0)
        return -1;
    return loop_watch(r->loop, r->process, LOOP_READ, on_process, r, &e);
}

/* Our monitor found the attempt taken: the one that took it is followed instead. */
static bool
follow_other(struct run *r, int dir_fd)
{
    struct claim c;

    return claim_look(dir_fd, r->attempt, &c) == CLAIM_ALIVE && watch_process(r, &c) == 0;
}

static void
on_process(void *arg, int fd, int events)
{
    struct run *r = arg;
    struct exit_info info = {.code = 128,
                             .finished_ms = clock_wall_ms(),
                             .reason = "StartError",
                             .message = "the container's monitor did not start"};
    struct claim c = {0};
    siginfo_t si;

    (void)events;
    if (waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG) < 0 && errno != ECHILD)
        return;
    close_fd(r, &r->process);
    if (r->report >= 0)
        on_report(r, r->report, LOOP_READ);
    SCOPED(fd) int dir_fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd >= 0 && follow_other(r, dir_fd))
        return;
    if (dir_fd >= 0 && claim_look(dir_fd, r->attempt, &c) != CLAIM_NONE)
        read_end(dir_fd, r->attempt, &c, &info);
    info.started_ms = info.started_ms != 0 ? info.started_ms : info.finished_ms;
    r->calls.ended(r->calls.arg, &info);
}

static void
on_report(void *arg, int fd, int events)
{
    struct run *r = arg;
    char what;
    ssize_t n = recv(fd, &what, 1, MSG_DONTWAIT);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == 1 && what == 'S') {
        r->calls.started(r->calls.arg, clock_wall_ms());
        return;
    }
    close_fd(r, &r->report);
}

/* ---- the start ---- */

/* A memfd with the encoded launch, at a number that the child's own do not meet. */
static int
launch_file(const struct launch *l, struct err *e)
{
    struct buf bytes = BUF_INIT;
    SCOPED(fd) int fd = memfd_create("kelos-launch", MFD_CLOEXEC);
    int high = -1;

    if (fd >= 0 && launch_encode(l, &bytes) == 0 &&
        write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size)
        high = fcntl(fd, F_DUPFD_CLOEXEC, 16);
    buf_wipe(&bytes);
    if (high < 0)
        err_errno(e, "writing the launch description");
    return high;
}

static int
spawn(const char *monitor, const char *dir, int launch_fd, int report_fd, pid_t *pid,
      struct err *e)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    char log[4200], *argv[] = {(char *)"kelos-monitor", NULL}, *env[] = {NULL};

    snprintf(log, sizeof log, "%s/monitor.log", dir);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawn_file_actions_adddup2(&files, launch_fd, 3);
    posix_spawn_file_actions_adddup2(&files, report_fd, 4);
    posix_spawn_file_actions_addclosefrom_np(&files, 5);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int why = posix_spawn(pid, monitor, &files, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    if (why != 0)
        return err_set(e, ERR_SYSTEM, "starting %s: %s", monitor, strerror(why));
    return 0;
}

static int
report_pair(struct run *r, struct err *e)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(e, "socketpair");
    r->report = pair[0];
    int high = fcntl(pair[1], F_DUPFD_CLOEXEC, 16);
    close(pair[1]);
    return high >= 0 ? high : err_errno(e, "socketpair");
}

struct run *
run_start(struct loop *loop, const char *monitor, const struct launch *l,
          const struct run_calls *calls, struct err *e)
{
    SCOPED(run) struct run *r = run_new(loop, l->dir, l->attempt, calls);
    pid_t pid;

    if (r == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    SCOPED(fd) int launch_fd = launch_file(l, e);
    SCOPED(fd) int report_fd = launch_fd >= 0 ? report_pair(r, e) : -1;
    if (report_fd < 0 || spawn(monitor, l->dir, launch_fd, report_fd, &pid, e) < 0)
        return NULL;
    if ((r->process = (int)syscall(SYS_pidfd_open, pid, 0)) < 0) {
        err_errno(e, "pidfd of the monitor");
        return NULL;
    }
    if (loop_watch(loop, r->process, LOOP_READ, on_process, r, e) < 0 ||
        loop_watch(loop, r->report, LOOP_READ, on_report, r, e) < 0)
        return NULL;
    return TAKE(r);
}

enum run_found
run_find(struct loop *loop, const char *dir, int64_t attempt,
         const struct run_calls *calls, struct run **out, struct exit_info *info,
         struct claim *claim)
{
    SCOPED(fd) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *out = NULL;
    *claim = (struct claim){0};
    if (dir_fd < 0)
        return RUN_NEVER;
    switch (claim_look(dir_fd, attempt, claim)) {
    case CLAIM_NONE:
        return RUN_NEVER;
    case CLAIM_ALIVE:
        *out = run_new(loop, dir, attempt, calls);
        if (*out != NULL && watch_process(*out, claim) == 0)
            return RUN_LIVES;
        /* It ended between the two looks. */
        run_free(*out);
        *out = NULL;
        break;
    case CLAIM_ENDED:
        break;
    }
    read_end(dir_fd, attempt, claim, info);
    return RUN_OVER;
}

void
run_end(struct run *r, bool at_once)
{
    if (r->process >= 0)
        syscall(SYS_pidfd_send_signal, r->process, at_once ? SIGINT : SIGTERM, NULL, 0);
}
