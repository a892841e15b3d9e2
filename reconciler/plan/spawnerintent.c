/* spawnerintent.c - says on a TaskSpawner which Tasks come next, before they do (intent.h). */
#include "common/clock.h"
#include "reconciler/plan/spawnerrun.h"

static struct intent
next_creates(const struct spawner_run *r)
{
    const struct plan_create *c = &r->plan.creates[r->next_create];
    struct intent x = {.first = c->ordinal, .made_ms = clock_wall_ms() / 1000 * 1000};

    for (size_t i = r->next_create; i < r->plan.n_creates && x.n < INTENT_MAX; i++)
        memcpy(x.names[x.n++], r->plan.creates[i].name, ITEM_NAME_SIZE);
    return x;
}

static void
on_intended(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    struct spawner_memory *m = spawner_run_memory(r);
    SHARD_BUSY(r->shard, r->key);

    if (m == NULL || res->err.code == ERR_NOT_FOUND || res->err.code == ERR_GONE) {
        spawner_run_end(r);
    } else if (res->err.code == ERR_CONFLICT) {
        spawner_run_count(r); /* somebody has written: the intent, perhaps */
    } else if (res->err.code != ERR_NONE) {
        spawner_run_fail(r, &res->err);
    } else {
        *m->intent = r->intended;
        r->meta.version = pool_str(&r->arena, res->version);
        spawner_run_wrote(r, res->version);
        spawner_run_step(r);
    }
}

/* Bound to the version that was read: what a process before this one still has under way
 * cannot take its place afterwards. */
void
spawner_run_intend(struct spawner_run *r)
{
    char text[INTENT_TEXT_SIZE];
    struct err e = ERR_INIT;

    r->intended = next_creates(r);
    intent_format(&r->intended, text);
    SCOPED(json)
    json_t *body = json_pack("{s:{s:s,s:s,s:{s:s}}}", "metadata", "uid", r->meta.uid,
                             "resourceVersion", r->meta.version, "annotations",
                             profile_of(r->meta.profile)->note_creating, text);
    const struct kube_request q = {.verb = KUBE_PATCH_MERGE,
                                   .res =
                                       shard_resource(KIND_TASK_SPAWNER, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = r->meta.name,
                                   .body = body};
    if (kube_call(r->shard->kube, &q, on_intended, r, &e) == NULL)
        spawner_run_fail(r, &e);
}
