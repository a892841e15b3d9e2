/* test_http.c - one connection's worth of rules. */
#include "common/http/http.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/kube/kube.h"
#include "common/log.h"
#include "tests/support/fault.h"
#include "tests/support/rows.h"

struct rig {
    struct fault *fault;
    struct loop *loop;
    struct http *http;
    char url[128];
};

static struct rig
rig_up(const struct fault_rule *rules, size_t n)
{
    struct err e = ERR_INIT;
    struct rig r = {.fault = fault_start(rules, n), .loop = loop_poll_new(&e)};

    r.http = http_new(r.loop, "test/1", &e);
    snprintf(r.url, sizeof r.url, "%s/x", fault_url(r.fault));
    return r;
}

static void
rig_down(struct rig *r)
{
    http_free(r->http);
    loop_free(r->loop);
    fault_stop(r->fault);
}

static int
threads(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");

    while (d != NULL && readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

struct many {
    int left;
    bool done;
    int bad;
};

static void
on_one(void *arg, const struct http_response *r)
{
    struct many *m = arg;

    m->bad +=
        r->outcome != HTTP_ANSWERED || r->status != 200 || strcmp(r->body, "hello") != 0;
    m->done = --m->left == 0;
}

Test(http, drives_many_requests_from_one_loop_and_one_thread)
{
    static const struct fault_rule rules[] = {{"GET", 0, 0, "delay 400\ntext hello"}};
    struct rig r = rig_up(rules, 1);
    struct many m = {.left = 40};
    struct err e = ERR_INIT;
    int before = threads();
    const struct http_request q = {.url = r.url, .on_done = on_one, .arg = &m};
    int64_t began = clock_mono_ms();

    for (int i = 0; i < 40; i++)
        cr_assert(http_start(r.http, &q, &e) != NULL, "%s", e.text);
    loop_poll_run(r.loop, &m.done, 10, &e);
    cr_assert_eq(threads(), before);
    cr_assert_eq(loop_poll_run(r.loop, &m.done, 60000, &e), 1);
    cr_assert_eq(m.bad, 0);
    cr_assert_lt(clock_mono_ms() - began, 40 * 400, "they ran side by side");
    row_claim("KC/HTTP-1");
    rig_down(&r);
}

static void
on_none(void *arg, const struct http_response *r)
{
    (void)r;
    *(int *)arg += 1;
}

Test(http, forgets_a_cancelled_request)
{
    static const struct fault_rule rules[] = {{"GET", 0, 0, "delay 2000\ntext hello"}};
    struct rig r = rig_up(rules, 1);
    struct err e = ERR_INIT;
    int calls = 0;
    bool never = false;
    const struct http_request q = {.url = r.url, .on_done = on_none, .arg = &calls};
    struct http_call *c = http_start(r.http, &q, &e);

    loop_poll_run(r.loop, &never, 5, &e);
    http_cancel(c);
    loop_poll_run(r.loop, &never, 100, &e);
    cr_assert_eq(calls, 0);
    cr_assert_eq(http_in_flight(r.http), 0);
    rig_down(&r);
}

Test(http, tells_not_sent_from_ambiguous)
{
    static const struct fault_rule rules[] = {{"/drop", 0, 0, "drop"},
                                              {"/reset", 0, 0, "reset"},
                                              {"/cut", 0, 0, "cut 3 hello"},
                                              {"/slow", 0, 0, "delay 5000\ntext x"}};
    static const struct {
        const char *path;
        enum http_outcome outcome;
        enum err_code code;
    } rows[] = {{"/drop", HTTP_AMBIGUOUS, ERR_UNKNOWN},
                {"/reset", HTTP_AMBIGUOUS, ERR_UNKNOWN},
                {"/cut", HTTP_AMBIGUOUS, ERR_UNKNOWN},
                {"/slow", HTTP_AMBIGUOUS, ERR_TIMEOUT}};
    struct rig r = rig_up(rules, 4);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char url[128];
        struct http_result out;
        struct err e = ERR_INIT;
        snprintf(url, sizeof url, "%s%s", fault_url(r.fault), rows[i].path);
        const struct http_request q = {.url = url,
                                       .total_ms =
                                           rows[i].code == ERR_TIMEOUT ? 1500 : 30000,
                                       .fresh_connect = true};
        cr_expect_eq(http_wait(r.http, &q, &out, &e), -1);
        cr_expect_eq(out.outcome, rows[i].outcome, "%s: %d", rows[i].path, out.outcome);
        cr_expect_eq(e.code, rows[i].code, "%s: %s", rows[i].path, e.text);
    }
    const struct http_request refused = {.url = "http://127.0.0.1:1/"};
    struct http_result out;
    struct err e = ERR_INIT;
    cr_assert_eq(http_wait(r.http, &refused, &out, &e), -1);
    cr_assert_eq(out.outcome, HTTP_NOT_SENT);
    cr_assert_eq(e.code, ERR_UNAVAILABLE);
    rig_down(&r);
}

Test(http, asks_only_listed_hosts_and_only_http)
{
    static const struct fault_rule rules[] = {{"GET", 0, 0, "text hello"}};
    struct rig r = rig_up(rules, 1);
    struct http_result out;
    struct err e = ERR_INIT;
    const char *const hosts[] = {"api.test", NULL};
    struct http_request q = {.url = r.url};

    cr_assert_eq(http_allow_hosts(r.http, hosts, &e), 0);
    cr_assert_eq(http_wait(r.http, &q, &out, &e), -1);
    cr_assert_eq(e.code, ERR_FORBIDDEN);
    cr_assert_eq(fault_count(r.fault), 0);
    http_allow_hosts(r.http, NULL, &e);
    cr_assert_eq(http_wait(r.http, &q, &out, &e), 0);
    http_result_free(&out);
    static const char *const bads[] = {"file:///etc/passwd", "ftp://h/x", "nonsense", ""};
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        q.url = bads[i];
        cr_expect_eq(http_wait(r.http, &q, &out, &e), -1, "%s", bads[i]);
        cr_expect_eq(e.code, ERR_INVALID, "%s", bads[i]);
    }
    rig_down(&r);
}

/* The socket of ours that is connected to the port, -1 when there is none. */
static int
socket_to(int port)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in a;
        socklen_t size = sizeof a;
        if (getpeername(fd, (struct sockaddr *)&a, &size) == 0 &&
            a.sin_family == AF_INET && ntohs(a.sin_port) == port)
            return fd;
    }
    return -1;
}

Test(http, notices_dead_peers_on_silent_connections)
{
    static const struct fault_rule rules[] = {{"GET", 0, 0, "delay 3000\ntext hello"}};
    static const struct {
        int level, option, want;
    } rows[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
                {IPPROTO_TCP, TCP_KEEPIDLE, 15},
                {IPPROTO_TCP, TCP_KEEPINTVL, 15},
                {IPPROTO_TCP, TCP_KEEPCNT, 3},
                {IPPROTO_TCP, TCP_USER_TIMEOUT, 45000}};
    struct rig r = rig_up(rules, 1);
    struct err e = ERR_INIT;
    bool never = false;
    int calls = 0;
    const struct http_request q = {.url = r.url, .on_done = on_none, .arg = &calls};

    http_start(r.http, &q, &e);
    while (fault_count(r.fault) == 0)
        loop_poll_run(r.loop, &never, 10, &e);
    int fd = socket_to(fault_port(r.fault));
    cr_assert_geq(fd, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int value = -1;
        socklen_t size = sizeof value;
        getsockopt(fd, rows[i].level, rows[i].option, &value, &size);
        cr_expect_eq(value, rows[i].want, "option %d: %d", rows[i].option, value);
    }
    row_claim("KC/HTTP-5");
    rig_down(&r);
}

/* Yes to as many writes as are left. */
static bool
still_allowed(void *arg)
{
    return (*(int *)arg)-- > 0;
}

Test(http, a_write_is_held_back_on_its_connection_when_the_guard_says_no)
{
    static const struct fault_rule rules[] = {{"", 0, 0, "text hello"}};
    struct rig r = rig_up(rules, 1);
    struct err e = ERR_INIT;
    struct http_request read = {.url = r.url}, write = {.url = r.url, .method = "PATCH"};
    int left = 1;
    struct linger linger = {0, 9};
    socklen_t size = sizeof linger;

    http_guard(r.http, still_allowed, &left);
    for (int i = 0; i < 4; i++) { /* a read, a write, a write that is too late, a read */
        struct http_result out = {0};
        bool late = i == 2;
        int rc = http_wait(r.http, i == 1 || i == 2 ? &write : &read, &out, &e);

        cr_expect_eq(rc, late ? -1 : 0, "%d: %s", i, e.text);
        cr_expect_eq(out.outcome, late ? HTTP_ABORTED : HTTP_ANSWERED, "%d", i);
        if (late)
            cr_expect_eq(e.code, ERR_FORBIDDEN);
        http_result_free(&out);
    }
    cr_expect_eq(fault_matching(r.fault, "PATCH"), 1, "the server saw only the first");
    cr_expect_eq(fault_count(r.fault), 3);
    /* what a killed process has not sent yet is never sent */
    getsockopt(socket_to(fault_port(r.fault)), SOL_SOCKET, SO_LINGER, &linger, &size);
    cr_expect(linger.l_onoff == 1 && linger.l_linger == 0);
    rig_down(&r);
}

Test(http, logs_no_credential_and_no_secret_body_at_any_level)
{
    static const struct fault_rule rules[] = {
        {"POST", 0, 0,
         "status 400\nheader Set-Cookie: canary-cookie\ntext you sent canary-body"}};
    struct fault *f = fault_start(rules, 1);
    struct err e = ERR_INIT;
    char path[] = "/tmp/http-log.XXXXXX";
    static char text[65536];
    int fd = mkstemp(path), kept = dup(2);

    dup2(fd, 2);
    log_init("test", LEVEL_DEBUG, LOG_TEXT);
    struct loop *loop = loop_poll_new(&e);
    struct kubeconfig *c = calloc(1, sizeof *c);
    c->source = strdup("t");
    c->server = strdup(fault_url(f));
    c->namespace_ = strdup("d");
    c->token = secret_new("canary-token", 12);
    const struct kube_options o = {.actor = KUBE_AS_RECONCILER, .program = "t"};
    struct kube *k = kube_new(loop, &c, &o, &e);
    SCOPED(json) json_t *body = json_pack("{s:{s:s}}", "stringData", "k", "canary-body");
    const struct kube_request r = {.verb = KUBE_CREATE,
                                   .res = kube_res(KUBE_SECRETS),
                                   .ns = "d",
                                   .name = "s",
                                   .body = body,
                                   .repeat = KUBE_REPEAT_NAMED};
    int rc = kube_call_wait(k, &r, NULL, NULL, &e);
    dup2(kept, 2);
    cr_assert_eq(rc, -1);
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    cr_assert_gt(n, 0);
    cr_assert(strstr(text, "http > Authorization: ***") != NULL, "%s", text);
    cr_assert(strstr(text, "canary") == NULL, "%s", text);
    cr_assert(strstr(e.text, "canary") == NULL, "%s", e.text);
    cr_assert(strstr(fault_request(f, 0), "canary-body") != NULL, "it was sent");
    row_claim("KC/HTTP-12");
    kube_free(k);
    loop_free(loop);
    fault_stop(f);
    unlink(path);
    close(fd);
}

static int
on_bytes(void *arg, const char *bytes, size_t size)
{
    (void)bytes;
    *(size_t *)arg += size;
    return -1;
}

static void
on_end(void *arg, const struct kube_stream_end *end)
{
    (void)arg;
    (void)end;
}

Test(http, watches_over_a_connection_of_their_own_with_http_1)
{
    static const struct fault_rule rules[] = {
        {"watch=true", 0, 0, "stream\nevent {}\ndelay 5000"}, {"GET", 0, 0, "json {}"}};
    char dir[] = "/tmp/http-tls.XXXXXX", command[512], cert[64], key[64];
    struct err e = ERR_INIT;

    cr_assert(mkdtemp(dir) != NULL);
    snprintf(cert, sizeof cert, "%s/c", dir);
    snprintf(key, sizeof key, "%s/k", dir);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "
             "2 -keyout %s -out %s "
             "-subj /CN=t -addext subjectAltName=IP:127.0.0.1 > /dev/null 2>&1",
             key, cert);
    cr_assert_eq(system(command), 0);
    struct fault *f = fault_start_tls(rules, 2, cert, key);
    struct loop *loop = loop_poll_new(&e);
    struct kubeconfig *c = calloc(1, sizeof *c);
    c->source = strdup("t");
    c->server = strdup(fault_url(f));
    c->namespace_ = strdup("d");
    c->ca_file = strdup(cert);
    const struct kube_options o = {.actor = KUBE_AS_USER, .program = "t"};
    struct kube *k = kube_new(loop, &c, &o, &e);
    cr_assert(k != NULL, "%s", e.text);
    size_t seen = 0;
    const struct kube_param params[] = {{"watch", "true"}, {NULL, NULL}};
    const struct kube_stream_request watch = {
        .req = {.verb = KUBE_WATCH, .res = kube_res(KUBE_PODS), .params = params},
        .on_data = on_bytes,
        .on_end = on_end,
        .arg = &seen};
    struct kube_stream *s = kube_stream(k, &watch, &e);
    cr_assert(s != NULL, "%s", e.text);
    bool never = false;
    while (fault_matching(f, "watch=true") == 0)
        loop_poll_run(loop, &never, 10, &e);
    const struct kube_request get = {
        .verb = KUBE_GET, .res = kube_res(KUBE_PODS), .ns = "d", .name = "p"};
    cr_assert_eq(kube_call_wait(k, &get, NULL, NULL, &e), 0, "%s", e.text);
    cr_assert_str_eq(fault_request(f, 0), "TLS sni= cert=no offers=",
                     "the watch offers HTTP/1.1 only, not: %s", fault_request(f, 0));
    cr_assert_eq(fault_matching(f, "TLS "), 2,
                 "the call did not wait for the watch's connection");
    cr_assert_eq(
        fault_matching(f, "offers=h2"), 0,
        "with libcurl 7.88 a request on a reused HTTP/2 connection may stay unsent");
    row_claim("KC/HTTP-4");
    kube_free(k);
    loop_free(loop);
    fault_stop(f);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

Test(http, reads_headers)
{
    struct buf h = BUF_INIT;
    char value[32];

    buf_add_str(&h, "A: 1\nretry-after:  120\nEmpty:\n");
    cr_assert(http_header(&h, "Retry-After", value, sizeof value));
    cr_assert_str_eq(value, "120");
    cr_assert(http_header(&h, "Empty", value, sizeof value));
    cr_assert_str_eq(value, "");
    cr_assert(!http_header(&h, "B", value, sizeof value));
    cr_assert_eq(http_retry_after_ms(&h, 0), 120000);
    buf_clear(&h);
    buf_add_str(&h, "Retry-After: Thu, 01 Jan 1970 00:01:00 GMT\n");
    cr_assert_eq(http_retry_after_ms(&h, 10000), 50000);
    buf_clear(&h);
    buf_add_str(&h, "Retry-After: soon\n");
    cr_assert_eq(http_retry_after_ms(&h, 0), -1);
    buf_free(&h);
    cr_assert(http_is_loopback("http://localhost:80/") &&
              http_is_loopback("https://127.1.2.3/a@b") &&
              http_is_loopback("http://[::1]:5/"));
    cr_assert(!http_is_loopback("http://127.0.0.1.evil.test/") &&
              !http_is_loopback("http://127.0.0.1@evil.test/"));
}
