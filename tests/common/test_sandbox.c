#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/worker/sandbox.h"

static char folder[64];

/* What a confined process finds out is its exit status: no assertions in a child. */
typedef int probe_fn(void);

static int
confined(enum role role, const char *grant, enum sandbox_access access, probe_fn *probe)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct err e = ERR_INIT;
        struct sandbox *s = sandbox_new(role, SANDBOX_AUTO);

        if (s == NULL || (grant != NULL && sandbox_allow(s, grant, access, &e) < 0) ||
            sandbox_enter(s, &e) < 0)
            _exit(99);
        sandbox_free(s);
        _exit(probe());
    }
    cr_assert_gt(pid, 0);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
make_folder(void)
{
    char path[128];
    FILE *f;

    log_init("test", LEVEL_ERROR, LOG_TEXT);
    snprintf(folder, sizeof folder, "/tmp/kelos-box-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/secret", folder);
    f = fopen(path, "w");
    fputs("secret", f);
    fclose(f);
}

static void
drop_folder(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/secret", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/new", folder);
    unlink(path);
    rmdir(folder);
}

static int
open_secret(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/secret", folder);
    return open(path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int
create_new(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/new", folder);
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? errno : 0;
}

static const enum role confined_roles[] = {ROLE_WATCHER, ROLE_RECONCILER, ROLE_SPAWNER,
                                           ROLE_STATUSWRITER, ROLE_APISERVER};

Test(sandbox, what_was_not_granted_is_out_of_reach)
{
    make_folder();
    for (size_t i = 0; i < ARRAY_LEN(confined_roles); i++)
        cr_expect_eq(confined(confined_roles[i], NULL, SANDBOX_READ, open_secret), EACCES,
                     "%s", role_name(confined_roles[i]));
    drop_folder();
}

Test(sandbox, a_grant_to_read_reads_and_does_not_write)
{
    make_folder();
    cr_expect_eq(confined(ROLE_WATCHER, folder, SANDBOX_READ, open_secret), 0);
    cr_expect_eq(confined(ROLE_WATCHER, folder, SANDBOX_READ, create_new), EACCES);
    cr_expect_eq(confined(ROLE_APISERVER, folder, SANDBOX_WRITE, create_new), 0);
    drop_folder();
}

static int
try_exec(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return errno == EPERM || errno == EACCES ? 0 : errno;
}

static int
try_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid < 0 && errno == EPERM ? 0 : 1;
}

static void *
nothing(void *arg)
{
    return arg;
}

static int
try_thread(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, nothing, NULL) == 0 ? pthread_join(thread, NULL)
                                                             : 1;
}

static int
try_mount(void)
{
    return mount("none", folder, "tmpfs", 0, NULL) < 0 && errno == EPERM ? 0 : 1;
}

static int
try_ptrace(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 && errno == EPERM ? 0 : 1;
}

static int
try_signal(void)
{
    return kill(getppid(), 0) < 0 && errno == EPERM ? 0 : 1;
}

static int
try_packet(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT ? 0 : 1;
}

static int
try_bind(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return 1;
    return bind(fd, (struct sockaddr *)&a, sizeof a) == 0 ? 0 : errno;
}

static int
new_privs(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1;
}

Test(sandbox, a_spawner_makes_no_process_mounts_nothing_and_signals_nobody)
{
#ifndef KELOS_SANITIZED
    cr_expect_eq(confined(ROLE_SPAWNER, NULL, SANDBOX_READ, try_exec), 0, "exec");
    cr_expect_eq(confined(ROLE_SPAWNER, NULL, SANDBOX_READ, try_fork), 0, "fork");
    cr_expect_eq(confined(ROLE_SPAWNER, NULL, SANDBOX_READ, try_ptrace), 0, "ptrace");
#else
    (void)try_exec;
    (void)try_fork;
    (void)try_ptrace;
#endif
    cr_expect_eq(confined(ROLE_SPAWNER, NULL, SANDBOX_READ, try_mount), 0, "mount");
    cr_expect_eq(confined(ROLE_SPAWNER, NULL, SANDBOX_READ, try_packet), 0, "AF_PACKET");
    cr_expect_eq(confined(ROLE_SPAWNER, NULL, SANDBOX_READ, new_privs), 0,
                 "no_new_privs");
    if (sandbox_landlock_abi() >= 6)
        cr_expect_eq(confined(ROLE_SPAWNER, NULL, SANDBOX_READ, try_signal), 0, "kill");
}

Test(sandbox, threads_are_still_allowed)
{
    cr_expect_eq(confined(ROLE_SPAWNER, NULL, SANDBOX_READ, try_thread), 0);
}

Test(sandbox, only_those_who_serve_may_listen_on_tcp)
{
    if (sandbox_landlock_abi() < 4)
        return;
    cr_expect_eq(confined(ROLE_SPAWNER, NULL, SANDBOX_READ, try_bind), EACCES);
    cr_expect_eq(confined(ROLE_WATCHER, NULL, SANDBOX_READ, try_bind), EACCES);
    cr_expect_eq(confined(ROLE_APISERVER, NULL, SANDBOX_READ, try_bind), 0);
    cr_expect_eq(confined(ROLE_STATUSWRITER, NULL, SANDBOX_READ, try_bind), 0);
}

Test(sandbox, the_runner_is_left_free_for_its_containers)
{
    make_folder();
    cr_expect_eq(confined(ROLE_RUNNER, NULL, SANDBOX_READ, open_secret), 0);
    drop_folder();
}

static void *
wait_for_end(void *arg)
{
    char c;

    while (read(*(int *)arg, &c, 1) < 0 && errno == EINTR)
        ;
    return NULL;
}

/* A thread made before would stay free. */
Test(sandbox, a_second_thread_is_an_error)
{
    struct err e = ERR_INIT;
    struct sandbox *s = sandbox_new(ROLE_SPAWNER, SANDBOX_AUTO);
    pthread_t thread;
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(pthread_create(&thread, NULL, wait_for_end, &ends[0]), 0);
    cr_expect_eq(sandbox_enter(s, &e), -1);
    cr_expect_not_null(strstr(e.text, "threads"));
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    sandbox_free(s);
}

Test(sandbox, off_is_off_and_modes_are_named)
{
    enum sandbox_mode mode;
    struct err e = ERR_INIT;
    struct sandbox *s = sandbox_new(ROLE_SPAWNER, SANDBOX_OFF);

    cr_expect_eq(sandbox_enter(s, &e), 0);
    cr_expect_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    sandbox_free(s);
    cr_expect_eq(sandbox_mode_parse("require", &mode), 0);
    cr_expect_eq(mode, SANDBOX_REQUIRE);
    cr_expect_eq(sandbox_mode_parse("maybe", &mode), -1);
}

Test(sandbox, a_path_that_is_not_there_is_no_error)
{
    struct err e = ERR_INIT;
    struct sandbox *s = sandbox_new(ROLE_SPAWNER, SANDBOX_AUTO);

    cr_expect_eq(sandbox_allow(s, "/no/such/path", SANDBOX_READ, &e), 0);
    sandbox_free(s);
}
