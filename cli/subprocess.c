/* subprocess.c - see subprocess.h. */
#include "cli/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/scoped.h"

#define END_MS 3000

/* In the child: nothing is blocked or ignored, and the descriptors are as given (input -1:
 * there is none). */
static void
become(const char *const *argv, const char *dir, int in, int out, int err)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dir != NULL && chdir(dir) < 0)
        _exit(126);
    if (out >= 0)
        dup2(out, STDOUT_FILENO);
    if (err >= 0)
        dup2(err, STDERR_FILENO);
    int input = in >= 0 ? in : open("/dev/null", O_RDONLY);
    if (input >= 0)
        dup2(input, STDIN_FILENO);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static int
wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 128;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
run(const char *const *argv, const char *dir, int in, struct buf *out, bool quiet,
    struct err *e)
{
    int ends[2] = {-1, -1};
    SCOPED(fd) int null = quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;

    if (out != NULL && pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, "pipe");
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    if (pid == 0)
        become(argv, dir, in, ends[1], null);
    if (out != NULL) {
        char chunk[4096];
        ssize_t n;

        close(ends[1]);
        while (pid > 0 && ((n = read(ends[0], chunk, sizeof(chunk))) > 0 ||
                           (n < 0 && errno == EINTR)))
            if (n > 0)
                buf_add(out, chunk, (size_t)n);
        close(ends[0]);
    }
    if (pid < 0)
        return err_errno(e, "%s", argv[0]);
    int status = wait_for(pid);
    if (status == 127)
        return err_set(e, ERR_NOT_FOUND, "%s: not found on PATH; install it", argv[0]);
    return status;
}

int
subprocess_run(const char *const *argv, const char *dir, struct buf *out, bool quiet,
               struct err *e)
{
    return run(argv, dir, -1, out, quiet, e);
}

int
subprocess_feed(const char *const *argv, const struct buf *in, struct buf *out,
                struct err *e)
{
    SCOPED(fd) int fd = memfd_create("input", MFD_CLOEXEC);
    size_t done = 0;

    while (fd >= 0 && done < in->size) {
        ssize_t n = write(fd, in->data + done, in->size - done);

        if (n <= 0)
            return err_errno(e, "input of %s", argv[0]);
        done += (size_t)n;
    }
    if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(e, "input of %s", argv[0]);
    return run(argv, NULL, fd, out, false, e);
}

int
subprocess_must(const char *const *argv, const char *dir, struct buf *out, struct err *e)
{
    SCOPED(buf) struct buf line = BUF_INIT;
    int status = subprocess_run(argv, dir, out, false, e);

    if (status <= 0)
        return status;
    for (size_t i = 0; argv[i] != NULL; i++)
        buf_printf(&line, "%s%s", i > 0 ? " " : "", argv[i]);
    return err_set(e, ERR_SYSTEM, "`%s` ended with status %d", buf_str(&line), status);
}

pid_t
subprocess_start(const char *const *argv, const char *log, struct err *e)
{
    SCOPED(fd) int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t parent = getpid();

    if (fd < 0)
        return err_errno(e, "%s", log);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
            _exit(127);
        become(argv, NULL, -1, fd, fd);
    }
    if (pid < 0)
        return err_errno(e, "%s", argv[0]);
    setpgid(pid, pid);
    return pid;
}

void
subprocess_end(pid_t pid)
{
    int64_t until = clock_mono_ms() + END_MS;

    if (pid <= 0)
        return;
    kill(-pid, SIGTERM);
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (clock_mono_ms() > until)
            kill(-pid, SIGKILL);
        usleep(5000);
    }
    kill(-pid, SIGKILL); /* its children, if it left some */
}
