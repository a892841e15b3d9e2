/* logs.c - see logs.h. */
#include "cli/logs.h"
#include "cli/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/escape.h"
#include "cli/follow.h"
#include "cli/render/render.h"
#include "cli/resume.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/data/json.h"

#define RETRY_FIRST_MS 100
#define RETRY_CAP_MS 2000
#define STREAM_FAILURES 30
#define ENDED_FAILURES 3
#define END_WAIT_MS 15000 /* for the phase, after the container has ended */

/* Reasons for which a container will not start without somebody's help. */
static const char *const fatal_reasons[] = {
    "ErrImagePull",      "ImagePullBackOff",           "InvalidImageName",
    "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError",
    "RunContainerError", "CrashLoopBackOff",           "ImageInspectError",
};

struct logs {
    struct cli *cli;
    const char *ns, *task;
    const struct logs_options *options;
    char pod[254];
    char phase[32];
    char message[512];
    const char *type;      /* the agent; owned by task_doc */
    json_t *task_doc;      /* newest known */
    json_t *pod_doc;       /* newest known */
    const char *container; /* being waited for */
    bool init;             /* it is an init container */
    /* of the stream */
    struct render *render; /* NULL: as it is */
    struct escape escape;
    struct resume *resume; /* NULL when not following */
    bool moved;            /* the connection brought something */
    struct err err;
};

/* ---- the Task ---- */

static bool
is_terminal(const char *phase)
{
    return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

static void
note_task(struct logs *l, const json_t *task, bool say)
{
    const char *phase = json_str_or(task, "status.phase", "");

    if (say && phase[0] != '\0' && strcmp(phase, l->phase) != 0)
        fprintf(stderr, "task/%s %s\n", l->task, phase);
    snprintf(l->phase, sizeof(l->phase), "%s", phase);
    snprintf(l->pod, sizeof(l->pod), "%s", json_str_or(task, "status.podName", ""));
    snprintf(l->message, sizeof(l->message), "%s",
             json_str_or(task, "status.message", "no reason recorded"));
    json_decref(l->task_doc);
    l->task_doc = json_incref((json_t *)task);
}

/* A Task that has ended and has no Pod gets none any more. */
static int
no_pod(const struct logs *l, struct err *e)
{
    if (strcmp(l->phase, "Failed") == 0)
        return err_set(e, ERR_INVALID, "task \"%s\" failed before it started: %s",
                       l->task, l->message);
    return err_set(e, ERR_NOT_FOUND, "task \"%s\" is %s and has no pod any more", l->task,
                   l->phase);
}

static int
until_pod(void *arg, const json_t *task, bool gone, struct err *e)
{
    struct logs *l = arg;

    if (gone)
        return err_set(e, ERR_NOT_FOUND, "task \"%s\" was deleted", l->task);
    note_task(l, task, true);
    if (l->pod[0] != '\0')
        return 1;
    return is_terminal(l->phase) ? no_pod(l, e) : 0;
}

const json_t *
logs_newest_pod(const json_t *pods)
{
    const json_t *newest = NULL;
    size_t i;
    json_t *pod;

    json_array_foreach((json_t *)pods, i, pod)
    {
        int order = strcmp(json_str_or(pod, "metadata.creationTimestamp", ""),
                           json_str_or(newest, "metadata.creationTimestamp", ""));

        if (order == 0)
            order = strcmp(json_str_or(pod, "metadata.name", ""),
                           json_str_or(newest, "metadata.name", ""));
        if (newest == NULL || order > 0)
            newest = pod;
    }
    return newest;
}

/* The Task's status may still name an attempt that another Pod has followed. Whoever may not list
 * Pods gets the one that the status names. */
static void
prefer_newest(struct logs *l)
{
    char selector[320];
    struct err ignored = ERR_INIT;

    snprintf(selector, sizeof(selector), "%s/task=%s", dialect_res(KUBE_TASKS)->group,
             l->task);
    SCOPED(json)
    json_t *list = cli_list(l->cli, kube_res(KUBE_PODS), l->ns, selector, &ignored);
    const json_t *newest = logs_newest_pod(json_object_get(list, "items"));
    if (newest != NULL)
        snprintf(l->pod, sizeof(l->pod), "%s", json_str_or(newest, "metadata.name", ""));
}

static int
find_pod(struct logs *l, struct err *e)
{
    struct kube_request r = {
        .verb = KUBE_GET, .res = dialect_res(KUBE_TASKS), .ns = l->ns, .name = l->task};
    SCOPED(json) json_t *task = NULL;

    if (cli_call(l->cli, &r, &task, NULL, e) < 0)
        return -1;
    note_task(l, task, false);
    if (l->pod[0] == '\0' && is_terminal(l->phase))
        return no_pod(l, e);
    if (l->pod[0] == '\0' && !l->options->follow)
        return err_set(e, ERR_NOT_FOUND,
                       "task \"%s\" has no pod yet (phase %s); add -f to wait", l->task,
                       l->phase[0] != '\0' ? l->phase : "not set");
    if (l->pod[0] == '\0') {
        fprintf(stderr, "Waiting for task/%s to start\n", l->task);
        l->phase[0] = '\0';
        if (follow(l->cli, dialect_res(KUBE_TASKS), l->ns, l->task, NULL, -1, until_pod,
                   l, e) < 0)
            return -1;
    }
    prefer_newest(l);
    l->type = json_str_or(l->task_doc, "spec.type", "");
    return 0;
}

static int
until_terminal(void *arg, const json_t *task, bool gone, struct err *e)
{
    struct logs *l = arg;

    (void)e;
    if (!gone)
        note_task(l, task, false);
    return gone || is_terminal(l->phase) ? 1 : 0;
}

/* A run that failed ends the command with 1. A Task whose phase does not come in time, or
 * that is gone, does not. */
static int
end_of_task(struct logs *l, struct err *e)
{
    struct err ignored = ERR_INIT;

    follow(l->cli, dialect_res(KUBE_TASKS), l->ns, l->task, NULL, END_WAIT_MS,
           until_terminal, l, &ignored);
    if (strcmp(l->phase, "Failed") != 0)
        return 0;
    return err_set(e, ERR_INVALID, "task \"%s\" failed: %s (see %s get task %s -d)",
                   l->task, l->message, dialect()->program, l->task);
}

/* ---- the Pod ---- */

static const json_t *
container_status(const json_t *pod, const char *list, const char *name)
{
    const json_t *all = json_at(pod, list);

    for (size_t i = 0; i < json_array_size(all); i++)
        if (strcmp(json_str_or(json_array_get(all, i), "name", ""), name) == 0)
            return json_array_get(all, i);
    return NULL;
}

/* 1: the container has started; 0: it may still; -1: it never will. */
static int
container_started(struct logs *l, const json_t *pod, struct err *e)
{
    const char *list =
        l->init ? "status.initContainerStatuses" : "status.containerStatuses";
    const json_t *status = container_status(pod, list, l->container);
    const char *reason = json_str_or(status, "state.waiting.reason", "");
    const char *phase = json_str_or(pod, "status.phase", "");

    if (json_at(status, "state.running") != NULL ||
        json_at(status, "state.terminated") != NULL)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(fatal_reasons); i++)
        if (strcmp(fatal_reasons[i], reason) == 0)
            return err_set(e, ERR_INVALID,
                           "container %s of pod %s (task \"%s\") cannot start: %s: %s",
                           l->container, l->pod, l->task, reason,
                           json_str_or(status, "state.waiting.message", ""));
    if (strcmp(phase, "Failed") == 0)
        return err_set(e, ERR_INVALID, "pod %s failed before container %s started: %s",
                       l->pod, l->container,
                       json_str_or(pod, "status.message", "no reason recorded"));
    if (strcmp(phase, "Succeeded") == 0)
        return 1;
    return 0;
}

static int
until_started(void *arg, const json_t *pod, bool gone, struct err *e)
{
    struct logs *l = arg;

    if (gone)
        return err_set(e, ERR_NOT_FOUND, "pod %s was deleted", l->pod);
    json_decref(l->pod_doc);
    l->pod_doc = json_incref((json_t *)pod);
    return container_started(l, pod, e);
}

static int
wait_started(struct logs *l, const char *container, bool init, struct err *e)
{
    l->container = container;
    l->init = init;
    return follow(l->cli, kube_res(KUBE_PODS), l->ns, l->pod, NULL, -1, until_started, l,
                  e) < 0
               ? -1
               : 0;
}

/* ---- the stream ---- */

/* Controls are for a terminal alone, and only when they are asked for. */
static bool
passes_controls(const struct logs *l)
{
    return l->options->raw && isatty(STDOUT_FILENO) == 1;
}

static void
show_log(void *arg, const char *bytes, size_t size)
{
    struct logs *l = arg;
    SCOPED(buf) struct buf text = BUF_INIT;

    if (l->render != NULL) {
        render_feed(l->render, bytes, size);
        return;
    }
    if (!passes_controls(l)) {
        escape_add(&l->escape, &text, bytes, size);
        bytes = buf_str(&text);
        size = text.size;
    }
    fwrite(bytes, 1, size, stdout);
    fflush(stdout);
}

static int
on_log(void *arg, const char *bytes, size_t size)
{
    struct logs *l = arg;

    l->moved = true;
    if (l->resume != NULL)
        resume_feed(l->resume, bytes, size);
    else
        show_log(l, bytes, size);
    return ferror(stdout) ? -1 : 0;
}

static void
end_log(struct logs *l)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    if (l->resume != NULL)
        resume_end(l->resume);
    escape_end(&l->escape, &text);
    fwrite(buf_str(&text), 1, text.size, stdout);
    fflush(stdout);
}

static bool
is_over(const struct logs *l, const json_t *pod, const char *container)
{
    const char *list =
        l->init ? "status.initContainerStatuses" : "status.containerStatuses";

    return json_at(container_status(pod, list, container), "state.terminated") != NULL;
}

/* Whether the container has ended, by a fresh look at the Pod. A Pod that is gone has. */
static bool
has_ended(struct logs *l, const char *container)
{
    struct kube_request r = {
        .verb = KUBE_GET, .res = kube_res(KUBE_PODS), .ns = l->ns, .name = l->pod};
    struct err why = ERR_INIT;
    SCOPED(json) json_t *pod = NULL;

    if (cli_call(l->cli, &r, &pod, NULL, &why) < 0)
        return why.code == ERR_NOT_FOUND;
    return is_over(l, pod, container);
}

static int
refuse(struct logs *l, const char *container, const struct err *why, struct err *e)
{
    return err_set(e, why->code, "cannot read logs of pod %s container %s: %s", l->pod,
                   container, why->text);
}

/* `since` is where the stream goes on after a break, NULL before anything was seen. */
static void
stream_params(const struct logs_options *o, const char *container, const char *since,
              struct kube_param *params)
{
    size_t n = 0;

    params[n++] = (struct kube_param){"container", container};
    if (o->follow)
        params[n++] = (struct kube_param){"follow", "true"};
    if (o->follow || o->timestamps)
        params[n++] = (struct kube_param){"timestamps", "true"};
    if (o->previous)
        params[n++] = (struct kube_param){"previous", "true"};
    if (since != NULL)
        params[n++] = (struct kube_param){"sinceTime", since};
    if (o->tail[0] != '\0' && since == NULL)
        params[n++] = (struct kube_param){"tailLines", o->tail};
    if (o->since[0] != '\0' && since == NULL)
        params[n++] = (struct kube_param){"sinceSeconds", o->since};
    params[n] = (struct kube_param){NULL, NULL};
}

/* One connection. Returns 0 when the server ended it, -1 with *why when it broke. */
static int
stream_once(struct logs *l, const char *container, const char *since,
            struct kube_stream_end *end, struct err *why)
{
    struct kube_param params[8];
    struct kube_stream_request r = {
        .req = {.verb = KUBE_GET,
                .res = kube_res(KUBE_PODS),
                .ns = l->ns,
                .name = l->pod,
                .subresource = "log",
                .params = params,
                .text = true},
        .on_data = on_log,
        .arg = l,
    };

    stream_params(l->options, container, since, params);
    l->moved = false;
    return kube_stream_wait(l->cli->kube, &r, end, why);
}

/* Shows a container's log to its end. A server ends a stream, and a connection breaks, also while
 * the container runs, and while it ends: only what was asked for after its end is all of it. */
static int
stream_all(struct logs *l, const char *container, struct err *e)
{
    struct backoff backoff = {RETRY_FIRST_MS, RETRY_CAP_MS, 20, 0};
    bool ended = l->options->follow && is_over(l, l->pod_doc, container);
    bool whole = false; /* the server has ended one stream of its own accord */
    const char *since = NULL;
    int failures = 0; /* in a row; a silent run whose stream ends is none */

    for (;;) {
        struct kube_stream_end end = {0};
        struct err why = ERR_INIT;
        int rc = stream_once(l, container, since, &end, &why);

        if (ferror(stdout))
            return err_set(e, ERR_SYSTEM, "%s", "");
        if (rc == 0 && (ended || !l->options->follow))
            return 0;
        whole = whole || rc == 0;
        if (!l->options->follow || end.http_status == 404 || end.http_status == 403)
            return whole ? 0 : refuse(l, container, &why, e);
        if (l->moved)
            backoff_reset(&backoff);
        if (ended && whole && backoff.attempts > 5)
            return 0;
        /* 400: the kubelet has not begun yet what the Pod's status tells of. */
        failures =
            rc == 0 || l->moved || (end.http_status == 400 && !ended) ? 0 : failures + 1;
        if (failures > (ended ? ENDED_FAILURES : STREAM_FAILURES))
            return refuse(l, container, &why, e);
        ended = has_ended(l, container);
        since = resume_again(l->resume);
        if (rc < 0 || !ended)
            usleep((useconds_t)backoff_next_ms(&backoff) * 1000);
    }
}

static int
stream(struct logs *l, const char *container, struct err *e)
{
    SCOPED(resume) struct resume *resume = NULL;

    l->escape = (struct escape){0};
    if (l->options->follow &&
        (resume = resume_new(l->options->timestamps, show_log, l)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    l->resume = resume;
    int rc = stream_all(l, container, e);
    end_log(l);
    l->resume = NULL;
    return rc;
}

/* ---- all of it ---- */

static const char *
agent_container(const struct logs *l)
{
    const json_t *all = json_at(l->pod_doc, "spec.containers");
    const char *first = json_str_or(json_array_get(all, 0), "name", l->type);

    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *name = json_str_or(json_array_get(all, i), "name", "");

        if (strcmp(name, l->type) == 0 || strcmp(name, "kelos-agent") == 0)
            return name;
    }
    return first;
}

static int
show_init_containers(struct logs *l, struct err *e)
{
    const json_t *all = json_at(l->pod_doc, "spec.initContainers");

    for (size_t i = 0; i < json_array_size(all); i++) {
        SCOPED(string)
        char *name = strdup(json_str_or(json_array_get(all, i), "name", ""));

        if (wait_started(l, name, true, e) < 0)
            return -1;
        all = json_at(l->pod_doc, "spec.initContainers");
        fprintf(stderr, "(%s)\n", name);
        if (stream(l, name, e) < 0)
            return -1;
    }
    return 0;
}

static int
load_pod(struct logs *l, struct err *e)
{
    struct kube_request r = {
        .verb = KUBE_GET, .res = kube_res(KUBE_PODS), .ns = l->ns, .name = l->pod};
    struct err why = ERR_INIT;

    if (cli_call(l->cli, &r, &l->pod_doc, NULL, &why) < 0)
        return err_set(e, why.code, "cannot read logs of pod %s: %s", l->pod, why.text);
    return 0;
}

static int
show(struct logs *l, struct err *e)
{
    const struct logs_options *o = l->options;
    SCOPED(render) struct render *render = NULL;
    bool colour = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;

    if (find_pod(l, e) < 0 || load_pod(l, e) < 0)
        return -1;
    if (o->follow && o->container[0] == '\0' && show_init_containers(l, e) < 0)
        return -1;
    SCOPED(string)
    char *name = strdup(o->container[0] != '\0' ? o->container : agent_container(l));
    bool agent = strcmp(name, agent_container(l)) == 0;
    if (o->follow) {
        bool init =
            container_status(l->pod_doc, "status.initContainerStatuses", name) != NULL;

        if (wait_started(l, name, init, e) < 0)
            return -1;
        fprintf(stderr, "(%s)\n", name);
    }
    if (agent && !o->raw && !o->timestamps)
        l->render = render = render_new(l->type, stdout, stderr, colour);
    int rc = stream(l, name, e);
    if (render != NULL)
        render_end(render, isatty(STDOUT_FILENO) == 1);
    l->render = NULL;
    if (rc < 0 || !o->follow || !agent)
        return rc;
    return end_of_task(l, e);
}

int
logs_show(struct cli *c, const char *ns, const char *task, const struct logs_options *o,
          struct err *e)
{
    struct logs l = {.cli = c, .ns = ns, .task = task, .options = o};

    int rc = cli_kube(c, e) == NULL ? -1 : show(&l, e);
    json_decref(l.task_doc);
    json_decref(l.pod_doc);
    return rc;
}
