/* cmd_demo.c - kelos demo: three issues become three agent runs, on this machine alone.
 *
 * The play runs in a child of its own, so that this process is free to see a Ctrl-C and to
 * clean up, whatever the play is doing. */
#include "cli/command/commands.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/demo/demo.h"
#include "common/clock.h"

static const struct flag flags[] = {
    {.name = "keep",
     .type = FLAG_BOOL,
     .help = "keep the folder with repository, data and logs afterwards"},
};

static int
open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool
interrupted(int signals)
{
    struct signalfd_siginfo info;

    return read(signals, &info, sizeof(info)) > 0;
}

static void
play_in_child(struct stage *s, pid_t parent)
{
    struct err e = ERR_INIT;
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int rc = demo_play(s, &e);
    fflush(stdout);
    if (rc < 0)
        fprintf(stderr, "Error: %s\n", e.text);
    _exit(rc < 0 ? 1 : 0);
}

/* Returns 0 when the play went well, -1 otherwise; its own error is printed already. */
static int
play_and_watch(struct stage *s, int signals, struct err *e)
{
    pid_t parent = getpid(), pid;
    int status = 0;

    fflush(stdout);
    fflush(stderr);
    if ((pid = fork()) < 0)
        return err_errno(e, "fork");
    if (pid == 0)
        play_in_child(s, parent);
    SCOPED(fd) int child = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd watched[] = {{.fd = child, .events = POLLIN},
                               {.fd = signals, .events = POLLIN}};
    while (poll(watched, 2, -1) < 0 && errno == EINTR)
        ;
    bool stopped = interrupted(signals);
    if (stopped)
        kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (stopped)
        return err_set(e, ERR_SYSTEM, "interrupted");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : err_set(e, ERR_INVALID, "%s", "");
}

static int
run_on(struct stage *s, int signals, struct err *e)
{
    int64_t start = clock_mono_ms();

    printf("A private folder, a git repository, a GitHub-compatible forge with five "
           "issues\n");
    fflush(stdout);
    if (stage_build(s, e) < 0)
        return -1;
    if (interrupted(signals))
        return err_set(e, ERR_SYSTEM, "interrupted");
    printf("$ kelos up --data %s\n", s->data);
    fflush(stdout);
    if (stage_up(s, e) < 0)
        return -1;
    printf("ready after %lld ms\n", (long long)(clock_mono_ms() - start));
    if (interrupted(signals))
        return err_set(e, ERR_SYSTEM, "interrupted");
    return play_and_watch(s, signals, e);
}

static int
run_demo(struct cli *c, struct err *e)
{
    int64_t start = clock_mono_ms();
    struct stage s = {0};
    SCOPED(fd) int signals = open_signals();

    if (signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return err_errno(e, "demo");
    int rc = run_on(&s, signals, e);
    int left = stage_strike(&s, args_bool(c->args, "keep"));
    if (rc < 0)
        return -1;
    if (left > 0)
        return err_set(e, ERR_SYSTEM, "%d processes were left over", left);
    printf("ok    no process was left behind\n\nThe demo passed in %.1f s.\n",
           (double)(clock_mono_ms() - start) / 1000);
    return 0;
}

const struct command command_demo = {
    .newer = true,
    .name = "demo",
    .summary = "Show it all: three issues become three agent runs, on this machine alone",
    .flags = FLAGS(flags),
    .no_config = true,
    .run = run_demo,
};
