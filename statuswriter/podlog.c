#include "statuswriter/podlog.h"

#include <string.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/mask.h"
#include "statuswriter/outputs.h"

struct reading {
    struct podlogs *all;
    struct reading *next;
    char to[MESSAGE_ORIGIN_MAX + 1];
    uint64_t id;
    char uid[65];
    char *ns, *pod, *container, *task;
    bool failed; /* the run failed: its last lines are wanted */
    int64_t
        give_up_at; /* monotonic ms; put off while the API server is away; 0: not begun */
    int64_t last_at; /* but not beyond this */
    struct backoff backoff;
    int timer;
    struct kube_stream *stream;
    struct outputs_reader *reader;
};

struct podlogs {
    const struct writer *w;
    struct reading *first;
    size_t n, streams;
};

static void start(struct reading *x);

struct podlogs *
podlogs_new(const struct writer *w)
{
    struct podlogs *l = calloc(1, sizeof(*l));

    if (l != NULL)
        l->w = w;
    return l;
}

static void
stop_stream(struct reading *x)
{
    if (x->stream == NULL)
        return;
    kube_stream_cancel(x->stream);
    x->stream = NULL;
    x->all->streams--;
}

static void
reading_free(struct reading *x)
{
    struct podlogs *l = x->all;

    stop_stream(x);
    worker_cancel(l->w->worker, x->timer);
    for (struct reading **p = &l->first; *p != NULL; p = &(*p)->next)
        if (*p == x) {
            *p = x->next;
            l->n--;
            break;
        }
    outputs_reader_free(x->reader);
    free(x->ns);
    free(x->pod);
    free(x->container);
    free(x->task);
    free(x);
}

void
podlogs_free(struct podlogs *l)
{
    if (l == NULL)
        return;
    while (l->first != NULL)
        reading_free(l->first);
    free(l);
}

enum podlog_end
podlog_end(const struct kube_stream_end *end)
{
    if (end->err.code == ERR_NONE && end->http_status == 200)
        return PODLOG_DONE;
    if (end->http_status == 404)
        return PODLOG_GONE;
    /* One that has just started refuses, with 403, what its roles, once read, allow. A kubelet
     * that cannot be reached is a 500. */
    switch (end->http_status) {
    case 0:
        return end->aborted ? PODLOG_AGAIN : PODLOG_AWAY;
    case 401:
    case 403:
    case 429:
    case 502:
    case 503:
        return PODLOG_AWAY;
    default:
        break;
    }
    if (end->http_status >= 500 || end->http_status < 300)
        return PODLOG_AGAIN;
    /* 400: the container waits to start, or its log is not there yet. */
    return end->http_status == 400 ? PODLOG_AGAIN : PODLOG_NEVER;
}

/* ---- answering ---- */

/* Lends the texts of the outputs to the message. Returns 0, or -1 when memory ran out. */
static int
lend(const struct outputs *o, struct msg_outputs *m, struct msg_pair **pairs)
{
    if ((*pairs = calloc(o->result_count + 1, sizeof(**pairs))) == NULL)
        return -1;
    for (size_t i = 0; i < o->result_count; i++)
        (*pairs)[i] = (struct msg_pair){o->results[i].key, o->results[i].value};
    m->outputs.items = (const char *const *)o->lines;
    m->outputs.count = o->line_count;
    m->results.items = *pairs;
    m->results.count = o->result_count;
    return 0;
}

/* The first reading that waits for its turn. */
static void
start_next(struct podlogs *l)
{
    for (struct reading *x = l->first; x != NULL && l->streams < PODLOG_STREAMS;
         x = x->next)
        if (x->stream == NULL && x->timer == 0) {
            start(x);
            return;
        }
}

/* The last lines of at most LIMIT_STATUS_TAIL_BYTES, with what may be a secret hidden: they are for a
 * status that more people read than the log. */
static const char *
shown_tail(struct reading *x, struct buf *masked)
{
    mask_add(masked, outputs_reader_tail(x->reader));
    const char *text = buf_str(masked);
    if (masked->size <= LIMIT_STATUS_TAIL_BYTES)
        return text;
    text += masked->size - LIMIT_STATUS_TAIL_BYTES;
    const char *line = strchr(text, '\n');
    while ((*text & 0xC0) == 0x80)
        text++;
    return line != NULL && line[1] != '\0' ? line + 1 : text;
}

static void
answer(struct reading *x, bool complete, const char *why)
{
    SCOPED(buf) struct buf masked = BUF_INIT;
    struct podlogs *l = x->all;
    SCOPED(outputs) struct outputs o = {0};
    struct message m = {.kind = MSG_OUTPUTS_DONE};
    struct msg_pair *pairs = NULL;
    struct err e = ERR_INIT;
    int found = x->reader != NULL ? outputs_reader_end(x->reader, &o, &e) : 0;

    m.body.outputs = (struct msg_outputs){.id = x->id,
                                          .uid = x->uid,
                                          .complete = complete,
                                          .found = found > 0,
                                          .message = why};
    if (x->reader != NULL) {
        const struct outputs_signs signs = outputs_reader_signs(x->reader);
        m.body.outputs.level = signs.level;
        m.body.outputs.setup = signs.setup;
    }
    if (x->failed && x->reader != NULL)
        m.body.outputs.tail = shown_tail(x, &masked);
    if (found < 0 || lend(&o, &m.body.outputs, &pairs) < 0)
        log_error(NULL, "outputs of %s/%s: out of memory", x->ns, x->task);
    else if (bus_send(l->w->bus, x->to, &m, &e) < 0 && e.code != ERR_GONE)
        log_warn(NULL, "outputs of %s/%s: %s", x->ns, x->task, e.text);
    metric_add(worker_metrics(l->w->worker), METRIC_OUTPUTS, 1,
               !complete   ? "incomplete"
               : found > 0 ? "found"
                           : "none");
    free(pairs);
    reading_free(x);
    start_next(l);
}

/* ---- reading ---- */

static int
on_data(void *arg, const char *bytes, size_t size)
{
    struct reading *x = arg;

    outputs_reader_feed(x->reader, bytes, size);
    return 0;
}

static void
on_timer(void *arg, struct worker *w)
{
    struct reading *x = arg;

    (void)w;
    x->timer = 0;
    if (x->all->streams < PODLOG_STREAMS)
        start(x);
}

static void
try_again(struct reading *x, const char *why)
{
    if (clock_mono_ms() >= x->give_up_at) {
        log_warn(NULL, "outputs of %s/%s: given up: %s", x->ns, x->task, why);
        answer(x, false, why);
        return;
    }
    log_debug(NULL, "outputs of %s/%s: %s; asked again", x->ns, x->task, why);
    x->timer = worker_after(x->all->w->worker, backoff_next_ms(&x->backoff), on_timer, x);
    start_next(x->all);
}

static void
on_end(void *arg, const struct kube_stream_end *end)
{
    struct reading *x = arg;
    const char *why =
        end->err.code != ERR_NONE ? end->err.text : "the API server refused";

    x->stream = NULL;
    x->all->streams--;
    switch (podlog_end(end)) {
    case PODLOG_DONE:
        answer(x, true, "");
        break;
    case PODLOG_GONE:
        answer(x, false, "the pod is gone, and its log with it");
        break;
    case PODLOG_AWAY:
        x->give_up_at = clock_mono_ms() + PODLOG_BUDGET_MS;
        if (x->give_up_at > x->last_at)
            x->give_up_at = x->last_at;
        try_again(x, why);
        break;
    case PODLOG_AGAIN:
        try_again(x, why);
        break;
    case PODLOG_NEVER:
        answer(x, false, why);
        break;
    }
}

static void
start(struct reading *x)
{
    const struct kube_param params[] = {
        {"container", x->container}, {"follow", "true"}, {NULL, NULL}};
    struct kube_stream_request q = {.req = {.verb = KUBE_GET,
                                            .res = kube_res(KUBE_PODS),
                                            .ns = x->ns,
                                            .name = x->pod,
                                            .subresource = "log",
                                            .params = params,
                                            .text = true},
                                    .on_data = on_data,
                                    .on_end = on_end,
                                    .arg = x,
                                    .total_ms = PODLOG_STREAM_MS};
    struct err e = ERR_INIT;

    if (x->give_up_at == 0) { /* its turn may have been long in coming */
        x->give_up_at = clock_mono_ms() + PODLOG_BUDGET_MS;
        x->last_at = clock_mono_ms() + PODLOG_AWAY_MS;
    }
    /* Each attempt reads from the beginning: what a cut one had is dropped. */
    outputs_reader_free(x->reader);
    if ((x->reader = outputs_reader_new()) == NULL) {
        answer(x, false, "out of memory");
        return;
    }
    if ((x->stream = kube_stream(x->all->w->kube, &q, &e)) == NULL) {
        answer(x, false, e.text);
        return;
    }
    x->all->streams++;
}

/* ---- taking ---- */

static struct reading *
find(struct podlogs *l, const char *uid)
{
    for (struct reading *x = l->first; x != NULL; x = x->next)
        if (strcmp(x->uid, uid) == 0)
            return x;
    return NULL;
}

static struct reading *
reading_new(struct podlogs *l, const struct msg_collect *m)
{
    struct reading *x = calloc(1, sizeof(*x));
    struct reading **last = &l->first;

    if (x == NULL)
        return NULL;
    x->all = l;
    x->ns = strdup(m->ns);
    x->pod = strdup(m->pod);
    x->container = strdup(m->container);
    x->task = strdup(m->task);
    x->failed = m->failed;
    x->backoff = (struct backoff){.first_ms = 100, .cap_ms = 5000, .jitter_percent = 25};
    snprintf(x->uid, sizeof(x->uid), "%s", m->uid);
    while (*last != NULL)
        last = &(*last)->next;
    *last = x;
    l->n++;
    return x;
}

void
podlogs_collect(struct podlogs *l, const struct peer *from, const struct msg_collect *m)
{
    struct reading *x = find(l, m->uid);

    if (x != NULL && strcmp(x->pod, m->pod) != 0) { /* a retry has another Pod */
        reading_free(x);
        x = NULL;
    }
    if (x == NULL && l->n < PODLOG_WAITING)
        x = reading_new(l, m);
    if (x == NULL) {
        log_warn(NULL, "outputs of %s/%s: too many logs wait (PODLOG_WAITING)", m->ns,
                 m->task);
        return;
    }
    snprintf(x->to, sizeof(x->to), "%s", from->user_id);
    x->id = m->id;
    if (x->stream == NULL && x->timer == 0 && l->streams < PODLOG_STREAMS)
        start(x);
}
