/* main.c - kelos-supervisor: sets up the tree, then only reacts. */
#include "supervisor/supervisor.h"

#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/worker/crash.h"
#include "common/log.h"
#include "supervisor/fence.h"
#include "supervisor/listen.h"
#include "version.h"

#define TICK_MS 1000
#define NOFILE_WANTED 16384

/* ---- identity ---- */

static enum zap_verdict
check_peer(void *arg, const char *domain, pid_t pid, uid_t uid, bool again, char *user_id)
{
    struct supervisor *s = arg;
    struct unit *u;

    (void)again;
    if (uid != geteuid())
        return ZAP_NO;
    if (strcmp(domain, "admin") == 0) {
        snprintf(user_id, MESSAGE_ORIGIN_MAX + 1, "admin/%d#0", (int)pid);
        return ZAP_YES;
    }
    if ((u = unit_by_pid(s, pid)) == NULL) {
        log_warn(NULL, "bus %s: process %d is no worker, refused", domain, (int)pid);
        return ZAP_NO;
    }
    snprintf(user_id, MESSAGE_ORIGIN_MAX + 1, "%s", u->user_id);
    return ZAP_YES;
}

/* Pod (or host) name and random bytes: the holder of the Lease, for this supervisor's
 * life. */
static void
make_identity(struct supervisor *s)
{
    unsigned char bytes[16];
    char host[256] = "";
    const char *pod = getenv("POD_NAME");
    int n;

    gethostname(host, sizeof host - 1);
    n = snprintf(s->identity, sizeof s->identity, "%.200s_", pod != NULL ? pod : host);
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        memset(bytes, (int)getpid(), sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        n += snprintf(s->identity + n, sizeof s->identity - (size_t)n, "%02x", bytes[i]);
}

/* ---- signals ---- */

static uint64_t
file_stamp(const char *path)
{
    struct stat st;

    if (*path == '\0' || stat(path, &st) < 0)
        return 0;
    return (uint64_t)st.st_mtim.tv_sec * 1000000007u + (uint64_t)st.st_mtim.tv_nsec +
           (uint64_t)st.st_size + (uint64_t)st.st_ino;
}

/* What the command line names may have changed on disk: those who read it start again. */
static void
reload(struct supervisor *s)
{
    uint64_t stamp = file_stamp(s->config.kubeconfig_path);

    if (stamp == s->kubeconfig_stamp) {
        log_info(NULL, "SIGHUP: nothing changed");
        return;
    }
    s->kubeconfig_stamp = stamp;
    log_info(NULL, "SIGHUP: %s changed", s->config.kubeconfig_path);
    for (size_t i = 0; i < s->n_units; i++) {
        struct unit *u = s->units[i];

        if (u->pid > 0 && u->row->role != ROLE_SPAWNER && u->row->role != ROLE_APISERVER)
            control_ask_stop(s, u);
    }
}

static void
dump(struct supervisor *s)
{
    SCOPED(buf) struct buf out = BUF_INIT;

    report_tree(s, &out);
    log_info(NULL, "tree: %s", buf_str(&out));
}

static int
on_signal(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct supervisor *s = arg;
    struct signalfd_siginfo info;

    (void)loop;
    while (read(item->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        switch (info.ssi_signo) {
        case SIGTERM:
        case SIGINT:
            if (s->stop_stage == 0)
                stop_begin(s);
            else
                stop_now(s);
            break;
        case SIGHUP:
            reload(s);
            break;
        case SIGUSR1:
            dump(s);
            break;
        default: /* SIGCHLD */
            units_stopped_or_orphaned(s);
            break;
        }
    }
    return s->done ? -1 : 0;
}

static int
take_signals(struct supervisor *s, struct err *e)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};
    zmq_pollitem_t item = {.events = ZMQ_POLLIN};
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        sigaddset(&set, numbers[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 ||
        (s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return err_errno(e, "signalfd");
    item.fd = s->signal_fd;
    if (zloop_poller(s->loop, &item, on_signal, s) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    zloop_poller_set_tolerant(s->loop, &item);
    return 0;
}

/* ---- setting up ---- */

static void
raise_limits(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < NOFILE_WANTED) {
        files.rlim_cur = files.rlim_max < NOFILE_WANTED ? files.rlim_max : NOFILE_WANTED;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    setenv("MALLOC_ARENA_MAX", "1",
           1); /* one thread allocates; arenas only cost memory */
    if (getpid() != 1)
        prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static int
open_listener(struct supervisor *s, const char *pattern, int index, struct err *e)
{
    struct listener *l = &s->listeners[s->n_listeners];

    tree_name(pattern, index, l->name, sizeof l->name);
    if ((l->fd = listen_open(s->config.run_path, l->name, e)) < 0)
        return -1;
    s->n_listeners++;
    return 0;
}

/* The port of a shard for spawners in Pods. */
static int
open_door(struct supervisor *s, const char *pattern, int index, struct err *e)
{
    struct listener *l = &s->listeners[s->n_listeners];

    tree_name(pattern, index, l->name, sizeof l->name);
    if ((l->fd = listen_tcp((int)s->config.bus_port + index, e)) < 0)
        return err_wrap(e, "--bus-port");
    s->n_listeners++;
    return 0;
}

static int
plant_tree(struct supervisor *s, struct err *e)
{
    size_t n;
    const struct tree_row *rows = tree_rows(&n);

    for (size_t i = 0; i < n; i++) {
        const struct tree_row *row = &rows[i];
        int count = row->role == ROLE_RECONCILER ? (int)s->config.shards : 1;

        if (row->role == ROLE_SPAWNER ||
            (s->config.node[0] != '\0' && row->role != ROLE_RUNNER) ||
            (row->local_only && s->config.local_path[0] == '\0'))
            continue;
        for (int k = 0; k < count; k++)
            if ((row->listener != NULL && open_listener(s, row->listener, k, e) < 0) ||
                (row->door != NULL && s->config.bus_port > 0 &&
                 open_door(s, row->door, k, e) < 0) ||
                unit_add(s, row, k, NULL, e) == NULL)
                return -1;
    }
    return 0;
}

static int
choose_port(struct supervisor *s, struct err *e)
{
    char file[PATH_MAX + 16];

    if (s->config.local_path[0] == '\0' || s->config.node[0] != '\0')
        return 0;
    if (mkdir(s->config.local_path, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "--local: %s", s->config.local_path);
    snprintf(file, sizeof file, "%s/port", s->config.local_path);
    return (s->port = listen_port(s->config.local_port, file, e)) < 0 ? -1 : 0;
}

static int
on_tick(zloop_t *loop, int timer, void *arg)
{
    struct supervisor *s = arg;

    (void)loop;
    (void)timer;
    units_tick(s);
    admin_tick(s);
    return s->done ? -1 : 0;
}

static int
set_up(struct supervisor *s, struct err *e)
{
    const struct zap_config zap = {.check = check_peer, .arg = s};

    raise_limits();
    if ((s->lock_fd = listen_lock(s->config.run_path, e)) < 0 || choose_port(s, e) < 0 ||
        slots_init(&s->slots, e) < 0)
        return -1;
    if ((s->metrics = metrics_new(slots_page(&s->slots, 0))) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    zsys_handler_set(NULL);
    if ((s->loop = zloop_new()) == NULL)
        return err_set(e, ERR_SYSTEM, "zloop: out of memory");
    if (take_signals(s, e) < 0 || (s->zap = zap_new(s->loop, &zap, e)) == NULL ||
        fence_open(s, e) < 0 || control_open(s, e) < 0 || admin_open(s, e) < 0 ||
        plant_tree(s, e) < 0)
        return -1;
    if (zloop_timer(s->loop, TICK_MS, 0, on_tick, s) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    return 0;
}

static void
tear_down(struct supervisor *s)
{
    while (s->n_units > 0)
        unit_free(s, s->units[0]);
    free(s->units);
    zygote_close(&s->zygote);
    bus_free(s->control);
    bus_free(s->admin);
    bus_free(s->tap);
    zap_free(s->zap);
    zloop_destroy(&s->loop);
    fence_close(s);
    metrics_free(s->metrics);
    slots_close(&s->slots);
    for (size_t i = 0; i < s->n_listeners; i++) {
        char path[PATH_MAX + 64];

        snprintf(path, sizeof path, "%s/%s", s->config.run_path, s->listeners[i].name);
        unlink(path);
        close(s->listeners[i].fd);
    }
    for (int i = 0; i < WANTS_MAX; i++)
        free(s->wants[i].keys);
    if (s->signal_fd >= 0)
        close(s->signal_fd);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
}

static int
run(struct supervisor *s, struct err *e)
{
    log_init("supervisor", s->config.level, s->config.format);
    crash_handle("supervisor");
    srand((unsigned)clock_mono_ns() ^ (unsigned)getpid());
    s->lock_fd = s->signal_fd = s->fence_fd = s->zygote.fd = -1;
    s->started_ms = clock_mono_ms();
    peer_format(&s->self, ROLE_SUPERVISOR, "supervisor", 1);
    make_identity(s);
    s->kubeconfig_stamp = file_stamp(s->config.kubeconfig_path);
    if (set_up(s, e) < 0)
        return -1;
    log_info(NULL, "version %s, run directory %s", KELOS_VERSION, s->config.run_path);
    units_settle(s);
    zloop_start(s->loop);
    log_info(NULL, "stopped");
    return 0;
}

int
main(int argc, char **argv)
{
    static struct supervisor s;
    struct err e = ERR_INIT;
    int rc;

    log_init("supervisor", LEVEL_INFO, LOG_TEXT);
    if ((rc = config_parse(&s.config, argc, argv, &e)) != 0) {
        if (rc < 0)
            log_error(NULL, "%s", e.text);
        return rc < 0 ? 2 : 0;
    }
    if (s.config.check_only) {
        puts("configuration is valid");
        return 0;
    }
    rc = run(&s, &e);
    if (rc < 0)
        log_error(NULL, "%s", e.text);
    tear_down(&s);
    return rc < 0 ? 1 : 0;
}
