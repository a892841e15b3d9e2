#include "statuswriter/exporter.h"

#include <microhttpd.h>
#include <string.h>

#include "common/log.h"

enum { CONNECTIONS = 64, IDLE_S = 30 };

struct listener {
    struct exporter *all;
    struct MHD_Daemon *daemon;
    struct exporter_view view;
    int fd;    /* epoll descriptor of the daemon; owned by it */
    int timer; /* of idle connections */
};

struct exporter {
    struct worker *worker;
    struct listener listeners[2];
    size_t n;
};

static void
write_metrics(void *arg, struct buf *out)
{
    worker_export_metrics(arg, out);
    exporter_process(out);
}

static bool
is_ready(void *arg, const char **reason)
{
    return worker_tree_ready(arg, reason);
}

static bool
is_healthy(void *arg, const char **reason)
{
    return worker_healthy(arg, reason);
}

/* 200 "ok", or 503 with the reason. */
static unsigned
say(struct buf *out, bool good, const char *what, const char *reason)
{
    if (good)
        buf_add_str(out, "ok");
    else
        buf_printf(out, "not %s: %s\n", what, reason);
    return good ? 200 : 503;
}

unsigned
exporter_answer(const struct exporter_view *v, const char *method, const char *path,
                struct buf *out)
{
    const char *reason = "";

    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        buf_add_str(out, "only GET is served\n");
        return 405;
    }
    if (v->metrics && strcmp(path, "/metrics") == 0) {
        v->write_metrics(v->arg, out);
        return out->failed ? 500 : 200;
    }
    if (v->health && strcmp(path, "/healthz") == 0) {
        bool good = v->healthy(v->arg, &reason);
        return say(out, good, "healthy", reason);
    }
    if (v->health && strcmp(path, "/readyz") == 0) {
        bool good = v->ready(v->arg, &reason);
        return say(out, good, "ready", reason);
    }
    buf_printf(out, "no such path; served here:%s%s\n", v->metrics ? " /metrics" : "",
               v->health ? " /healthz /readyz" : "");
    return 404;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url,
           const char *method, const char *version, const char *upload,
           size_t *upload_size, void **context)
{
    struct listener *l = cls;
    SCOPED(buf) struct buf out = BUF_INIT;
    struct MHD_Response *response;
    enum MHD_Result done;
    unsigned status;
    static int seen;

    (void)version;
    (void)upload;
    if (*context == NULL || *upload_size > 0) {
        *context = &seen;
        *upload_size = 0;
        return MHD_YES;
    }
    status = exporter_answer(&l->view, method, url, &out);
    response = MHD_create_response_from_buffer(out.size, (void *)buf_str(&out),
                                               MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type",
                            status == 200 && strcmp(url, "/metrics") == 0
                                ? "text/plain; version=0.0.4; charset=utf-8"
                                : "text/plain; charset=utf-8");
    done = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return done;
}

/* ---- in the loop ---- */

static void arm(struct listener *l);

static void
on_timer(void *arg, struct worker *w)
{
    struct listener *l = arg;

    (void)w;
    l->timer = 0;
    MHD_run(l->daemon);
    arm(l);
}

/* Idle connections end by time: wakes only while there are some. */
static void
arm(struct listener *l)
{
    MHD_UNSIGNED_LONG_LONG ms;

    worker_cancel(l->all->worker, l->timer);
    l->timer = 0;
    if (MHD_get_timeout(l->daemon, &ms) == MHD_YES)
        l->timer =
            worker_after(l->all->worker, ms < IDLE_S * 1000 ? (int64_t)ms : IDLE_S * 1000,
                         on_timer, l);
}

static void
on_readable(void *arg, struct worker *w, int fd, int events)
{
    struct listener *l = arg;

    (void)w;
    (void)fd;
    (void)events;
    MHD_run(l->daemon);
    arm(l);
}

static int
add_listener(struct exporter *x, int *socket, bool metrics, bool health, struct err *e)
{
    struct listener *l = &x->listeners[x->n];
    const union MHD_DaemonInfo *info;

    l->all = x;
    l->view = (struct exporter_view){metrics,  health,     write_metrics,
                                     is_ready, is_healthy, x->worker};
    l->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, l, MHD_OPTION_LISTEN_SOCKET, *socket,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_END);
    if (l->daemon == NULL)
        return err_set(e, ERR_SYSTEM,
                       "the HTTP server of /metrics and /readyz does not start");
    *socket = -1;
    x->n++;
    info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    l->fd = info->epoll_fd;
    if (worker_watch(x->worker, l->fd, WATCH_IN, on_readable, l) < 0)
        return err_set(e, ERR_SYSTEM, "the HTTP server of /metrics: cannot be watched");
    return 0;
}

struct exporter *
exporter_new(struct worker *w, struct exporter_sockets *s, struct err *e)
{
    SCOPED(exporter) struct exporter *x = calloc(1, sizeof(*x));

    if (x == NULL) {
        err_errno(e, "exporter");
        return NULL;
    }
    x->worker = w;
    if (s->metrics >= 0 && add_listener(x, &s->metrics, true, s->health == -2, e) < 0)
        return NULL;
    if (s->health >= 0 && add_listener(x, &s->health, false, true, e) < 0)
        return NULL;
    return TAKE(x);
}

void
exporter_free(struct exporter *x)
{
    if (x == NULL)
        return;
    for (size_t i = 0; i < x->n; i++) {
        worker_cancel(x->worker, x->listeners[i].timer);
        worker_unwatch(x->worker, x->listeners[i].fd);
        MHD_stop_daemon(x->listeners[i].daemon);
    }
    free(x);
}
