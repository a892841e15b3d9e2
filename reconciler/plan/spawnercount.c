/* spawnercount.c - Tasks of a TaskSpawner that stand in no view yet: those that this process
 * has created, and those that the one before it has. */
#include "reconciler/plan/spawnerrun.h"

#include "common/clock.h"

/* How long a Task may stay unseen until the server is asked whether it is there. It counts all
 * the while: forgotten too early it would let one more than the limits allow be created. */
#define EXPECT_MS 5000

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
    x->asked = m->counts;
    zhashx_delete(m->expected, name);
    zhashx_insert(m->expected, name, x);
    queue_add_at(r->shard->queue, r->key, x->until_ms);
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
        const char *uid = json_str_or(item, "metadata.uid", "");
        const char *ordinal = json_string_value(
            json_object_get(json_at(item, "metadata.annotations"), p->note_ordinal));
        const struct view *seen =
            store_get(r->shard->store, KIND_TASK, r->meta.profile, r->meta.ns, name);

        if (seen == NULL || strcmp(seen->meta.uid, uid) != 0)
            spawner_run_expect(r, name, uid,
                               ordinal != NULL ? strtoll(ordinal, NULL, 10) : 0);
    }
}

/* What was expected and is not on the whole list came and went unseen. */
static void
forget_gone(struct spawner_memory *m)
{
    zlistx_t *names = zhashx_keys(m->expected);

    for (char *name = zlistx_first(names); name != NULL; name = zlistx_next(names)) {
        const struct expected *x = zhashx_lookup(m->expected, name);
        if (x->asked == m->counts)
            continue;
        spawner_memory_gone(m, name, 0);
        zhashx_delete(m->expected, name);
    }
    zlistx_destroy(&names);
}

static int64_t
known_total(const struct spawner_memory *m, const struct spawner_view *v)
{
    return v->total_created > m->total ? v->total_created : m->total;
}

/* All that was answered is known: the create that is next by the intent may be under way. */
static void
doubt_next(struct spawner_run *r, const struct spawner_view *v)
{
    struct spawner_memory *m = spawner_run_memory(r);
    int64_t next = known_total(m, v) + 1;

    m->unsettled = 0;
    if (clock_mono_ms() >= m->settled_ms || intent_name(m->intent, next) == NULL)
        return;
    m->unsettled = next;
    queue_add_at(r->shard->queue, r->key, m->settled_ms);
}

bool
spawner_run_doubts(struct spawner_run *r, const struct spawner_view *v)
{
    struct spawner_memory *m = spawner_run_memory(r);
    int64_t now = clock_mono_ms();

    if (m->unsettled != 0 && known_total(m, v) >= m->unsettled)
        m->unsettled = 0;
    if (m->unsettled != 0 && now >= m->settled_ms)
        return true;
    for (const struct expected *x = zhashx_first(m->expected); x != NULL;
         x = zhashx_next(m->expected))
        if (now >= x->until_ms)
            return true;
    return false;
}

/* ---- the list ---- */

static void ask_list(struct spawner_run *r, const char *next);

static void
on_listed(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    struct spawner_memory *m = spawner_run_memory(r);
    const struct spawner_view *v = spawner_run_view(r);
    SHARD_BUSY(r->shard, r->key);

    if (m == NULL || v == NULL) {
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
        ask_list(r, next);
        return;
    }
    forget_gone(m);
    doubt_next(r, v);
    m->counted = true;
    spawner_run_plan(r);
}

static void
ask_list(struct spawner_run *r, const char *next)
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
    if (kube_call(r->shard->kube, &q, on_listed, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

/* ---- the TaskSpawner ---- */

/* A clock that was set back makes nothing settle later than it would by ours. */
static void
read_intent(struct spawner_run *r, const json_t *spawner)
{
    struct spawner_memory *m = spawner_run_memory(r);
    const char *text =
        json_string_value(json_object_get(json_at(spawner, "metadata.annotations"),
                                          profile_of(r->meta.profile)->note_creating));
    int64_t total = json_int_or(spawner, "status.totalTasksCreated", 0);

    if (m->intent == NULL && (m->intent = malloc(sizeof *m->intent)) == NULL)
        abort();
    intent_parse(text != NULL ? text : "", m->intent);
    int64_t age = clock_wall_ms() - m->intent->made_ms;
    m->settled_ms = clock_mono_ms() + INTENT_SETTLED_MS - (age > 0 ? age : 0);
    if (total > m->total)
        m->total = total;
}

static void
on_read(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    SHARD_BUSY(r->shard, r->key);

    if (spawner_run_memory(r) == NULL || res->err.code == ERR_NOT_FOUND ||
        (res->err.code == ERR_NONE && strcmp(res->uid, r->meta.uid) != 0)) {
        spawner_run_end(r);
        return;
    }
    if (res->err.code != ERR_NONE) {
        spawner_run_fail(r, &res->err);
        return;
    }
    read_intent(r, res->body);
    r->meta.version = pool_str(&r->arena, res->version);
    ask_list(r, "");
}

/* First the TaskSpawner, then the list: what was said to come before the process before this
 * one ended stands on the one, and what had come by then is on the other. */
void
spawner_run_count(struct spawner_run *r)
{
    struct spawner_memory *m = spawner_run_memory(r);
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res =
                                       shard_resource(KIND_TASK_SPAWNER, r->meta.profile),
                                   .ns = r->meta.ns,
                                   .name = r->meta.name};
    struct err e = ERR_INIT;

    m->counts++;
    if (kube_call(r->shard->kube, &q, on_read, r, &e) == NULL)
        spawner_run_fail(r, &e);
}
