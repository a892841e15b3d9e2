/* podentry.c - see podentry.h. */
#include "local/runner/podentry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/log.h"
#include "local/runner/events.h"
#include "local/runner/job.h"
#include "local/runner/launcher.h"
#include "local/runner/podfiles.h"
#include "local/runner/trash.h"

#define WRITE_RETRY_MS 1000
#define GONE_GRACE_MS 2000

static void step(struct podentry *entry);

static struct container *
container_of(const struct slot *s)
{
    return &s->entry->state->containers[s->index];
}

static void
timer_stop(struct podentry *entry, int *id)
{
    loop_timer_stop(entry->pods->loop, *id);
    *id = 0;
}

static void
timer_set(struct podentry *entry, int *id, int64_t at_ms, loop_timer_fn *fn)
{
    struct err e = ERR_INIT;
    int64_t left = at_ms - clock_wall_ms();

    timer_stop(entry, id);
    *id = loop_timer(entry->pods->loop, left > 0 ? left : 0, fn, entry, &e);
}

/* ---- writing the status ---- */

static void say(struct podentry *entry);
static void on_wake(void *arg);

static void
on_said(void *arg, const struct kube_result *r)
{
    struct podentry *entry = arg;

    entry->call = NULL;
    if (r->err.code == ERR_NOT_FOUND || r->err.code == ERR_GONE) {
        /* DELETED will come by the watch; what runs is ended then. */
        entry->object_gone = true;
    } else if (r->err.code != ERR_NONE) {
        log_warn(entry->state->name, "pod status: %s", r->err.text);
        json_decref(entry->saying);
        entry->saying = NULL;
        entry->write_failures++;
        timer_set(entry, &entry->wake, clock_wall_ms() + WRITE_RETRY_MS, on_wake);
        return;
    }
    json_decref(entry->said);
    entry->said = entry->saying;
    entry->saying = NULL;
    entry->write_failures = 0;
    step(entry);
}

static void
on_deleted(void *arg, const struct kube_result *r)
{
    struct podentry *entry = arg;

    entry->call = NULL;
    if (r->err.code != ERR_NONE && r->err.code != ERR_NOT_FOUND &&
        r->err.code != ERR_CONFLICT)
        log_warn(entry->state->name, "deleting pod: %s", r->err.text);
    trash_pod(entry->pods->o.dir, entry->state->uid);
    pods_forget(entry->pods, entry);
}

/* Nothing runs any more and the server knows. */
static void
finish(struct podentry *entry)
{
    static const struct kube_param at_once[] = {{"gracePeriodSeconds", "0"},
                                                {NULL, NULL}};
    struct kube_request r = {.verb = KUBE_DELETE,
                             .res = kube_res(KUBE_PODS),
                             .ns = entry->state->ns,
                             .name = entry->state->name,
                             .uid = entry->state->uid,
                             .params = at_once};
    struct err e = ERR_INIT;

    if (entry->done)
        return;
    entry->done = true;
    timer_stop(entry, &entry->wake);
    if (entry->object_gone) {
        trash_pod(entry->pods->o.dir, entry->state->uid);
        pods_forget(entry->pods, entry);
    } else if (!entry->state->ending) {
        trash_volumes(entry->pods->o.dir, entry->state->uid);
        pods_forget(entry->pods, entry);
    } else if ((entry->call = kube_call(entry->pods->kube, &r, on_deleted, entry, &e)) ==
               NULL) {
        log_warn(entry->state->name, "deleting pod: %s", e.text);
        pods_forget(entry->pods, entry);
    }
}

/* Makes the server's status ours; ends the entry once that is the last word. */
static void
say(struct podentry *entry)
{
    const struct podstate *p = entry->state;
    enum pod_phase phase = podstate_phase(p);
    bool over = phase >= POD_SUCCEEDED && podstate_idle(p);
    struct err e = ERR_INIT;

    if (entry->call != NULL || entry->done)
        return;
    if (phase >= POD_SUCCEEDED && !entry->placed && !p->ending)
        return; /* nobody finds the log of a Pod that is on no node */
    if (entry->object_gone) {
        if (podstate_idle(p))
            finish(entry);
        return;
    }
    SCOPED(json) json_t *status = podstate_status(p);
    if (entry->said != NULL && json_equal(status, entry->said)) {
        if (over)
            finish(entry);
        return;
    }
    struct kube_request r = {.verb = KUBE_PATCH_MERGE,
                             .res = kube_res(KUBE_PODS),
                             .ns = p->ns,
                             .name = p->name,
                             .subresource = "status",
                             .body = status};
    entry->call = kube_call(entry->pods->kube, &r, on_said, entry, &e);
    if (entry->call == NULL) {
        log_error(p->name, "pod status: %s", e.text);
        return;
    }
    entry->saying = TAKE(status);
}

/* ---- one container ---- */

static void
on_started(void *arg, int64_t wall_ms)
{
    struct slot *s = arg;
    struct container *c = container_of(s);

    c->begun = false;
    c->phase = CONTAINER_RUNNING;
    c->started_ms = wall_ms;
    c->retry_ms = 0;
    c->reason[0] = c->message[0] = '\0';
    step(s->entry);
}

static void
on_ended(void *arg, const struct exit_info *info)
{
    struct slot *s = arg;
    struct podentry *entry = s->entry;
    struct container *c = container_of(s);

    run_free(s->run);
    s->run = NULL;
    log_debug(entry->state->name, "container %s ended with exit code %d", c->name,
              info->code);
    podstate_ended(entry->state, c, info, clock_wall_ms());
    step(entry);
}

static void
start_failed(struct slot *s, const char *reason, const struct err *why)
{
    log_warn(s->entry->state->name, "container %s: %s: %s", container_of(s)->name, reason,
             why->text);
    podstate_start_failed(container_of(s), reason, why->text, clock_wall_ms());
    events_warn(s->entry->pods->kube, s->entry->state->pod,
                strstr(reason, "Image") != NULL ? reason : "Failed", why->text);
}

static void
on_values(void *arg, json_t *values, const struct err *why)
{
    struct slot *s = arg;
    struct podentry *entry = s->entry;
    struct err e = *why;
    const char *reason = "CreateContainerConfigError";
    SCOPED(launch) struct launch *l = NULL;

    s->fetch = NULL;
    if (why->code == ERR_NONE)
        l = launcher_make(entry, container_of(s), values, &reason, &e);
    if (l != NULL) {
        const struct run_calls calls = {
            .started = on_started, .ended = on_ended, .arg = s};
        reason = "RunContainerError";
        s->run = run_start(entry->pods->loop, entry->pods->o.monitor, l, &calls, &e);
    }
    if (s->run == NULL)
        start_failed(s, reason, &e);
    else if (entry->pods->o.on_start != NULL)
        entry->pods->o.on_start(entry->pods->o.arg);
}

/* Values came from the server, later: the rest goes on from here. */
static void
on_fetched(void *arg, json_t *values, const struct err *why)
{
    struct slot *s = arg;

    on_values(s, values, why);
    step(s->entry);
}

static void
start(struct slot *s)
{
    struct podentry *entry = s->entry;
    struct container *c = container_of(s);
    struct refs refs = {.count = 0};
    struct err e = ERR_INIT;

    c->begun = true;
    if (refs_of_env(&refs, c->spec, &e) < 0 ||
        (!entry->volumes_made && refs_of_volumes(&refs, entry->state->pod, &e) < 0)) {
        start_failed(s, "CreateContainerConfigError", &e);
        return;
    }
    if (refs.count == 0) {
        SCOPED(json) json_t *none = json_object();
        on_values(s, none, &e);
        return;
    }
    s->fetch = fetch_start(entry->pods->kube, entry->state->ns, &refs, on_fetched, s, &e);
    if (s->fetch == NULL)
        start_failed(s, "CreateContainerConfigError", &e);
}

/* ---- the Pod ---- */

static void
on_wake(void *arg)
{
    struct podentry *entry = arg;

    entry->wake = 0;
    step(entry);
}

static void
end_runs(struct podentry *entry, bool sidecars_only, bool at_once)
{
    for (size_t i = 0; i < entry->state->count; i++) {
        struct slot *s = &entry->slots[i];
        if (s->run != NULL &&
            (!sidecars_only || container_of(s)->kind == CONTAINER_SIDECAR))
            run_end(s->run, at_once);
    }
}

static void
step(struct podentry *entry)
{
    struct podstate *p = entry->state;
    int64_t wake_ms;
    int next;

    if (entry->done)
        return;
    while ((next = podstate_next(p, clock_wall_ms(), &wake_ms)) >= 0)
        start(&entry->slots[next]);
    if (wake_ms != 0)
        timer_set(entry, &entry->wake, wake_ms, on_wake);
    if (podstate_mains_ended(p) && !podstate_idle(p) && !p->ending &&
        p->failed_reason[0] == '\0')
        end_runs(entry, true, false);
    say(entry);
}

static void
on_deadline(void *arg)
{
    struct podentry *entry = arg;

    entry->deadline = 0;
    podentry_fail(entry, "DeadlineExceeded",
                  "Pod was active on the node longer than the specified deadline");
}

static void
on_grace(void *arg)
{
    struct podentry *entry = arg;

    entry->grace = 0;
    end_runs(entry, false, true);
}

/* ---- placing ---- */

static void bind(struct podentry *entry);

static void
on_bind_again(void *arg)
{
    struct podentry *entry = arg;

    entry->bind_again = 0;
    bind(entry);
}

static void
on_bound(void *arg, const struct kube_result *r)
{
    struct podentry *entry = arg;

    entry->binding = NULL;
    entry->placed = r->err.code == ERR_NONE || r->err.code == ERR_CONFLICT ||
                    r->err.code == ERR_NOT_FOUND;
    if (entry->placed) {
        step(entry);
        return;
    }
    log_warn(entry->state->name, "binding pod: %s", r->err.text);
    timer_set(entry, &entry->bind_again, clock_wall_ms() + WRITE_RETRY_MS, on_bind_again);
}

/* A Pod that nobody placed is placed here, as a scheduler does it: from then on its
 * deletion waits for us. */
static void
bind(struct podentry *entry)
{
    const struct podstate *p = entry->state;
    SCOPED(json)
    json_t *body =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s}}", "apiVersion", "v1",
                  "kind", "Binding", "metadata", "name", p->name, "uid", p->uid, "target",
                  "apiVersion", "v1", "kind", "Node", "name", entry->pods->o.node);
    struct kube_request r = {.verb = KUBE_CREATE,
                             .res = kube_res(KUBE_PODS),
                             .ns = p->ns,
                             .name = p->name,
                             .subresource = "binding",
                             .body = body};
    struct err e = ERR_INIT;

    entry->placed = json_str_or(p->pod, "spec.nodeName", "")[0] != '\0';
    if (entry->placed)
        return;
    if ((entry->binding = kube_call(entry->pods->kube, &r, on_bound, entry, &e)) != NULL)
        return;
    log_warn(p->name, "binding pod: %s", e.text);
    timer_set(entry, &entry->bind_again, clock_wall_ms() + WRITE_RETRY_MS, on_bind_again);
}

/* ---- beginning ---- */

struct podentry *
podentry_new(struct pods *p, json_t *pod, struct err *e)
{
    struct podentry *entry = calloc(1, sizeof *entry);

    if (entry == NULL || (entry->state = podstate_new(pod, clock_wall_ms(), e)) == NULL) {
        free(entry);
        return NULL;
    }
    entry->pods = p;
    snprintf(entry->dir, sizeof entry->dir, "%s/%s", p->o.dir, entry->state->uid);
    if (mkdir(entry->dir, 0700) < 0 && errno != EEXIST) {
        err_errno(e, "making %s", entry->dir);
        podentry_free(entry);
        return NULL;
    }
    for (size_t i = 0; i <= CONTAINERS_MAX; i++)
        entry->slots[i] = (struct slot){.entry = entry, .index = i};
    return entry;
}

void
podentry_free(struct podentry *entry)
{
    if (entry == NULL)
        return;
    if (entry->state != NULL)
        podfiles_end(entry);
    for (size_t i = 0; i <= CONTAINERS_MAX; i++) {
        run_free(entry->slots[i].run);
        fetch_free(entry->slots[i].fetch);
    }
    if (entry->call != NULL)
        kube_cancel(entry->call);
    if (entry->binding != NULL)
        kube_cancel(entry->binding);
    int *const timers[] = {&entry->wake, &entry->grace, &entry->deadline,
                           &entry->bind_again};
    for (size_t i = 0; i < ARRAY_LEN(timers); i++)
        timer_stop(entry, timers[i]);
    json_decref(entry->said);
    json_decref(entry->saying);
    podstate_free(entry->state);
    free(entry);
}

/* What already ran of a container, before this runner. */
static void
recover(struct slot *s)
{
    struct podentry *entry = s->entry;
    struct container *c = container_of(s);
    const struct run_calls calls = {.started = on_started, .ended = on_ended, .arg = s};
    char dir[4200];
    struct exit_info info;
    struct claim claim;

    snprintf(dir, sizeof dir, "%s/%s", entry->dir, c->name);
    for (;;) {
        enum run_found found =
            run_find(entry->pods->loop, dir, c->attempt, &calls, &s->run, &info, &claim);
        if (found == RUN_NEVER)
            return;
        entry->volumes_made = true;
        if (found == RUN_LIVES) {
            c->phase = CONTAINER_RUNNING;
            c->started_ms = claim.wall_ms;
            c->reason[0] = '\0';
            log_info(entry->state->name, "container %s goes on", c->name);
            return;
        }
        int64_t attempt = c->attempt;
        podstate_ended(entry->state, c, &info, clock_wall_ms());
        if (c->attempt == attempt)
            return;
    }
}

void
podentry_begin(struct podentry *entry)
{
    const json_t *pod = entry->state->pod,
                 *deadline = json_at(pod, "spec.activeDeadlineSeconds");

    bind(entry);
    for (size_t i = 0; i < entry->state->count; i++)
        recover(&entry->slots[i]);
    if (json_is_integer(deadline))
        timer_set(entry, &entry->deadline,
                  entry->state->accepted_ms + json_integer_value(deadline) * 1000,
                  on_deadline);
    podfiles_begin(entry);
    step(entry);
}

/* ---- ending ---- */

/* Nothing new is started; what is being fetched is not needed. */
static void
stop(struct podentry *entry)
{
    for (size_t i = 0; i < entry->state->count; i++) {
        struct slot *s = &entry->slots[i];
        if (s->fetch != NULL) {
            fetch_free(s->fetch);
            s->fetch = NULL;
            container_of(s)->begun = false;
        }
    }
    end_runs(entry, false, false);
    step(entry);
}

void
podentry_delete(struct podentry *entry, int64_t grace_s)
{
    int64_t own =
        json_int_or(entry->state->pod, "spec.terminationGracePeriodSeconds", 30);

    if (grace_s < own)
        timer_set(entry, &entry->grace, clock_wall_ms() + grace_s * 1000, on_grace);
    if (entry->state->ending)
        return;
    entry->state->ending = true;
    stop(entry);
}

void
podentry_gone(struct podentry *entry)
{
    if (entry->done && entry->call != NULL)
        return; /* our own deletion; its answer ends the entry */
    entry->object_gone = true;
    entry->state->ending = true;
    /* Nobody waits for it any more. */
    timer_set(entry, &entry->grace, clock_wall_ms() + GONE_GRACE_MS, on_grace);
    if (entry->call != NULL) {
        kube_cancel(entry->call);
        entry->call = NULL;
    }
    stop(entry);
}

void
podentry_fail(struct podentry *entry, const char *reason, const char *message)
{
    struct podstate *p = entry->state;

    if (p->failed_reason[0] != '\0' || podstate_phase(p) >= POD_SUCCEEDED)
        return;
    snprintf(p->failed_reason, sizeof p->failed_reason, "%s", reason);
    snprintf(p->failed_message, sizeof p->failed_message, "%s", message);
    stop(entry);
}
