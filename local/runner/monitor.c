/* monitor.c - see monitor.h. */
#include "local/runner/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/macros.h"
#include "local/runner/cgroup.h"
#include "local/runner/confine.h"
#include "local/runner/exitfile.h"
#include "local/runner/logsink.h"

enum { SIGNALS, OUT, ERR, REPORT, N_FDS };

struct monitor {
    const struct launch *launch;
    int dir, claim;
    struct logsink *log;
    struct confined child;
    struct pollfd fds[N_FDS];
    struct confine_report report;
    bool reported;
    int64_t kill_at_ms; /* monotonic; 0: nobody asked to end */
    int64_t started_ms; /* wall */
};

static int64_t
wall_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---- events ---- */

static void
on_signal(struct monitor *m)
{
    struct signalfd_siginfo info;

    while (read(m->fds[SIGNALS].fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue; /* the report's end of file says the same */
        if (info.ssi_signo == SIGTERM && m->kill_at_ms == 0) {
            kill(m->child.init, SIGTERM);
            m->kill_at_ms = clock_mono_ms() + m->launch->grace_ms;
        } else {
            kill(m->child.init, SIGKILL);
        }
    }
}

static void
on_output(struct monitor *m, int which)
{
    char chunk[65536];
    ssize_t n = read(m->fds[which].fd, chunk, sizeof chunk);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0) {
        logsink_feed(m->log, which - OUT, chunk, (size_t)n, wall_ns());
        return;
    }
    close(m->fds[which].fd);
    m->fds[which].fd = -1;
}

static void
on_report(struct monitor *m)
{
    struct confine_report r;
    ssize_t n = recv(m->fds[REPORT].fd, &r, sizeof r, MSG_DONTWAIT);

    if (n == sizeof r) {
        m->report = r;
        m->reported = true;
        return;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    close(m->fds[REPORT].fd);
    m->fds[REPORT].fd = -1;
}

/* Until the namespace is gone and all that it printed is written. */
static void
loop(struct monitor *m)
{
    while (m->fds[OUT].fd >= 0 || m->fds[ERR].fd >= 0 || m->fds[REPORT].fd >= 0) {
        int wait_ms = -1;
        if (m->kill_at_ms != 0) {
            int64_t left = m->kill_at_ms - clock_mono_ms();
            wait_ms = left > 0 ? (int)left : 1000;
            if (left <= 0)
                kill(m->child.init, SIGKILL);
        }
        if (poll(m->fds, N_FDS, wait_ms) <= 0)
            continue;
        if (m->fds[SIGNALS].revents != 0)
            on_signal(m);
        if (m->fds[OUT].revents != 0)
            on_output(m, OUT);
        if (m->fds[ERR].revents != 0)
            on_output(m, ERR);
        if (m->fds[REPORT].revents != 0)
            on_report(m);
    }
    logsink_end(m->log, wall_ns());
}

/* ---- beginning and end ---- */

static int
open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Starts the container on two fresh pipes. */
static int
start(struct monitor *m, struct err *e)
{
    char place[4096];
    int out[2], err[2];

    snprintf(place, sizeof place, "%s/root", m->launch->dir);
    if (mkdir(place, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "making %s", place);
    if (pipe2(out, O_CLOEXEC) < 0)
        return err_errno(e, "pipe");
    if (pipe2(err, O_CLOEXEC) < 0) {
        close(out[0]);
        close(out[1]);
        return err_errno(e, "pipe");
    }
    int rc = confine_start(m->launch, place, out[1], err[1], &m->child, e);
    close(out[1]);
    close(err[1]);
    m->fds[OUT] = (struct pollfd){.fd = out[0], .events = POLLIN};
    m->fds[ERR] = (struct pollfd){.fd = err[0], .events = POLLIN};
    m->fds[REPORT] =
        (struct pollfd){.fd = rc == 0 ? m->child.report : -1, .events = POLLIN};
    if (rc < 0) {
        close(out[0]);
        close(err[0]);
    }
    return rc;
}

static void
describe_end(const struct monitor *m, struct exit_info *info)
{
    int status = m->report.status;

    if (m->reported && m->report.started && WIFEXITED(status)) {
        info->code = WEXITSTATUS(status);
    } else if (m->reported && m->report.started && WIFSIGNALED(status)) {
        info->signal = WTERMSIG(status);
        info->code = 128 + info->signal;
    } else {
        /* Init itself was killed: by us, or by the kernel for memory. */
        info->signal = SIGKILL;
        info->code = 128 + SIGKILL;
    }
}

static int
finish(struct monitor *m, struct exit_info *info)
{
    struct err e = ERR_INIT;
    struct stat st;

    info->finished_ms = clock_wall_ms();
    if (cgroup_end(m->launch) && info->code != 0)
        snprintf(info->reason, sizeof info->reason, "OOMKilled");
    /* The place of the root, and a log that nobody wrote to, are no longer needed. */
    unlinkat(m->dir, "root", AT_REMOVEDIR);
    if (fstatat(m->dir, "monitor.log", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == 0)
        unlinkat(m->dir, "monitor.log", 0);
    if (exit_write(m->dir, m->launch->attempt, info, &e) < 0) {
        log_error(m->launch->dir, "%s", e.text);
        return 1;
    }
    return 0;
}

static void
hide_secrets(struct monitor *m)
{
    SCOPED(hide) struct hide *h = hide_new();

    for (size_t i = 0; h != NULL && i < m->launch->hidden.count; i++)
        hide_add(h, m->launch->hidden.items[i], strlen(m->launch->hidden.items[i]));
    logsink_hide(m->log, &h);
}

static int
run_claimed(struct monitor *m, int report_fd)
{
    struct exit_info info = {.started_ms = clock_wall_ms()};
    struct err e = ERR_INIT;

    m->log = logsink_open(m->dir, m->launch->log_bytes, &e);
    if (m->log != NULL)
        hide_secrets(m);
    if (m->log == NULL || start(m, &e) < 0) {
        info.code = 128;
        snprintf(info.reason, sizeof info.reason, "StartError");
        snprintf(info.message, sizeof info.message, "%.*s", (int)sizeof info.message - 1,
                 e.text);
        return finish(m, &info);
    }
    info.started_ms = clock_wall_ms();
    if (report_fd >= 0)
        send(report_fd, "S", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    loop(m);
    while (waitpid(m->child.init, NULL, 0) < 0 && errno == EINTR)
        continue;
    describe_end(m, &info);
    return finish(m, &info);
}

int
monitor_run(const struct launch *l, int report_fd)
{
    struct monitor m = {.launch = l, .dir = -1, .claim = -1};
    struct err e = ERR_INIT;

    setsid();
    umask(077);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    m.fds[SIGNALS] = (struct pollfd){.fd = open_signals(), .events = POLLIN};
    m.dir = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m.dir < 0 || chdir("/") < 0) {
        log_error(NULL, "%s: %s", l->dir, strerror(errno));
        return 1;
    }
    if ((m.claim = claim_take(m.dir, l->attempt, &e)) < 0) {
        if (e.code == ERR_EXISTS)
            return MONITOR_TAKEN;
        log_error(l->dir, "%s", e.text);
        return 1;
    }
    int rc = run_claimed(&m, report_fd);
    logsink_free(m.log);
    return rc;
}
