/* podstate.c - see podstate.h. */
#include "local/runner/podstate.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"

/* ---- from the object ---- */

static int
add_containers(struct podstate *p, const char *path, enum container_kind kind,
               struct err *e)
{
    size_t i;
    json_t *spec;

    json_array_foreach(json_at(p->pod, path), i, spec)
    {
        const char *name = json_str_or(spec, "name", "");
        if (p->count == CONTAINERS_MAX)
            return err_set(e, ERR_LIMIT,
                           "CONTAINERS_MAX: a Pod has more than %d containers",
                           CONTAINERS_MAX);
        if (*name == '\0' || strlen(name) > 63 || strchr(name, '/') != NULL ||
            name[0] == '.')
            return err_set(e, ERR_INVALID, "%s[%zu].name: \"%s\" is not a container name",
                           path, i, name);
        struct container *c = &p->containers[p->count++];
        *c = (struct container){.spec = spec, .kind = kind};
        snprintf(c->name, sizeof c->name, "%s", name);
        if (kind == CONTAINER_INIT &&
            strcmp(json_str_or(spec, "restartPolicy", ""), "Always") == 0)
            c->kind = CONTAINER_SIDECAR;
        snprintf(c->reason, sizeof c->reason,
                 kind == CONTAINER_MAIN ? "ContainerCreating" : "PodInitializing");
    }
    return 0;
}

struct podstate *
podstate_new(json_t *pod, int64_t now_ms, struct err *e)
{
    SCOPED(podstate) struct podstate *p = calloc(1, sizeof *p);
    const char *policy = json_str_or(pod, "spec.restartPolicy", "Always");
    bool inits;

    if (p == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    p->pod = json_incref(pod);
    snprintf(p->ns, sizeof p->ns, "%s", json_str_or(pod, "metadata.namespace", ""));
    snprintf(p->name, sizeof p->name, "%s", json_str_or(pod, "metadata.name", ""));
    snprintf(p->uid, sizeof p->uid, "%s", json_str_or(pod, "metadata.uid", ""));
    p->policy = strcmp(policy, "Never") == 0       ? RESTART_NEVER
                : strcmp(policy, "OnFailure") == 0 ? RESTART_ON_FAILURE
                                                   : RESTART_ALWAYS;
    if (add_containers(p, "spec.initContainers", CONTAINER_INIT, e) < 0)
        return NULL;
    inits = p->count > 0;
    if (add_containers(p, "spec.containers", CONTAINER_MAIN, e) < 0)
        return NULL;
    for (size_t i = 0; i < p->count; i++)
        if (p->containers[i].kind == CONTAINER_MAIN && inits)
            snprintf(p->containers[i].reason, REASON_BYTES, "PodInitializing");
    if (!rfc3339_parse(json_str_or(pod, "status.startTime", NULL), &p->accepted_ms))
        return TAKE(p);
    p->accepted_ms = now_ms;
    return TAKE(p);
}

void
podstate_free(struct podstate *p)
{
    if (p == NULL)
        return;
    json_decref(p->pod);
    free(p);
}

/* ---- what is due ---- */

static bool
init_done(const struct container *c)
{
    if (c->kind == CONTAINER_SIDECAR)
        return c->phase != CONTAINER_WAITING || c->restarts > 0;
    return c->phase == CONTAINER_ENDED && c->exit_code == 0;
}

/* An init container that failed for good, with a policy that does not try again. */
static const struct container *
failed_init(const struct podstate *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->containers[i].kind == CONTAINER_INIT &&
            p->containers[i].phase == CONTAINER_ENDED && p->containers[i].exit_code != 0)
            return &p->containers[i];
    return NULL;
}

static bool
initialized(const struct podstate *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->containers[i].kind != CONTAINER_MAIN && !init_done(&p->containers[i]))
            return false;
    return true;
}

bool
podstate_idle(const struct podstate *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->containers[i].phase == CONTAINER_RUNNING || p->containers[i].begun)
            return false;
    return true;
}

bool
podstate_mains_ended(const struct podstate *p)
{
    if (failed_init(p) != NULL)
        return true;
    for (size_t i = 0; i < p->count; i++)
        if (p->containers[i].kind == CONTAINER_MAIN &&
            p->containers[i].phase != CONTAINER_ENDED)
            return false;
    return true;
}

static bool
startable(const struct container *c, int64_t now_ms, int64_t *wake_ms)
{
    if (c->phase != CONTAINER_WAITING || c->begun)
        return false;
    if (c->retry_ms <= now_ms)
        return true;
    if (*wake_ms == 0 || c->retry_ms < *wake_ms)
        *wake_ms = c->retry_ms;
    return false;
}

int
podstate_next(const struct podstate *p, int64_t now_ms, int64_t *wake_ms)
{
    bool ready = true; /* all init containers before this one are done */

    *wake_ms = 0;
    if (p->ending || p->failed_reason[0] != '\0' || podstate_mains_ended(p))
        return -1;
    for (size_t i = 0; i < p->count; i++) {
        const struct container *c = &p->containers[i];
        if (ready && startable(c, now_ms, wake_ms))
            return (int)i;
        if (c->kind != CONTAINER_MAIN && !init_done(c))
            ready = false;
    }
    return -1;
}

enum pod_phase
podstate_phase(const struct podstate *p)
{
    bool failed = failed_init(p) != NULL, ended = podstate_mains_ended(p);

    if (p->failed_reason[0] != '\0' || p->ending) {
        if (!podstate_idle(p))
            return initialized(p) ? POD_RUNNING : POD_PENDING;
        if (p->failed_reason[0] != '\0' || !ended)
            return POD_FAILED;
    }
    if (ended) {
        for (size_t i = 0; i < p->count; i++)
            if (p->containers[i].kind == CONTAINER_MAIN &&
                p->containers[i].exit_code != 0)
                failed = true;
        /* A sidecar still stops: the Pod runs until it has. */
        if (!podstate_idle(p))
            return initialized(p) ? POD_RUNNING : POD_PENDING;
        return failed ? POD_FAILED : POD_SUCCEEDED;
    }
    if (!initialized(p))
        return POD_PENDING;
    for (size_t i = 0; i < p->count; i++) {
        const struct container *c = &p->containers[i];
        if (c->kind == CONTAINER_MAIN &&
            (c->phase != CONTAINER_WAITING || c->restarts > 0))
            return POD_RUNNING;
    }
    return POD_PENDING;
}

const char *
pod_phase_name(enum pod_phase phase)
{
    static const char *const names[] = {"Pending", "Running", "Succeeded", "Failed"};

    return names[phase];
}

/* ---- what happens to a container ---- */

static int64_t
backoff_ms(unsigned failures, int64_t cap_ms)
{
    int64_t ms = failures < 16 ? INT64_C(1000) << failures : cap_ms;

    return ms < cap_ms ? ms : cap_ms;
}

static void
say(struct container *c, const char *reason, const char *message)
{
    snprintf(c->reason, sizeof c->reason, "%s", reason);
    snprintf(c->message, sizeof c->message, "%s", message);
}

void
podstate_start_failed(struct container *c, const char *reason, const char *message,
                      int64_t now_ms)
{
    c->begun = false;
    c->phase = CONTAINER_WAITING;
    c->retry_ms = now_ms + backoff_ms(c->failures++, 30000);
    say(c, reason, message);
}

static bool
restarts(const struct podstate *p, const struct container *c, int code)
{
    if (p->ending || p->failed_reason[0] != '\0')
        return false;
    if (c->kind == CONTAINER_SIDECAR)
        return !podstate_mains_ended(p);
    if (p->policy == RESTART_NEVER || (c->kind == CONTAINER_INIT && code == 0))
        return false;
    return p->policy == RESTART_ALWAYS || code != 0;
}

void
podstate_ended(struct podstate *p, struct container *c, const struct exit_info *info,
               int64_t now_ms)
{
    const char *reason = info->reason[0] != '\0' ? info->reason
                         : info->code == 0       ? "Completed"
                                                 : "Error";

    c->begun = false;
    c->exit_code = info->code;
    c->signal = info->signal;
    c->started_ms = info->started_ms;
    c->finished_ms = info->finished_ms;
    c->phase = CONTAINER_ENDED;
    say(c, reason, info->message);
    if (!restarts(p, c, info->code))
        return;
    c->last = *info;
    snprintf(c->last.reason, sizeof c->last.reason, "%s", reason);
    c->phase = CONTAINER_WAITING;
    c->restarts++;
    c->attempt++;
    int64_t wait = backoff_ms(c->failures++, 300000);
    c->retry_ms = now_ms + wait;
    snprintf(c->reason, sizeof c->reason, "CrashLoopBackOff");
    snprintf(c->message, sizeof c->message,
             "back-off %llds restarting failed container=%s pod=%s_%s",
             (long long)(wait / 1000), c->name, p->name, p->ns);
}

/* ---- status ---- */

static json_t *
time_text(int64_t wall_ms)
{
    char text[RFC3339_SIZE];

    if (wall_ms == 0)
        return json_null();
    rfc3339_format(wall_ms, text);
    return json_string(text);
}

static void
put_text(json_t *o, const char *key, const char *text)
{
    if (*text != '\0')
        json_object_set_new(o, key, json_string(text));
}

static void
container_id(const struct podstate *p, const struct container *c, int64_t attempt,
             char *out, size_t room)
{
    snprintf(out, room, "kelos://%s/%s/%lld", p->uid, c->name, (long long)attempt);
}

static json_t *
terminated(const struct podstate *p, const struct container *c, int64_t attempt,
           const struct exit_info *info)
{
    char id[256];

    container_id(p, c, attempt, id, sizeof id);
    json_t *t = json_pack("{s:i, s:o, s:o, s:s}", "exitCode", info->code, "startedAt",
                          time_text(info->started_ms), "finishedAt",
                          time_text(info->finished_ms), "containerID", id);
    if (info->signal != 0)
        json_object_set_new(t, "signal", json_integer(info->signal));
    put_text(t, "reason", info->reason);
    put_text(t, "message", info->message);
    return t;
}

static json_t *
state(const struct podstate *p, const struct container *c)
{
    struct exit_info info = {.code = c->exit_code,
                             .signal = c->signal,
                             .started_ms = c->started_ms,
                             .finished_ms = c->finished_ms};
    json_t *w;

    switch (c->phase) {
    case CONTAINER_RUNNING:
        return json_pack("{s:{s:o}}", "running", "startedAt", time_text(c->started_ms));
    case CONTAINER_ENDED:
        snprintf(info.reason, sizeof info.reason, "%.*s", (int)sizeof info.reason - 1,
                 c->reason);
        snprintf(info.message, sizeof info.message, "%.*s", (int)sizeof info.message - 1,
                 c->message);
        return json_pack("{s:o}", "terminated", terminated(p, c, c->attempt, &info));
    case CONTAINER_WAITING:
        break;
    }
    w = json_object();
    put_text(w, "reason", c->reason);
    put_text(w, "message", c->message);
    return json_pack("{s:o}", "waiting", w);
}

static json_t *
container_status(const struct podstate *p, const struct container *c)
{
    char id[256] = "";
    bool running = c->phase == CONTAINER_RUNNING;
    bool ready = running || (c->kind == CONTAINER_INIT && c->phase == CONTAINER_ENDED &&
                             c->exit_code == 0);

    if (c->phase != CONTAINER_WAITING)
        container_id(p, c, c->attempt, id, sizeof id);
    const char *image = json_str_or(c->spec, "image", "");
    json_t *last = json_object();
    if (c->restarts > 0)
        json_object_set_new(last, "terminated",
                            terminated(p, c, c->attempt - 1, &c->last));
    return json_pack("{s:s, s:s, s:s, s:I, s:b, s:b, s:s, s:o, s:o}", "name", c->name,
                     "image", image, "imageID", "", "restartCount",
                     (json_int_t)c->restarts, "ready", ready, "started", running,
                     "containerID", id, "state", state(p, c), "lastState", last);
}

static json_t *
condition(const char *type, bool truth, int64_t since_ms, const char *reason)
{
    json_t *c = json_pack("{s:s, s:s, s:n, s:o}", "type", type, "status",
                          truth ? "True" : "False", "lastProbeTime", "lastTransitionTime",
                          time_text(since_ms));

    if (!truth)
        put_text(c, "reason", reason);
    return c;
}

/* When every container of the Pod was up, or when it ended. */
static int64_t
ready_since(const struct podstate *p, bool ready)
{
    int64_t since = p->accepted_ms;

    for (size_t i = 0; i < p->count; i++) {
        const struct container *c = &p->containers[i];
        int64_t t = ready ? c->started_ms : c->finished_ms;
        if (c->kind == CONTAINER_MAIN && t > since)
            since = t;
    }
    return since;
}

/* When the last init container was done. */
static int64_t
initialized_since(const struct podstate *p)
{
    int64_t since = p->accepted_ms;

    for (size_t i = 0; i < p->count; i++) {
        const struct container *c = &p->containers[i];
        int64_t t = c->kind == CONTAINER_SIDECAR ? c->started_ms : c->finished_ms;
        if (c->kind != CONTAINER_MAIN && t > since)
            since = t;
    }
    return since;
}

static json_t *
conditions(const struct podstate *p, enum pod_phase phase)
{
    bool ready = phase == POD_RUNNING, done = initialized(p) || phase == POD_SUCCEEDED;
    const char *why = phase == POD_SUCCEEDED ? "PodCompleted"
                      : phase == POD_FAILED  ? "PodFailed"
                                             : "ContainersNotReady";

    for (size_t i = 0; i < p->count; i++)
        if (p->containers[i].kind == CONTAINER_MAIN &&
            p->containers[i].phase != CONTAINER_RUNNING)
            ready = false;
    json_t *initialized_row =
        condition("Initialized", done, initialized_since(p), "ContainersNotInitialized");
    if (done && phase == POD_SUCCEEDED)
        put_text(initialized_row, "reason", "PodCompleted");
    return json_pack("[o, o, o, o]", condition("PodScheduled", true, p->accepted_ms, ""),
                     initialized_row,
                     condition("ContainersReady", ready, ready_since(p, ready), why),
                     condition("Ready", ready, ready_since(p, ready), why));
}

/* The class of the Pod is the API server's own: it is set with the Pod and never changes. */
json_t *
podstate_status(const struct podstate *p)
{
    enum pod_phase phase = podstate_phase(p);
    json_t *inits = json_array(), *mains = json_array();

    for (size_t i = 0; i < p->count; i++)
        json_array_append_new(p->containers[i].kind == CONTAINER_MAIN ? mains : inits,
                              container_status(p, &p->containers[i]));
    json_t *status = json_pack(
        "{s:s, s:o, s:o, s:s, s:s, s:o}", "phase", pod_phase_name(phase), "conditions",
        conditions(p, phase), "startTime", time_text(p->accepted_ms), "hostIP",
        "127.0.0.1", "podIP", "127.0.0.1", "containerStatuses", mains);
    if (json_array_size(inits) > 0)
        json_object_set_new(status, "initContainerStatuses", inits);
    else
        json_decref(inits);
    put_text(status, "reason", p->failed_reason);
    put_text(status, "message", p->failed_message);
    return json_pack("{s:{s:s}, s:o}", "metadata", "uid", p->uid, "status", status);
}
