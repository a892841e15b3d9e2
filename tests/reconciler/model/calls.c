/* calls.c - the reconciler's calls of the API: they wait until the model carries them out and
 * answers, each at a moment of its own. The linker takes this instead of the real client (--wrap). */
#include "tests/reconciler/model/model.h"

struct kube_call *__wrap_kube_call(struct kube *k, const struct kube_request *r,
                                   kube_done_fn *done, void *arg, struct err *e);
void __wrap_kube_cancel(struct kube_call *c);
bool __wrap_kube_full(const struct kube *k);

/* So few, that it happens. */
enum { CALLS_FULL = 10 };

bool
__wrap_kube_full(const struct kube *k UNUSED)
{
    return model.calls != NULL && zlistx_size(model.calls) >= CALLS_FULL;
}

struct kube_call *
__wrap_kube_call(struct kube *k, const struct kube_request *r, kube_done_fn *done,
                 void *arg, struct err *e)
{
    struct call *c = calloc(1, sizeof *c);

    (void)k, (void)e;
    if (c == NULL)
        abort();
    *c = (struct call){.verb = r->verb, .res = r->res, .done = done, .arg = arg};
    snprintf(c->name, sizeof c->name, "%s", r->name != NULL ? r->name : "");
    snprintf(c->uid, sizeof c->uid, "%s", r->uid != NULL ? r->uid : "");
    c->body = r->body != NULL ? json_deep_copy(r->body) : NULL;
    check_call(c);
    zlistx_add_end(model.calls, c);
    return (struct kube_call *)c;
}

void
__wrap_kube_cancel(struct kube_call *call)
{
    struct call *c = (struct call *)call;

    c->done = NULL;
}

static int
kind_of(const struct kube_resource *res)
{
    for (unsigned k = 0; k < N_KINDS; k++)
        if (strcmp(object_kind_plural((enum object_kind)k), res->plural) == 0)
            return (int)k;
    return -1;
}

static void
refuse(struct call *c, enum err_code code, const char *text)
{
    err_set(&c->result.err, code, "%s", text);
}

static void
succeed(struct call *c, json_t *doc)
{
    c->answer = json_deep_copy(doc);
    c->result.body = c->answer;
    snprintf(c->result.version, sizeof c->result.version, "%s",
             doc_text(doc, "metadata.resourceVersion"));
    snprintf(c->result.uid, sizeof c->result.uid, "%s", doc_text(doc, "metadata.uid"));
}

static void
execute_create(struct call *c, unsigned kind)
{
    if (api_get(kind, c->name) != NULL) {
        refuse(c, ERR_EXISTS, "already exists");
        return;
    }
    json_t *doc = json_object();
    json_object_set(doc, "metadata", json_object_get(c->body, "metadata"));
    json_object_set_new(doc, "status", json_object());
    if (kind == KIND_TASK) {
        json_object_set(doc, "spec", json_object_get(c->body, "spec"));
        check_spawned(c->body);
    }
    api_put(kind, c->name, doc);
    if (kind == KIND_JOB)
        check_job_created(doc);
    succeed(c, doc);
}

static void
execute_patch(struct call *c, unsigned kind)
{
    json_t *old = api_get(kind, c->name);
    const char *uid = doc_text(c->body, "metadata.uid");
    const char *version = doc_text(c->body, "metadata.resourceVersion");

    if (old == NULL) {
        refuse(c, ERR_NOT_FOUND, "not found");
        return;
    }
    if (strcmp(uid, doc_text(old, "metadata.uid")) != 0 ||
        (*version != '\0' &&
         strcmp(version, doc_text(old, "metadata.resourceVersion")) != 0)) {
        refuse(c, ERR_CONFLICT, "the object has been modified");
        return;
    }
    json_t *doc = json_merge(old, c->body);
    bool leaves = *doc_text(doc, "metadata.deletionTimestamp") != '\0' &&
                  json_array_size(json_at(doc, "metadata.finalizers")) == 0;
    api_put(kind, c->name, doc);
    succeed(c, doc);
    if (leaves)
        api_remove(kind, c->name);
}

static void
execute_delete(struct call *c, unsigned kind)
{
    const json_t *old = api_get(kind, c->name);

    if (old == NULL)
        refuse(c, ERR_NOT_FOUND, "not found");
    else if (*c->uid != '\0' && strcmp(c->uid, doc_text(old, "metadata.uid")) != 0)
        refuse(c, ERR_CONFLICT, "another uid");
    else {
        SCOPED(json)
        json_t *done = json_pack("{s:s,s:s}", "kind", "Status", "status", "Success");
        api_delete(kind, c->name);
        if (api_get(kind, c->name) == NULL)
            succeed(c, done);
    }
}

/* The spawned Tasks there are: the only list that the reconciler asks for. */
static void
execute_list(struct call *c, unsigned kind)
{
    json_t *items = json_array();
    char prefix[16];

    snprintf(prefix, sizeof prefix, "%u/", kind);
    for (json_t *d = zhashx_first(model.objects); d != NULL;
         d = zhashx_next(model.objects))
        if (strncmp(zhashx_cursor(model.objects), prefix, strlen(prefix)) == 0 &&
            json_object_get(json_at(d, "metadata.labels"), "kelos.dev/taskspawner") !=
                NULL)
            json_array_append(items, d);
    SCOPED(json) json_t *list = json_pack("{s:{},s:o}", "metadata", "items", items);
    succeed(c, list);
}

void
call_execute(struct call *c)
{
    int kind = kind_of(c->res);

    if (c->executed)
        return;
    c->executed = true;
    if (!model.quiet && chance(3)) { /* lost on its way there */
        refuse(c, ERR_UNAVAILABLE, "connection refused");
        return;
    }
    if (kind < 0)
        return; /* ConfigMaps and the like: always well */
    if (c->verb == KUBE_CREATE)
        execute_create(c, (unsigned)kind);
    else if (c->verb == KUBE_PATCH_MERGE)
        execute_patch(c, (unsigned)kind);
    else if (c->verb == KUBE_DELETE)
        execute_delete(c, (unsigned)kind);
    else if (c->verb == KUBE_LIST)
        execute_list(c, (unsigned)kind);
    else if (api_get((unsigned)kind, c->name) != NULL)
        succeed(c, api_get((unsigned)kind, c->name));
    else
        refuse(c, ERR_NOT_FOUND, "not found");
    /* Lost on its way back; of a spawned Task the client repeats until it knows. */
    bool spawned = kind == KIND_TASK && c->verb == KUBE_CREATE;
    if (!model.quiet && !spawned && c->result.err.code == ERR_NONE && chance(2))
        refuse(c, ERR_UNKNOWN, "connection reset");
}

void
call_answer(struct call *c)
{
    int kind = kind_of(c->res);

    if (kind == KIND_TASK && c->verb == KUBE_PATCH_MERGE &&
        c->result.err.code == ERR_NONE && c->done != NULL)
        check_wrote(c->name, c->result.uid, c->result.version);
    if (c->done != NULL)
        c->done(c->arg, &c->result);
    json_decref(c->answer);
    json_decref(c->body);
    free(c);
}
