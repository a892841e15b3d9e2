/* kubelet.c - see kubelet.h. The thread is the worker's; libmicrohttpd is turned by it. */
#include "local/runner/kubelet.h"

#include <arpa/inet.h>
#include <czmq.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/log.h"
#include "common/logfile.h"
#include "local/runner/kubelet_path.h"

#define PEM_BYTES_MAX 65536
#define CONNECTIONS_MAX 256
#define IDLE_TIMEOUT_S 3600 /* a followed log may be quiet for long */

struct kubelet {
    struct loop *loop;
    const char *pods_dir;
    struct buf cert, key, ca;
    struct MHD_Daemon *daemon;
    int epoll_fd, inotify, port, timer;
    zhashx_t *pods; /* "namespace/name" to the Pod, a reference */
    struct tail *first;
};

/* One answer. */
struct tail {
    struct kubelet *k;
    struct tail *next;
    struct MHD_Connection *conn;
    struct logfile *file;
    char pod[LOG_PATH_MAX * 2], container[LOG_PATH_MAX];
    int64_t left; /* bytes of limitBytes, -1: no limit */
    int wd;
    bool follow, suspended, finished, closing;
};

/* ---- the Pods ---- */

static const char *
pod_key(const json_t *pod, char *out, size_t room)
{
    snprintf(out, room, "%s/%s", json_str_or(pod, "metadata.namespace", ""),
             json_str_or(pod, "metadata.name", ""));
    return out;
}

static void
pod_destroy(void **item)
{
    json_decref(*item);
    *item = NULL;
}

static bool
has_terminated(const json_t *pod, const char *container)
{
    static const char *const lists[] = {"status.containerStatuses",
                                        "status.initContainerStatuses"};
    const char *phase = json_str_or(pod, "status.phase", "");
    size_t i;
    json_t *s;

    if (pod == NULL || strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)
        return true;
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        json_array_foreach(json_at(pod, lists[k]), i, s)
        {
            if (strcmp(json_str_or(s, "name", ""), container) == 0)
                return json_at(s, "state.terminated") != NULL;
        }
    return false;
}

/* ---- turns of the loop ---- */

static void on_timer(void *arg);

static void
turn(struct kubelet *k)
{
    struct err e = ERR_INIT;
    MHD_UNSIGNED_LONG_LONG wait;

    MHD_run(k->daemon);
    loop_timer_stop(k->loop, k->timer);
    k->timer = 0;
    if (MHD_get_timeout(k->daemon, &wait) == MHD_YES)
        k->timer = loop_timer(k->loop, (int64_t)wait + (wait > 0), on_timer, k, &e);
}

static void
on_timer(void *arg)
{
    struct kubelet *k = arg;

    k->timer = 0;
    turn(k);
}

static void
on_ready(void *arg, int fd UNUSED, int events UNUSED)
{
    turn(arg);
}

static bool
wake(struct tail *t)
{
    if (!t->suspended)
        return false;
    t->suspended = false;
    MHD_resume_connection(t->conn);
    return true;
}

static void
on_growth(void *arg, int fd, int events UNUSED)
{
    struct kubelet *k = arg;
    char bytes[4096] __attribute__((aligned(8)));
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        for (char *at = bytes; at < bytes + n;) {
            const struct inotify_event *ev = (const struct inotify_event *)(void *)at;

            for (struct tail *t = k->first; t != NULL; t = t->next)
                if (t->wd == ev->wd)
                    wake(t);
            at += sizeof *ev + ev->len;
        }
    turn(k);
}

void
kubelet_pod_seen(struct kubelet *k, json_t *pod)
{
    char key[LOG_PATH_MAX * 2];
    bool any = false;

    if (k == NULL)
        return;
    zhashx_update(k->pods, pod_key(pod, key, sizeof key), json_incref(pod));
    for (struct tail *t = k->first; t != NULL; t = t->next)
        if (strcmp(t->pod, key) == 0)
            any |= wake(t);
    if (any)
        turn(k);
}

void
kubelet_pod_gone(struct kubelet *k, const json_t *pod)
{
    char key[LOG_PATH_MAX * 2];
    bool any = false;

    if (k == NULL)
        return;
    zhashx_delete(k->pods, pod_key(pod, key, sizeof key));
    for (struct tail *t = k->first; t != NULL; t = t->next)
        if (strcmp(t->pod, key) == 0)
            any |= wake(t);
    if (any)
        turn(k);
}

/* ---- answers ---- */

static ssize_t
tail_read(void *cls, uint64_t pos UNUSED, char *out, size_t max)
{
    struct tail *t = cls;

    if (t->left >= 0 && (int64_t)max > t->left)
        max = (size_t)t->left;
    while (max > 0) {
        long n = logfile_read(t->file, out, max);

        if (n > 0 && t->left >= 0)
            t->left -= n;
        if (n > 0)
            return n;
        if (n < 0 || !t->follow || t->finished || t->closing)
            break;
        /* The end may have been written between reading and looking: read once more. */
        t->finished = has_terminated(zhashx_lookup(t->k->pods, t->pod), t->container);
        if (t->finished)
            continue;
        t->suspended = true;
        MHD_suspend_connection(t->conn);
        return 0;
    }
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static void
tail_free(void *cls)
{
    struct tail *t = cls;
    struct tail **link = &t->k->first;
    bool shared = false;

    while (*link != NULL && *link != t)
        link = &(*link)->next;
    if (*link == t)
        *link = t->next;
    for (struct tail *o = t->k->first; o != NULL; o = o->next)
        shared |= o->wd == t->wd;
    if (t->wd >= 0 && !shared)
        inotify_rm_watch(t->k->inotify, t->wd);
    logfile_free(t->file);
    free(t);
}

static enum MHD_Result
answer_text(struct MHD_Connection *conn, unsigned code, const char *text)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc = r != NULL ? MHD_queue_response(conn, code, r) : MHD_NO;

    MHD_destroy_response(r);
    return rc;
}

/* Did the peer show a certificate that our CA signed? */
static bool
is_known(struct MHD_Connection *conn)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned why = 1;

    return info != NULL &&
           gnutls_certificate_verify_peers2(info->tls_session, &why) == 0 && why == 0;
}

static enum MHD_Result
send_tail(struct tail *t)
{
    struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768,
                                                               tail_read, t, tail_free);

    if (r == NULL) {
        tail_free(t);
        return MHD_NO;
    }
    MHD_add_response_header(r, "Content-Type", "text/plain");
    enum MHD_Result rc = MHD_queue_response(t->conn, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result
serve(struct kubelet *k, struct MHD_Connection *conn, const struct log_path *path,
      const struct log_query *query)
{
    struct tail *t = calloc(1, sizeof *t);
    char dir[4600];
    struct err e = ERR_INIT;
    json_t *pod;

    if (t == NULL)
        return MHD_NO;
    *t = (struct tail){.k = k,
                       .next = k->first,
                       .conn = conn,
                       .left = query->limit,
                       .wd = -1,
                       .follow = query->follow};
    k->first = t;
    snprintf(t->pod, sizeof t->pod, "%s/%s", path->ns, path->pod);
    snprintf(t->container, sizeof t->container, "%s", path->container);
    if ((pod = zhashx_lookup(k->pods, t->pod)) == NULL) {
        tail_free(t);
        return answer_text(conn, 404, "no such pod on this node\n");
    }
    snprintf(dir, sizeof dir, "%s/%s/%s", k->pods_dir,
             json_str_or(pod, "metadata.uid", ""), t->container);
    if (t->follow) /* before the first read, so that nothing is missed */
        t->wd = inotify_add_watch(k->inotify, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    if ((t->file = logfile_open(dir, &query->options, &e)) == NULL) {
        tail_free(t);
        return answer_text(conn, e.code == ERR_NOT_FOUND ? 404 : 500, e.text);
    }
    return send_tail(t);
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
           const char *version UNUSED, const char *data UNUSED, size_t *size,
           void **state)
{
    struct kubelet *k = cls;
    struct log_path path;
    struct log_query query;
    static char seen;

    if (*state == NULL) { /* headers only: the answer comes with the next call */
        *state = &seen;
        return MHD_YES;
    }
    *size = 0;
    if (!is_known(conn))
        return answer_text(conn, 401,
                           "a client certificate of the cluster's CA is needed\n");
    if (strcmp(method, "GET") != 0 || log_path_parse(url, &path) < 0)
        return answer_text(conn, 404, "this node serves GET /containerLogs only\n");
    log_query_init(&query);
    for (int i = 0; i < N_LOG_PARAMS; i++) {
        const char *v =
            MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, log_param_name(i));
        if (v != NULL && log_query_set(&query, i, v, clock_wall_ms()) < 0)
            return answer_text(conn, 400, "a query parameter has no good value\n");
    }
    return serve(k, conn, &path, &query);
}

/* ---- life ---- */

static int
listen_loopback(int *port, struct err *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) < 0) {
        err_errno(e, "kubelet endpoint on 127.0.0.1");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *port = ntohs(a.sin_port);
    return fd;
}

static int
read_pem(const char *path, struct buf *out, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *room = buf_reserve(out, PEM_BYTES_MAX);
    ssize_t n = fd >= 0 && room != NULL ? read(fd, room, PEM_BYTES_MAX) : -1;

    if (n <= 0)
        return err_errno(e, "%s", path);
    room[n] = '\0';
    out->size = (size_t)n;
    return 0;
}

static int
read_pems(struct kubelet *k, const struct kubelet_options *o, struct err *e)
{
    if (read_pem(o->cert_file, &k->cert, e) < 0 ||
        read_pem(o->key_file, &k->key, e) < 0 || read_pem(o->ca_file, &k->ca, e) < 0)
        return -1;
    return 0;
}

struct kubelet *
kubelet_new(struct loop *loop, const struct kubelet_options *o, struct err *e)
{
    SCOPED(kubelet) struct kubelet *k = calloc(1, sizeof *k);
    int fd;

    if (k == NULL || (k->pods = zhashx_new()) == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    zhashx_set_destructor(k->pods, pod_destroy);
    k->loop = loop;
    k->pods_dir = o->pods_dir;
    k->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (k->inotify < 0) {
        err_errno(e, "inotify");
        return NULL;
    }
    if (read_pems(k, o, e) < 0 || (fd = listen_loopback(&k->port, e)) < 0)
        return NULL;
    k->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TLS, 0, NULL, NULL, on_request,
        k, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_HTTPS_MEM_CERT, buf_str(&k->cert),
        MHD_OPTION_HTTPS_MEM_KEY, buf_str(&k->key), MHD_OPTION_HTTPS_MEM_TRUST,
        buf_str(&k->ca), MHD_OPTION_END);
    if (k->daemon == NULL) {
        close(fd);
        err_set(e, ERR_INVALID,
                "kubelet endpoint: certificate %s or key %s is not usable", o->cert_file,
                o->key_file);
        return NULL;
    }
    k->epoll_fd = MHD_get_daemon_info(k->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    if (loop_watch(loop, k->epoll_fd, LOOP_READ, on_ready, k, e) < 0 ||
        loop_watch(loop, k->inotify, LOOP_READ, on_growth, k, e) < 0)
        return NULL;
    return TAKE(k);
}

void
kubelet_free(struct kubelet *k)
{
    struct err e = ERR_INIT;

    if (k == NULL)
        return;
    loop_timer_stop(k->loop, k->timer);
    if (k->daemon != NULL) {
        loop_watch(k->loop, k->epoll_fd, 0, NULL, NULL, &e);
        loop_watch(k->loop, k->inotify, 0, NULL, NULL, &e);
        /* libmicrohttpd cannot stop while connections are suspended. */
        for (struct tail *t = k->first; t != NULL; t = t->next) {
            t->closing = true;
            wake(t);
        }
        MHD_run(k->daemon);
        MHD_stop_daemon(k->daemon);
    }
    if (k->inotify >= 0)
        close(k->inotify);
    zhashx_destroy(&k->pods);
    buf_free(&k->cert);
    buf_wipe(&k->key);
    buf_free(&k->ca);
    free(k);
}

int
kubelet_port(const struct kubelet *k)
{
    return k->port;
}
