#include "local/forge/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"

enum { BODY_MAX = 1 << 20, CONNECTIONS_MAX = 256, IDLE_S = 60 };

/* One request between its first header and its answer. */
struct exchange {
    struct server *server;
    struct MHD_Connection *connection;
    struct request q;
    struct reply r;
    struct buf body;
    char *raw_query;
    struct fault fault; /* a copy of what the script says; status 0, body NULL: nothing */
    bool begun, answered, waiting;
    int64_t due; /* monotonic ms: when a delayed answer goes out */
    struct exchange *next;
};

struct server {
    struct forge *forge;
    struct MHD_Daemon *daemon;
    struct exchange *waiting; /* suspended connections */
};

static void
exchange_free(struct exchange *x)
{
    request_free(&x->q);
    reply_free(&x->r);
    buf_free(&x->body);
    json_decref(x->fault.headers);
    free(x->fault.body);
    free(x->raw_query);
    free(x);
}

/* ---- reading ---- */

static void *
on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *x = calloc(1, sizeof(*x));
    const char *mark = strchr(uri, '?');

    if (x == NULL)
        return NULL;
    x->server = cls;
    x->connection = connection;
    x->body.limit = BODY_MAX;
    x->raw_query = strdup(mark != NULL ? mark + 1 : "");
    return x;
}

static enum MHD_Result
on_query(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct request *q = cls;

    (void)kind;
    if (q->n_query == PAIRS_MAX)
        q->too_many = true;
    else
        q->query[q->n_query++] =
            (struct pair){strdup(name), strdup(value != NULL ? value : "")};
    return MHD_YES;
}

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct request *q = cls;

    (void)kind;
    if (q->n_headers == PAIRS_MAX)
        q->too_many = true;
    else
        q->headers[q->n_headers++] =
            (struct pair){strdup(name), strdup(value != NULL ? value : "")};
    return MHD_YES;
}

static void
begin(struct exchange *x, const char *method, const char *url)
{
    x->begun = true;
    snprintf(x->q.method, sizeof(x->q.method), "%s", method);
    request_set_path(&x->q, url);
    MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, on_query, &x->q);
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, on_header, &x->q);
}

/* ---- answering ---- */

/* A body that lies about its length, or has none. */
struct lie {
    char *bytes;
    size_t size;
    uint64_t cut_at; /* UINT64_MAX: endless */
};

static ssize_t
on_lie(void *cls, uint64_t pos, char *out, size_t room)
{
    struct lie *l = cls;

    if (pos >= l->cut_at)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (room > l->cut_at - pos)
        room = (size_t)(l->cut_at - pos);
    for (size_t i = 0; i < room; i++)
        out[i] = l->size > 0 ? l->bytes[(pos + i) % l->size] : ' ';
    return (ssize_t)room;
}

static void
lie_free(void *cls)
{
    struct lie *l = cls;

    free(l->bytes);
    free(l);
}

static struct MHD_Response *
lying_response(const struct fault *fault, char *bytes, size_t size)
{
    struct lie *l = calloc(1, sizeof(*l));
    bool endless = fault->endless;

    if (l == NULL)
        return NULL;
    *l = (struct lie){bytes, size, endless ? UINT64_MAX : (uint64_t)fault->cut_at};
    return MHD_create_response_from_callback(endless ? MHD_SIZE_UNKNOWN : size, 16384,
                                             on_lie, l, lie_free);
}

static struct MHD_Response *
response_of(struct exchange *x)
{
    const struct fault *fault = &x->fault;
    char *bytes = NULL;
    size_t size;
    struct MHD_Response *out;

    if (fault->body != NULL)
        bytes = strdup(fault->body);
    else if (x->r.body != NULL)
        bytes = json_dumps(x->r.body, JSON_COMPACT);
    size = bytes != NULL ? strlen(bytes) : 0;
    if (fault->endless || fault->cut_at >= 0)
        return lying_response(fault, bytes, size);
    out = MHD_create_response_from_buffer(size, bytes != NULL ? bytes : (char *)"",
                                          bytes != NULL ? MHD_RESPMEM_MUST_FREE
                                                        : MHD_RESPMEM_PERSISTENT);
    return out;
}

/* Closes with a RST: what a crashed proxy looks like. */
static enum MHD_Result
reset(struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct linger hard = {1, 0};

    if (info != NULL)
        setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    return MHD_NO;
}

static enum MHD_Result
send_reply(struct exchange *x)
{
    struct MHD_Response *response = response_of(x);
    enum MHD_Result done;
    const char *name;
    json_t *value;

    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
    for (size_t i = 0; i < x->r.n_headers; i++)
        MHD_add_response_header(response, x->r.headers[i].name, x->r.headers[i].value);
    json_object_foreach(x->fault.headers, name, value)
    {
        const char *old = MHD_get_response_header(response, name);

        if (old != NULL)
            MHD_del_response_header(response, name, old);
        MHD_add_response_header(response, name, json_string_value(value));
    }
    done = MHD_queue_response(x->connection, (unsigned int)x->r.status, response);
    MHD_destroy_response(response);
    return done;
}

/* Takes over what the script says about this request; -1 means it hits nothing. */
static void
meet_fault(struct exchange *x)
{
    const struct fault *hit = NULL;

    x->fault.cut_at = -1;
    if (!forge_is_control(&x->q))
        hit = faults_hit(&x->server->forge->faults, x->q.method, x->q.path);
    if (hit == NULL)
        return;
    x->fault = *hit;
    x->fault.headers = json_incref(hit->headers);
    x->fault.body = hit->body != NULL ? strdup(hit->body) : NULL;
}

/* "token", "Bearer", "Basic"; NULL for anything else: never what follows it. */
static const char *
auth_scheme(const struct request *q)
{
    static const char *const schemes[] = {"token", "Bearer", "Basic"};
    const char *auth = request_header(q, "Authorization");

    for (size_t i = 0; auth != NULL && i < ARRAY_LEN(schemes); i++) {
        size_t n = strlen(schemes[i]);

        if (strncmp(auth, schemes[i], n) == 0 && auth[n] == ' ')
            return schemes[i];
    }
    return NULL;
}

static void
make_reply(struct exchange *x)
{
    struct forge *f = x->server->forge;

    x->answered = true;
    x->q.now = clock_wall_ms();
    x->q.body = buf_str(&x->body);
    x->q.body_size = x->body.size;
    meet_fault(x);
    if (x->body.failed)
        reply_error(&x->r, 413, "the request's body is longer than %d bytes", BODY_MAX);
    else if (x->fault.status != 0) {
        x->r.status = x->fault.status;
        x->r.body = json_pack("{s:s}", "message", "scripted fault");
    } else
        forge_answer(f, &x->q, &x->r);
    if (!forge_is_control(&x->q))
        journal_add(&f->journal, x->q.now, x->q.method, x->q.path, x->raw_query,
                    x->r.status, x->q.login, auth_scheme(&x->q),
                    request_header(&x->q, "User-Agent"));
    log_debug(NULL, "%s %s?%s: %d", x->q.method, x->q.path, x->raw_query, x->r.status);
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url,
           const char *method, const char *version, const char *upload,
           size_t *upload_size, void **context)
{
    struct exchange *x = *context;

    (void)cls;
    (void)connection;
    (void)version;
    if (x == NULL)
        return MHD_NO;
    if (!x->begun) {
        begin(x, method, url);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        buf_add(&x->body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (!x->answered) {
        make_reply(x);
        if (x->fault.delay_ms > 0) {
            x->waiting = true;
            x->due = clock_mono_ms() + x->fault.delay_ms;
            x->next = x->server->waiting;
            x->server->waiting = x;
            MHD_suspend_connection(connection);
            return MHD_YES;
        }
    }
    return x->fault.reset ? reset(x) : send_reply(x);
}

static void
unlink_waiting(struct server *h, struct exchange *x)
{
    for (struct exchange **p = &h->waiting; *p != NULL; p = &(*p)->next)
        if (*p == x) {
            *p = x->next;
            break;
        }
    x->waiting = false;
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **context,
             enum MHD_RequestTerminationCode why)
{
    struct exchange *x = *context;

    (void)connection;
    (void)why;
    if (x == NULL)
        return;
    if (x->waiting)
        unlink_waiting(cls, x);
    exchange_free(x);
    *context = NULL;
}

/* ---- the server ---- */

struct server *
server_new(struct forge *f, int listen_fd, struct err *e)
{
    struct server *h = calloc(1, sizeof(*h));

    if (h == NULL) {
        err_errno(e, "server");
        return NULL;
    }
    h->forge = f;
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, h,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, h,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned int)IDLE_S, MHD_OPTION_END);
    if (h->daemon == NULL) {
        free(h);
        err_set(e, ERR_SYSTEM, "libmicrohttpd does not start");
        return NULL;
    }
    return h;
}

void
server_free(struct server *h)
{
    if (h == NULL)
        return;
    while (h->waiting != NULL) {
        struct exchange *x = h->waiting;

        unlink_waiting(h, x);
        MHD_resume_connection(x->connection);
    }
    MHD_stop_daemon(h->daemon);
    free(h);
}

int
server_fd(const struct server *h)
{
    return MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int
server_wait_ms(const struct server *h, int64_t now_mono)
{
    unsigned long long ms;
    int64_t wait = -1;

    if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
        wait = ms > 60000 ? 60000 : (int64_t)ms;
    for (const struct exchange *x = h->waiting; x != NULL; x = x->next) {
        int64_t left = x->due > now_mono ? x->due - now_mono : 0;

        if (wait < 0 || left < wait)
            wait = left;
    }
    return (int)wait;
}

void
server_run(struct server *h, int64_t now_mono)
{
    for (struct exchange *x = h->waiting, *next; x != NULL; x = next) {
        next = x->next;
        if (x->due <= now_mono) {
            unlink_waiting(h, x);
            MHD_resume_connection(x->connection);
        }
    }
    MHD_run(h->daemon);
}
