/* confine.c - see confine.h. */
#include "local/runner/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/macros.h"
#include "local/runner/cgroup.h"
#include "local/runner/rootfs.h"

/* What the new init needs while it makes itself. */
struct child {
    const struct launch *launch;
    const char *place;
    int out_fd, err_fd;
    int talk; /* to the parent: 'M' asks for the id maps, a confine_report ends it */
};

/* ---- id maps, written from outside ---- */

static int
write_file(pid_t pid, const char *name, const char *text, struct err *e)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    SCOPED(fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return err_errno(e, "writing %s", path);
    return 0;
}

static int
write_maps(pid_t pid, const struct launch *l, struct err *e)
{
    char map[64];

    snprintf(map, sizeof map, "%" PRId64 " %" PRId64 " 1\n", l->inner_id, l->outer_id);
    if (write_file(pid, "setgroups", "deny", e) < 0 ||
        write_file(pid, "uid_map", map, e) < 0)
        return -1;
    if (geteuid() != 0)
        snprintf(map, sizeof map, "%" PRId64 " %u 1\n", l->inner_id, (unsigned)getegid());
    return write_file(pid, "gid_map", map, e);
}

/* ---- inside ---- */

static _Noreturn void
give_up(int talk, const struct err *e)
{
    struct confine_report r = {.started = 0};

    snprintf(r.message, sizeof r.message, "%.*s", (int)sizeof r.message - 1, e->text);
    ssize_t ignored UNUSED = send(talk, &r, sizeof r, MSG_NOSIGNAL);
    _exit(128);
}

/* Asks the parent to map our ids, then takes them. */
static int
take_ids(const struct child *c, struct err *e)
{
    uid_t id = (uid_t)c->launch->inner_id;
    char answer;

    if (send(c->talk, "M", 1, MSG_NOSIGNAL) != 1 || recv(c->talk, &answer, 1, 0) != 1)
        return err_set(e, ERR_SYSTEM, "the monitor could not map user ids");
    if (setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
        return err_errno(e, "taking user id %u", (unsigned)id);
    return 0;
}

static int
enter(const struct child *c, struct err *e)
{
    const struct launch *l = c->launch;

    if (geteuid() == 0 && l->outer_id != 0) {
        if (setgroups(0, NULL) < 0 && errno != EPERM)
            return err_errno(e, "dropping groups");
        if (rootfs_enter(l, c->place, (uid_t)l->outer_id, e) < 0)
            return -1;
        if (sethostname(l->hostname, strlen(l->hostname)) < 0)
            return err_errno(e, "host name");
        if (unshare(CLONE_NEWUSER) < 0)
            return err_errno(e, "user namespace");
        return take_ids(c, e);
    }
    if (take_ids(c, e) < 0 || rootfs_enter(l, c->place, (uid_t)l->inner_id, e) < 0)
        return -1;
    if (sethostname(l->hostname, strlen(l->hostname)) < 0)
        return err_errno(e, "host name");
    return 0;
}

static int
drop_rights(const struct launch *l, struct err *e)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    struct rlimit core = {0, 0};
    struct sock_fprog program = {
        .len = (unsigned short)(l->filter.size / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)(void *)l->filter.data};

    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &core);
    if (l->open_files > 0)
        setrlimit(RLIMIT_NOFILE,
                  &(struct rlimit){(rlim_t)l->open_files, (rlim_t)l->open_files});
    if (syscall(SYS_capset, &head, none) < 0)
        return err_errno(e, "dropping capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_errno(e, "no_new_privs");
    if (program.len > 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return err_errno(e, "seccomp filter");
    return 0;
}

/* A value of the container's environment, "" when it is not there. */
static const char *
env_value(const struct launch *l, const char *name)
{
    size_t size = strlen(name);
    const char *found = "";

    for (size_t i = 0; i < l->env.count; i++)
        if (strncmp(l->env.items[i], name, size) == 0 && l->env.items[i][size] == '=')
            found = l->env.items[i] + size + 1;
    return found;
}

/* execve along the container's own PATH. Returns only when nothing could be started. */
static void
exec_in_path(const struct launch *l)
{
    const char *name = l->args.items[0], *path = env_value(l, "PATH");
    char **env = l->env.items != NULL ? l->env.items : (char *[]){NULL};
    char full[4096];
    int why = ENOENT;

    if (strchr(name, '/') != NULL) {
        execve(name, l->args.items, env);
        return;
    }
    while (*path != '\0') {
        size_t size = strcspn(path, ":");
        snprintf(full, sizeof full, "%.*s/%s", (int)size, path, name);
        execve(full, l->args.items, env);
        if (errno != ENOENT && errno != ENOTDIR)
            why = errno;
        path += size;
        path += *path == ':';
    }
    errno = why;
}

/* The container's own process. Its failure is told through `failed`. */
static _Noreturn void
become_container(const struct child *c, int failed)
{
    struct err e = ERR_INIT;
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null < 0 || dup2(null, 0) < 0 || dup2(c->out_fd, 1) < 0 ||
        dup2(c->err_fd, 2) < 0) {
        err_errno(&e, "standard descriptors");
    } else if (rootfs_make_cwd(c->launch->cwd, &e) == 0) {
        exec_in_path(c->launch);
        err_errno(&e, "exec: \"%s\"", c->launch->args.items[0]);
    }
    ssize_t ignored UNUSED = write(failed, e.text, strlen(e.text));
    _exit(127);
}

/* Forwards what asks to end, reaps, until the container's own process has ended. */
static int
init_loop(pid_t main_pid, const sigset_t *set)
{
    for (;;) {
        siginfo_t info;
        int status;
        pid_t pid;

        int sig = sigwaitinfo(set, &info);
        if (sig == SIGTERM || sig == SIGINT || sig == SIGHUP)
            kill(-main_pid, sig);
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
            if (pid == main_pid)
                return status;
    }
}

/* Lets go of every other descriptor: init never executes a program that would. */
static void
keep_only(struct child *c)
{
    int *const kept[] = {&c->talk, &c->out_fd, &c->err_fd};

    for (int i = 0; i < (int)ARRAY_LEN(kept); i++)
        *kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, 16);
    for (int i = 0; i < (int)ARRAY_LEN(kept); i++)
        *kept[i] = dup3(*kept[i], 3 + i, O_CLOEXEC);
    close_range(3 + ARRAY_LEN(kept), ~0U, 0);
}

static _Noreturn void
init_main(const struct child *c)
{
    struct confine_report r = {.started = 1};
    struct err e = ERR_INIT;
    sigset_t set;
    int failed[2];

    prctl(PR_SET_NAME, "kelos-init");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_SETMASK, &set, NULL);
    umask(022);
    if (enter(c, &e) < 0 || drop_rights(c->launch, &e) < 0)
        give_up(c->talk, &e);
    /* A change of ids clears it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (pipe2(failed, O_CLOEXEC) < 0)
        give_up(c->talk, &e);
    pid_t pid = fork();
    if (pid == 0)
        become_container(c, failed[1]);
    /* What is in our memory is not for the container to read. */
    prctl(PR_SET_DUMPABLE, 0);
    close(failed[1]);
    close(c->out_fd);
    close(c->err_fd);
    ssize_t n = pid > 0 ? read(failed[0], r.message, sizeof r.message - 1) : -1;
    if (n != 0) {
        err_set(&e, ERR_SYSTEM, "%s",
                n > 0 ? r.message : "the container could not be forked");
        give_up(c->talk, &e);
    }
    close(failed[0]);
    send(c->talk, "S", 1, MSG_NOSIGNAL);
    r.status = init_loop(pid, &set);
    send(c->talk, &r, sizeof r, MSG_NOSIGNAL);
    _exit(0);
}

/* ---- outside ---- */

static pid_t
clone_init(const struct launch *l)
{
    struct clone_args args = {.exit_signal = SIGCHLD,
                              .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                                       CLONE_NEWUTS};

    if (geteuid() != 0 || l->outer_id == 0)
        args.flags |= CLONE_NEWUSER;
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/* Serves the id maps and waits for the start. Returns 0, or -1 with *e set. */
static int
bring_up(pid_t pid, const struct launch *l, int talk, struct err *e)
{
    struct confine_report r;

    for (;;) {
        ssize_t n = recv(talk, &r, sizeof r, 0);
        if (n < 0 && errno == EINTR)
            continue;
        const char *first = (const char *)&r;
        if (n == 1 && *first == 'S')
            return 0;
        if (n == 1 && *first == 'M') {
            cgroup_join(l, pid);
            if (write_maps(pid, l, e) < 0 || send(talk, "m", 1, MSG_NOSIGNAL) != 1)
                return -1;
            continue;
        }
        if (n == sizeof r)
            return err_set(e, ERR_INVALID, "%s", r.message);
        return err_set(e, ERR_SYSTEM,
                       "the container's first process died while it was made");
    }
}

int
confine_start(const struct launch *l, const char *place, int out_fd, int err_fd,
              struct confined *out, struct err *e)
{
    int talk[2];

    /* Messages keep their borders on SEQPACKET. */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
        return err_errno(e, "socketpair");
    struct child c = {
        .launch = l, .place = place, .out_fd = out_fd, .err_fd = err_fd, .talk = talk[1]};
    pid_t pid = clone_init(l);
    if (pid == 0) {
        keep_only(&c);
        init_main(&c);
    }
    int why = errno;
    close(talk[1]);
    if (pid < 0) {
        close(talk[0]);
        errno = why;
        return err_errno(e, "new namespaces");
    }
    if (bring_up(pid, l, talk[0], e) < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(talk[0]);
        return -1;
    }
    *out = (struct confined){.init = pid, .report = talk[0]};
    return 0;
}
