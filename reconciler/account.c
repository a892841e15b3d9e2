/* account.c - the ServiceAccount and RoleBinding that spawners of a namespace run as. */
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "reconciler/shard.h"

/* How long two that stand are believed to stand. */
#define BELIEVED_MS 600000
#define RETRY_MS 5000

/* One namespace: its state, and the key that is told. */
struct account {
    struct shard *shard;
    char key[SHARD_KEY_MAX];
    unsigned profile;
    char ns[64];
    enum { ACCOUNT_NEW, ACCOUNT_BUSY, ACCOUNT_STANDS } state;
    int64_t until_ms; /* monotonic */
};

static json_t *
account_object(const struct account *a, const struct profile *p)
{
    return json_pack("{s:s,s:s,s:{s:s,s:s,s:{s:s,s:s}}}", "apiVersion", "v1", "kind",
                     "ServiceAccount", "metadata", "name", p->spawner_account,
                     "namespace", a->ns, "labels", "app.kubernetes.io/name",
                     p->label_name, "app.kubernetes.io/managed-by", p->managed_by);
}

static json_t *
binding_object(const struct account *a, const struct profile *p)
{
    return json_pack(
        "{s:s,s:s,s:{s:s,s:s,s:{s:s,s:s}},s:{s:s,s:s,s:s},s:[{s:s,s:s,s:s}]}",
        "apiVersion", "rbac.authorization.k8s.io/v1", "kind", "RoleBinding", "metadata",
        "name", p->spawner_account, "namespace", a->ns, "labels",
        "app.kubernetes.io/name", p->label_name, "app.kubernetes.io/managed-by",
        p->managed_by, "roleRef", "apiGroup", "rbac.authorization.k8s.io", "kind",
        "ClusterRole", "name", p->spawner_role, "subjects", "kind", "ServiceAccount",
        "name", p->spawner_account, "namespace", a->ns);
}

static int
create(struct account *a, json_t *object, kube_done_fn *done, struct err *e)
{
    SCOPED(json) json_t *body = object;
    const struct kube_request q = {.verb = KUBE_CREATE,
                                   .res = kube_res_of(json_str_or(body, "apiVersion", ""),
                                                      json_str_or(body, "kind", "")),
                                   .ns = a->ns,
                                   .name = json_str_or(body, "metadata.name", ""),
                                   .body = body,
                                   .repeat = KUBE_REPEAT_NAMED};

    return kube_call(a->shard->kube, &q, done, a, e) != NULL ? 0 : -1;
}

/* Both are made before a spawner needs them, but nothing of ours waits for them. */
static void
settle(struct account *a, const struct err *e)
{
    bool good = e->code == ERR_NONE || e->code == ERR_EXISTS;

    a->state = good ? ACCOUNT_STANDS : ACCOUNT_NEW;
    a->until_ms = clock_mono_ms() + (good ? BELIEVED_MS : RETRY_MS);
    if (!good)
        log_warn(a->ns, "ServiceAccount and RoleBinding of spawners: %s", e->text);
    shard_add(a->shard, a->key);
}

static void
on_binding(void *arg, const struct kube_result *r)
{
    settle(arg, &r->err);
}

static void
on_account(void *arg, const struct kube_result *r)
{
    struct account *a = arg;
    struct err e = r->err;

    if (e.code != ERR_NONE && e.code != ERR_EXISTS) {
        settle(a, &e);
        return;
    }
    e = (struct err)ERR_INIT;
    if (create(a, binding_object(a, profile_of(a->profile)), on_binding, &e) < 0)
        settle(a, &e);
}

bool
account_ensure(struct shard *s, const char *key, unsigned profile, const char *ns)
{
    char slot[80];
    struct err e = ERR_INIT;

    snprintf(slot, sizeof slot, "%u/%s", profile, ns);
    struct account *a = zhashx_lookup(s->accounts, slot);
    if (a == NULL) {
        if ((a = calloc(1, sizeof *a)) == NULL)
            abort();
        a->shard = s;
        a->profile = profile;
        snprintf(a->ns, sizeof a->ns, "%s", ns);
        zhashx_insert(s->accounts, slot, a);
    }
    if (a->state == ACCOUNT_BUSY)
        return false;
    if (clock_mono_ms() < a->until_ms)
        return a->state == ACCOUNT_STANDS;
    snprintf(a->key, sizeof a->key, "%s", key);
    a->state = ACCOUNT_BUSY;
    if (create(a, account_object(a, profile_of(profile)), on_account, &e) < 0)
        settle(a, &e);
    return a->state == ACCOUNT_STANDS;
}
