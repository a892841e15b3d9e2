/* view.c - see view.h. The kinds' own fields are read in view_*.c. */
#include "reconciler/view/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/macros.h"
#include "common/data/project.h"
#include "proto/message.h"

static const char *const phases[] = {
    [PHASE_NONE] = "",
    [PHASE_PENDING] = "Pending",
    [PHASE_WAITING] = "Waiting",
    [PHASE_RUNNING] = "Running",
    [PHASE_SUCCEEDED] = "Succeeded",
    [PHASE_FAILED] = "Failed",
};

static void task_release(struct view *v);
static void agentconfig_release(struct view *v);
static void spawner_release(struct view *v);

/* How each kind is read; `release` drops the trees that the arena does not hold. */
static const struct {
    size_t size;
    view_reader *read;
    void (*release)(struct view *v);
} kinds[] = {
    [KIND_TASK] = {sizeof(struct task_view), task_view_read, task_release},
    [KIND_WORKSPACE] = {sizeof(struct workspace_view), workspace_view_read, NULL},
    [KIND_AGENT_CONFIG] = {sizeof(struct agentconfig_view), agentconfig_view_read,
                           agentconfig_release},
    [KIND_TASK_SPAWNER] = {sizeof(struct spawner_view), spawner_view_read,
                           spawner_release},
    [KIND_JOB] = {sizeof(struct job_view), job_view_read, NULL},
    [KIND_POD] = {sizeof(struct pod_view), pod_view_read, NULL},
    [KIND_DEPLOYMENT] = {sizeof(struct workload_view), workload_view_read, NULL},
    [KIND_CRON_JOB] = {sizeof(struct workload_view), workload_view_read, NULL},
    [KIND_SECRET] = {sizeof(struct view), secret_view_read, NULL},
};

static void
task_release(struct view *v)
{
    json_decref(((struct task_view *)v)->pod_overrides);
    json_decref(((struct task_view *)v)->failure_policy);
    json_decref(((struct task_view *)v)->conditions);
}

static void
agentconfig_release(struct view *v)
{
    json_decref(((struct agentconfig_view *)v)->mcp);
}

static void
spawner_release(struct view *v)
{
    json_decref(((struct spawner_view *)v)->when);
    json_decref(((struct spawner_view *)v)->template_);
    json_decref(((struct spawner_view *)v)->credentials);
}

bool
texts_have(const struct texts *t, const char *text)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->at[i], text) == 0)
            return true;
    return false;
}

const char *
phase_name(enum phase p)
{
    return phases[p];
}

int
view_opt(struct view *v, const json_t *object, const char *path, const char **out,
         struct err *e)
{
    const char *text = NULL;

    if (json_opt_str(object, path, &text, e) < 0)
        return -1;
    *out = text != NULL && *text != '\0' ? pool_str(&v->arena, text) : NULL;
    return 0;
}

int
view_texts(struct view *v, const json_t *object, const char *path, bool unique,
           struct texts *out, struct err *e)
{
    json_t *list = NULL;

    if (json_opt_arr(object, path, &list, e) < 0)
        return -1;
    size_t n = json_array_size(list);
    *out = (struct texts){n > 0 ? pool_alloc(&v->arena, n * sizeof *out->at) : NULL, 0};
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL)
            return err_set(e, ERR_INVALID, "%s[%zu]: must be a string", path, i);
        if (!unique || !texts_have(out, text))
            out->at[out->n++] = pool_str(&v->arena, text);
    }
    return 0;
}

int64_t
view_time(const json_t *object, const char *path)
{
    int64_t ms = 0;

    return rfc3339_parse(json_str_or(object, path, NULL), &ms) == 0 ? ms : 0;
}

static void
read_controller(struct view *v, const json_t *object)
{
    const json_t *owners = json_at(object, "metadata.ownerReferences");

    for (size_t i = 0; i < json_array_size(owners); i++) {
        const json_t *owner = json_array_get(owners, i);
        if (json_bool_or(owner, "controller", false))
            v->meta.controller_uid = pool_str(&v->arena, json_str_or(owner, "uid", NULL));
    }
}

static int
read_meta(struct view *v, const json_t *object, struct err *e)
{
    struct meta *m = &v->meta;
    const char *name = NULL;

    if (json_get_str(object, "metadata.name", &name, e) < 0)
        return -1;
    m->name = pool_str(&v->arena, name);
    m->ns = pool_str(&v->arena, json_str_or(object, "metadata.namespace", ""));
    m->uid = pool_str(&v->arena, json_str_or(object, "metadata.uid", ""));
    m->version = pool_str(&v->arena, json_str_or(object, "metadata.resourceVersion", ""));
    m->generation = json_int_or(object, "metadata.generation", 0);
    m->created_ms = view_time(object, "metadata.creationTimestamp");
    m->deleted_ms = view_time(object, "metadata.deletionTimestamp");
    read_controller(v, object);
    return view_texts(v, object, "metadata.finalizers", false, &m->finalizers, e);
}

struct view *
view_new(unsigned kind, unsigned profile, const json_t *object, struct err *e)
{
    if (kind >= ARRAY_LEN(kinds) || kinds[kind].read == NULL ||
        profile_of(profile) == NULL) {
        err_set(e, ERR_INVALID, "kind %u of group %u: is not read here", kind, profile);
        return NULL;
    }
    SCOPED(view) struct view *v = calloc(1, kinds[kind].size);
    if (v == NULL) {
        err_errno(e, "view");
        return NULL;
    }
    v->kind = kind;
    v->meta.profile = profile;
    if (read_meta(v, object, e) < 0 || kinds[kind].read(v, object, e) < 0)
        return NULL;
    return TAKE(v);
}

/* The least that each reader takes; NULL: not a kind of ours. */
static const char *const empty_specs[] = {
    [KIND_TASK] = "{\"prompt\": \"\"}",
    [KIND_WORKSPACE] = "{\"repo\": \"\"}",
    [KIND_AGENT_CONFIG] = "{}",
    [KIND_TASK_SPAWNER] = "{\"when\": {}, \"taskTemplate\": {}}",
};

struct view *
view_wrong(unsigned kind, unsigned profile, const json_t *object, const char *why,
           struct err *e)
{
    SCOPED(json) json_t *instead = json_copy((json_t *)object);

    if (kind >= ARRAY_LEN(empty_specs) || empty_specs[kind] == NULL) {
        err_set(e, ERR_INVALID, "%s", why);
        return NULL;
    }
    json_object_set_new(instead, "spec", json_loads(empty_specs[kind], 0, NULL));
    struct view *v = view_new(kind, profile, instead, e);
    if (v == NULL) { /* the status is what cannot be read */
        json_object_del(instead, "status");
        v = view_new(kind, profile, instead, e);
    }
    if (v != NULL)
        v->wrong = pool_str(&v->arena, why);
    return v;
}

struct view *
view_from_projection(unsigned kind, unsigned profile, const void *bytes, size_t size,
                     struct err *e)
{
    SCOPED(json) json_t *object = project_to_json(bytes, size, e);

    return object != NULL ? view_new(kind, profile, object, e) : NULL;
}

void
view_free(struct view *v)
{
    if (v == NULL)
        return;
    if (kinds[v->kind].release != NULL)
        kinds[v->kind].release(v);
    pool_free(&v->arena);
    free(v);
}

bool
meta_has_finalizer(const struct meta *m, const char *finalizer)
{
    return texts_have(&m->finalizers, finalizer);
}

json_t *
view_condition(const json_t *conditions, const char *type)
{
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        json_t *c = json_array_get(conditions, i);
        if (strcmp(json_str_or(c, "type", ""), type) == 0)
            return c;
    }
    return NULL;
}

void
meta_copy(struct meta *out, const struct meta *m, struct pool *a)
{
    *out = *m;
    out->ns = pool_str(a, m->ns);
    out->name = pool_str(a, m->name);
    out->uid = pool_str(a, m->uid);
    out->version = pool_str(a, m->version);
    out->controller_uid = NULL;
    if (m->finalizers.n > 0)
        out->finalizers.at = pool_alloc(a, m->finalizers.n * sizeof(char *));
    for (size_t i = 0; i < m->finalizers.n; i++)
        out->finalizers.at[i] = pool_str(a, m->finalizers.at[i]);
}
