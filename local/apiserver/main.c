/* main.c - kelos-apiserver: the Kubernetes API of local mode, on loopback, over one SQLite file.
 *
 * Runs as a worker of the supervisor (--run-dir), or alone for debugging:
 *
 *     kelos-apiserver --data DIR --kubeconfig-out DIR/kubeconfig --crds deploy/crds
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/macros.h"
#include "common/worker/worker.h"
#include "local/apiserver/schema/builtin.h"
#include "local/apiserver/effects.h"
#include "local/apiserver/front.h"
#include "local/apiserver/listen.h"
#include "local/apiserver/gc.h"
#include "local/apiserver/podlog.h"
#include "local/apiserver/seed.h"
#include "local/apiserver/watch.h"

#define GC_STEPS 50            /* pieces of collecting per turn of the loop */
#define AGE_MS (5 * 60 * 1000) /* how often old Events and log rows are looked for */
#define RETRY_MS 1000          /* after a failed write of our own */

struct apiserver {
    const char *data, *pods, *kubeconfig_out, *crds;
    int64_t port;
    struct server server;
    struct loop *loop;
    struct front *front;
    struct worker *worker; /* NULL when alone */
    int gc_timer, tick_timer, age_timer;
    char pods_path[4200], address[32], token[80];
    bool done;
};

static void on_gc(void *arg);
static void on_tick(void *arg);

static void
arm(struct apiserver *a, int *timer, int64_t ms, loop_timer_fn *fn)
{
    struct err e = ERR_INIT;

    if (*timer > 0)
        loop_timer_stop(a->loop, *timer);
    *timer = loop_timer(a->loop, ms, fn, a, &e);
}

/* Makes the turn's writes durable and tells the watchers. After a failure what the registry
 * learned from them is read again. */
static bool
commit(struct apiserver *a)
{
    struct err e = ERR_INIT, ignored = ERR_INIT;
    bool wrote = store_dirty(a->server.store);

    if (!wrote)
        return true;
    if (store_commit(a->server.store, &e) < 0) {
        log_error(NULL, "%s", e.text);
        a->server.degraded = "the state file cannot be written";
        effects_reload(&a->server, &ignored);
        return false;
    }
    a->server.degraded = NULL;
    hub_flush(a->server.hub);
    podlogs_flush(a->server.logs);
    return true;
}

static void
arm_tick(struct apiserver *a)
{
    int64_t next = hub_tick(a->server.hub, a->server.now_ms());

    if (next >= 0)
        arm(a, &a->tick_timer, next, on_tick);
}

static bool
after_requests(void *arg)
{
    struct apiserver *a = arg;
    bool wrote = store_dirty(a->server.store), good = commit(a);

    if (wrote && good && a->gc_timer <= 0)
        arm(a, &a->gc_timer, 0, on_gc);
    if (hub_rearm(a->server.hub))
        arm_tick(a);
    return good;
}

static void
on_gc(void *arg)
{
    struct apiserver *a = arg;
    struct err e = ERR_INIT;
    int more;

    a->gc_timer = 0;
    more = gc_run(&a->server, GC_STEPS, &e);
    if (more < 0) {
        log_warn(NULL, "%s", e.text);
        store_rollback(a->server.store);
        arm(a, &a->gc_timer, RETRY_MS, on_gc);
        return;
    }
    if (!commit(a)) {
        arm(a, &a->gc_timer, RETRY_MS, on_gc);
        return;
    }
    front_turn(a->front);
    if (more == 1)
        arm(a, &a->gc_timer, 0, on_gc);
}

static void
on_tick(void *arg)
{
    struct apiserver *a = arg;

    a->tick_timer = 0;
    arm_tick(a);
    front_turn(a->front);
}

static void
on_age(void *arg)
{
    struct apiserver *a = arg;
    struct err e = ERR_INIT;

    a->age_timer = 0;
    if (gc_age(&a->server, &e) < 0) {
        log_warn(NULL, "%s", e.text);
        store_rollback(a->server.store);
    } else {
        commit(a);
        front_turn(a->front);
    }
    arm(a, &a->age_timer, AGE_MS, on_age);
}

/* A followed log has grown. */
static void
on_log(void *arg)
{
    struct apiserver *a = arg;

    front_turn(a->front);
}

/* ---- start ---- */

static int
make_dir(const char *path, struct err *e)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "data directory %s", path);
    return 0;
}

static int
open_store(struct apiserver *a, struct err *e)
{
    char dir[4200], path[4300];

    if (a->data == NULL || *a->data == '\0')
        return err_set(e, ERR_INVALID,
                       "--data: missing: give the directory that shall hold the state");
    snprintf(dir, sizeof dir, "%s/apiserver", a->data);
    if (make_dir(a->data, e) < 0 || make_dir(dir, e) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/state.db", dir);
    snprintf(a->pods_path, sizeof a->pods_path, "%s/pods", a->data);
    if (a->pods != NULL && *a->pods != '\0')
        snprintf(a->pods_path, sizeof a->pods_path, "%s", a->pods);
    if ((a->server.store = store_open(path, e)) == NULL)
        return -1;
    if ((a->server.registry = registry_new(e)) == NULL)
        return -1;
    if ((a->server.hub = hub_new()) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    a->server.pods_dir = a->pods_path;
    a->server.now_ms = clock_wall_ms;
    return effects_reload(&a->server, e);
}

/* The port is chosen once and then kept: kubeconfigs that were copied stay good. */
static int
listen_socket(struct apiserver *a, struct err *e)
{
    char text[16] = "";
    int port = (int)a->port, fd;

    if (a->port < 0 || a->port > 65535)
        return err_set(e, ERR_INVALID, "--port: %lld is not a port (0 to 65535)",
                       (long long)a->port);
    if (port == 0 && store_meta_get(a->server.store, "port", text, sizeof text, e) < 0)
        return -1;
    if (port == 0)
        port = atoi(text);
    if ((fd = loopback_listen(&port, e)) < 0)
        return -1;
    snprintf(text, sizeof text, "%d", port);
    snprintf(a->address, sizeof a->address, "127.0.0.1:%d", port);
    a->server.address = a->address;
    a->port = port;
    if (store_meta_set(a->server.store, "port", text, e) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int
start(struct apiserver *a, struct err *e)
{
    char path[4300];
    int fd;

    if (seed_token(a->server.store, a->token, sizeof a->token, e) < 0)
        return -1;
    if (seed_objects(&a->server, a->crds, e) < 0 || (fd = listen_socket(a, e)) < 0)
        return -1;
    if (store_commit(a->server.store, e) < 0 ||
        (a->server.logs = podlogs_new(&a->server, a->loop, e)) == NULL ||
        (a->front = front_new(&a->server, a->loop, fd, a->token, after_requests, a, e)) ==
            NULL) {
        close(fd);
        return -1;
    }
    snprintf(path, sizeof path, "%s/kubeconfig", a->data);
    if (seed_kubeconfig(a->kubeconfig_out != NULL && *a->kubeconfig_out != '\0'
                            ? a->kubeconfig_out
                            : path,
                        (int)a->port, a->token, e) < 0)
        return -1;
    podlogs_on_wake(a->server.logs, on_log, a);
    arm(a, &a->gc_timer, 0, on_gc);
    arm(a, &a->age_timer, AGE_MS, on_age);
    log_info(NULL, "serving on http://127.0.0.1:%d", (int)a->port);
    return 0;
}

static void
stop(struct apiserver *a)
{
    struct err e = ERR_INIT;

    if (a->server.hub != NULL)
        hub_close(a->server.hub);
    if (a->server.logs != NULL)
        podlogs_close(a->server.logs);
    if (a->front != NULL)
        front_turn(a->front);
    front_free(a->front);
    if (a->server.store != NULL && store_commit(a->server.store, &e) < 0)
        log_error(NULL, "%s", e.text);
    store_free(a->server.store);
    registry_free(a->server.registry);
    hub_free(a->server.hub);
    podlogs_free(a->server.logs);
    builtin_release();
    loop_free(a->loop);
}

/* ---- as a worker ---- */

static int
prepare(void *arg, struct worker *w, struct sandbox *sandbox, struct err *e)
{
    struct apiserver *a = arg;

    (void)w;
    if (a->data != NULL && *a->data != '\0' && make_dir(a->data, e) < 0)
        return -1;
    if (a->crds != NULL && *a->crds != '\0' &&
        sandbox_allow(sandbox, a->crds, SANDBOX_READ, e) < 0)
        return -1;
    return a->data != NULL && *a->data != '\0'
               ? sandbox_allow(sandbox, a->data, SANDBOX_WRITE, e)
               : 0;
}

static void
on_stop(void *arg, struct worker *w)
{
    struct apiserver *a = arg;

    hub_close(a->server.hub);
    podlogs_close(a->server.logs);
    front_turn(a->front);
    worker_drained(w);
}

static int
run_worker(struct apiserver *a, int argc, char **argv, const struct flag *flags, size_t n)
{
    struct err e = ERR_INIT;
    const struct worker_spec spec = {
        .role = ROLE_APISERVER,
        .usage =
            "kelos-apiserver --data DIR [--port N] [--kubeconfig-out FILE] [--crds DIR]",
        .flags = flags,
        .n_flags = n,
        .prepare = prepare,
        .on_stop = on_stop,
        .arg = a,
    };
    int status;

    if ((a->worker = worker_join(argc, argv, &spec, &e)) == NULL)
        return worker_exit(NULL, &e);
    a->server.metrics = worker_metrics(a->worker);
    if ((a->loop = loop_worker_new(a->worker, &e)) == NULL || open_store(a, &e) < 0 ||
        start(a, &e) < 0 || worker_ready(a->worker, &e) < 0 ||
        worker_run(a->worker, &e) < 0) {
        status = worker_exit(a->worker, &e);
    } else {
        status = 0;
    }
    stop(a);
    worker_free(a->worker);
    return status;
}

/* ---- alone ---- */

static void
on_signal(void *arg, int fd, int events)
{
    struct apiserver *a = arg;
    struct signalfd_siginfo info;

    (void)events;
    if (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        a->done = true;
}

static int
run_alone(struct apiserver *a, int argc, char **argv, const struct flag *flags, size_t n)
{
    struct err e = ERR_INIT;
    int rest = 0, rc = flags_parse(argc, argv, &flags, &n, 1, &rest, &e);
    sigset_t set;

    log_init("apiserver", LEVEL_INFO, LOG_TEXT);
    if (rc == 1) {
        flags_help(
            "kelos-apiserver --data DIR [--port N] [--kubeconfig-out FILE] [--crds DIR]",
            &flags, &n, 1);
        return 0;
    }
    if (rc == 0 && rest < argc)
        rc = err_set(&e, ERR_INVALID, "%s: unexpected argument", argv[rest]);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    SCOPED(fd) int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (rc == 0 && ((a->loop = loop_poll_new(&e)) == NULL ||
                    loop_watch(a->loop, fd, LOOP_READ, on_signal, a, &e) < 0 ||
                    open_store(a, &e) < 0 || start(a, &e) < 0 ||
                    loop_poll_run(a->loop, &a->done, -1, &e) < 0))
        rc = -1;
    if (rc < 0)
        log_error(NULL, "%s", e.text);
    stop(a);
    return rc < 0;
}

int
main(int argc, char **argv)
{
    static struct apiserver self; /* large, and its timers outlive main's frame */
    const struct flag flags[] = {
        {"data", FLAG_TEXT, &self.data, "DIR",
         "where the state is kept (DIR/apiserver/state.db)"},
        {"port", FLAG_NUMBER, &self.port, "N",
         "port on 127.0.0.1; 0: choose one once and keep it"},
        {"kubeconfig-out", FLAG_TEXT, &self.kubeconfig_out, "FILE",
         "the kubeconfig to write (DIR/kubeconfig)"},
        {"crds", FLAG_TEXT, &self.crds, "DIR", "CRDs to apply at start"},
        {"pods", FLAG_TEXT, &self.pods, "DIR", "containers' logs (DIR/pods)"},
    };

    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--run-dir", 9) == 0)
            return run_worker(&self, argc, argv, flags, ARRAY_LEN(flags));
    return run_alone(&self, argc, argv, flags, ARRAY_LEN(flags));
}
