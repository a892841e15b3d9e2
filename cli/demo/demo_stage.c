/* demo_stage.c - what the demo plays on: a repository, a forge, local mode. */
#include "cli/demo/demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

#include "cli/launch.h"
#include "cli/local.h"
#include "cli/subprocess.h"
#include "common/clock.h"
#include "common/data/json.h"

#define SERVER_MS 5000

static int
write_text(const char *path, const struct buf *text, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, buf_str(text), text->size) != (ssize_t)text->size)
        return err_errno(e, "%s", path);
    return 0;
}

/* Nothing of the user's own configuration reaches what the demo starts. */
static void
own_environment(const struct stage *s)
{
    static const char *const dropped[] = {
        "KUBECONFIG",    "KELOS_CONFIG",   "KELOS_NAMESPACE",         "GIT_DIR",
        "GIT_WORK_TREE", "GIT_INDEX_FILE", "KUBERNETES_SERVICE_HOST", "http_proxy",
        "HTTP_PROXY",    "ALL_PROXY",
    };

    for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
        unsetenv(dropped[i]);
    setenv("HOME", s->home, 1);
    setenv("KELOS_LOCAL_DIR", s->data, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("GIT_TERMINAL_PROMPT", "0", 1);
    setenv("GIT_AUTHOR_NAME", "Kelos demo", 1);
    setenv("GIT_AUTHOR_EMAIL", "demo@localhost", 1);
    setenv("GIT_COMMITTER_NAME", "Kelos demo", 1);
    setenv("GIT_COMMITTER_EMAIL", "demo@localhost", 1);
}

static int
make_home(struct stage *s, struct err *e)
{
    const char *base = getenv("TMPDIR");

    if (asprintf(&s->home, "%s/kelos-demo.XXXXXX",
                 base != NULL && base[0] == '/' ? base : "/tmp") < 0 ||
        mkdtemp(s->home) == NULL) {
        err_errno(e, "%s", s->home);
        free(s->home);
        s->home = NULL;
        return -1;
    }
    s->data = local_path(s->home, "data");
    s->bare = local_path(s->home, "git/" DEMO_REPO ".git");
    s->manifest = local_path(s->home, "demo.yaml");
    s->kubeconfig = local_path(s->home, "data/kubeconfig");
    own_environment(s);
    return 0;
}

/* A bare repository with one commit on main, which agents may push to. */
static int
make_repository(struct stage *s, struct err *e)
{
    SCOPED(string) char *seed = local_path(s->home, "seed");
    SCOPED(string) char *readme = local_path(s->home, "seed/README.md");
    SCOPED(buf) struct buf text = BUF_INIT;
    const char *const init[] = {"git", "init", "-q", "-b", "main", seed, NULL};
    const char *const add[] = {"git", "add", "README.md", NULL};
    const char *const commit[] = {"git", "commit", "-q", "-m", "Begin", NULL};
    const char *const clone[] = {"git", "clone", "-q", "--bare", seed, s->bare, NULL};

    buf_add_str(&text, "# Shop\n\nThe repository of the Kelos demo.\n");
    if (subprocess_must(init, NULL, NULL, e) < 0 || write_text(readme, &text, e) < 0 ||
        subprocess_must(add, seed, NULL, e) < 0 ||
        subprocess_must(commit, seed, NULL, e) < 0 ||
        subprocess_must(clone, NULL, NULL, e) < 0)
        return -1;
    return 0;
}

static int
free_port(struct err *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    SCOPED(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) < 0)
        return err_errno(e, "no free port on 127.0.0.1");
    return ntohs(at.sin_port);
}

static bool
answers(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    SCOPED(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
}

/* Waits until a server that we started listens, or has ended. */
static int
await_server(const char *name, pid_t pid, int port, struct err *e)
{
    int64_t until = clock_mono_ms() + SERVER_MS;

    while (!answers(port)) {
        if (waitpid(pid, NULL, WNOHANG) != 0 || clock_mono_ms() > until)
            return err_set(e, ERR_SYSTEM, "%s does not listen on port %d", name, port);
        usleep(5000);
    }
    return 0;
}

static int
start_git_daemon(struct stage *s, struct err *e)
{
    SCOPED(string) char *log = local_path(s->home, "git-daemon.log");
    SCOPED(string) char *base = NULL, *port = NULL, *root = local_path(s->home, "git");
    struct err why = ERR_INIT;

    /* git daemon cannot choose a port: another one is tried when somebody was faster. */
    for (int tries = 0; tries < 5; tries++) {
        free(base);
        free(port);
        base = port = NULL;
        if ((s->git_port = free_port(e)) < 0 ||
            asprintf(&base, "--base-path=%s", root) < 0 ||
            asprintf(&port, "--port=%d", s->git_port) < 0)
            return -1;
        const char *const argv[] = {"git",
                                    "daemon",
                                    "--listen=127.0.0.1",
                                    port,
                                    base,
                                    "--export-all",
                                    "--enable=receive-pack",
                                    "--reuseaddr",
                                    root,
                                    NULL};
        if ((s->git_daemon = subprocess_start(argv, log, e)) < 0)
            return -1;
        if (await_server("git daemon", s->git_daemon, s->git_port, &why) == 0)
            return 0;
        subprocess_end(s->git_daemon);
        s->git_daemon = 0;
    }
    *e = why;
    return err_wrap(e, "is git daemon installed?");
}

static int
start_forge(struct stage *s, struct err *e)
{
    SCOPED(string) char *program = local_program("kelos-demo-forge", e);
    SCOPED(string) char *state = local_path(s->home, "issues.json");
    SCOPED(string) char *port_file = local_path(s->home, "forge.port");
    SCOPED(string) char *log = local_path(s->home, "forge.log");
    SCOPED(buf) struct buf issues = BUF_INIT;
    int64_t until = clock_mono_ms() + SERVER_MS;

    if (program == NULL)
        return -1;
    demo_issues(&issues);
    if (write_text(state, &issues, e) < 0)
        return -1;
    const char *const argv[] = {program,   "--port",  "0",   "--port-file",
                                port_file, "--state", state, NULL};
    if ((s->forge = subprocess_start(argv, log, e)) < 0)
        return -1;
    while (s->forge_port == 0) {
        FILE *f = fopen(port_file, "re");

        if (f != NULL && fscanf(f, "%d", &s->forge_port) != 1)
            s->forge_port = 0;
        if (f != NULL)
            fclose(f);
        if (s->forge_port == 0 &&
            (waitpid(s->forge, NULL, WNOHANG) != 0 || clock_mono_ms() > until))
            return err_set(e, ERR_SYSTEM, "kelos-demo-forge does not start; see %s", log);
        usleep(2000);
    }
    return await_server("kelos-demo-forge", s->forge, s->forge_port, e);
}

int
stage_build(struct stage *s, struct err *e)
{
    SCOPED(buf) struct buf manifest = BUF_INIT;

    if (make_home(s, e) < 0 || make_repository(s, e) < 0 || start_git_daemon(s, e) < 0 ||
        start_forge(s, e) < 0)
        return -1;
    demo_manifest(s->git_port, s->forge_port, &manifest);
    return write_text(s->manifest, &manifest, e);
}

int
stage_up(struct stage *s, struct err *e)
{
    struct launch l = {.dir = s->data, .sandbox = "", .metrics = "", .named = true};

    s->up = true;
    int rc = launch_start(&l, e);
    launch_release(&l);
    return rc;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* We are the subreaper: whatever is left over is a child of ours now. */
static int
reap_leftovers(void)
{
    int count = 0;
    int64_t until = clock_mono_ms() + 2000;

    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);

        if (pid < 0)
            return 0;
        if (pid > 0)
            continue;
        if (clock_mono_ms() > until)
            break;
        usleep(10000);
    }
    FILE *f = fopen("/proc/thread-self/children", "re");
    int pid;
    while (f != NULL && fscanf(f, "%d", &pid) == 1) {
        fprintf(stderr, "Left over: process %d\n", pid);
        kill(pid, SIGKILL);
        count++;
    }
    if (f != NULL)
        fclose(f);
    return count;
}

int
stage_strike(struct stage *s, bool keep)
{
    struct err e = ERR_INIT;
    int left;

    if (s->up && launch_stop(s->data, &e) < 0)
        fprintf(stderr, "Warning: %s\n", e.text);
    subprocess_end(s->forge);
    subprocess_end(s->git_daemon);
    left = reap_leftovers();
    if (s->home != NULL && keep)
        fprintf(stderr, "Kept: %s (log: %s/log/supervisor.log)\n", s->home, s->data);
    else if (s->home != NULL)
        nftw(s->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(s->home);
    free(s->data);
    free(s->bare);
    free(s->manifest);
    free(s->kubeconfig);
    *s = (struct stage){0};
    return left;
}

/* ---- asking the forge and the repository ---- */

static size_t
collect(char *bytes, size_t size, size_t n, void *arg)
{
    return buf_add(arg, bytes, size * n) < 0 ? 0 : size * n;
}

static int
ask_forge(const struct stage *s, const char *method, const char *path, const char *body,
          struct buf *answer, struct err *e)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/json");
    char url[256];
    long status = 0;

    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", s->forge_port, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 5000L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (rc != CURLE_OK)
        return err_set(e, ERR_UNAVAILABLE, "forge: %s %s: %s", method, path,
                       curl_easy_strerror(rc));
    if (status / 100 != 2)
        return err_set(e, ERR_INVALID, "forge: %s %s: HTTP %ld: %.200s", method, path,
                       status, buf_str(answer));
    return 0;
}

int
stage_close_issue(const struct stage *s, int number, struct err *e)
{
    SCOPED(buf) struct buf answer = BUF_INIT;
    char path[128];

    snprintf(path, sizeof(path), "/_control/repos/" DEMO_REPO "/issues/%d", number);
    return ask_forge(s, "PATCH", path, "{\"state\": \"closed\"}", &answer, e);
}

int64_t
stage_calls(const struct stage *s, struct err *e)
{
    SCOPED(buf) struct buf answer = BUF_INIT;

    if (ask_forge(s, "GET", "/_control/counts", NULL, &answer, e) < 0)
        return -1;
    SCOPED(json) json_t *counts = json_parse(buf_str(&answer), answer.size, 0, e);
    return counts != NULL ? json_int_or(counts, "calls", 0) : -1;
}

int
stage_commit(const struct stage *s, const char *branch, struct buf *out, struct err *e)
{
    SCOPED(string) char *ref = NULL;

    if (asprintf(&ref, "refs/heads/%s^{commit}", branch) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    const char *const argv[] = {"git", "rev-parse", "--verify", "-q", ref, NULL};
    if (subprocess_run(argv, s->bare, out, true, e) < 0)
        return -1;
    while (out->size > 0 && out->data[out->size - 1] == '\n')
        out->data[--out->size] = '\0';
    return 0;
}

int
stage_change(const struct stage *s, const char *branch, struct buf *out, struct err *e)
{
    const char *const argv[] = {"git", "show", "--format=%B", branch, "--", NULL};

    return subprocess_must(argv, s->bare, out, e);
}
