/* spawnerpod.c - what the source of a TaskSpawner runs in, when that is a Pod of its own: is the
 * Workspace's Secret an App's, the bus key and its Secret (spawnerbus.c), no workload of the
 * other kind, the workload itself. Each step asks the API server only when it must, and then
 * comes back to spawner_run_pod for the next. */
#include "reconciler/owner.h"
#include "reconciler/plan/spawnerpod.h"

#include <openssl/sha.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/data/apptoken.h"
#include "reconciler/auth/credentials.h"
#include "reconciler/plan/sourcekeys.h"
#include "reconciler/plan/sources.h"
#include "reconciler/writes.h"

bool
spawner_pod_took(struct spawner_run *r, enum pod_step step)
{
    bool took = (r->pod_done & 1u << step) != 0;

    r->pod_done |= 1u << step;
    return took;
}

void
spawner_pod_refuse(struct spawner_run *r, const char *why)
{
    snprintf(r->config_error, sizeof r->config_error, "%s", why);
    sources_drop(r->shard->sources, r->key);
    shard_add_at(r->shard, r->key, clock_wall_ms() + SECRET_AGE_MS);
    spawner_run_finalize(r);
}

void
spawner_pod_hash(const char *text, char *out, size_t digits)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)text, strlen(text), digest);
    for (size_t i = 0; i < digits / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* Something that was read is old, or was never read. */
static bool
stale(int64_t read_ms)
{
    return read_ms == 0 || clock_mono_ms() - read_ms >= SECRET_AGE_MS;
}

/* ---- the Workspace's Secret ---- */

static void
on_app(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    struct spawner_memory *m = spawner_run_memory(r);
    SHARD_BUSY(r->shard, r->key);

    if (m == NULL) {
        spawner_run_end(r);
        return;
    }
    if (res->err.code != ERR_NONE && res->err.code != ERR_NOT_FOUND) {
        spawner_run_fail(r, &res->err);
        return;
    }
    /* One that is missing is waited for by the Pod, not by us. */
    m->pod.app =
        res->err.code == ERR_NONE && apptoken_is(json_object_get(res->body, "data"));
    m->pod.secret_ms = m->pod.news ? 0 : clock_mono_ms();
    spawner_run_pod(r);
}

static void
read_app(struct spawner_run *r, struct spawner_memory *m, const char *secret)
{
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res = kube_res(KUBE_SECRETS),
                                   .ns = r->meta.ns,
                                   .name = secret,
                                   .secret = true};
    struct err e = ERR_INIT;

    snprintf(m->pod.secret, sizeof m->pod.secret, "%s", secret);
    m->pod.news = false;
    if (kube_call(r->shard->kube, &q, on_app, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

/* ---- the kind that it is not ---- */

static const struct view *
standing(const struct spawner_run *r, unsigned kind)
{
    const struct view *w =
        store_get(r->shard->store, kind, r->meta.profile, r->meta.ns, r->meta.name);

    return w != NULL && w->meta.controller_uid != NULL && w->meta.deleted_ms == 0 &&
                   strcmp(w->meta.controller_uid, r->meta.uid) == 0
               ? w
               : NULL;
}

static void
on_dropped(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    SHARD_BUSY(r->shard, r->key);

    if (res->err.code != ERR_NONE && res->err.code != ERR_NOT_FOUND &&
        res->err.code != ERR_GONE && res->err.code != ERR_CONFLICT)
        spawner_run_fail(r, &res->err);
    else
        spawner_run_pod(r);
}

/* What is not of this TaskSpawner is left alone, whatever its name. */
static bool
drop_kind(struct spawner_run *r, unsigned kind, enum pod_step step)
{
    const struct view *w = standing(r, kind);
    struct err e = ERR_INIT;

    if (w == NULL || spawner_pod_took(r, step))
        return false;
    log_info(r->key, "deletes %s %s", object_kind_name((enum object_kind)kind),
             r->meta.name);
    const struct kube_request q = {.verb = KUBE_DELETE,
                                   .res = shard_resource(kind, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = r->meta.name,
                                   .uid = w->meta.uid,
                                   .propagation = "Background"};
    if (kube_call(r->shard->kube, &q, on_dropped, r, &e) == NULL)
        spawner_run_fail(r, &e);
    return true;
}

/* ---- the workload ---- */

static const char *
kind_name(unsigned kind)
{
    return object_kind_name((enum object_kind)kind);
}

static void
tell(struct spawner_run *r, unsigned kind, const char *verb, const char *text)
{
    char reason[40], message[700];
    const struct spawner_view *v = spawner_run_view(r);
    bool schedule = kind == KIND_CRON_JOB && strcmp(verb, "Created") == 0 && v != NULL;

    snprintf(reason, sizeof reason, "%s%s", kind_name(kind), verb);
    snprintf(message, sizeof message, "%s spawner %s %s%s%s", text, kind_name(kind),
             r->meta.name, schedule ? " with schedule " : "",
             schedule && v->schedule != NULL ? v->schedule : "");
    log_info(r->key, "%s", message);
    writes_event(r->shard->writes, KIND_TASK_SPAWNER, &r->meta, false, reason, message);
}

/* It stands as it should: what the answer says of it is remembered. */
static void
stands(struct spawner_run *r, struct spawner_memory *m, const json_t *object)
{
    snprintf(m->pod.uid, sizeof m->pod.uid, "%s",
             json_str_or(object, "metadata.uid", ""));
    snprintf(m->pod.hash, sizeof m->pod.hash, "%s", r->pod_hash);
    m->pod.generation = json_int_or(object, "metadata.generation", 0);
}

static void look(struct spawner_run *r);

static void
on_created(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    struct spawner_memory *m = spawner_run_memory(r);
    bool again = res->err.code == ERR_EXISTS && !spawner_pod_took(r, POD_LOOKED_AGAIN);
    SHARD_BUSY(r->shard, r->key);

    if (m == NULL) {
        spawner_run_end(r);
    } else if (again) {
        look(r);
    } else if (res->err.code != ERR_NONE) {
        spawner_run_fail(r, &res->err);
    } else {
        stands(r, m, res->body);
        tell(r, r->pod_kind_wanted, "Created", "Created");
        spawner_run_pod(r);
    }
}

static void
on_updated(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    struct spawner_memory *m = spawner_run_memory(r);
    SHARD_BUSY(r->shard, r->key);

    if (m == NULL) {
        spawner_run_end(r);
    } else if (res->err.code != ERR_NONE) { /* a conflict, too: read again then */
        spawner_run_fail(r, &res->err);
    } else {
        stands(r, m, res->body);
        tell(r, r->pod_kind_wanted, "Updated", "Updated");
        spawner_run_pod(r);
    }
}

static void
write_workload(struct spawner_run *r, const json_t *body, bool create)
{
    const struct kube_request q = {
        .verb = create ? KUBE_CREATE : KUBE_PATCH_MERGE,
        .res = shard_resource(r->pod_kind_wanted, r->meta.profile),
        .ns = r->meta.ns,
        .name = r->meta.name,
        .body = body,
        .repeat = create ? KUBE_REPEAT_NAMED : KUBE_REPEAT_AUTO};
    struct err e = ERR_INIT;

    if (kube_call(r->shard->kube, &q, create ? on_created : on_updated, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

static void
on_looked(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    struct spawner_memory *m = spawner_run_memory(r);
    char why[400];
    SHARD_BUSY(r->shard, r->key);

    if (m == NULL) {
        spawner_run_end(r);
        return;
    }
    if (res->err.code == ERR_NOT_FOUND) {
        write_workload(r, r->pod_want, true);
        return;
    }
    if (res->err.code != ERR_NONE) {
        spawner_run_fail(r, &res->err);
        return;
    }
    if (!owner_controls(res->body, r->meta.uid)) {
        snprintf(
            why, sizeof why,
            "%s \"%s\" exists and is not of this TaskSpawner: delete it, or give the "
            "TaskSpawner another name",
            kind_name(r->pod_kind_wanted), r->meta.name);
        spawner_pod_refuse(r, why);
        return;
    }
    if (json_at(res->body, "metadata.deletionTimestamp") != NULL) {
        spawner_run_pod(r); /* made anew when it has gone */
        return;
    }
    SCOPED(json) json_t *patch = workload_patch(r->pod_want, res->body);
    if (patch != NULL) {
        write_workload(r, patch, false);
        return;
    }
    stands(r, m, res->body);
    spawner_run_pod(r);
}

static void
look(struct spawner_run *r)
{
    const struct kube_request q = {
        .verb = KUBE_GET,
        .res = shard_resource(r->pod_kind_wanted, r->meta.profile),
        .ns = r->meta.ns,
        .name = r->meta.name};
    struct err e = ERR_INIT;

    if (kube_call(r->shard->kube, &q, on_looked, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

static void
make_wanted(struct spawner_run *r, const struct spawner_view *v,
            const struct spawner_memory *m)
{
    const struct workspace_view *w =
        store_workspace(r->shard->store, &r->meta, v->workspace);

    r->pod_kind_wanted = workload_kind(v);
    r->pod_want = workload_build(
        &(struct workload_wish){.spawner = v,
                                .workspace = w,
                                .app = w != NULL && w->secret != NULL && m->pod.app,
                                .github_api = r->shard->github_api,
                                .bus_mark = m->pod.bus_mark,
                                .shard = r->shard->index,
                                .isolation = &r->shard->isolation});
    SCOPED(string) char *text = json_dump_canonical(r->pod_want);
    spawner_pod_hash(text, r->pod_hash, 64);
}

/* Whether the workload is as it should be, as far as the watch and our own last write tell. */
static bool
as_left(const struct spawner_run *r, const struct spawner_memory *m)
{
    const struct view *w = store_get(r->shard->store, r->pod_kind_wanted, r->meta.profile,
                                     r->meta.ns, r->meta.name);

    if (m->pod.uid[0] == '\0' || strcmp(m->pod.hash, r->pod_hash) != 0)
        return false;
    return w == NULL || (strcmp(w->meta.uid, m->pod.uid) == 0 &&
                         w->meta.generation <= m->pod.generation);
}

/* ---- the steps ---- */

/* It has no Pod of its own, or no longer. */
static void
leave(struct spawner_run *r, const struct spawner_view *v, struct spawner_memory *m)
{
    bool named = *v->deployment_name != '\0' || *v->cron_job_name != '\0';
    bool had = named || m->pod.bus_mark[0] != '\0' ||
               standing(r, KIND_DEPLOYMENT) != NULL || standing(r, KIND_CRON_JOB) != NULL;

    if (had && !spawner_pod_took(r, POD_REVOKED))
        source_keys_revoke(r->shard, r->meta.uid);
    if (drop_kind(r, KIND_DEPLOYMENT, POD_DROPPED_DEPLOYMENT) ||
        drop_kind(r, KIND_CRON_JOB, POD_DROPPED_CRON_JOB))
        return;
    if (had && !spawner_pod_took(r, POD_DROPPED_BUS)) {
        spawner_pod_drop_bus(r);
        return;
    }
    m->pod = (struct pod_memory){.secret = ""};
    spawner_run_finalize(r);
}

/* Whether the name can be that of what runs the source. */
static bool
name_fits(struct spawner_run *r, const struct spawner_view *v)
{
    char why[200];

    if (workload_kind(v) != KIND_CRON_JOB ||
        strlen(r->meta.name) <= WORKLOAD_CRON_NAME_MAX)
        return true;
    snprintf(
        why, sizeof why,
        "the name has %zu characters: a CronJob's has at most %d, so a schedule with "
        "a Pod of its own needs a shorter one",
        strlen(r->meta.name), WORKLOAD_CRON_NAME_MAX);
    spawner_pod_refuse(r, why);
    return false;
}

static void
next_step(struct spawner_run *r, const struct spawner_view *v, struct spawner_memory *m)
{
    const struct workspace_view *w =
        store_workspace(r->shard->store, &r->meta, v->workspace);
    const char *secret = w != NULL ? w->secret : NULL;
    unsigned other = workload_kind(v) == KIND_CRON_JOB ? KIND_DEPLOYMENT : KIND_CRON_JOB;

    if (secret != NULL &&
        (strcmp(m->pod.secret, secret) != 0 || stale(m->pod.secret_ms)) &&
        !spawner_pod_took(r, POD_READ_APP)) {
        read_app(r, m, secret);
        return;
    }
    if (stale(m->pod.bus_ms) && !spawner_pod_took(r, POD_READ_BUS)) {
        spawner_pod_read_bus(r);
        return;
    }
    if (drop_kind(r, other, POD_DROPPED_OTHER))
        return;
    if (r->pod_want == NULL)
        make_wanted(r, v, m);
    if (!as_left(r, m) && !spawner_pod_took(r, POD_LOOKED)) {
        look(r);
        return;
    }
    if (m->pod.uid[0] != '\0')
        r->pod_kind = r->pod_kind_wanted;
    /* Secrets are not watched. */
    shard_add_at(r->shard, r->key, clock_wall_ms() + SECRET_AGE_MS);
    spawner_run_finalize(r);
}

void
spawner_run_pod(struct spawner_run *r)
{
    const struct spawner_view *v = spawner_run_view(r);
    struct spawner_memory *m = spawner_run_memory(r);

    if (v == NULL || m == NULL)
        spawner_run_end(r);
    else if (!r->pod && r->config_error[0] == '\0')
        leave(r, v, m);
    else if (!r->pod || r->config_error[0] != '\0' || r->workspace_missing)
        spawner_run_finalize(r);
    else if (name_fits(r, v))
        next_step(r, v, m);
}
