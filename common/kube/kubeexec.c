/* kubeexec.c - see kubeexec.h. */
#include "common/kube/kubeexec.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/data/json.h"

enum {
    TIMEOUT_MS = 60000,
    STDOUT_BYTES = 1 << 20,
    STDERR_BYTES = 2048,
    HINTS_PER_HOUR = 10
};

struct kubeexec {
    const struct kubeconfig *config; /* of the client */
    int64_t timeout_ms;
    bool terminal;
    int hints; /* shown in this hour */
    int64_t hints_since_ms;
};

/* ---- what the plugin is told ---- */

static json_t *
cluster_info(const struct kubeconfig *c)
{
    json_t *o = json_pack("{s:s}", "server", c->server);
    SCOPED(buf) struct buf coded = BUF_INIT;

    if (o == NULL)
        return NULL;
    if (c->server_name != NULL)
        json_put_str(o, "tls-server-name", c->server_name);
    if (c->insecure)
        json_put_bool(o, "insecure-skip-tls-verify", true);
    if (c->proxy != NULL)
        json_put_str(o, "proxy-url", c->proxy);
    if (c->ca_pem != NULL) {
        base64_encode(&coded, c->ca_pem, strlen(c->ca_pem));
    } else if (c->ca_file != NULL) {
        FILE *f = fopen(c->ca_file, "re");
        char bytes[3000]; /* a multiple of 3: no padding in between */
        size_t n;
        while (f != NULL && (n = fread(bytes, 1, sizeof bytes, f)) > 0)
            base64_encode(&coded, bytes, n);
        if (f != NULL)
            fclose(f);
    }
    if (coded.size > 0)
        json_put_str(o, "certificate-authority-data", coded.data);
    if (c->exec->cluster_config != NULL)
        json_object_set(o, "config", c->exec->cluster_config);
    return o;
}

static char *
exec_info(const struct kubeconfig *c, bool interactive)
{
    SCOPED(json)
    json_t *o = json_pack("{s:s, s:s, s:{s:b}}", "apiVersion", c->exec->api_version,
                          "kind", "ExecCredential", "spec", "interactive", interactive);

    if (o != NULL && c->exec->provide_cluster_info)
        json_object_set_new(json_object_get(o, "spec"), "cluster", cluster_info(c));
    return o != NULL ? json_dump_compact(o) : NULL;
}

/* Our environment, the config's, and what the plugin is told. In the child. */
static void
set_environment(const struct kubeconfig_exec *x, const char *info)
{
    for (size_t i = 0; x->env[i] != NULL; i++)
        putenv(x->env[i]);
    setenv("KUBERNETES_EXEC_INFO", info, 1);
}

/* ---- running it ---- */

struct child {
    pid_t pid;
    int out, err;
};

static void
run_in_child(const struct kubeconfig_exec *x, const char *info, bool interactive, int out,
             int err)
{
    size_t n = 0;

    setpgid(0, 0);
    if (!interactive) {
        int null = open("/dev/null", O_RDONLY);
        dup2(null, 0);
    }
    dup2(out, 1);
    dup2(err, 2);
    set_environment(x, info);
    while (x->args[n] != NULL)
        n++;
    char **argv = calloc(n + 2, sizeof *argv);
    if (argv == NULL)
        _exit(126);
    argv[0] = x->command;
    memcpy(argv + 1, x->args, n * sizeof *argv);
    signal(SIGPIPE, SIG_DFL);
    execvp(x->command, argv);
    _exit(errno == ENOENT ? 127 : 126);
}

static int
start(const struct kubeconfig_exec *x, const char *info, bool interactive,
      struct child *c, struct err *e)
{
    int out[2], err[2];

    if (pipe2(out, O_CLOEXEC) < 0)
        return err_errno(e, "pipe");
    if (pipe2(err, O_CLOEXEC) < 0) {
        close(out[0]);
        close(out[1]);
        return err_errno(e, "pipe");
    }
    c->pid = fork();
    if (c->pid == 0)
        run_in_child(x, info, interactive, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    c->out = out[0];
    c->err = err[0];
    if (c->pid < 0)
        return err_errno(e, "fork");
    setpgid(c->pid, c->pid);
    return 0;
}

/* Takes what is there. False at the end of the stream. */
static bool
take(int fd, struct buf *into, bool show)
{
    char bytes[4096];
    ssize_t n = read(fd, bytes, sizeof bytes);

    if (n <= 0)
        return n < 0 && errno == EINTR;
    if (show && write(2, bytes, (size_t)n) < 0)
        show = false;
    size_t room = into->limit - into->size;
    if ((size_t)n > room && !show)
        into->failed = true;
    buf_add(into, bytes, (size_t)n < room ? (size_t)n : room);
    return true;
}

/* Reads both streams until the plugin closed them. -1 when the time passed or it said too much. */
static int
collect(const struct child *c, int64_t deadline_ms, struct buf *out, struct buf *said)
{
    struct pollfd fds[2] = {{c->out, POLLIN, 0}, {c->err, POLLIN, 0}};

    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        int64_t left = deadline_ms - clock_mono_ms();
        if (left <= 0 || out->failed)
            return -1;
        if (poll(fds, 2, (int)left) <= 0)
            continue;
        if (fds[0].revents != 0 && !take(c->out, out, false))
            fds[0].fd = -1;
        if (fds[1].revents != 0 && !take(c->err, said, true))
            fds[1].fd = -1;
    }
    return 0;
}

/* Waits for the end until the deadline, then kills the whole group. */
static int
reap(const struct child *c, int64_t deadline_ms, bool kill_now)
{
    int status = 0;

    for (; !kill_now; usleep(2000)) {
        if (waitpid(c->pid, &status, WNOHANG) == c->pid)
            return status;
        kill_now = clock_mono_ms() >= deadline_ms;
    }
    kill(-c->pid, SIGKILL);
    waitpid(c->pid, &status, 0);
    return -1;
}

/* The hint in the config, with control characters made visible. */
static void
show_hint(struct kubeexec *x)
{
    const char *hint = x->config->exec->install_hint;
    int64_t now = clock_mono_ms();

    if (hint == NULL)
        return;
    if (now - x->hints_since_ms >= 3600000) {
        x->hints_since_ms = now;
        x->hints = 0;
    }
    if (x->hints++ >= HINTS_PER_HOUR)
        return;
    for (; *hint != '\0'; hint++) {
        unsigned char ch = (unsigned char)*hint;
        if (iscntrl(ch) && !isspace(ch))
            fprintf(stderr, "\\x%02x", ch);
        else
            fputc(ch, stderr);
    }
    fputc('\n', stderr);
}

static int
judge(struct kubeexec *x, int status, int collected, const struct buf *out,
      const struct buf *said, struct err *e)
{
    const char *command = x->config->exec->command;

    if (out->failed)
        return err_set(e, ERR_LIMIT, "credential plugin %s: more than %d bytes of output",
                       command, STDOUT_BYTES);
    if (collected < 0 || status < 0)
        return err_set(e, ERR_TIMEOUT, "credential plugin %s: no answer in %lld s",
                       command, (long long)x->timeout_ms / 1000);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        show_hint(x);
        return err_set(e, ERR_NOT_FOUND, "credential plugin %s is not installed",
                       command);
    }
    if (WIFSIGNALED(status))
        return err_set(e, ERR_SYSTEM, "credential plugin %s: killed by signal %d",
                       command, WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return err_set(e, ERR_SYSTEM, "credential plugin %s: exit code %d: %.900s",
                       command, WEXITSTATUS(status), buf_str(said));
    return 0;
}

static int
is_interactive(const struct kubeexec *x, bool *interactive, struct err *e)
{
    const char *mode = x->config->exec->interactive_mode;

    *interactive = x->terminal && strcmp(mode, "Never") != 0;
    if (strcmp(mode, "Always") == 0 && !x->terminal)
        return err_set(
            e, ERR_INVALID,
            "credential plugin %s needs a terminal on stdin (interactiveMode: Always)",
            x->config->exec->command);
    return 0;
}

static int
run(void *arg, bool after_401 UNUSED, struct kube_credential *out, struct err *e)
{
    struct kubeexec *x = arg;
    struct buf text = {.limit = STDOUT_BYTES}, said = {.limit = STDERR_BYTES};
    struct child c = {-1, -1, -1};
    bool interactive;

    if (is_interactive(x, &interactive, e) < 0)
        return -1;
    SCOPED(string) char *info = exec_info(x->config, interactive);
    if (info == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    int64_t deadline = clock_mono_ms() + x->timeout_ms;
    if (start(x->config->exec, info, interactive, &c, e) < 0)
        return -1;
    void (*old)(int) = signal(SIGTTOU, SIG_IGN);
    if (interactive) /* the plugin may read the terminal */
        tcsetpgrp(0, c.pid);
    int collected = collect(&c, deadline, &text, &said);
    int status = reap(&c, deadline, collected < 0);
    if (interactive)
        tcsetpgrp(0, getpgrp());
    signal(SIGTTOU, old);
    close(c.out);
    close(c.err);
    int rc = judge(x, status, collected, &text, &said, e);
    if (rc == 0)
        rc = kubeexec_read(buf_str(&text), text.size, x->config->exec->api_version, out,
                           e);
    if (rc < 0 && e->code == ERR_INVALID)
        err_wrap(e, "credential plugin %s", x->config->exec->command);
    buf_wipe(&text);
    buf_free(&said);
    return rc;
}

/* ---- its answer ---- */

static int
read_expiry(const json_t *answer, struct kube_credential *out, struct err *e)
{
    const char *text = NULL;

    if (json_opt_str(answer, "status.expirationTimestamp", &text, e) < 0)
        return -1;
    if (text != NULL && rfc3339_parse(text, &out->expires_wall_ms) < 0)
        return err_set(e, ERR_INVALID, "status.expirationTimestamp: is no time");
    return 0;
}

int
kubeexec_read(const char *bytes, size_t size, const char *api_version,
              struct kube_credential *out, struct err *e)
{
    SCOPED(json) json_t *answer = json_parse(bytes, size, STDOUT_BYTES, e);
    const char *version = "", *token = NULL, *cert = NULL, *key = NULL;

    *out = (struct kube_credential){0};
    if (answer == NULL || json_get_str(answer, "apiVersion", &version, e) < 0)
        return -1;
    if (strcmp(version, api_version) != 0)
        return err_set(e, ERR_INVALID, "apiVersion is %.80s, the kubeconfig says %s",
                       version, api_version);
    if (json_at(answer, "status") == NULL)
        return err_set(e, ERR_INVALID, "status: is missing");
    if (json_opt_str(answer, "status.token", &token, e) < 0 ||
        json_opt_str(answer, "status.clientCertificateData", &cert, e) < 0 ||
        json_opt_str(answer, "status.clientKeyData", &key, e) < 0 ||
        read_expiry(answer, out, e) < 0)
        return -1;
    if ((cert == NULL) != (key == NULL))
        return err_set(e, ERR_INVALID,
                       "status: clientCertificateData and clientKeyData go together");
    if (token == NULL && cert == NULL)
        return err_set(e, ERR_INVALID, "status: has neither token nor certificate");
    if (token != NULL)
        out->token = secret_new(token, strlen(token));
    if (cert != NULL) {
        out->cert_pem = strdup(cert);
        out->key_pem = secret_new(key, strlen(key));
    }
    return 0;
}

/* ---- life ---- */

struct kubeexec *
kubeexec_attach(struct kube *k, const struct kubeexec_options *o, struct err *e)
{
    struct kubeexec *x = calloc(1, sizeof *x);

    if (x == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    x->config = kube_config(k);
    x->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    x->terminal = o->terminal;
    if (x->config->exec != NULL)
        kube_credentials(k, run, x);
    return x;
}

void
kubeexec_free(struct kubeexec *x)
{
    free(x);
}
