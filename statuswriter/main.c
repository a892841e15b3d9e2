/* main.c - kelos-statuswriter: the only writer of /status and Events; reads the logs of
 * finished containers; serves /metrics, /healthz and /readyz. */
#include "common/clock.h"
#include "common/worker/cluster.h"
#include "statuswriter/events.h"
#include "statuswriter/exporter.h"
#include "statuswriter/podlog.h"
#include "statuswriter/status.h"
#include "statuswriter/writer.h"

enum { FLUSH_MS = 4500, FLUSH_STEP_MS = 50 };
/* Of what may be in flight it takes a quarter: what is written here can wait for the Jobs. */
enum { SHARE = 4 };

struct self {
    const char *metrics_address;
    const char *health_address;
    struct kubeconfig *config; /* until the client takes it */
    struct exporter_sockets sockets;
    struct writer writer;
    struct loop *loop;
    struct statuses *statuses;
    struct events *events;
    struct podlogs *podlogs;
    struct exporter *exporter;
    int64_t stop_at; /* monotonic ms; 0: not stopping */
};

/* ---- messages ---- */

static void
on_status(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct self *s = arg;

    (void)bus;
    statuses_apply(s->statuses, from, &m->body.status);
}

static void
on_event(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct self *s = arg;

    (void)bus;
    events_emit(s->events, from, &m->body.event);
}

static void
on_collect(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct self *s = arg;

    (void)bus;
    podlogs_collect(s->podlogs, from, &m->body.collect);
}

static const struct handler handlers[] = {
    {MSG_STATUS_APPLY, on_status},
    {MSG_EVENT_EMIT, on_event},
    {MSG_OUTPUTS_COLLECT, on_collect},
};

/* ---- the end ---- */

/* What is on its way is flushed; what cannot be written in time is sent again by the
 * reconciler that was not acknowledged. */
static void
flush(void *arg, struct worker *w)
{
    struct self *s = arg;

    if (statuses_pending(s->statuses) + events_pending(s->events) == 0 ||
        clock_mono_ms() >= s->stop_at)
        worker_drained(w);
    else if (worker_after(w, FLUSH_STEP_MS, flush, s) < 0)
        worker_drained(w);
}

static void
on_stop(void *arg, struct worker *w)
{
    struct self *s = arg;

    s->stop_at = clock_mono_ms() + FLUSH_MS;
    flush(s, w);
}

/* ---- the start ---- */

static int
prepare(void *arg, struct worker *w, struct sandbox *sandbox, struct err *e)
{
    struct self *s = arg;

    if (exporter_listen(s->metrics_address, s->health_address, &s->sockets, e) < 0)
        return -1;
    return cluster_prepare(w, sandbox, &s->config, e);
}

/* Everything that stands on the joined worker. */
static int
open_parts(struct self *s, struct worker *w, struct err *e)
{
    const struct bus_calls calls = {
        .rows = handlers, .n_rows = ARRAY_LEN(handlers), .arg = s};

    s->writer.worker = w;
    if ((s->loop = loop_worker_new(w, e)) == NULL ||
        (s->writer.kube = cluster_connect(w, s->loop, &s->config, KUBE_AS_STATUSWRITER,
                                          "kelos-statuswriter", e)) == NULL)
        return -1;
    kube_share(s->writer.kube, SHARE);
    s->statuses = statuses_new(&s->writer);
    s->events = events_new(&s->writer);
    s->podlogs = podlogs_new(&s->writer);
    if (s->statuses == NULL || s->events == NULL || s->podlogs == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if ((s->exporter = exporter_new(w, &s->sockets, e)) == NULL ||
        (s->writer.bus = worker_bind(w, "status", &calls, e)) == NULL)
        return -1;
    return worker_ready(w, e);
}

static void
close_parts(struct self *s)
{
    exporter_free(s->exporter);
    podlogs_free(s->podlogs);
    events_free(s->events);
    statuses_free(s->statuses);
    kube_free(s->writer.kube);
    loop_free(s->loop);
    kubeconfig_free(s->config);
}

int
main(int argc, char **argv)
{
    struct self self = {
        .metrics_address = "0", .health_address = "0", .sockets = {-1, -1}};
    const struct flag flags[] = {
        {"metrics-bind-address", FLAG_TEXT, &self.metrics_address, "ADDR",
         "serve /metrics there (\":8080\"); 0: not at all"},
        {"health-probe-bind-address", FLAG_TEXT, &self.health_address, "ADDR",
         "serve /healthz and /readyz there (\":8081\"); 0: not at all"},
    };
    const struct worker_spec spec = {
        .role = ROLE_STATUSWRITER,
        .usage = "kelos-statuswriter --run-dir DIR [--metrics-bind-address ADDR] ...",
        .flags = flags,
        .n_flags = ARRAY_LEN(flags),
        .prepare = prepare,
        .on_stop = on_stop,
        .arg = &self};
    struct err e = ERR_INIT;
    SCOPED(worker) struct worker *w = worker_join(argc, argv, &spec, &e);
    int status = 0;

    if (w == NULL)
        return worker_exit(w, &e);
    if (open_parts(&self, w, &e) < 0 || worker_run(w, &e) < 0)
        status = worker_exit(w, &e);
    close_parts(&self);
    return status;
}
