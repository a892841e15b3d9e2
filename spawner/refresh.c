/* refresh.c - see refresh.h. */
#include "spawner/refresh.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/data/apptoken.h"
#include "common/flags.h"
#include "common/http/bearer.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/macros.h"

/* Until there is a first token. */
#define ATTEMPTS_MAX 6
#define KEY_BYTES_MAX 65536
#define TOKEN_NAME "GITHUB_TOKEN"

struct refresh {
    const char *key_file, *token_dir;
    int64_t retry_wait_s;
    const char *app, *installation, *api_base; /* of the environment */
    struct loop *loop;
    struct http *http;
    int64_t issued_ms, expires_ms; /* wall, of the token in the file; 0: there is none */
    unsigned attempts;
    bool done; /* the loop ends */
    int status;
};

static void ask(void *arg);

/* ---- the file ---- */

static int
write_whole(int fd, const char *text, size_t size, struct err *e)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno != EINTR)
            return err_errno(e, "write");
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

/* Whoever reads the file reads the old token or the new one, whole. */
static int
put_token(const struct refresh *r, const struct secret *token, struct err *e)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    int rc;

    if (mkdir(r->token_dir, 0755) < 0 && errno != EEXIST)
        return err_errno(e, "%s", r->token_dir);
    if (snprintf(path, sizeof path, "%s/" TOKEN_NAME, r->token_dir) >= PATH_MAX ||
        snprintf(temporary, sizeof temporary, "%s/." TOKEN_NAME ".tmp", r->token_dir) >=
            PATH_MAX)
        return err_set(e, ERR_INVALID, "--token-dir: too long");
    if (unlink(temporary) < 0 && errno != ENOENT)
        return err_errno(e, "%s", temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(e, "%s", temporary);
    rc = write_whole(fd, secret_reveal(token), secret_size(token), e);
    if (rc == 0 && fsync(fd) < 0)
        rc = err_errno(e, "%s", temporary);
    close(fd);
    if (rc == 0 && rename(temporary, path) < 0)
        rc = err_errno(e, "%s", path);
    return rc;
}

/* ---- credentials ---- */

static int
put_value(json_t *data, const char *name, const char *text, size_t size, struct err *e)
{
    SCOPED(buf) struct buf coded = BUF_INIT;

    if (base64_encode(&coded, text, size) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    json_object_set_new(data, name, json_string(buf_str(&coded)));
    buf_wipe(&coded);
    return 0;
}

/* The Secret's volume changes when the Secret does, so it is read each time. */
static struct apptoken *
read_credentials(const struct refresh *r, struct err *e)
{
    SCOPED(json) json_t *data = json_object();
    char pem[KEY_BYTES_MAX];
    int fd = open(r->key_file, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, pem, sizeof pem) : -1;
    struct apptoken *a = NULL;

    if (size < 0)
        err_errno(e, "%s", r->key_file);
    else if ((size_t)size == sizeof pem)
        err_set(e, ERR_LIMIT, "%s: is longer than any key", r->key_file);
    else if (put_value(data, "appID", r->app, strlen(r->app), e) == 0 &&
             put_value(data, "installationID", r->installation, strlen(r->installation),
                       e) == 0 &&
             put_value(data, "privateKey", pem, (size_t)size, e) == 0)
        a = apptoken_new(data, e);
    if (fd >= 0)
        close(fd);
    explicit_bzero(pem, sizeof pem);
    return a;
}

/* ---- one token after the other ---- */

/* Up to a tenth later, so that the Pods of a cluster do not ask in step. */
static int64_t
jittered(int64_t ms)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint32_t)clock_mono_ns();
    return ms + (int64_t)((double)random / UINT32_MAX * (double)ms / 10);
}

static void
ask_after(struct refresh *r, int64_t ms)
{
    struct err e = ERR_INIT;

    if (loop_timer(r->loop, ms > 0 ? ms : 0, ask, r, &e) < 0) {
        log_error(NULL, "%s", e.text);
        r->status = 1;
        r->done = true;
    }
}

/* A token that was had once stays in its file, however long GitHub fails. */
static void
failed(struct refresh *r, const struct err *why)
{
    int64_t now = clock_wall_ms();

    if (r->expires_ms != 0 || r->issued_ms != 0) {
        log_warn(NULL, "the token stays as it is: %s", why->text);
        ask_after(r, jittered(apptoken_retry_ms(r->expires_ms, now)));
        return;
    }
    r->attempts++;
    log_warn(NULL, "attempt %u of %d: %s", r->attempts, ATTEMPTS_MAX, why->text);
    if (r->attempts < ATTEMPTS_MAX) {
        ask_after(r, r->retry_wait_s * 1000);
        return;
    }
    log_error(NULL, "no token after %d attempts", ATTEMPTS_MAX);
    r->status = 1;
    r->done = true;
}

static void
on_answer(void *arg, const struct http_response *res)
{
    struct refresh *r = arg;
    struct err e = res->err;
    int64_t expires = 0, now = clock_wall_ms();
    SCOPED(secret)
    struct secret *token =
        e.code != ERR_NONE
            ? NULL
            : apptoken_answer(res->status, res->body, res->body_size, &expires, &e);

    if (token == NULL || put_token(r, token, &e) < 0) {
        failed(r, &e);
        return;
    }
    r->issued_ms = now;
    r->expires_ms = expires;
    log_info(NULL, "a new token is in %s/" TOKEN_NAME, r->token_dir);
    ask_after(r, jittered((apptoken_renew_ms(now, expires) - now) * 9 / 10));
}

static int
start_exchange(struct refresh *r, struct err *e)
{
    char url[2300];
    SCOPED(bearer) struct bearer q = {.authorization = BUF_INIT};
    SCOPED(apptoken) struct apptoken *a = read_credentials(r, e);
    SCOPED(secret)
    struct secret *jwt = a != NULL ? apptoken_jwt(a, clock_wall_ms(), e) : NULL;

    if (jwt == NULL)
        return -1;
    apptoken_url(a, r->api_base, url, sizeof url);
    bearer_fill(&q, "POST", url, jwt);
    q.request.on_done = on_answer;
    q.request.arg = r;
    return http_start(r->http, &q.request, e) != NULL ? 0 : -1;
}

static void
ask(void *arg)
{
    struct refresh *r = arg;
    struct err e = ERR_INIT;

    if (start_exchange(r, &e) < 0)
        failed(r, &e);
}

/* ---- start and end ---- */

static void
on_signal(void *arg, int fd, int events)
{
    struct refresh *r = arg;
    struct signalfd_siginfo unused;

    (void)events;
    if (read(fd, &unused, sizeof unused) == sizeof unused)
        r->done = true;
}

static int
watch_signals(struct refresh *r, struct err *e)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_errno(e, "signals");
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_errno(e, "signalfd");
    return loop_watch(r->loop, fd, LOOP_READ, on_signal, r, e);
}

static int
read_environment(struct refresh *r, struct err *e)
{
    const char *base = getenv("GITHUB_API_BASE_URL");

    r->app = getenv("APP_ID");
    r->installation = getenv("INSTALLATION_ID");
    r->api_base = base != NULL ? base : "";
    if (r->app == NULL || *r->app == '\0')
        return err_set(e, ERR_INVALID, "APP_ID: is not set: the id of the GitHub App");
    if (r->installation == NULL || *r->installation == '\0')
        return err_set(e, ERR_INVALID,
                       "INSTALLATION_ID: is not set: the id of the App's installation");
    if (r->retry_wait_s < 0 || r->retry_wait_s > 3600)
        return err_set(e, ERR_INVALID, "--retry-wait: must be from 0 to 3600 seconds");
    return 0;
}

static int
run(struct refresh *r, struct err *e)
{
    SCOPED(loop) struct loop *loop = loop_poll_new(e);
    int rc = -1;

    if (loop == NULL)
        return -1;
    r->loop = loop;
    SCOPED(http) struct http *http = http_new(loop, "kelos-token-refresher", e);
    if ((r->http = http) != NULL && watch_signals(r, e) == 0) {
        ask(r);
        rc = loop_poll_run(loop, &r->done, -1, e) < 0 ? -1 : 0;
    }
    return rc;
}

int
refresh_run(int argc, char **argv)
{
    struct refresh r = {.key_file = "/etc/github-app/privateKey",
                        .token_dir = "/shared/token",
                        .retry_wait_s = 10};
    bool refresh = false;
    const struct flag flags[] = {
        {"refresh-token", FLAG_SWITCH, &refresh, NULL, "keep a GitHub App's token fresh"},
        {"key-file", FLAG_TEXT, &r.key_file, "FILE", "the App's private key"},
        {"token-dir", FLAG_TEXT, &r.token_dir, "DIR", "where GITHUB_TOKEN is put"},
        {"retry-wait", FLAG_NUMBER, &r.retry_wait_s, "SECONDS",
         "between attempts at the first token"},
    };
    const struct flag *tables[] = {flags};
    const size_t counts[] = {ARRAY_LEN(flags)};
    struct err e = ERR_INIT;
    int rest, rc;

    log_init("kelos-token-refresher", LEVEL_INFO, LOG_TEXT);
    rc = flags_parse(argc, argv, tables, counts, 1, &rest, &e);
    if (rc == 1) {
        flags_help("kelos-spawner --refresh-token [flags]", tables, counts, 1);
        return 0;
    }
    if (rc < 0 || read_environment(&r, &e) < 0 || run(&r, &e) < 0) {
        log_error(NULL, "%s", e.text);
        return 1;
    }
    return r.status;
}
