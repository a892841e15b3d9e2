/* main.c - kelos-runner: runs Pods as processes of this machine, and Jobs as Pods.
 *
 * Unlike the other workers it takes no sandbox itself (it must mount, and map user ids);
 * each container is confined instead. It parses only the API server's answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/worker/cluster.h"
#include "common/kube/kube.h"
#include "common/log.h"
#include "common/worker/worker.h"
#include "local/runner/filter.h"
#include "local/runner/job.h"
#include "local/runner/jobs.h"
#include "local/runner/kubelet.h"
#include "local/runner/node.h"
#include "local/runner/pods.h"
#include "local/runner/trash.h"
#include "local/runner/watch.h"

#define END_GRACE_MS 5000

struct runner {
    const char *data, *agents, *capture;
    const char *node, *cert, *key, *ca; /* of a real cluster */
    bool node_jobs;
    struct flag_list agent_paths;
    char pods_dir[4096], monitor[4096], cache[4096];
    struct worker *worker;
    struct kubeconfig *config;
    struct kube *kube;
    struct loop *loop;
    struct pods *pods;
    struct jobs *jobs;
    struct watch *watch_jobs, *watch_pods;
    struct kubelet *kubelet;
    struct node *registration;
};

/* ---- Jobs first; Pods once they are known, so that each Pod finds its Job. In a real
 * cluster others make Pods of Jobs, and there are no Jobs here. ---- */

static void
pod_seen(void *arg, json_t *pod)
{
    struct runner *r = arg;

    kubelet_pod_seen(r->kubelet, pod);
    pods_seen(r->pods, pod);
    if (r->jobs != NULL)
        jobs_pod_seen(r->jobs, pod);
}

static void
pod_gone(void *arg, json_t *pod)
{
    struct runner *r = arg;

    kubelet_pod_gone(r->kubelet, pod);
    pods_gone(r->pods, pod);
    if (r->jobs != NULL)
        jobs_pod_gone(r->jobs, pod);
}

static void
pods_begin(void *arg)
{
    struct runner *r = arg;

    pods_list_begin(r->pods);
    if (r->jobs != NULL)
        jobs_pod_list_begin(r->jobs);
}

static void
pods_end(void *arg)
{
    struct runner *r = arg;
    struct err e = ERR_INIT;

    pods_list_end(r->pods);
    if (r->jobs != NULL)
        jobs_pod_list_end(r->jobs);
    if (worker_ready(r->worker, &e) < 0)
        worker_fail(r->worker, &e);
}

static void
job_seen(void *arg, json_t *job)
{
    jobs_seen(((struct runner *)arg)->jobs, job);
}

static void
job_gone(void *arg, json_t *job)
{
    jobs_gone(((struct runner *)arg)->jobs, job);
}

static void
jobs_begin(void *arg)
{
    jobs_list_begin(((struct runner *)arg)->jobs);
}

static int
follow_pods(struct runner *r, struct err *e)
{
    const struct watch_calls calls = {.seen = pod_seen,
                                      .gone = pod_gone,
                                      .list_begin = pods_begin,
                                      .list_end = pods_end,
                                      .arg = r};

    if (r->watch_pods == NULL)
        r->watch_pods = watch_new(r->kube, r->loop, KUBE_PODS, &calls, e);
    return r->watch_pods != NULL ? 0 : -1;
}

static void
jobs_end(void *arg)
{
    struct runner *r = arg;
    struct err e = ERR_INIT;

    jobs_list_end(r->jobs);
    if (follow_pods(r, &e) < 0)
        worker_fail(r->worker, &e);
}

/* ---- beginning ---- */

/* A program that lies beside this one. */
static int
sibling(const char *name, char *out, size_t room, struct err *e)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;

    if (slash == NULL)
        return err_errno(e, "/proc/self/exe");
    slash[1] = '\0';
    int size = snprintf(out, room, "%s%s", self, name);
    if (size >= (int)room || access(out, X_OK) < 0)
        return err_set(e, ERR_NOT_FOUND,
                       "%s%s: not there; it is installed beside this program", self,
                       name);
    return 0;
}

static int
make_dirs(struct runner *r, struct err *e)
{
    if (r->data[0] == '\0')
        return err_set(e, ERR_INVALID, "--data: the data directory must be given");
    int n = snprintf(r->pods_dir, sizeof r->pods_dir, "%s/pods", r->data);
    if (n > (int)sizeof r->pods_dir - 512)
        return err_set(e, ERR_INVALID, "--data %s: the path is too long", r->data);
    if (mkdir(r->data, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "data directory %s", r->data);
    if (mkdir(r->pods_dir, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "data directory %s", r->pods_dir);
    return 0;
}

/* Agents that `make agents` installed are found without a flag. */
static void
add_cache(struct runner *r)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache != NULL && *cache == '/')
        snprintf(r->cache, sizeof r->cache, "%s/kelos/agents", cache);
    else if (home != NULL && *home == '/')
        snprintf(r->cache, sizeof r->cache, "%s/.cache/kelos/agents", home);
    if (r->cache[0] != '\0' && access(r->cache, X_OK) == 0 &&
        r->agent_paths.count < FLAG_LIST_MAX)
        r->agent_paths.items[r->agent_paths.count++] = r->cache;
}

static void
count_start(void *arg)
{
    struct runner *r = arg;

    metric_add(worker_metrics(r->worker), METRIC_RUNNER_STARTS, 1);
}

static void
count_pods(void *arg, size_t active)
{
    struct runner *r = arg;

    metric_set(worker_metrics(r->worker), METRIC_RUNNER_PODS, (double)active, "active");
}

static int
prepare(void *arg, struct worker *w, struct sandbox *sandbox, struct err *e)
{
    struct runner *r = arg;

    return cluster_prepare(w, sandbox, &r->config, e);
}

static int
connect_server(struct runner *r, struct err *e)
{
    if ((r->loop = loop_worker_new(r->worker, e)) == NULL)
        return -1;
    r->kube = cluster_connect(r->worker, r->loop, &r->config, KUBE_AS_RUNNER,
                              "kelos-runner", e);
    return r->kube != NULL ? 0 : -1;
}

static int
begin_node(struct runner *r, struct err *e)
{
    const struct kubelet_options o = {.pods_dir = r->pods_dir,
                                      .cert_file = r->cert,
                                      .key_file = r->key,
                                      .ca_file = r->ca};
    int port = 0;

    if (*r->cert != '\0') {
        if ((r->kubelet = kubelet_new(r->loop, &o, e)) == NULL)
            return -1;
        port = kubelet_port(r->kubelet);
    }
    if ((r->registration = node_new(r->kube, r->loop, r->node, port, e)) == NULL)
        return -1;
    return 0;
}

static int
begin_jobs(struct runner *r, struct err *e)
{
    const struct watch_calls calls = {.seen = job_seen,
                                      .gone = job_gone,
                                      .list_begin = jobs_begin,
                                      .list_end = jobs_end,
                                      .arg = r};

    if ((r->jobs = jobs_new(r->kube, r->loop, r->pods, e)) == NULL)
        return -1;
    r->watch_jobs = watch_new(r->kube, r->loop, KUBE_JOBS, &calls, e);
    return r->watch_jobs != NULL ? 0 : -1;
}

static int
begin(struct runner *r, struct err *e)
{
    struct pods_options o = {.dir = r->pods_dir,
                             .monitor = r->monitor,
                             .node = *r->node != '\0' ? r->node : JOB_NODE,
                             .on_start = count_start,
                             .on_count = count_pods,
                             .arg = r,
                             .host = {.agents_dir = r->agents,
                                      .capture = r->capture,
                                      .agent_paths = r->agent_paths}};

    if (filter_build(&o.filter, e) < 0) {
        log_warn(NULL, "%s: containers run without a system call filter", e->text);
        *e = (struct err)ERR_INIT;
    }
    if (connect_server(r, e) < 0 || (r->pods = pods_new(r->kube, r->loop, &o, e)) == NULL)
        return -1;
    if (*r->node != '\0' && begin_node(r, e) < 0)
        return -1;
    return *r->node == '\0' || r->node_jobs ? begin_jobs(r, e) : follow_pods(r, e);
}

static void
end(struct runner *r)
{
    watch_free(r->watch_jobs);
    watch_free(r->watch_pods);
    node_free(r->registration);
    kubelet_free(r->kubelet);
    jobs_free(r->jobs);
    pods_free(r->pods);
    kube_free(r->kube);
    loop_free(r->loop);
    kubeconfig_free(r->config);
}

/* `kelos-runner --end-containers --data DIR`: for `kelos down`, needs no supervisor. */
static int
end_containers(int argc, char **argv)
{
    char dir[4096];

    if (argc != 4 || strcmp(argv[2], "--data") != 0) {
        fprintf(stderr, "usage: kelos-runner --end-containers --data DIR\n");
        return 2;
    }
    snprintf(dir, sizeof dir, "%s/pods", argv[3]);
    printf("%d\n", trash_end_all(dir, END_GRACE_MS));
    return 0;
}

int
main(int argc, char **argv)
{
    struct runner r = {.data = "",
                       .agents = "",
                       .capture = "",
                       .node = "",
                       .cert = "",
                       .key = "",
                       .ca = ""};
    struct err e = ERR_INIT;
    const struct flag flags[] = {
        {"data", FLAG_TEXT, &r.data, "DIR", "data directory; Pods live in DIR/pods"},
        {"agents", FLAG_TEXT, &r.agents, "DIR",
         "directory with one folder for each image"},
        {"capture", FLAG_TEXT, &r.capture, "FILE", "the kelos-capture program"},
        {"agent-path", FLAG_LIST, &r.agent_paths, "DIR",
         "containers see DIR, and its programs in PATH"},
        {"node", FLAG_TEXT, &r.node, "NAME",
         "be this node of a real cluster; others make Pods of Jobs there"},
        {"node-jobs", FLAG_SWITCH, &r.node_jobs, NULL,
         "make Pods of Jobs all the same: nobody else does"},
        {"node-cert", FLAG_TEXT, &r.cert, "FILE", "of the endpoint that serves logs"},
        {"node-key", FLAG_TEXT, &r.key, "FILE", "its key"},
        {"node-ca", FLAG_TEXT, &r.ca, "FILE", "whose certificates may ask"},
    };
    const struct worker_spec spec = {
        .role = ROLE_RUNNER,
        .usage =
            "kelos-runner --run-dir DIR --data DIR --agents DIR --capture FILE [flags]\n"
            "       kelos-runner --end-containers --data DIR",
        .flags = flags,
        .n_flags = ARRAY_LEN(flags),
        .prepare = prepare,
        .arg = &r};

    if (argc > 1 && strcmp(argv[1], "--end-containers") == 0)
        return end_containers(argc, argv);
    SCOPED(worker) struct worker *w = worker_join(argc, argv, &spec, &e);
    if (w == NULL)
        return worker_exit(w, &e);
    r.worker = w;
    add_cache(&r);
    if (sibling("kelos-monitor", r.monitor, sizeof r.monitor, &e) < 0 ||
        make_dirs(&r, &e) < 0)
        return worker_exit(w, &e);
    int rc = begin(&r, &e) < 0 || worker_run(w, &e) < 0 ? worker_exit(w, &e) : 0;
    end(&r);
    return rc;
}
