/* spawnerrun.c - one run of a TaskSpawner's key: its source, its plan, its status. */
#include "reconciler/plan/spawnerrun.h"

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/finalizer.h"
#include "reconciler/isolate/workload.h"
#include "reconciler/live.h"
#include "reconciler/plan/sourcekeys.h"
#include "reconciler/plan/sources.h"
#include "reconciler/plan/spawnercycle.h"
#include "reconciler/plan/spawnersource.h"
#include "reconciler/writes.h"

static void
run_free(struct spawner_run *r)
{
    if (r->planned)
        plan_free(&r->plan);
    json_decref(r->pod_want);
    pool_free(&r->arena);
    free(r);
}

void
spawner_run_end(struct spawner_run *r)
{
    shard_done(r->shard, r->key);
    run_free(r);
}

void
spawner_run_fail(struct spawner_run *r, const struct err *e)
{
    const struct cycle_of c = spawner_run_cycle(r);

    if (c.memory != NULL)
        cycle_end(&c, r->planned ? r->cycle : c.memory->cycle.serial, false);
    shard_failed(r->shard, r->key, e);
    run_free(r);
}

struct spawner_memory *
spawner_run_memory(struct spawner_run *r)
{
    return spawner_memory_find(r->shard, r->key);
}

struct cycle_of
spawner_run_cycle(struct spawner_run *r)
{
    return (struct cycle_of){r->shard, spawner_run_memory(r), r->meta.ns, r->meta.name};
}

const struct spawner_view *
spawner_run_view(struct spawner_run *r)
{
    const struct view *v = store_get(r->shard->store, KIND_TASK_SPAWNER, r->meta.profile,
                                     r->meta.ns, r->meta.name);

    return v != NULL && strcmp(v->meta.uid, r->meta.uid) == 0
               ? (const struct spawner_view *)v
               : NULL;
}

void
spawner_run_wrote(struct spawner_run *r, const char *version)
{
    struct spawner_memory *m = spawner_run_memory(r);

    if (m == NULL)
        return;
    m->conflicts = 0;
    echo_wrote(&m->echo, version);
}

void
spawner_run_plan(struct spawner_run *r)
{
    const struct spawner_view *v = spawner_run_view(r);

    if (v == NULL || spawner_run_memory(r) == NULL) {
        spawner_run_end(r);
        return;
    }
    if (r->config_error[0] != '\0') {
        const struct cycle_of c = spawner_run_cycle(r);
        cycle_unbuilt(&c, v, r->config_error);
    }
    if (spawner_run_doubts(r, v)) {
        spawner_run_count(r);
        return;
    }
    spawner_run_make_plan(r, v);
    spawner_run_step(r);
}

/* ---- the TaskSpawner as the server has it ---- */

static void
on_live(void *arg, const char *version, const struct err *e)
{
    struct spawner_run *r = arg;
    struct spawner_memory *m = spawner_run_memory(r);

    if (e != NULL && e->code != ERR_NOT_FOUND) {
        spawner_run_fail(r, e);
        return;
    }
    if (m != NULL && e == NULL) {
        echo_forget(&m->echo); /* the server has the last word */
        echo_wrote(&m->echo, version);
        if (!r->conflict)
            objects_unseen(r->shard, KIND_TASK_SPAWNER, &r->meta, version);
    } else if (m != NULL) { /* gone, or another one: the watch is going to say so */
        m->echo.until_ms = clock_mono_ms() + ECHO_MS;
    }
    spawner_run_end(r);
}

/* Somebody else was faster: the key comes again with what the server has then. */
static void
conflict(struct spawner_run *r, const struct err *why)
{
    struct spawner_memory *m = spawner_run_memory(r);

    if (m != NULL && ++m->conflicts > CONFLICTS_MAX) {
        m->conflicts = 0;
        spawner_run_fail(r, why);
        return;
    }
    if (m != NULL) {
        m->look = true;
        live_look_later(r->shard, r->key);
    }
    spawner_run_end(r);
}

/* ---- finalizer ---- */

static void
on_patched(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    SHARD_BUSY(r->shard, r->key);

    if (res->err.code == ERR_NOT_FOUND || res->err.code == ERR_GONE) {
        spawner_run_end(r);
        return;
    }
    if (res->err.code == ERR_CONFLICT) {
        conflict(r, &res->err);
        return;
    }
    if (res->err.code != ERR_NONE) {
        spawner_run_fail(r, &res->err);
        return;
    }
    r->meta.version = pool_str(&r->arena, res->version);
    spawner_run_wrote(r, res->version);
    if (r->meta.deleted_ms != 0)
        spawner_run_end(r);
    else
        spawner_run_plan(r);
}

static void
patch_finalizers(struct spawner_run *r, bool with)
{
    struct err e = ERR_INIT;

    if (finalizer_patch(r->shard, KIND_TASK_SPAWNER, &r->meta,
                        profile_of(r->meta.profile)->spawner_finalizer, with, on_patched,
                        r, &e) < 0)
        spawner_run_fail(r, &e);
}

void
spawner_run_finalize(struct spawner_run *r)
{
    if (!meta_has_finalizer(&r->meta, profile_of(r->meta.profile)->spawner_finalizer))
        patch_finalizers(r, true);
    else
        spawner_run_plan(r);
}

/* ---- the run ---- */

static void
tell_workspace(struct spawner_run *r, const struct spawner_view *v)
{
    struct spawner_memory *m = spawner_run_memory(r);
    char text[320];

    if (!r->workspace_missing) {
        m->workspace_told = false;
        return;
    }
    if (m->workspace_told)
        return;
    m->workspace_told = true;
    snprintf(text, sizeof text, "Workspace %s not found, requeuing", v->workspace);
    writes_event(r->shard->writes, KIND_TASK_SPAWNER, &r->meta, false,
                 "WorkspaceNotFound", text);
}

static struct spawner_run *
run_new(struct shard *s, const char *key, const struct spawner_view *v)
{
    struct spawner_run *r = calloc(1, sizeof *r);

    if (r == NULL)
        abort();
    r->shard = s;
    snprintf(r->key, sizeof r->key, "%s", key);
    meta_copy(&r->meta, &v->view.meta, &r->arena);
    return r;
}

/* After a conflict, or when our last write was not seen for too long. */
static void
reread(struct shard *s, const char *key, const struct spawner_view *v, bool conflict)
{
    struct spawner_run *r = run_new(s, key, v);
    struct err e = ERR_INIT;

    r->conflict = conflict;
    if (!conflict)
        log_info(key,
                 "the watch has not shown our last write for %d s: asking the server",
                 ECHO_MS / 1000);
    if (live_read(s, KIND_TASK_SPAWNER, &r->meta, r->key, on_live, r, &e) < 0)
        spawner_run_fail(r, &e);
}

static void
start(struct shard *s, const char *key, const struct spawner_view *v)
{
    const char *finalizer = profile_of(v->view.meta.profile)->spawner_finalizer;
    struct spawner_run *r = run_new(s, key, v);

    if (r->meta.deleted_ms != 0) {
        sources_drop(s->sources, key);
        source_keys_revoke(s, r->meta.uid);
        if (meta_has_finalizer(&r->meta, finalizer))
            patch_finalizers(r, false);
        else
            spawner_run_end(r);
        return;
    }
    account_ensure(s, key, r->meta.profile, r->meta.ns);
    struct source_ask ask = {
        .shard = s, .key = r->key, .ns = r->meta.ns, .memory = spawner_run_memory(r)};
    r->pod_kind = N_KINDS;
    r->pod = workload_wanted(v, &s->isolation, ask.config_error, sizeof ask.config_error);
    ask.pod = r->pod;
    if (ask.config_error[0] == '\0') {
        spawner_source(&ask, v);
    } else {
        sources_drop(s->sources, key);
        ask.memory->resolved = true;
    }
    r->workspace_missing = ask.workspace_missing;
    memcpy(r->config_error, ask.config_error, sizeof r->config_error);
    tell_workspace(r, v);
    sources_resolved(s->sources);
    spawner_run_pod(r);
}

void
spawner_run(struct shard *s, const char *key, unsigned profile, const char *ns,
            const char *name)
{
    const struct spawner_view *v = (const struct spawner_view *)store_get(
        s->store, KIND_TASK_SPAWNER, profile, ns, name);

    if (v == NULL) {
        const struct spawner_memory *gone = spawner_memory_find(s, key);

        sources_drop(s->sources, key);
        if (gone != NULL)
            source_keys_revoke(s, gone->uid);
        zhashx_delete(s->spawners, key);
        queue_forget(s->queue, key);
        return;
    }
    struct spawner_memory *m = spawner_memory_of(s, key, v);
    if (m->look) {
        m->look = false;
        reread(s, key, v, true);
    } else if (echo_seen(&m->echo, v->view.meta.version)) {
        start(s, key, v);
    } else if (clock_mono_ms() >= m->echo.until_ms) {
        reread(s, key, v, false);
    } else {
        queue_add_at(s->queue, key, m->echo.until_ms);
        shard_done(s, key);
    }
}
