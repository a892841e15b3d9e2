/* zygote.c - see zygote.h. */
#include "common/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

enum { PARK_FD = 100, ARGS_MAX = 64 };

struct request {
    char bytes[ZYGOTE_REQUEST_BYTES];
    size_t size;
    int fds[ZYGOTE_FDS_MAX];
    int n_fds;
};

int
zygote_pair(int pair[2], struct err *e)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(e, "socketpair");
    return 0;
}

/* ---- who asks -------------------------------------------------------------------- */

static int
send_request(int fd, const struct request *r)
{
    union {
        char bytes[CMSG_SPACE(sizeof(r->fds))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec part = {(void *)r->bytes, r->size};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

    if (r->n_fds > 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE((size_t)r->n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)r->n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), r->fds, (size_t)r->n_fds * sizeof(int));
    }
    return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

static int
fill_request(struct request *r, char *const argv[], const int *fds, int n_fds)
{
    r->size = 0;
    for (size_t i = 0; argv[i] != NULL; i++) {
        size_t n = strlen(argv[i]) + 1;

        if (i == ARGS_MAX || r->size + n > sizeof r->bytes)
            return -1;
        memcpy(r->bytes + r->size, argv[i], n);
        r->size += n;
    }
    if (n_fds > ZYGOTE_FDS_MAX)
        return -1;
    memcpy(r->fds, fds, (size_t)n_fds * sizeof(int));
    r->n_fds = n_fds;
    return 0;
}

pid_t
zygote_ask(int fd, char *const argv[], const int *fds, int n_fds, struct err *e)
{
    struct request *r = calloc(1, sizeof *r);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int32_t pid = -1;
    siginfo_t info;
    int rc;

    if (r == NULL || fill_request(r, argv, fds, n_fds) < 0) {
        free(r);
        return err_set(e, ERR_LIMIT, "zygote: arguments of more than %d bytes",
                       ZYGOTE_REQUEST_BYTES);
    }
    rc = send_request(fd, r);
    free(r);
    if (rc < 0)
        return err_errno(e, "zygote");
    if (poll(&wait, 1, ZYGOTE_ANSWER_MS) != 1 ||
        recv(fd, &pid, sizeof pid, MSG_DONTWAIT) != (ssize_t)sizeof pid || pid <= 0)
        return err_set(e, ERR_SYSTEM, "zygote: no new process");
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return err_errno(e, "zygote: process %d", (int)pid);
    return pid;
}

/* ---- the zygote ------------------------------------------------------------------ */

/* Returns 1 with a request, 0 at the end, -1 on an error. */
static int
receive(int fd, struct request *r)
{
    union {
        char bytes[CMSG_SPACE(sizeof(r->fds))];
        struct cmsghdr align;
    } control;
    struct iovec part = {r->bytes, sizeof r->bytes};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t n;

    r->n_fds = 0;
    while ((n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    if (n <= 0)
        return n < 0 ? -1 : 0;
    r->size = (size_t)n;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            r->n_fds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(r->fds, CMSG_DATA(c), (size_t)r->n_fds * sizeof(int));
        }
    return r->bytes[r->size - 1] == '\0' ? 1 : -1;
}

/* The command line that others see. */
static void
show_arguments(const struct request *r, char *room, size_t size)
{
    size_t n = r->size < size ? r->size : size - 1;

    memset(room, 0, size);
    memcpy(room, r->bytes, n);
}

/* They are the process's own to its end, as main's first ones are. */
static int
take_arguments(const struct request *r, int *argc, char ***argv)
{
    static char *copy, **list;

    free(copy);
    free(list);
    copy = malloc(r->size);
    list = calloc(ARGS_MAX + 1, sizeof *list);

    if (copy == NULL || list == NULL)
        return -1;
    memcpy(copy, r->bytes, r->size);
    *argc = 0;
    for (size_t at = 0; at < r->size && *argc < ARGS_MAX; at += strlen(copy + at) + 1)
        list[(*argc)++] = copy + at;
    *argv = list;
    return 0;
}

/* The descriptors go to their places; `fd` stays open above them for the answer. */
static int
place_fds(struct request *r, int *fd)
{
    if ((*fd = fcntl(*fd, F_DUPFD_CLOEXEC, PARK_FD + ZYGOTE_FDS_MAX)) < 0)
        return -1;
    for (int i = 0; i < r->n_fds; i++)
        if ((r->fds[i] = fcntl(r->fds[i], F_DUPFD, PARK_FD)) < 0)
            return -1;
    for (int i = 0; i < r->n_fds; i++)
        if (dup2(r->fds[i], ZYGOTE_FIRST_FD + i) < 0)
            return -1;
    if (syscall(SYS_close_range, ZYGOTE_FIRST_FD + r->n_fds, (unsigned)*fd - 1, 0) < 0)
        return -1;
    return (int)syscall(SYS_close_range, (unsigned)*fd + 1, ~0u, 0);
}

/* Whoever asked is the parent once the process between has gone. */
static int
adopt(pid_t parent)
{
    int64_t until = clock_mono_ms() + ZYGOTE_ANSWER_MS;

    while (getppid() != parent)
        if (clock_mono_ms() > until || sched_yield() < 0)
            return -1;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        return -1;
    setpgid(0, 0);
    return 0;
}

static int
become(struct request *r, int fd, pid_t parent, int *argc, char ***argv)
{
    int32_t pid = (int32_t)getpid();

    if (adopt(parent) < 0 || place_fds(r, &fd) < 0 || take_arguments(r, argc, argv) < 0 ||
        send(fd, &pid, sizeof pid, MSG_NOSIGNAL) != (ssize_t)sizeof pid)
        _exit(127);
    close(fd);
    return 1;
}

/* The process between: ends at once. In the new process it returns 0. */
static pid_t
fork_twice(void)
{
    pid_t between = fork();
    int status;

    if (between == 0) {
        pid_t last = fork();

        if (last != 0)
            _exit(last < 0 ? 1 : 0);
        return 0;
    }
    if (between < 0 || waitpid(between, &status, 0) < 0 || status != 0)
        return -1;
    return between;
}

int
zygote_serve(int fd, int *argc, char ***argv, struct err *e)
{
    static struct request r;
    char *room = (*argv)[0], *last = (*argv)[*argc - 1];
    size_t size = (size_t)(last - room) + strlen(last) + 1;
    pid_t parent = getppid();
    int rc;

    while ((rc = receive(fd, &r)) == 1) {
        const int32_t failed = -1;
        pid_t pid = fork_twice();

        if (pid == 0) {
            show_arguments(&r, room, size);
            return become(&r, fd, parent, argc, argv);
        }
        for (int i = 0; i < r.n_fds; i++)
            close(r.fds[i]);
        if (pid < 0 && send(fd, &failed, sizeof failed, MSG_NOSIGNAL) < 0)
            break;
    }
    return rc < 0 ? err_errno(e, "zygote") : 0;
}
