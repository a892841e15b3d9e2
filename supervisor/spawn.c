/* spawn.c - see spawn.h. */
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_NOFILE 8192 /* well above peers, sources and watches together */
#define CHILD_ADDRESS_SPACE (8ul << 30) /* bytes; a runaway worker fails to allocate */
/* Where descriptors wait while 3.. is filled. */
#define PARK_FD (SPAWN_FIRST_FD + SPAWN_FDS_MAX)

void
spawn_arg(struct spawn *s, const char *fmt, ...)
{
    va_list args;

    if (s->argc >= SPAWN_ARGS_MAX - 1)
        return;
    va_start(args, fmt);
    if (vasprintf(&s->argv[s->argc], fmt, args) >= 0)
        s->argc++;
    va_end(args);
    s->argv[s->argc] = NULL;
}

int
spawn_fd(struct spawn *s, int fd)
{
    if (s->n_fds >= SPAWN_FDS_MAX)
        return -1;
    s->fds[s->n_fds] = fd;
    return SPAWN_FIRST_FD + s->n_fds++;
}

void
spawn_clear(struct spawn *s)
{
    for (int i = 0; i < s->argc; i++)
        free(s->argv[i]);
    memset(s, 0, sizeof *s);
}

/* What a confined worker may see of the environment: where things are, never tokens. */
static const char *const known_names[] = {
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
    "LSAN_OPTIONS",
    "MALLOC_ARENA_MAX",
    "POD_NAME",
    "POD_NAMESPACE",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
};

static bool
name_known(const char *pair)
{
    size_t size = strcspn(pair, "=");

    if (strncmp(pair, "LC_", 3) == 0 || strncmp(pair, "KELOS_", 6) == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(known_names); i++)
        if (strlen(known_names[i]) == size && strncmp(pair, known_names[i], size) == 0)
            return true;
    return false;
}

/* The array is the caller's, the texts are not. */
static char **
environment(bool whole)
{
    size_t n = 0, kept = 0;
    char **out;

    while (environ[n] != NULL)
        n++;
    if ((out = calloc(n + 1, sizeof *out)) == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (whole || name_known(environ[i]))
            out[kept++] = environ[i];
    return out;
}

static void
set_limits(bool limit_memory)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < CHILD_NOFILE ? files.rlim_max : CHILD_NOFILE;
        setrlimit(RLIMIT_NOFILE, &files);
    }
#ifndef KELOS_SANITIZED /* its shadow memory is larger than any limit */
    if (limit_memory) {
        const struct rlimit space = {CHILD_ADDRESS_SPACE, CHILD_ADDRESS_SPACE};

        setrlimit(RLIMIT_AS, &space);
    }
#else
    (void)limit_memory;
#endif
}

/* In the child: only calls that are safe after fork in a process with threads. Moves the
 * wanted descriptors to 3, 4, ... and closes all others. */
static int
arrange_fds(const struct spawn *s)
{
    int parked[SPAWN_FDS_MAX];

    for (int i = 0; i < s->n_fds; i++)
        if ((parked[i] = fcntl(s->fds[i], F_DUPFD, PARK_FD)) < 0)
            return -1;
    for (int i = 0; i < s->n_fds; i++)
        if (dup2(parked[i], SPAWN_FIRST_FD + i) < 0)
            return -1;
    return (int)syscall(SYS_close_range, SPAWN_FIRST_FD + s->n_fds, ~0u, 0);
}

static void __attribute__((noreturn))
become(const struct spawn *s, pid_t parent, char **env)
{
    static const char lost[] = "kelos-supervisor: cannot start a worker: ";
    sigset_t none;
    const char *why;

    /* The parent may have died before the request: then nobody would end us. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(127);
    setpgid(0, 0); /* a terminal's ^C is for the supervisor, which stops us in order */
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    set_limits(s->limit_memory);
    if (arrange_fds(s) == 0)
        execve(s->program, s->argv, env);
    why = strerrordesc_np(errno);
    if (write(STDERR_FILENO, lost, sizeof lost - 1) < 0 ||
        write(STDERR_FILENO, s->program, strlen(s->program)) < 0 ||
        write(STDERR_FILENO, ": ", 2) < 0 || write(STDERR_FILENO, why, strlen(why)) < 0 ||
        write(STDERR_FILENO, "\n", 1) < 0)
        _exit(126);
    _exit(127);
}

pid_t
spawn_start(const struct spawn *s, int *pidfd, struct err *e)
{
    pid_t parent = getpid(), pid;
    char **env = environment(s->whole_environment);

    if (env == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    pid = fork();
    if (pid == 0)
        become(s, parent, env);
    free(env);
    if (pid < 0)
        return err_errno(e, "fork");
    *pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (*pidfd < 0) {
        err_errno(e, "pidfd_open");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return -1;
    }
    fcntl(*pidfd, F_SETFD, FD_CLOEXEC);
    return pid;
}
