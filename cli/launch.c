/* launch.c - see launch.h. */
#include "cli/launch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/leftover.h"
#include "cli/local.h"
#include "common/clock.h"
#include "common/macros.h"
#include "common/scoped.h"

#define READY_MS 20000
#define STOP_MS 45000
#define KILL_MS 5000
#define READY_FD 3
/* The longest name of a socket in the run directory. */
#define LONGEST_SOCKET "/run/source-4095"

static const char *const programs[] = {
    "kelos-supervisor", "kelos-watcher",      "kelos-reconciler",
    "kelos-spawner",    "kelos-statuswriter", "kelos-apiserver",
    "kelos-runner",     "kelos-monitor",      "kelos-capture",
};

int
launch_check_length(const char *dir, struct err *e)
{
    size_t most =
        sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 - strlen(LONGEST_SOCKET);

    if (strlen(dir) <= most)
        return 0;
    return err_set(
        e, ERR_LIMIT,
        "data directory %s: %zu characters, but sockets need a path of at most %zu; "
        "choose a shorter one with --data",
        dir, strlen(dir), most);
}

static int
make_folders(const char *dir)
{
    SCOPED(string) char *path = strdup(dir);

    for (char *p = path + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
        *p = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return -1;
    }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

int
launch_check_dir(const char *dir, struct err *e)
{
    SCOPED(string) char *probe = local_path(dir, ".probe.XXXXXX");
    SCOPED(fd) int fd = -1;

    if (make_folders(dir) < 0 || (fd = mkstemp(probe)) < 0)
        return err_set(
            e, ERR_SYSTEM,
            "data directory %s is not writable: %s; choose another with --data", dir,
            strerror(errno));
    unlink(probe);
    return 0;
}

int
launch_check_port(long port, struct err *e)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    SCOPED(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (port == 0 || fd < 0)
        return 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return 0;
    return err_set(
        e, ERR_SYSTEM,
        "port %ld is in use (%s); choose another with --port or end what uses it", port,
        strerror(errno));
}

int
launch_server(const char *dir, char *server, size_t size)
{
    SCOPED(string) char *path = local_path(dir, "kubeconfig");
    char line[512];
    FILE *f = fopen(path, "re");
    int rc = -1;

    if (f == NULL)
        return -1;
    while (rc < 0 && fgets(line, sizeof(line), f) != NULL) {
        const char *at = strstr(line, "server:");

        if (at != NULL) {
            at += strlen("server:");
            at += strspn(at, " \"");
            snprintf(server, size, "%.*s", (int)strcspn(at, "\"\r\n "), at);
            rc = 0;
        }
    }
    fclose(f);
    return rc;
}

static int
check_programs(struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        char *path = local_program(programs[i], e);

        if (path == NULL)
            return -1;
        free(path);
    }
    return 0;
}

static int
write_pid(const char *dir, pid_t pid, struct err *e)
{
    SCOPED(string) char *path = local_path(dir, "supervisor.pid");
    SCOPED(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || dprintf(fd, "%d\n", (int)pid) < 0)
        return err_errno(e, "%s", path);
    return 0;
}

void
launch_forget(const char *dir)
{
    SCOPED(string) char *path = local_path(dir, "supervisor.pid");

    unlink(path);
}

/* ---- the child ---- */

#define MAX_ARGS 32

struct command_line {
    char *words[MAX_ARGS];
    size_t count;
};

static void
add_word(struct command_line *line, const char *flag, char *value)
{
    line->words[line->count++] = (char *)flag;
    line->words[line->count++] = value;
}

static char *
number(long value)
{
    char *text = NULL;

    return asprintf(&text, "%ld", value) < 0 ? NULL : text;
}

/* Built before the fork; freed by the parent. */
static int
build_line(const struct launch *l, struct command_line *line, struct err *e)
{
    char *program = local_program("kelos-supervisor", e);
    char *share = local_share("", e);

    if (program == NULL || share == NULL) {
        free(program);
        free(share);
        return -1;
    }
    line->words[line->count++] = program;
    add_word(line, "--local", strdup(l->dir));
    add_word(line, "--run-dir", local_path(l->dir, "run"));
    add_word(line, "--share-dir", share);
    add_word(line, "--local-port", number(l->port));
    add_word(line, "--health-probe-bind-address", strdup("0"));
    add_word(line, "--metrics-bind-address",
             strdup(l->metrics[0] != '\0' ? l->metrics : "0"));
    add_word(line, "--notify-fd", number(READY_FD));
    if (l->shards > 0)
        add_word(line, "--shards", number(l->shards));
    if (l->sandbox[0] != '\0')
        add_word(line, "--sandbox", strdup(l->sandbox));
    line->words[line->count] = NULL;
    return 0;
}

static void
free_line(struct command_line *line)
{
    free(line->words[0]);
    for (size_t i = 2; i < line->count; i += 2)
        free(line->words[i]);
}

/* After the fork: a session of its own, standard streams to the log, READY_FD, exec. */
static void
become_supervisor(const struct launch *l, const struct command_line *line, int log,
                  int ready)
{
    int null = open("/dev/null", O_RDWR);

    if (!l->foreground) {
        setsid();
        dup2(log, STDERR_FILENO);
        if (chdir("/") < 0)
            _exit(126);
    }
    dup2(null, STDIN_FILENO);
    dup2(l->foreground ? STDERR_FILENO : log, STDOUT_FILENO);
    if (ready == READY_FD)
        fcntl(READY_FD, F_SETFD, 0);
    else
        dup2(ready, READY_FD);
    syscall(SYS_close_range, READY_FD + 1, ~0U, 0);
    signal(SIGPIPE, SIG_DFL);
    execv(line->words[0], line->words);
    dprintf(STDERR_FILENO, "%s: %s\n", line->words[0], strerror(errno));
    _exit(127);
}

/* The last line of the log that tells of an error, for a supervisor that gave up. */
static void
last_words(const char *path, long from, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    char line[4096];

    out[0] = '\0';
    if (f == NULL)
        return;
    fseek(f, from, SEEK_SET);
    while (fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (out[0] == '\0' || strstr(line, "error") != NULL ||
            strstr(line, "ERROR") != NULL)
            snprintf(out, size, "%.500s", line);
    }
    fclose(f);
}

static void
end_child(pid_t pid)
{
    int64_t until = clock_mono_ms() + 5000;

    kill(pid, SIGTERM);
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (clock_mono_ms() > until)
            kill(pid, SIGKILL);
        usleep(10000);
    }
}

/* Waits for the byte that the supervisor writes when all its workers are ready. */
static int
await_ready(struct launch *l, int ready, long log_from, struct err *e)
{
    struct pollfd p = {.fd = ready, .events = POLLIN};
    char byte, why[512] = "";
    int n;

    do {
        n = poll(&p, 1, READY_MS);
    } while (n < 0 && errno == EINTR);
    if (n > 0 && read(ready, &byte, 1) == 1)
        return 0;
    if (!l->foreground)
        last_words(l->log_path, log_from, why, sizeof(why));
    end_child(l->pid);
    launch_forget(l->dir);
    l->pid = 0;
    return err_set(e, ERR_SYSTEM, "local mode %s%s%s%s%s",
                   n == 0 ? "did not become ready in 20 s" : "could not start",
                   why[0] != '\0' ? ": " : "", why,
                   l->foreground ? "" : "; log: ", l->foreground ? "" : l->log_path);
}

static int
start(struct launch *l, struct err *e)
{
    struct command_line line = {.count = 0};
    SCOPED(string) char *log_dir = local_path(l->dir, "log");
    SCOPED(fd) int log = -1;
    int ends[2];

    l->log_path = local_path(l->dir, "log/supervisor.log");
    if ((mkdir(log_dir, 0700) < 0 && errno != EEXIST) ||
        (log = open(l->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
        return err_errno(e, "%s", l->log_path);
    long log_from = lseek(log, 0, SEEK_END);
    if (build_line(l, &line, e) < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        free_line(&line);
        return err_errno(e, "pipe");
    }
    if ((l->pid = fork()) == 0)
        become_supervisor(l, &line, log, ends[1]);
    close(ends[1]);
    free_line(&line);
    int rc = l->pid < 0 ? err_errno(e, "fork") : write_pid(l->dir, l->pid, e);
    if (rc == 0)
        rc = await_ready(l, ends[0], log_from, e);
    else if (l->pid > 0)
        end_child(l->pid);
    close(ends[0]);
    return rc;
}

int
launch_start(struct launch *l, struct err *e)
{
    SCOPED(string) char *lock_path = local_path(l->dir, "up.lock");
    SCOPED(fd) int lock = -1;

    if (launch_check_length(l->dir, e) < 0 || check_programs(e) < 0 ||
        launch_check_dir(l->dir, e) < 0)
        return -1;
    /* Of two that start at once, the second waits and then finds it running. */
    if ((lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0 ||
        flock(lock, LOCK_EX) < 0)
        return err_errno(e, "%s", lock_path);
    pid_t running = local_running(l->dir);
    if (running != 0)
        return err_set(
            e, ERR_EXISTS,
            "local mode already runs in %s (supervisor %d); use it, or end it first "
            "with: kelos down%s%s",
            l->dir, (int)running, l->named ? " --data " : "", l->named ? l->dir : "");
    if (launch_check_port(l->port, e) < 0)
        return -1;
    return start(l, e);
}

void
launch_release(struct launch *l)
{
    free(l->log_path);
    l->log_path = NULL;
}

/* ---- stopping ---- */

int
launch_stop(const char *dir, struct err *e)
{
    pid_t pid = local_running(dir);

    if (pid != 0) {
        SCOPED(fd) int fd = leftover_open(pid, 0);

        if (fd >= 0 && leftover_end(fd, SIGTERM, STOP_MS) < 0 &&
            leftover_end(fd, SIGKILL, KILL_MS) < 0)
            return err_set(e, ERR_TIMEOUT, "the supervisor (%d) does not end", (int)pid);
    }
    int left = leftover_end_all(dir, e);
    if (left < 0)
        return -1;
    launch_forget(dir);
    return pid != 0 || left > 0 ? 1 : 0;
}
