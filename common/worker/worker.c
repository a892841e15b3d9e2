/* worker.c - see worker.h: from the command line to READY, and to the end. */
#include "common/worker/worker_self.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/signalfd.h>

#include "common/worker/crash.h"
#include "common/log.h"

#define JOIN_TIMEOUT_MS 10000 /* for the supervisor's WELCOME */

/* One heap: what a thread of ZeroMQ's allocates is freed by ours. Large blocks are given back when
 * they are freed, however large the one before was. */
static void
setup_memory(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

/* ---- command line ---- */

static int
parse_flags(struct worker *w, int argc, char **argv, struct err *e)
{
    const struct flag common[] = {
        {"run-dir", FLAG_TEXT, &w->run_dir, "DIR", "where the supervisor's sockets are"},
        {"worker", FLAG_TEXT, &w->id, "ID", "who this is, as the supervisor knows it"},
        {"incarnation", FLAG_NUMBER, &w->incarnation, "N", "how often it was started"},
        {"kubeconfig", FLAG_TEXT, &w->kubeconfig, "FILE", "empty: in-cluster"},
        {"identity", FLAG_TEXT, &w->identity, "TEXT", "holder of the Lease"},
        {"log-level", FLAG_TEXT, &w->log_level, "LEVEL", "error, warn, info or debug"},
        {"log-format", FLAG_TEXT, &w->log_format, "FORMAT", "text or json"},
        {"sandbox", FLAG_TEXT, &w->sandbox, "MODE", "auto, require or off"},
        {"listener", FLAG_LIST, &w->listeners, "NAME=FD",
         "an inherited listening socket"},
        {"pages", FLAG_NUMBER, &w->page_fd, "FD", "this worker's shared page"},
        {"lease-page", FLAG_NUMBER, &w->lease_fd, "FD",
         "the watcher's page, to read: write only while the Lease in it holds"},
        {"all-pages", FLAG_TEXT, &w->all_pages, "FIRST:COUNT", "everybody's, to read"},
    };
    const struct flag *tables[] = {w->spec.flags, common};
    const size_t counts[] = {w->spec.n_flags, ARRAY_LEN(common)};
    int rest, rc = flags_parse(argc, argv, tables, counts, 2, &rest, e);

    if (rc < 0)
        return -1;
    if (rc == 1) {
        flags_help(w->spec.usage, tables, counts, 2);
        return 1;
    }
    if (rest < argc)
        return err_set(e, ERR_INVALID,
                       "unexpected argument \"%s\" (--help lists the flags)", argv[rest]);
    if (*w->run_dir == '\0' && !w->spec.alone)
        return err_set(e, ERR_INVALID,
                       "--run-dir: missing; workers are started by kelos-supervisor");
    return 0;
}

static int
setup_log(struct worker *w, struct err *e)
{
    enum log_level level;
    enum log_format format;

    if (log_level_parse(w->log_level, &level) < 0)
        return err_set(e, ERR_INVALID,
                       "--log-level: \"%s\" is not error, warn, info or debug",
                       w->log_level);
    if (log_format_parse(w->log_format, &format) < 0)
        return err_set(e, ERR_INVALID, "--log-format: \"%s\" is neither text nor json",
                       w->log_format);
    if (*w->id == '\0')
        w->id = role_name(w->spec.role);
    peer_format(&w->self, w->spec.role, w->id, (uint64_t)w->incarnation);
    snprintf(w->process, sizeof w->process, "%s#%lld", w->self.worker,
             (long long)w->incarnation);
    log_init(w->process, level, format);
    crash_handle(w->process);
    return 0;
}

/* ---- pages ---- */

static int
map_all_pages(struct worker *w, struct err *e)
{
    int first, count;

    if (*w->all_pages == '\0')
        return 0;
    if (sscanf(w->all_pages, "%d:%d", &first, &count) != 2 || first < 3 || count < 1 ||
        count > 4096)
        return err_set(e, ERR_INVALID, "--all-pages: \"%s\" is not FIRST:COUNT",
                       w->all_pages);
    if ((w->all = calloc((size_t)count, sizeof(*w->all))) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    for (int i = 0; i < count; i++) {
        if ((w->all[w->n_all] = page_map(first + i, false, e)) == NULL)
            return -1;
        w->n_all++;
        close(first + i);
    }
    return 0;
}

static int
map_pages(struct worker *w, struct err *e)
{
    if (w->page_fd >= 0) {
        if ((w->page = page_map((int)w->page_fd, true, e)) == NULL)
            return -1;
        close((int)w->page_fd);
        if ((w->metrics = metrics_new(w->page)) == NULL)
            return err_set(e, ERR_SYSTEM, "out of memory");
        /* What the incarnation before was doing when it died is not what this one does.
         */
        atomic_store(&w->page->busy_since_ms, 0);
        atomic_store(&w->page->has_key, 0);
    }
    if (w->lease_fd >= 0) {
        if ((w->lease_page = page_map((int)w->lease_fd, false, e)) == NULL)
            return -1;
        close((int)w->lease_fd);
    }
    w->pss_fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    return map_all_pages(w, e);
}

/* ---- confinement ---- */

static const char *const token_folder = "/var/run/secrets/kubernetes.io/serviceaccount";

static bool
reaches_cluster(enum role role)
{
    return role == ROLE_WATCHER || role == ROLE_RECONCILER || role == ROLE_STATUSWRITER;
}

static int
confine(struct worker *w, struct err *e)
{
    enum sandbox_mode mode;
    SCOPED(sandbox) struct sandbox *sandbox = NULL;

    if (sandbox_mode_parse(w->sandbox, &mode) < 0)
        return err_set(e, ERR_INVALID, "--sandbox: \"%s\" is not auto, require or off",
                       w->sandbox);
    if ((sandbox = sandbox_new(w->spec.role, mode)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if (reaches_cluster(w->spec.role) &&
        ((*w->kubeconfig != '\0' &&
          sandbox_allow(sandbox, w->kubeconfig, SANDBOX_READ, e) < 0) ||
         sandbox_allow(sandbox, token_folder, SANDBOX_READ, e) < 0))
        return -1;
    if (w->spec.prepare != NULL && w->spec.prepare(w->spec.arg, w, sandbox, e) < 0)
        return -1;
    return sandbox_enter(sandbox, e);
}

/* ---- signals ---- */

static void
on_signal(void *arg, struct worker *w, int fd, int events)
{
    struct signalfd_siginfo info;

    (void)arg;
    (void)events;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo == SIGTERM)
            worker_stop(w);
}

/* SIGTERM means stop; SIGINT and SIGHUP reach the whole group of a terminal and are the
 * supervisor's to judge. Blocked before the first thread, so that all threads have it
 * so. */
static int
take_signals(struct worker *w, struct err *e)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 ||
        (w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return err_errno(e, "signalfd");
    return 0;
}

/* ---- joining ---- */

static void
on_join_timeout(void *arg, struct worker *w)
{
    (void)arg;
    w->leave = true;
}

static int
join(struct worker *w, struct err *e)
{
    int timer;

    zsys_handler_set(NULL);
    if ((w->loop = zloop_new()) == NULL || (w->timers = timers_new()) == NULL)
        return err_set(e, ERR_SYSTEM, "zloop: out of memory");
    if (worker_watch(w, w->signal_fd, WATCH_IN, on_signal, NULL) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if (w->spec.alone)
        return 0;
    if (worker_control_open(w, e) < 0)
        return -1;
    timer = worker_after(w, JOIN_TIMEOUT_MS, on_join_timeout, NULL);
    zloop_start(w->loop);
    worker_cancel(w, timer);
    if (!w->welcomed && w->stopping)
        return -1; /* asked to stop before it began: no error */
    if (!w->welcomed)
        return err_set(e, ERR_TIMEOUT,
                       "%s/control: the supervisor did not answer within %d s",
                       w->run_dir, JOIN_TIMEOUT_MS / 1000);
    w->leave = w->stopping;
    return 0;
}

struct worker *
worker_join(int argc, char **argv, const struct worker_spec *spec, struct err *e)
{
    SCOPED(worker) struct worker *w = calloc(1, sizeof *w);
    int rc;

    if (w == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    w->spec = *spec;
    w->signal_fd = w->pss_fd = -1;
    w->page_fd = w->lease_fd = -1;
    w->incarnation = 1;
    w->run_dir = w->id = w->kubeconfig = w->identity = w->all_pages = "";
    w->log_level = "info";
    w->log_format = "text";
    w->sandbox = "auto";
    setup_memory();
    log_init(role_name(spec->role), LEVEL_INFO, LOG_TEXT);
    rc = parse_flags(w, argc, argv, e);
    if (rc != 0 || setup_log(w, e) < 0 || map_pages(w, e) < 0 || take_signals(w, e) < 0 ||
        confine(w, e) < 0 || join(w, e) < 0)
        return NULL;
    return TAKE(w);
}

int
worker_ready(struct worker *w, struct err *e)
{
    struct message ready = {.kind = MSG_WORKER_READY};

    w->ready = true;
    if (w->page != NULL)
        atomic_store(&w->page->ready_loops, atomic_load(&w->page->loops));
    return w->spec.alone ? 0 : bus_send(w->control, NULL, &ready, e);
}

int
worker_run(struct worker *w, struct err *e)
{
    if (w->stopping && w->spec.on_stop == NULL)
        w->drained = true;
    w->leave = w->drained || w->failed;
    if (!w->leave)
        zloop_start(w->loop);
    if (w->failed)
        return err_set(e, ERR_SYSTEM, "ended by an error");
    return 0;
}

/* ---- the end ---- */

void
worker_stop(struct worker *w)
{
    if (w->stopping)
        return;
    w->stopping = true;
    log_info(NULL, "stopping");
    if (w->spec.on_stop != NULL && w->ready)
        w->spec.on_stop(w->spec.arg, w);
    else
        worker_drained(w);
}

void
worker_drained(struct worker *w)
{
    w->drained = true;
    w->leave = true;
}

void
worker_fail(struct worker *w, const struct err *why)
{
    log_error(NULL, "%s", why->text);
    w->failed = true;
    w->leave = true;
}

bool
worker_stopping(const struct worker *w)
{
    return w->stopping;
}

int
worker_exit(struct worker *w, const struct err *e)
{
    (void)w;
    if (e->code == ERR_NONE)
        return 0;
    log_error(NULL, "%s", e->text);
    return 1;
}

static void
say_bye(struct worker *w)
{
    struct message bye = {.kind = MSG_WORKER_BYE};
    struct err ignored = ERR_INIT;

    if (w->control != NULL && w->drained)
        bus_send(w->control, NULL, &bye, &ignored);
}

void
worker_free(struct worker *w)
{
    if (w == NULL)
        return;
    say_bye(w);
    worker_bus_close(w);
    worker_loop_close(w);
    if (w->signal_fd >= 0)
        close(w->signal_fd);
    if (w->pss_fd >= 0)
        close(w->pss_fd);
    metrics_free(w->metrics);
    page_unmap(w->page);
    page_unmap(w->lease_page);
    for (size_t i = 0; i < w->n_all; i++)
        page_unmap(w->all[i]);
    free(w->all);
    free(w);
}

/* ---- who I am ---- */

const char *
worker_id(const struct worker *w)
{
    return w->self.worker;
}

uint64_t
worker_incarnation(const struct worker *w)
{
    return w->self.incarnation;
}

const char *
worker_run_dir(const struct worker *w)
{
    return w->run_dir;
}

const char *
worker_kubeconfig(const struct worker *w)
{
    return w->kubeconfig;
}

const char *
worker_identity(const struct worker *w)
{
    return w->identity;
}

void
worker_lease(struct worker *w, int64_t renewed_boot_ms)
{
    if (w->page != NULL)
        atomic_store(&w->page->lease_renewed_ms, renewed_boot_ms);
}

const struct peer *
worker_self(const struct worker *w)
{
    return &w->self;
}

bool
worker_quarantined(const struct worker *w, const char *key)
{
    for (size_t i = 0; i < w->quarantine_view.count; i++)
        if (strcmp(w->quarantine_view.items[i], key) == 0)
            return true;
    return false;
}

struct metrics *
worker_metrics(struct worker *w)
{
    return w->metrics;
}

void
worker_export_metrics(struct worker *w, struct buf *out)
{
    const struct page *own = w->page;

    if (w->n_all > 0)
        metrics_export(w->all, w->n_all, out);
    else
        metrics_export(&own, 1, out);
}

bool
worker_tree_ready(struct worker *w, const char **reason)
{
    for (size_t i = 0; i < w->n_all; i++) {
        struct page *p = (struct page *)(uintptr_t)w->all[i];

        if (strncmp(p->worker, "supervisor", sizeof p->worker) != 0)
            continue;
        *reason = p->tree_reason;
        return atomic_load(&p->tree_ready) != 0 && atomic_load(&p->tree_degraded) == 0;
    }
    *reason = "the supervisor's page is not mapped";
    return false;
}
