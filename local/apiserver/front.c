/* front.c - see front.h. */
#include "local/apiserver/front.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/limits.h"
#include "common/log.h"
#include "local/apiserver/front_self.h"
#include "local/apiserver/guard.h"

#define IDLE_TIMEOUT_S 120 /* a kept-alive connection without a request */
#define CONNECTIONS_MAX 1000

/* ---- request ---- */

static const char *
header(struct MHD_Connection *conn, const char *name)
{
    return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);
}

static bool
refuse(struct exchange *x)
{
    SCOPED(fault) struct fault f = FAULT_INIT;
    struct guard g = {.host = header(x->conn, "Host"),
                      .authorization = header(x->conn, "Authorization"),
                      .proxy_authorization = header(x->conn, "Proxy-Authorization")};

    if (!guard_refuses(&g, x->h->token, &f))
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
        response = front_stream_response(x);
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
    exchange_forget_hangup(x);
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
        exchange_resume(x);
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
        loop_watch(loop, h->hangups, LOOP_READ, front_on_hangup, h, e) < 0)
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
            exchange_resume(x);
        }
        MHD_run(h->daemon);
        MHD_stop_daemon(h->daemon);
    }
    if (h->hangups >= 0)
        close(h->hangups);
    free(h);
}
