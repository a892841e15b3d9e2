/* spawnercount.c - Tasks of a TaskSpawner that stand in no view yet: those that this process
 * has created, and those that the one before it has. */
#include "reconciler/plan/spawnerrun.h"

#include "common/clock.h"

/* How long a Task that we created counts without being seen: forgotten too early it would let
 * one more than the limits allow be created. */
#define EXPECT_MS 300000

void
spawner_run_expect(struct spawner_run *r, const char *name, const char *uid,
                   int64_t ordinal)
{
    struct spawner_memory *m = spawner_run_memory(r);
    struct expected *x = calloc(1, sizeof *x);

    if (x == NULL)
        abort();
    snprintf(x->uid, sizeof x->uid, "%s", uid);
    x->ordinal = ordinal;
    x->until_ms = clock_mono_ms() + EXPECT_MS;
    zhashx_delete(m->expected, name);
    zhashx_insert(m->expected, name, x);
    if (ordinal > m->total)
        m->total = ordinal;
}

/* Tasks that the server knows and the view does not show yet. */
static void
expect_unseen(struct spawner_run *r, const json_t *list)
{
    const struct profile *p = profile_of(r->meta.profile);
    size_t i;
    json_t *item;

    json_array_foreach((json_t *)list, i, item)
    {
        const char *name = json_str_or(item, "metadata.name", "");
        const char *ordinal = json_string_value(
            json_object_get(json_at(item, "metadata.annotations"), p->note_ordinal));

        if (store_get(r->shard->store, KIND_TASK, r->meta.profile, r->meta.ns, name) ==
            NULL)
            spawner_run_expect(r, name, json_str_or(item, "metadata.uid", ""),
                               ordinal != NULL ? strtoll(ordinal, NULL, 10) : 0);
    }
}

static void ask_count(struct spawner_run *r, const char *next);

static void
on_counted(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    struct spawner_memory *m = spawner_run_memory(r);

    if (m == NULL) {
        spawner_run_end(r);
        return;
    }
    if (res->err.code != ERR_NONE) {
        spawner_run_fail(r, &res->err);
        return;
    }
    expect_unseen(r, json_at(res->body, "items"));
    const char *next = json_str_or(res->body, "metadata.continue", "");
    if (*next != '\0') {
        ask_count(r, next);
        return;
    }
    m->counted = true;
    spawner_run_plan(r);
}

/* The view may be older than what the process before this one has created: limits hold only
 * when the server itself is asked once before the first Task is. */
static void
ask_count(struct spawner_run *r, const char *next)
{
    char selector[400];
    const struct kube_param params[] = {{"labelSelector", selector},
                                        {"limit", "250"},
                                        {*next != '\0' ? "continue" : NULL, next},
                                        {NULL, NULL}};
    const struct kube_request q = {
        .verb = KUBE_LIST,
        .res = shard_resource(KIND_TASK, r->meta.profile),
        .ns = r->meta.ns,
        .params = params,
        .accept =
            "application/"
            "json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"};
    struct err e = ERR_INIT;

    snprintf(selector, sizeof selector, "%s=%s",
             profile_of(r->meta.profile)->label_spawner, r->meta.name);
    if (kube_call(r->shard->kube, &q, on_counted, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

void
spawner_run_count(struct spawner_run *r)
{
    ask_count(r, "");
}
