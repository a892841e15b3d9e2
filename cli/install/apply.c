/* apply.c - see apply.h. */
#include "cli/install/apply.h"

#include <stdio.h>
#include <string.h>

#include "cli/follow.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/value/duration.h"

/* An object of the bundle, with where it stands in the API. */
struct target {
    const struct kube_resource *res;
    const char *ns, *name; /* borrowed; ns NULL when cluster-scoped */
};

int
install_timeout(const struct args *a, int64_t *ms, struct err *e)
{
    const char *text = args_string(a, "timeout");
    int64_t ns;

    *ms = 300000;
    if (!args_given(a, "timeout"))
        return 0;
    if (duration_parse(text, &ns) < 0 || ns <= 0)
        return err_set(e, ERR_INVALID, "--timeout \"%s\": expected e.g. 90s or 10m",
                       text);
    *ms = ns / 1000000;
    return 0;
}

static int
target_of(const json_t *object, struct target *t, struct err *e)
{
    const char *version = json_str_or(object, "apiVersion", "");
    const char *kind = json_str_or(object, "kind", "");

    t->res = kube_res_of(version, kind);
    if (t->res == NULL)
        return err_set(e, ERR_INVALID,
                       "the installed manifests hold a %s of %s, which is "
                       "no kind that this program knows",
                       kind, version);
    t->ns = t->res->namespaced ? json_str_or(object, "metadata.namespace", "") : NULL;
    t->name = json_str_or(object, "metadata.name", "");
    return 0;
}

static int64_t
left(int64_t deadline_ms)
{
    int64_t now = clock_mono_ms();

    return deadline_ms > now ? deadline_ms - now : 0;
}

/* Follows one object; an object that is not there (any more) is no error. Returns what follow()
 * does. */
static int
watch_one(struct cli *c, const struct target *t, int64_t deadline_ms, follow_fn *fn,
          void *arg, struct err *e)
{
    struct err why = ERR_INIT;
    int rc = follow(c, t->res, t->ns, t->name, NULL, left(deadline_ms), fn, arg, &why);

    if (rc < 0 && why.code == ERR_NOT_FOUND)
        return 1;
    if (rc < 0)
        *e = why;
    return rc;
}

/* ---- apply ---- */

static int
on_leaving(void *arg UNUSED, const json_t *object, bool gone, struct err *e UNUSED)
{
    return gone || json_at(object, "metadata.deletionTimestamp") == NULL;
}

/* A 404 that is not about the object itself: of its namespace, or of its kind. */
static int
no_place(const struct target *t, const struct kube_status *status, struct err *e)
{
    if (t->ns != NULL && strcmp(status->name, t->ns) == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no namespace %s; make it first",
                       t->ns);
    return err_set(e, ERR_UNAVAILABLE,
                   "the cluster serves no %s%s%s: install what brings it, or leave the "
                   "flag away that asks for it",
                   t->res->plural, t->res->group[0] != '\0' ? "." : "", t->res->group);
}

/* The object before; with *there, its version. One that is being deleted is waited for. */
static int
before(struct cli *c, const struct target *t, int64_t deadline_ms, char *version,
       size_t room, struct err *e)
{
    struct kube_request r = {
        .verb = KUBE_GET, .res = t->res, .ns = t->ns, .name = t->name};
    SCOPED(json) json_t *found = NULL;
    struct kube_status status = {0};
    struct err why = ERR_INIT;

    version[0] = '\0';
    if (cli_call(c, &r, &found, &status, &why) < 0) {
        if (why.code == ERR_NOT_FOUND)
            return 0;
        *e = why;
        return status.reason == KUBE_NO_ROUTE ? no_place(t, &status, e) : -1;
    }
    if (json_at(found, "metadata.deletionTimestamp") == NULL) {
        snprintf(version, room, "%s", json_str_or(found, "metadata.resourceVersion", ""));
        return 0;
    }
    printf("%s/%s is still being deleted; waiting\n", t->res->singular, t->name);
    fflush(stdout);
    int rc = watch_one(c, t, deadline_ms, on_leaving, NULL, e);
    if (rc == 0)
        return err_set(e, ERR_UNAVAILABLE,
                       "%s/%s is still being deleted: what holds it "
                       "is in its finalizers",
                       t->res->singular, t->name);
    return rc < 0 ? -1 : 0;
}

/* What an apply without force is refused for: one line for each field, without the first. */
static void
print_conflicts(const struct target *t, const char *text)
{
    fprintf(stderr, "%s/%s: taken over from another field manager: %s\n",
            t->res->singular, t->name, text);
}

/* First without force, so that what is taken from others can be told; then by force. */
static int
send_apply(struct cli *c, const struct target *t, const json_t *object, json_t **after,
           struct err *e)
{
    struct kube_request r = {.verb = KUBE_APPLY,
                             .res = t->res,
                             .ns = t->ns,
                             .name = t->name,
                             .body = (json_t *)object};
    struct kube_status status = {0};
    struct err why = ERR_INIT;

    if (cli_call(c, &r, after, &status, &why) == 0)
        return 0;
    if (why.code != ERR_CONFLICT) {
        *e = why;
        return status.reason == KUBE_NO_ROUTE ? no_place(t, &status, e) : -1;
    }
    print_conflicts(t, why.text);
    r.force = true;
    return cli_call(c, &r, after, NULL, e);
}

static int
apply_one(struct cli *c, const json_t *object, int64_t deadline_ms, struct err *e)
{
    struct target t;
    char version[129];
    SCOPED(json) json_t *after = NULL;
    const char *verb = "configured";

    if (target_of(object, &t, e) < 0 ||
        before(c, &t, deadline_ms, version, sizeof(version), e) < 0)
        return -1;
    if (send_apply(c, &t, object, &after, e) < 0)
        return err_wrap(e, "%s/%s", t.res->singular, t.name);
    if (version[0] == '\0')
        verb = "created";
    else if (strcmp(version, json_str_or(after, "metadata.resourceVersion", "")) == 0)
        verb = "unchanged";
    printf("%s/%s %s\n", t.res->singular, t.name, verb);
    fflush(stdout);
    return 0;
}

int
install_apply(struct cli *c, const json_t *objects, int64_t deadline_ms, struct err *e)
{
    size_t i;
    json_t *object;

    json_array_foreach((json_t *)objects, i, object)
    {
        if (apply_one(c, object, deadline_ms, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- waits ---- */

/* The status of a condition, "" when it is not there. */
static const char *
condition(const json_t *object, const char *type)
{
    size_t i;
    json_t *row;

    json_array_foreach(json_at(object, "status.conditions"), i, row)
    {
        if (strcmp(json_str_or(row, "type", ""), type) == 0)
            return json_str_or(row, "status", "");
    }
    return "";
}

static int
on_crd(void *arg UNUSED, const json_t *object, bool gone, struct err *e)
{
    if (gone)
        return err_set(e, ERR_NOT_FOUND, "deleted while it was waited for");
    return strcmp(condition(object, "Established"), "True") == 0;
}

int
install_wait_crds(struct cli *c, const json_t *crds, int64_t deadline_ms, struct err *e)
{
    size_t i;
    json_t *crd;

    json_array_foreach((json_t *)crds, i, crd)
    {
        struct target t;
        int rc = target_of(crd, &t, e);

        if (rc == 0)
            rc = watch_one(c, &t, deadline_ms, on_crd, NULL, e);
        if (rc == 0)
            err_set(e, ERR_UNAVAILABLE, "the API server does not serve it yet");
        if (rc <= 0)
            return err_wrap(e, "customresourcedefinition/%s",
                            json_str_or(crd, "metadata.name", ""));
    }
    return 0;
}

struct rollout {
    char said[256];
};

/* What a Deployment waits for, "" when it is rolled out. */
static void
rollout_words(const json_t *o, char *out, size_t room)
{
    int64_t want = json_int_or(o, "spec.replicas", 1);
    int64_t updated = json_int_or(o, "status.updatedReplicas", 0);
    int64_t available = json_int_or(o, "status.availableReplicas", 0);
    int64_t all = json_int_or(o, "status.replicas", 0);

    out[0] = '\0';
    if (json_int_or(o, "status.observedGeneration", 0) <
        json_int_or(o, "metadata.generation", 1))
        snprintf(out, room, "not seen by the cluster yet");
    else if (updated < want)
        snprintf(out, room, "%lld of %lld Pods are new", (long long)updated,
                 (long long)want);
    else if (all > updated)
        snprintf(out, room, "%lld old Pods are ending", (long long)(all - updated));
    else if (available < want)
        snprintf(out, room, "%lld of %lld Pods are ready", (long long)available,
                 (long long)want);
}

static int
on_deployment(void *arg, const json_t *object, bool gone, struct err *e)
{
    struct rollout *r = arg;
    char words[sizeof(r->said)];

    if (gone)
        return err_set(e, ERR_NOT_FOUND, "deleted while it was waited for");
    rollout_words(object, words, sizeof(words));
    if (words[0] == '\0')
        return 1;
    if (strcmp(words, r->said) != 0) {
        printf("deployment/%s: %s\n", json_str_or(object, "metadata.name", ""), words);
        fflush(stdout);
        memcpy(r->said, words, sizeof(words));
    }
    return 0;
}

static int
wait_deployment(struct cli *c, const struct target *t, int64_t deadline_ms, struct err *e)
{
    struct rollout r = {""};
    int rc = watch_one(c, t, deadline_ms, on_deployment, &r, e);

    if (rc > 0)
        printf("deployment/%s is ready\n", t->name);
    if (rc == 0)
        err_set(e, ERR_UNAVAILABLE,
                "deployment/%s is not ready: %s; look at `kubectl "
                "describe pods -n %s`, or use --wait=false",
                t->name, r.said, t->ns);
    return rc > 0 ? 0 : -1;
}

int
install_wait_rollout(struct cli *c, const json_t *objects, int64_t deadline_ms,
                     struct err *e)
{
    size_t i;
    json_t *object;

    json_array_foreach((json_t *)objects, i, object)
    {
        struct target t;

        if (target_of(object, &t, e) < 0 || (t.res == kube_res(KUBE_DEPLOYMENTS) &&
                                             wait_deployment(c, &t, deadline_ms, e) < 0))
            return -1;
    }
    return 0;
}

/* ---- taking away ---- */

/* 1 when it was deleted, 0 when it was not there. */
static int
delete_one(struct cli *c, const struct target *t, struct err *e)
{
    const struct kube_param orphans_too[] = {{"propagationPolicy", "Background"},
                                             {NULL, NULL}};
    struct kube_request r = {.verb = KUBE_DELETE,
                             .res = t->res,
                             .ns = t->ns,
                             .name = t->name,
                             .params = orphans_too};
    struct kube_status status = {0};
    struct err why = ERR_INIT;

    if (cli_call(c, &r, NULL, &status, &why) < 0) {
        if (why.code == ERR_NOT_FOUND || status.reason == KUBE_NO_ROUTE)
            return 0;
        *e = why;
        return err_wrap(e, "%s/%s", t->res->singular, t->name);
    }
    printf("%s/%s deleted\n", t->res->singular, t->name);
    fflush(stdout);
    return 1;
}

int
install_delete(struct cli *c, const json_t *objects, struct err *e)
{
    size_t i;
    json_t *object;

    json_array_foreach((json_t *)objects, i, object)
    {
        struct target t;

        if (target_of(object, &t, e) < 0 || delete_one(c, &t, e) < 0)
            return -1;
    }
    return 0;
}

/* Ours of one kind; *list is NULL where the cluster does not serve the kind. */
static int
list_ours(struct cli *c, const struct kube_resource *res, json_t **list, struct err *e)
{
    struct kube_status status = {0};
    struct err why = ERR_INIT;

    *list = kube_list_wait(c->kube, res, NULL, BUNDLE_LABEL "=" BUNDLE_LABEL_VALUE,
                           c->timeout_ms, &status, &why);
    if (*list != NULL || status.reason == KUBE_NO_ROUTE)
        return 0;
    *e = why;
    return cli_refused(c, "list", res, &status, e);
}

static int
prune_kind(struct cli *c, enum kube_res id, const struct bundle *b, struct err *e)
{
    const struct kube_resource *res = kube_res(id);
    SCOPED(json) json_t *list = NULL;
    size_t i;
    json_t *o;

    if (list_ours(c, res, &list, e) < 0)
        return -1;
    json_array_foreach(json_object_get(list, "items"), i, o)
    {
        const char *ns =
            res->namespaced ? json_str_or(o, "metadata.namespace", "") : NULL;
        struct target t = {res, ns, json_str_or(o, "metadata.name", "")};

        if (json_at(o, "metadata.deletionTimestamp") == NULL &&
            !bundle_has(b, res->kind, ns, t.name) && delete_one(c, &t, e) < 0)
            return -1;
    }
    return 0;
}

int
install_prune(struct cli *c, const struct bundle *b, struct err *e)
{
    static const enum kube_res kinds[] = {
        KUBE_DEPLOYMENTS,
        KUBE_CRON_JOBS,
        KUBE_SERVICES,
        KUBE_POD_MONITORS,
        KUBE_DISRUPTION_BUDGETS,
        KUBE_NETWORK_POLICIES,
        KUBE_ROLE_BINDINGS,
        KUBE_ROLES,
        KUBE_CLUSTER_ROLE_BINDINGS,
        KUBE_CLUSTER_ROLES,
        KUBE_SERVICE_ACCOUNTS,
    };
    const struct target heartbeat = {kube_res(KUBE_CRON_JOBS), "kelos-system",
                                     "kelos-telemetry"};

    if (cli_kube(c, e) == NULL)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (prune_kind(c, kinds[i], b, e) < 0)
            return -1;
    if (bundle_has(b, "CronJob", heartbeat.ns, heartbeat.name))
        return 0;
    return delete_one(c, &heartbeat, e) < 0 ? -1 : 0;
}
