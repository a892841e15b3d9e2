/* capture.c - the kelos-capture tool of agent images: prints what a run made.
 *
 *     claude ... | kelos-capture       copies the agent's output, then prints the block
 *     kelos-capture --setup            runs KELOS_SETUP_COMMAND instead (setup.h)
 *     kelos-capture < /dev/null        reads /tmp/agent-output.jsonl instead (older images)
 *
 * Lines of the block, in order: branch, pr (each), commit, base-branch, cost-usd,
 * input-tokens, output-tokens, cache-read-tokens, response, response-truncated. Nothing
 * is printed when there is no line. Environment: KELOS_AGENT_TYPE, KELOS_BASE_BRANCH,
 * KELOS_UPSTREAM_REPO, KELOS_REQUIRE_RESULT. The values of variables that hold credentials
 * stand in no line of the block. Exit code 1 when copying failed, a claude-code run was not
 * complete, or the line that ends a run is missing (unless KELOS_REQUIRE_RESULT is 0); the
 * reason is on stderr. Else 0, whatever git or gh said. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/hide.h"
#include "common/limits.h"
#include "common/macros.h"
#include "common/scoped.h"
#include "statuswriter/agentlog.h"
#include "statuswriter/outputs.h"
#include "statuswriter/setup.h"
#include "version.h"

#define AGENT_OUTPUT "/tmp/agent-output.jsonl"
#define COMMAND_MS 30000
#define COMMAND_BYTES (1 << 20)

SCOPED_DEFINE_AS(json, json_t *, json_decref)

extern char **environ;

struct lines {
    char *at[LIMIT_OUTPUTS_LINES];
    size_t count;
    struct hide *hide; /* credentials of this container; owned */
};

static void
lines_scoped_free(struct lines *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->at[i]);
    hide_free(l->hide);
}

/* What the names of variables that hold credentials end with. */
static bool
holds_credential(const char *name, size_t size)
{
    static const char *const ends[] = {"_KEY", "_TOKEN", "_AUTH_JSON", "_SECRET",
                                       "_PASSWORD"};

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        size_t n = strlen(ends[i]);
        if (size >= n && memcmp(name + size - n, ends[i], n) == 0)
            return true;
    }
    return false;
}

static void
hide_credentials(struct hide *h)
{
    for (char **v = environ; h != NULL && *v != NULL; v++) {
        const char *value = strchr(*v, '=');
        if (value != NULL && holds_credential(*v, (size_t)(value - *v)))
            hide_add(h, value + 1, strlen(value + 1));
    }
}

/* Adds "key: value"; an empty value adds nothing. */
static void
lines_add(struct lines *l, const char *key, const char *value)
{
    SCOPED(buf) struct buf shown = BUF_INIT;
    char *line = NULL;

    if (*value == '\0' || l->count == ARRAY_LEN(l->at))
        return;
    hide_text(l->hide, value, strlen(value), &shown);
    if (asprintf(&line, "%s: %s", key, buf_str(&shown)) >= 0)
        l->at[l->count++] = line;
}

/* ---- commands ---- */

/* Reads a command's output until it ends or the time is up. Returns whether it ended. */
static bool
read_until(int fd, struct buf *out, int64_t deadline_ms)
{
    char chunk[4096];

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = deadline_ms - clock_mono_ms();
        int n = left > 0 ? poll(&p, 1, (int)left) : 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        if (buf_add(out, chunk, (size_t)got) < 0)
            return false;
    }
}

static bool
start(const char *const argv[], int out, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, dfl;

    sigemptyset(&none);
    sigemptyset(&dfl);
    sigaddset(&dfl, SIGTERM);
    sigaddset(&dfl, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &dfl);
    posix_spawnattr_setsigmask(&attr, &none);
    /* A group of its own, so that whatever it starts can be ended with it. */
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETPGROUP);
    bool ok =
        posix_spawnp(pid, argv[0], &files, &attr, (char *const *)argv, environ) == 0;
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return ok;
}

static void
trim(struct buf *b)
{
    size_t blanks = 0;

    while (b->size > 0 && strchr(" \t\r\n", b->data[b->size - 1]) != NULL)
        b->data[--b->size] = '\0';
    while (blanks < b->size && strchr(" \t\r\n", b->data[blanks]) != NULL)
        blanks++;
    buf_consume(b, blanks);
}

/* Runs a command and gives its trimmed stdout. Returns whether it exited 0 in time. */
static bool
run(const char *const argv[], struct buf *out)
{
    int pipe_fds[2], status = 0;
    pid_t pid;

    buf_clear(out);
    out->failed = false;
    out->limit = COMMAND_BYTES;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return false;
    bool ok = start(argv, pipe_fds[1], &pid);
    close(pipe_fds[1]);
    if (ok) {
        ok = read_until(pipe_fds[0], out, clock_mono_ms() + COMMAND_MS);
        if (!ok)
            kill(-pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
        ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    close(pipe_fds[0]);
    if (ok)
        trim(out);
    else
        buf_clear(out);
    return ok;
}
#define RUN(out, ...) run((const char *const[]){__VA_ARGS__, NULL}, out)

/* ---- git and gh ---- */

static const char *
env_or_empty(const char *name)
{
    const char *v = getenv(name);

    return v != NULL ? v : "";
}

static const char *
member(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

/* A closed request is this run's when it ends in our commit; an open one of the own
 * repository may be a push behind. One from a foreign fork with a branch of the same name
 * is not ours, unless it has our commit. */
static bool
is_ours(const json_t *pr, const char *commit)
{
    const char *head = member(pr, "headRefOid");

    if (*head == '\0' || strcmp(head, commit) == 0)
        return true;
    return strcmp(member(pr, "state"), "OPEN") == 0 &&
           json_is_false(json_object_get(pr, "isCrossRepository"));
}

static void
add_requests(struct lines *l, const char *branch, const char *commit, const char *repo)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    static const char fields[] = "url,state,headRefOid,isCrossRepository";
    size_t i;
    json_t *pr;
    bool ok = repo != NULL
                  ? RUN(&out, "gh", "pr", "list", "--head", branch, "--state", "all",
                        "--limit", "100", "--json", fields, "--repo", repo)
                  : RUN(&out, "gh", "pr", "list", "--head", branch, "--state", "all",
                        "--limit", "100", "--json", fields);

    if (!ok || out.size == 0)
        return;
    SCOPED(json) json_t *list = json_loadb(out.data, out.size, 0, NULL);
    json_array_foreach(list, i, pr)
    {
        if (is_ours(pr, commit))
            lines_add(l, "pr", member(pr, "url"));
    }
}

static void
add_repository(struct lines *l)
{
    SCOPED(buf)
    struct buf inside = BUF_INIT, branch = BUF_INIT, commit = BUF_INIT, base = BUF_INIT;
    static const char prefix[] = "refs/remotes/origin/";
    const char *upstream = getenv("KELOS_UPSTREAM_REPO");
    bool repository = RUN(&inside, "git", "rev-parse", "--is-inside-work-tree") &&
                      strcmp(buf_str(&inside), "true") == 0;

    buf_add_str(&base, env_or_empty("KELOS_BASE_BRANCH"));
    if (repository) {
        RUN(&branch, "git", "branch", "--show-current");
        RUN(&commit, "git", "rev-parse", "HEAD");
        if (base.size == 0 &&
            RUN(&base, "git", "symbolic-ref", "refs/remotes/origin/HEAD")) {
            if (strncmp(buf_str(&base), prefix, strlen(prefix)) == 0)
                buf_consume(&base, strlen(prefix));
            else
                buf_clear(&base);
        }
    }
    lines_add(l, "branch", buf_str(&branch));
    if (branch.size > 0 && strcmp(buf_str(&branch), buf_str(&base)) != 0) {
        add_requests(l, branch.data, buf_str(&commit), NULL);
        if (upstream != NULL && *upstream != '\0')
            add_requests(l, branch.data, buf_str(&commit), upstream);
    }
    lines_add(l, "commit", buf_str(&commit));
    lines_add(l, "base-branch", buf_str(&base));
}

/* ---- the agent's output ---- */

static bool
write_all(const char *s, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDOUT_FILENO, s, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        s += n;
        size -= (size_t)n;
    }
    return true;
}

/* Reads `fd` to its end; `copy` passes each byte on to stdout. Returns 0 or an errno. */
static int
read_agent(int fd, bool copy, struct agentlog *log)
{
    static char chunk[65536];
    char last = '\n';

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            break;
        if (copy && !write_all(chunk, (size_t)n))
            return errno;
        last = chunk[n - 1];
        agentlog_feed(log, chunk, (size_t)n);
    }
    agentlog_end(log);
    return copy && last != '\n' && !write_all("\n", 1) ? errno : 0;
}

static void
add_report(struct lines *l, const struct agentlog_report *r)
{
    SCOPED(buf) struct buf response = BUF_INIT, shown = BUF_INIT;

    lines_add(l, "cost-usd", r->cost);
    lines_add(l, "input-tokens", r->input);
    lines_add(l, "output-tokens", r->output);
    lines_add(l, "cache-read-tokens", r->cache_read);
    hide_text(l->hide, r->response, r->response_size, &shown);
    base64_encode(&response, buf_str(&shown), shown.size);
    lines_add(l, "response", buf_str(&response));
    if (r->response_truncated)
        lines_add(l, "response-truncated", "true");
}

static int
capture(void)
{
    SCOPED(agentlog)
    struct agentlog *log = agentlog_new(env_or_empty("KELOS_AGENT_TYPE"));
    SCOPED(lines) struct lines lines = {.count = 0, .hide = hide_new()};
    SCOPED(buf) struct buf block = BUF_INIT;
    SCOPED(fd) int file = -1;
    struct agentlog_report report;
    struct stat st;
    int rc = 0, failed = 0;

    if (log == NULL || lines.hide == NULL)
        return 1;
    hide_credentials(lines.hide);
    if (fstat(STDIN_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        failed = read_agent(STDIN_FILENO, true, log);
    else if ((file = open(AGENT_OUTPUT, O_RDONLY | O_CLOEXEC)) >= 0)
        failed = read_agent(file, false, log);
    if (failed != 0) {
        fprintf(stderr, "kelos-capture: copying the agent's output: %s\n",
                strerror(failed));
        rc = 1;
    }
    agentlog_report(log, &report);
    add_repository(&lines);
    add_report(&lines, &report);
    outputs_write(&block, lines.at, lines.count);
    if (block.failed || !write_all(buf_str(&block), block.size))
        rc = 1;
    if (report.unfinished[0] != '\0' &&
        strcmp(env_or_empty("KELOS_REQUIRE_RESULT"), "0") != 0)
        memcpy(report.problem, report.unfinished, sizeof report.unfinished);
    if (report.problem[0] != '\0') {
        fprintf(stderr, "kelos-capture: %s\n", report.problem);
        rc = 1;
    }
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"setup", no_argument, NULL, 's'},
                                            {"version", no_argument, NULL, 'v'},
                                            {0}};

    switch (getopt_long(argc, argv, "h", options, NULL)) {
    case -1:
        break;
    case 's':
        return setup_run(
            getenv("KELOS_SETUP_COMMAND") != NULL ? getenv("KELOS_SETUP_COMMAND") : "");
    case 'v':
        puts("kelos-capture " KELOS_VERSION);
        return 0;
    case 'h':
        puts("usage: AGENT ... | kelos-capture\n"
             "Copies the agent's output and prints branch, pull requests, commit and "
             "usage\n"
             "between two marker lines. Without a pipe it reads " AGENT_OUTPUT ".\n"
             "--setup runs the program of KELOS_SETUP_COMMAND, a JSON list, instead.");
        return 0;
    default:
        return 2;
    }
    /* At a deadline everything gets SIGTERM; this one ends when the agent's output ends. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return capture();
}
