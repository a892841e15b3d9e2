/* delete.c - see delete.h. */
#include "local/apiserver/delete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/limits.h"
#include "local/apiserver/admit.h"
#include "local/apiserver/object.h"
#include "local/apiserver/read.h"
#include "local/apiserver/selector.h"
#include "local/apiserver/schema/strategy.h"

static int
parse_propagation(const char *text, enum propagation *out, struct fault *f)
{
    *out = PROPAGATE_DEFAULT;
    if (text == NULL || *text == '\0')
        return 0;
    if (strcmp(text, "Background") == 0)
        *out = PROPAGATE_BACKGROUND;
    else if (strcmp(text, "Foreground") == 0)
        *out = PROPAGATE_FOREGROUND;
    else if (strcmp(text, "Orphan") == 0)
        *out = PROPAGATE_ORPHAN;
    else {
        json_t *causes = json_array();

        causes_add(causes, "FieldValueNotSupported", "propagationPolicy",
                   "Unsupported value: \"%.100s\": supported values: \"Foreground\", "
                   "\"Background\", \"Orphan\", \"nil\"",
                   text);
        return fault_invalid(
            f, &(struct subject){.group = "meta.k8s.io", .kind = "DeleteOptions"},
            causes);
    }
    return 0;
}

/* From the body if there is one, else from the query. Texts are borrowed from *body. */
static int
read_options(const struct call *c, json_t **body, struct delete_options *o,
             struct fault *f)
{
    struct err e = ERR_INIT;
    const char *grace = call_param(c, "gracePeriodSeconds"),
               *policy = call_param(c, "propagationPolicy");

    *o = (struct delete_options){.grace = grace != NULL ? strtoll(grace, NULL, 10) : -1};
    if (admit_dry_run(c, &o->dry, f) < 0)
        return -1;
    *body = NULL;
    if (c->size == 0)
        return parse_propagation(policy, &o->propagation, f);
    if (c->content_type != NULL && strstr(c->content_type, "protobuf") != NULL)
        return fault_set(
            f, 415, "UnsupportedMediaType",
            "DeleteOptions in protobuf cannot be read: send application/json");
    *body = json_parse(c->body, c->size, LIMIT_REQUEST_BODY_BYTES, &e);
    if (!json_is_object(*body))
        return fault_bad_request(f, "DeleteOptions cannot be read: %s",
                                 e.text[0] != '\0' ? e.text : "not an object");
    o->grace = json_int_or(*body, "gracePeriodSeconds", o->grace);
    o->uid = json_str_or(*body, "preconditions.uid", NULL);
    o->version = json_str_or(*body, "preconditions.resourceVersion", NULL);
    if (strcmp(json_str_or(*body, "dryRun[0]", ""), "All") == 0)
        o->dry = true;
    if (json_bool_or(*body, "orphanDependents", false))
        o->propagation = PROPAGATE_ORPHAN;
    else if (parse_propagation(json_str_or(*body, "propagationPolicy", policy),
                               &o->propagation, f) < 0)
        return -1;
    return 0;
}

static int
check_preconditions(const struct resource *r, const json_t *obj,
                    const struct delete_options *o, struct fault *f)
{
    const char *uid = meta_str(obj, "uid"), *version = meta_str(obj, "resourceVersion");
    struct subject about = {
        .group = r->group, .kind = r->plural, .name = meta_str(obj, "name")};
    const char *dot = *r->group != '\0' ? "." : "";

    if (o->uid != NULL && strcmp(o->uid, uid) != 0)
        fault_set(f, 409, "Conflict",
                  "Operation cannot be fulfilled on %s%s%s \"%s\": the UID in the "
                  "precondition (%s) does "
                  "not match the UID in record (%s). The object might have been deleted "
                  "and then recreated",
                  r->plural, dot, r->group, about.name, o->uid, uid);
    else if (o->version != NULL && strcmp(o->version, version) != 0)
        fault_set(f, 409, "Conflict",
                  "Operation cannot be fulfilled on %s%s%s \"%s\": the ResourceVersion "
                  "in the precondition "
                  "(%s) does not match the ResourceVersion in record (%s). The object "
                  "might have been modified",
                  r->plural, dot, r->group, about.name, o->version, version);
    else
        return 0;
    return fault_about(f, &about);
}

static int
has_blocking(void *ctx, const struct row *row)
{
    (void)ctx;
    (void)row;
    return 1;
}

static bool
has_dependents(struct server *s, const char *uid)
{
    struct err e = ERR_INIT;

    return store_dependents(s->store, uid, has_blocking, NULL, &e) == 1;
}

static void
mark_deleted(struct server *s, json_t *obj, int64_t grace)
{
    char when[RFC3339_SIZE];

    if (json_at(obj, "metadata.deletionTimestamp") != NULL &&
        json_int_or(obj, "metadata.deletionGracePeriodSeconds", 0) <= grace)
        return;
    rfc3339_format(s->now_ms() + grace * 1000, when);
    json_object_set_new(meta_of(obj), "deletionTimestamp", json_string(when));
    json_object_set_new(meta_of(obj), "deletionGracePeriodSeconds", json_integer(grace));
    if (json_object_get(meta_of(obj), "generation") != NULL)
        json_object_set_new(meta_of(obj), "generation",
                            json_integer(json_int_or(obj, "metadata.generation", 0) + 1));
}

/* Namespaces empty themselves first; their finalizer is in the spec. */
static bool
is_live_namespace(const struct resource *r, const json_t *obj)
{
    return strcmp(r->key, "namespaces") == 0 &&
           json_array_size(json_at(obj, "spec.finalizers")) > 0;
}

static void
set_propagation(struct server *s, struct resource *r, json_t *obj,
                const struct delete_options *o)
{
    enum propagation p = o->propagation;

    if (p == PROPAGATE_DEFAULT && strategy_orphans(r))
        p = PROPAGATE_ORPHAN;
    if (p == PROPAGATE_BACKGROUND) {
        meta_drop_finalizer(obj, "foregroundDeletion");
        meta_drop_finalizer(obj, "orphan");
    }
    if (p == PROPAGATE_FOREGROUND && has_dependents(s, meta_str(obj, "uid")))
        meta_add_finalizer(obj, "foregroundDeletion");
    if (p == PROPAGATE_ORPHAN && has_dependents(s, meta_str(obj, "uid")))
        meta_add_finalizer(obj, "orphan");
}

int
delete_one(struct server *s, struct resource *r, json_t *obj,
           const struct delete_options *o, struct fault *f)
{
    SCOPED(json) json_t *old = json_deep_copy(obj);
    int64_t grace = strategy_grace(r, obj, o->grace);
    bool ns = is_live_namespace(r, obj);

    set_propagation(s, r, obj, o);
    if (json_array_size(json_at(obj, "metadata.finalizers")) == 0 && grace == 0 && !ns) {
        if (o->dry)
            return 1;
        return object_remove(s, r, obj, f) < 0 ? -1 : 1;
    }
    mark_deleted(s, obj, grace);
    if (ns)
        json_put_str(obj, "status.phase", "Terminating");
    if (o->dry || json_equal(old, obj))
        return 0;
    return object_save(s, r, obj, old, f) < 0 ? -1 : 0;
}

static int
delete_named(struct server *s, const struct call *c, const struct target *t,
             struct reply *r, struct fault *f)
{
    SCOPED(json) json_t *body = NULL;
    struct delete_options o;
    int rc = read_options(c, &body, &o, f);

    if (rc < 0)
        return -1;
    SCOPED(json) json_t *obj = object_load(s, t->resource, t->ns, t->name, f);
    if (obj == NULL)
        return f->code != 0 ? -1 : fault_not_found(f, t->group, t->plural, t->name);
    if (check_preconditions(t->resource, obj, &o, f) < 0 ||
        (rc = delete_one(s, t->resource, obj, &o, f)) < 0)
        return -1;
    if (rc == 1 && strcmp(t->resource->key, "pods") != 0) {
        struct subject about = {.group = t->group,
                                .kind = t->plural,
                                .name = t->name,
                                .uid = meta_str(obj, "uid")};
        reply_json(r, 200, status_success(&about));
    } else {
        reply_object(s, c, t, 200, obj, r);
    }
    return 0;
}

void
delete_object(struct server *s, const struct call *c, const struct target *t,
              struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;

    if (delete_named(s, c, t, r, &f) < 0)
        reply_fault(r, &f);
}

/* ---- collections ---- */

struct collected {
    const struct selector *selector;
    json_t *objects;
};

static int
collect(void *ctx, const struct row *row)
{
    struct collected *c = ctx;
    SCOPED(json) json_t *obj = json_loadb(row->body, row->size, 0, NULL);

    if (obj == NULL)
        return -1;
    if (selector_match(c->selector, obj))
        json_array_append(c->objects, obj);
    return 0;
}

static int
delete_all(struct server *s, const struct call *c, const struct target *t,
           struct reply *r, struct fault *f)
{
    SCOPED(json) json_t *body = NULL;
    SCOPED(json) json_t *objects = json_array();
    struct err e = ERR_INIT;
    struct list_options lo;
    struct delete_options o;
    struct span span = {.resource = t->resource->key,
                        .ns = t->all || !t->resource->namespaced ? NULL : t->ns};
    struct accept plain;
    char api[330], version[24];
    size_t i;
    json_t *obj;

    if (read_options(c, &body, &o, f) < 0 || list_options_read(c, false, &lo, f) < 0)
        return -1;
    accept_parse(NULL, &plain);
    SCOPED(selector)
    struct selector *selector = selector_parse(lo.labels, lo.fields, t->resource, &e);
    if (selector == NULL)
        return fault_bad_request(f, "%s", e.text);
    struct collected found = {selector, objects};
    if (store_list(s->store, &span, collect, &found, &e) < 0)
        return fault_store(f, &e);
    json_array_foreach(objects, i, obj)
    {
        if (delete_one(s, t->resource, obj, &o, f) < 0)
            return -1;
    }
    resource_api_version(t->resource, api, sizeof api);
    snprintf(version, sizeof version, "%lld", (long long)store_version(s->store));
    reply_json(r, 200,
               json_pack("{s:s, s:s, s:{s:s}, s:O}", "kind", t->resource->list_kind,
                         "apiVersion", api, "metadata", "resourceVersion", version,
                         "items", objects));
    return 0;
}

void
delete_collection(struct server *s, const struct call *c, const struct target *t,
                  struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;

    if (delete_all(s, c, t, r, &f) < 0)
        reply_fault(r, &f);
}
