/* front.c - see front.h. */
#include "local/apiserver/front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"

#define IDLE_TIMEOUT_S 120  /* a kept-alive connection without a request */
#define STREAM_TIMEOUT_S 30 /* a stream whose peer takes nothing */
#define STALL_LOOK_MS                                                                    \
    5000 /* how often such a stream is looked for, while one is waited for */
#define CONNECTIONS_MAX 1000

enum state { STATE_BODY, STATE_WAITING, STATE_DECIDED, STATE_SENT };

/* One request, from its first header to its end. */
struct exchange {
    struct front *h;
    struct MHD_Connection *conn;
    struct exchange *next_waiting; /* for the commit */
    struct exchange *prev, *next;  /* all of the server's */
    char *url;                     /* path as sent; owned */
    struct buf body;
    struct reply reply;
    enum state state;
    bool suspended, hung_up, refused;
    int fd;           /* of the connection while its hang-up is watched, else -1 */
    int64_t taken_ms; /* stream: when its peer last took something; 0: none is waiting */
};

struct front {
    struct server *s;
    struct loop *loop;
    struct MHD_Daemon *daemon;
    int epoll_fd; /* libmicrohttpd's */
    int hangups;  /* ours: sockets of suspended streams */
    const char *token;
    bool (*after)(void *arg);
    void *arg;
    struct exchange *waiting; /* for the commit */
    struct exchange *all;
    int timer;
    int stall_timer; /* while a peer takes its time, 0 */
    bool in_turn;
    char authority[2][32]; /* Host headers that we answer to */
};

/* ---- request ---- */

static bool
same_secret(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned char diff = n != m;

    for (size_t i = 0; i < n; i++)
        diff |= (unsigned char)(a[i] ^ b[i < m ? i : 0]);
    return diff == 0 && m > 0;
}

static const char *
header(struct MHD_Connection *conn, const char *name)
{
    return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);
}

/* "Basic " + base64("kelos:" + token), in the Proxy-Authorization header: kubectl sends no bearer
 * token over plain HTTP, but it does tell a proxy the password of its URL. Our kubeconfig
 * names ourselves as that proxy. */
static bool
proxy_password(const char *header_text, const char *token)
{
    SCOPED(buf) struct buf plain = BUF_INIT;
    struct err ignored = ERR_INIT;
    bool good;

    if (header_text == NULL || strncasecmp(header_text, "Basic ", 6) != 0 ||
        base64_decode(&plain, header_text + 6, strlen(header_text + 6), &ignored) < 0)
        return false;
    good = strncmp(buf_str(&plain), "kelos:", 6) == 0 &&
           same_secret(buf_str(&plain) + 6, token);
    buf_wipe(&plain);
    return good;
}

/* 401 without our token, 421 under a foreign name (a web page that rebinds its name to
 * loopback). Returns true when the reply is decided. */
static bool
refuse(struct exchange *x)
{
    SCOPED(fault) struct fault f = FAULT_INIT;
    const char *host = header(x->conn, "Host"), *auth = header(x->conn, "Authorization");
    size_t n = host != NULL ? strcspn(host, ":") : 0;

    if (host == NULL || !((n == 9 && strncasecmp(host, "localhost", 9) == 0) ||
                          (n == 9 && strncmp(host, "127.0.0.1", 9) == 0) ||
                          strncmp(host, "[::1]", 5) == 0))
        fault_set(&f, 421, "BadRequest",
                  "this server answers to 127.0.0.1 and localhost only");
    else if (!(auth != NULL && strncasecmp(auth, "Bearer ", 7) == 0 &&
               same_secret(auth + 7, x->h->token)) &&
             !proxy_password(header(x->conn, "Proxy-Authorization"), x->h->token))
        fault_set(&f, 401, "Unauthorized", "Unauthorized");
    else
        return false;
    reply_fault(&x->reply, &f);
    return true;
}

struct param_list {
    struct call *c;
};

static enum MHD_Result
take_param(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct param_list *l = cls;

    (void)kind;
    if (l->c->param_count < PARAM_MAX)
        l->c->params[l->c->param_count++] =
            (struct param){key, value != NULL ? value : ""};
    return MHD_YES;
}

static void
run(struct exchange *x, const char *method)
{
    struct call c = {.method = method,
                     .path = x->url,
                     .body = buf_str(&x->body),
                     .size = x->body.size};
    struct param_list list = {&c};

    c.accept = header(x->conn, "Accept");
    c.content_type = header(x->conn, "Content-Type");
    c.user_agent = header(x->conn, "User-Agent");
    MHD_get_connection_values(x->conn, MHD_GET_ARGUMENT_KIND, take_param, &list);
    api_handle(x->h->s, &c, &x->reply);
    buf_wipe(&x->body);
    if (x->reply.code >= 500)
        log_warn(NULL, "%s %s: HTTP %d", method, x->url, x->reply.code);
}

/* ---- streams ---- */

static void
watch_hangup(struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLONESHOT,
                             .data.ptr = x};

    if (info == NULL || x->fd >= 0)
        return;
    if (epoll_ctl(x->h->hangups, EPOLL_CTL_ADD, info->connect_fd, &ev) == 0)
        x->fd = info->connect_fd;
}

static void
forget_hangup(struct exchange *x)
{
    if (x->fd >= 0)
        epoll_ctl(x->h->hangups, EPOLL_CTL_DEL, x->fd, NULL);
    x->fd = -1;
}

static void
resume(struct exchange *x)
{
    if (!x->suspended)
        return;
    x->suspended = false;
    forget_hangup(x);
    MHD_resume_connection(x->conn);
}

static void
stream_wake(struct stream *stream)
{
    resume(stream->owner);
}

/* A peer that has taken nothing for STREAM_TIMEOUT_S is let go: what it was to be told stays in
 * the log, and it may resume from there. libmicrohttpd's own time limit does not come into
 * its timer once such a connection was suspended. */
static void
on_stall(void *arg)
{
    struct front *h = arg;
    struct err e = ERR_INIT;
    int64_t now = clock_mono_ms();
    bool flowing = false;

    h->stall_timer = 0;
    for (struct exchange *x = h->all; x != NULL; x = x->next) {
        if (x->taken_ms == 0)
            continue;
        flowing = true;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(x->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info != NULL && now - x->taken_ms >= STREAM_TIMEOUT_S * 1000) {
            log_info(NULL, "%s: the watcher takes nothing: its connection is closed",
                     x->url);
            shutdown(info->connect_fd, SHUT_RDWR);
        }
    }
    if (flowing)
        h->stall_timer = loop_timer(h->loop, STALL_LOOK_MS, on_stall, h, &e);
}

static void
note_taken(struct exchange *x)
{
    struct err e = ERR_INIT;

    x->taken_ms = clock_mono_ms();
    if (x->h->stall_timer == 0)
        x->h->stall_timer = loop_timer(x->h->loop, STALL_LOOK_MS, on_stall, x->h, &e);
}

static ssize_t
stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
    struct exchange *x = cls;
    long n;

    (void)pos;
    if (x->hung_up)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = x->reply.stream->read(x->reply.stream, out, max);
    if (n != 0)
        note_taken(x);
    if (n > 0)
        return n;
    if (n < 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    x->taken_ms = 0;
    x->suspended = true;
    MHD_suspend_connection(x->conn);
    watch_hangup(x);
    return 0;
}

/* ---- answers ---- */

static void
add_headers(struct MHD_Response *response, const struct reply *r)
{
    char text[1100];
    size_t i;
    json_t *warning;

    MHD_add_response_header(response, "Content-Type",
                            r->content_type != NULL ? r->content_type
                                                    : "application/json");
    MHD_add_response_header(response, "Cache-Control", "no-cache, private");
    if (r->allow_get)
        MHD_add_response_header(response, "Allow", "GET");
    if (r->retry_after > 0) {
        snprintf(text, sizeof text, "%d", r->retry_after);
        MHD_add_response_header(response, "Retry-After", text);
    }
    if (r->code == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (r->etag[0] != '\0')
        MHD_add_response_header(response, "ETag", r->etag);
    json_array_foreach(r->warnings, i, warning)
    {
        size_t n = (size_t)snprintf(text, sizeof text, "299 - \"");

        for (const char *p = json_string_value(warning);
             *p != '\0' && n < sizeof text - 4; p++) {
            if (*p == '"' || *p == '\\')
                text[n++] = '\\';
            text[n++] = (unsigned char)*p < 0x20 ? ' ' : *p;
        }
        snprintf(text + n, sizeof text - n, "\"");
        MHD_add_response_header(response, "Warning", text);
    }
}

static enum MHD_Result
send_reply(struct exchange *x)
{
    struct reply *r = &x->reply;
    struct MHD_Response *response;
    enum MHD_Result rc;

    x->state = STATE_SENT;
    if (r->stream != NULL) {
        r->stream->owner = x;
        r->stream->wake = stream_wake;
        MHD_set_connection_option(x->conn, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768, stream_read,
                                                     x, NULL);
    } else {
        size_t size = r->body.size;

        response = MHD_create_response_from_buffer(size, buf_take(&r->body),
                                                   MHD_RESPMEM_MUST_FREE);
    }
    if (response == NULL)
        return MHD_NO;
    add_headers(response, r);
    rc = MHD_queue_response(x->conn, (unsigned)r->code, response);
    MHD_destroy_response(response);
    return rc;
}

/* Answers wait while something is uncommitted: they may tell of it. */
static enum MHD_Result
wait_for_commit(struct exchange *x)
{
    x->state = STATE_WAITING;
    x->next_waiting = x->h->waiting;
    x->h->waiting = x;
    x->suspended = true;
    MHD_suspend_connection(x->conn);
    return MHD_YES;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
           const char *version, const char *data, size_t *size, void **state)
{
    struct exchange *x = *state;

    (void)cls;
    (void)url;
    (void)version;
    if (x->conn == NULL) { /* first call: headers only */
        x->conn = conn;
        x->refused = refuse(x);
        return MHD_YES;
    }
    if (x->state == STATE_DECIDED)
        return send_reply(x);
    if (x->state != STATE_BODY)
        return MHD_YES;
    if (*size > 0) {
        if (x->body.size + *size > LIMIT_REQUEST_BODY_BYTES)
            x->body.failed = true;
        else if (!x->refused)
            buf_add(&x->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (x->body.failed && !x->refused) {
        struct fault f = FAULT_INIT;

        fault_set(&f, 413, "RequestEntityTooLarge",
                  "Request entity too large: limit REQUEST_BODY_BYTES is %d",
                  LIMIT_REQUEST_BODY_BYTES);
        reply_fault(&x->reply, &f);
    } else if (!x->refused) {
        run(x, method);
        if (store_dirty(x->h->s->store))
            return wait_for_commit(x);
    }
    return send_reply(x);
}

/* Called with the raw URI before the headers are read: the path must be kept as it was sent,
 * for libmicrohttpd decodes %2F. */
static void *
on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
    struct exchange *x = calloc(1, sizeof *x);

    (void)conn;
    if (x == NULL)
        return NULL;
    x->h = cls;
    x->fd = -1;
    x->reply = (struct reply)REPLY_INIT;
    if (strncmp(uri, "http://", 7) == 0) /* as a proxy is asked */
        uri += 7 + strcspn(uri + 7, "/?");
    x->url = strndup(uri, strcspn(uri, "?"));
    x->next = x->h->all;
    if (x->next != NULL)
        x->next->prev = x;
    x->h->all = x;
    return x;
}

static void
on_done(void *cls, struct MHD_Connection *conn, void **state,
        enum MHD_RequestTerminationCode why)
{
    struct exchange *x = *state;
    struct exchange **link;

    (void)cls;
    (void)why;
    if (x == NULL)
        return;
    forget_hangup(x);
    for (link = &x->h->waiting; *link != NULL; link = &(*link)->next_waiting)
        if (*link == x) {
            *link = x->next_waiting;
            break;
        }
    if (x->prev != NULL)
        x->prev->next = x->next;
    else
        x->h->all = x->next;
    if (x->next != NULL)
        x->next->prev = x->prev;
    if (x->reply.stream != NULL)
        MHD_set_connection_option(conn, MHD_CONNECTION_OPTION_TIMEOUT,
                                  (unsigned)IDLE_TIMEOUT_S);
    reply_clear(&x->reply);
    buf_wipe(&x->body);
    free(x->url);
    free(x);
    *state = NULL;
}

/* ---- turns of the loop ---- */

static void on_timer(void *arg);

/* Commits what the turn's requests wrote, then lets their answers go. */
static bool
finish_writes(struct front *h)
{
    bool good = h->after(h->arg), any = h->waiting != NULL;
    struct exchange *list = h->waiting;

    h->waiting = NULL;
    while (list != NULL) {
        struct exchange *x = list;

        list = x->next_waiting;
        x->next_waiting = NULL;
        x->state = STATE_DECIDED;
        if (!good) {
            struct fault f = FAULT_INIT;

            reply_clear(&x->reply);
            fault_set(&f, 500, "InternalError", "the change could not be stored: %s",
                      h->s->degraded != NULL ? h->s->degraded : "write failed");
            reply_fault(&x->reply, &f);
        }
        resume(x);
    }
    return any;
}

static void
arm_timer(struct front *h)
{
    struct err e = ERR_INIT;
    MHD_UNSIGNED_LONG_LONG wait;

    loop_timer_stop(h->loop, h->timer);
    h->timer = 0;
    if (MHD_get_timeout(h->daemon, &wait) == MHD_YES)
        h->timer = loop_timer(h->loop, (int64_t)wait + (wait > 0), on_timer, h, &e);
}

void
front_turn(struct front *h)
{
    if (h->in_turn)
        return;
    h->in_turn = true;
    do {
        MHD_run(h->daemon);
    } while (finish_writes(h));
    h->in_turn = false;
    arm_timer(h);
}

static void
on_timer(void *arg)
{
    struct front *h = arg;

    h->timer = 0;
    front_turn(h);
}

static void
on_ready(void *arg, int fd, int events)
{
    (void)fd;
    (void)events;
    front_turn(arg);
}

static void
on_hangup(void *arg, int fd, int events)
{
    struct front *h = arg;
    struct epoll_event ev[32];
    int n = epoll_wait(fd, ev, 32, 0);

    (void)events;
    for (int i = 0; i < n; i++) {
        struct exchange *x = ev[i].data.ptr;

        x->hung_up = true;
        resume(x);
    }
    front_turn(h);
}

int
front_listen(int *port, struct err *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)*port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    SCOPED(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return err_errno(e, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        if (errno == EADDRINUSE)
            return err_set(e, ERR_SYSTEM,
                           "port %d on 127.0.0.1 is in use by another program: stop it "
                           "or choose another --port",
                           *port);
        return err_errno(e, "bind 127.0.0.1:%d", *port);
    }
    if (listen(fd, 256) < 0 || getsockname(fd, (struct sockaddr *)&a, &size) < 0)
        return err_errno(e, "listen on 127.0.0.1:%d", *port);
    *port = ntohs(a.sin_port);
    int out = fd;
    fd = -1;
    return out;
}

static void on_mhd_log(void *cls, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

static void
on_mhd_log(void *cls, const char *fmt, va_list ap)
{
    char text[512];

    (void)cls;
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    log_debug(NULL, "http: %s", text);
}

struct front *
front_new(struct server *s, struct loop *loop, int fd, const char *token,
          bool (*after)(void *arg), void *arg, struct err *e)
{
    SCOPED(front) struct front *h = calloc(1, sizeof *h);

    if (h == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    *h = (struct front){
        .s = s, .loop = loop, .token = token, .after = after, .arg = arg, .hangups = -1};
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, h,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_URI_LOG_CALLBACK, on_uri, h,
        MHD_OPTION_NOTIFY_COMPLETED, on_done, h, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)65536, MHD_OPTION_END);
    if (h->daemon == NULL) {
        err_set(e, ERR_SYSTEM, "the HTTP server did not start: %s", strerror(errno));
        return NULL;
    }
    h->epoll_fd = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    h->hangups = epoll_create1(EPOLL_CLOEXEC);
    if (h->hangups < 0 || loop_watch(loop, h->epoll_fd, LOOP_READ, on_ready, h, e) < 0 ||
        loop_watch(loop, h->hangups, LOOP_READ, on_hangup, h, e) < 0)
        return NULL;
    return TAKE(h);
}

void
front_free(struct front *h)
{
    struct err e = ERR_INIT;

    if (h == NULL)
        return;
    loop_timer_stop(h->loop, h->timer);
    loop_timer_stop(h->loop, h->stall_timer);
    if (h->daemon != NULL) {
        loop_watch(h->loop, h->epoll_fd, 0, NULL, NULL, &e);
        if (h->hangups >= 0)
            loop_watch(h->loop, h->hangups, 0, NULL, NULL, &e);
        /* libmicrohttpd cannot stop while connections are suspended. */
        for (struct exchange *x = h->all; x != NULL; x = x->next) {
            x->hung_up = true;
            resume(x);
        }
        MHD_run(h->daemon);
        MHD_stop_daemon(h->daemon);
    }
    if (h->hangups >= 0)
        close(h->hangups);
    free(h);
}
