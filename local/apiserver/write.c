/* write.c - see write.h. */
#include "local/apiserver/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "common/macros.h"
#include "common/data/yaml.h"
#include "local/apiserver/patch/apply.h"
#include "local/apiserver/patch/managed.h"
#include "local/apiserver/object.h"
#include "local/apiserver/patch/patch.h"
#include "local/apiserver/read.h"
#include "local/apiserver/review.h"

#define GENERATE_TRIES 8

int
write_namespace_open(struct server *s, const struct target *t, struct fault *f)
{
    struct resource *namespaces = registry_find(s->registry, "", "v1", "namespaces");

    if (!t->resource->namespaced || strcmp(t->ns, "default") == 0)
        return 0;
    SCOPED(json) json_t *ns = object_load(s, namespaces, "", t->ns, f);
    if (ns == NULL)
        return f->code != 0 ? -1 : fault_not_found(f, "", "namespaces", t->ns);
    if (json_at(ns, "metadata.deletionTimestamp") == NULL)
        return 0;
    fault_set(f, 403, "Forbidden",
              "%s%s%s \"\" is forbidden: unable to create new content in namespace %s "
              "because it is being terminated",
              t->plural, *t->group != '\0' ? "." : "", t->group, t->ns);
    fault_about(f, &(struct subject){.group = t->group, .kind = t->plural});
    return fault_cause(f, "NamespaceTerminating", "metadata.namespace",
                       "the namespace is being terminated");
}

static int
already_exists(const struct target *t, const char *name, struct fault *f)
{
    fault_set(f, 409, "AlreadyExists", "%s%s%s \"%s\" already exists", t->plural,
              *t->group != '\0' ? "." : "", t->group, name);
    return fault_about(
        f, &(struct subject){.group = t->group, .kind = t->plural, .name = name});
}

/* Is the name of the new object free? Generated ones are tried again. */
static int
take_name(struct server *s, const struct target *t, json_t *obj, bool generated,
          struct fault *f)
{
    for (int i = 0; i < GENERATE_TRIES; i++) {
        SCOPED(json)
        json_t *there = object_load(s, t->resource, meta_str(obj, "namespace"),
                                    meta_str(obj, "name"), f);
        char name[300], suffix[8];

        if (there == NULL)
            return f->code != 0 ? -1 : 0;
        if (!generated)
            break;
        suffix_new(suffix, 5);
        snprintf(name, sizeof name, "%.58s%s", meta_str(obj, "generateName"), suffix);
        json_object_set_new(meta_of(obj), "name", json_string(name));
    }
    return already_exists(t, meta_str(obj, "name"), f);
}

int
write_new(struct server *s, const struct call *c, const struct target *t, json_t *obj,
          enum validation v, struct reply *r, struct fault *f)
{
    bool dry, generated = *meta_str(obj, "name") == '\0' &&
                          *meta_str(obj, "generateName") != '\0';

    if (admit_dry_run(c, &dry, f) < 0 || admit_type(t->resource, obj, f) < 0 ||
        write_namespace_open(s, t, f) < 0 ||
        admit_fields(s, t->resource, obj, v, r, f) < 0 ||
        admit_create(s, t->resource, t->ns, obj, f) < 0 ||
        take_name(s, t, obj, generated, f) < 0)
        return -1;
    return dry ? 0 : object_save(s, t->resource, obj, NULL, f);
}

void
write_create(struct server *s, const struct call *c, const struct target *t,
             struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;
    enum validation v;

    if (admit_validation(c, &v, &f) < 0) {
        reply_fault(r, &f);
        return;
    }
    SCOPED(json) json_t *obj = admit_decode(c, t->resource, v, r, &f);
    if (obj != NULL && t->resource->verbs == VERBS_CREATE &&
        admit_type(t->resource, obj, &f) == 0) {
        review_answer(t->resource, obj);
        reply_object(s, c, t, 201, obj, r);
        return;
    }
    if (obj == NULL || write_new(s, c, t, obj, v, r, &f) < 0)
        reply_fault(r, &f);
    else
        reply_object(s, c, t, 201, obj, r);
}

/* Equal but for the version that the store will give. */
static bool
same_state(const json_t *a, const json_t *b)
{
    SCOPED(json) json_t *x = json_copy((json_t *)a);
    SCOPED(json) json_t *y = json_copy((json_t *)b);
    json_t *mx = json_copy(json_object_get(a, "metadata")),
           *my = json_copy(json_object_get(b, "metadata"));

    json_object_del(mx, "resourceVersion");
    json_object_del(my, "resourceVersion");
    json_object_set_new(x, "metadata", mx);
    json_object_set_new(y, "metadata", my);
    return json_equal(x, y);
}

static int
conflict(const struct target *t, const char *name, struct fault *f)
{
    fault_set(f, 409, "Conflict",
              "Operation cannot be fulfilled on %s%s%s \"%s\": the object has been "
              "modified; please apply your "
              "changes to the latest version and try again",
              t->plural, *t->group != '\0' ? "." : "", t->group, name);
    return fault_about(
        f, &(struct subject){.group = t->group, .kind = t->plural, .name = name});
}

int
write_over(struct server *s, const struct call *c, const struct target *t, json_t *obj,
           const json_t *old, enum validation v, struct reply *r, struct fault *f)
{
    const char *version = meta_str(obj, "resourceVersion");
    bool dry;

    if (admit_dry_run(c, &dry, f) < 0 || admit_type(t->resource, obj, f) < 0)
        return -1;
    if (*version != '\0' && strcmp(version, "0") != 0 &&
        strcmp(version, meta_str(old, "resourceVersion")) != 0)
        return conflict(t, meta_str(old, "name"), f);
    json_object_set(meta_of(obj), "resourceVersion",
                    json_at(old, "metadata.resourceVersion"));
    if (admit_fields(s, t->resource, obj, v, r, f) < 0 ||
        admit_update(s, t->resource, t->sub, obj, old, f) < 0)
        return -1;
    managed_after_update(t->resource, resource_schema(s->registry, t->resource),
                         call_param(c, "fieldManager"), c->user_agent, t->sub,
                         s->now_ms(), obj, old);
    if (same_state(obj, old) || dry)
        return 0;
    if (json_at(obj, "metadata.deletionTimestamp") != NULL &&
        json_array_size(json_at(obj, "metadata.finalizers")) == 0 &&
        json_int_or(obj, "metadata.deletionGracePeriodSeconds", 0) == 0)
        return object_remove(s, t->resource, obj, f);
    return object_save(s, t->resource, obj, old, f);
}

static int
put(struct server *s, const struct call *c, const struct target *t, struct reply *r,
    struct fault *f)
{
    enum validation v;
    bool core_lease = strcmp(t->resource->key, "leases.coordination.k8s.io") == 0;

    if (admit_validation(c, &v, f) < 0)
        return -1;
    SCOPED(json) json_t *obj = admit_decode(c, t->resource, v, r, f);
    if (obj == NULL)
        return -1;
    if (*meta_str(obj, "name") == '\0')
        json_object_set_new(meta_of(obj), "name", json_string(t->name));
    if (strcmp(meta_str(obj, "name"), t->name) != 0)
        return fault_bad_request(
            f, "the name of the object (%s) does not match the name on the URL (%s)",
            meta_str(obj, "name"), t->name);
    if (t->resource->namespaced && *meta_str(obj, "namespace") != '\0' &&
        strcmp(meta_str(obj, "namespace"), t->ns) != 0)
        return fault_bad_request(f, "the namespace of the provided object does not match "
                                    "the namespace sent on the request");
    SCOPED(json) json_t *old = object_load(s, t->resource, t->ns, t->name, f);
    if (old == NULL && f->code != 0)
        return -1;
    if (old == NULL && core_lease && *meta_str(obj, "resourceVersion") == '\0') {
        if (write_new(s, c, t, obj, v, r, f) < 0)
            return -1;
        reply_object(s, c, t, 201, obj, r);
        return 0;
    }
    if (old == NULL)
        return fault_not_found(f, t->group, t->plural, t->name);
    if (t->resource->custom && *meta_str(obj, "resourceVersion") == '\0') {
        json_t *causes = json_array();

        causes_add(causes, "FieldValueInvalid", "metadata.resourceVersion",
                   "Invalid value: 0x0: must be specified for an update");
        return fault_invalid(
            f, &(struct subject){.group = t->group, .kind = t->plural, .name = t->name},
            causes);
    }
    if (write_over(s, c, t, obj, old, v, r, f) < 0)
        return -1;
    reply_object(s, c, t, 200, obj, r);
    return 0;
}

void
write_put(struct server *s, const struct call *c, const struct target *t, struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;

    if (put(s, c, t, r, &f) < 0)
        reply_fault(r, &f);
}

/* ---- PATCH ---- */

enum patch_type { PATCH_MERGE, PATCH_JSON, PATCH_STRATEGIC, PATCH_APPLY, PATCH_UNKNOWN };

static enum patch_type
patch_type(const char *content_type)
{
    /* clang-format off */
    static const struct { const char *name; enum patch_type type; } types[] = {
        {"application/merge-patch+json", PATCH_MERGE}, {"application/json-patch+json", PATCH_JSON},
        {"application/strategic-merge-patch+json", PATCH_STRATEGIC}, {"application/apply-patch+yaml", PATCH_APPLY},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (content_type != NULL &&
            strncasecmp(content_type, types[i].name, strlen(types[i].name)) == 0)
            return types[i].type;
    return PATCH_UNKNOWN;
}

static json_t *
patched(struct server *s, const struct target *t, enum patch_type type, const json_t *old,
        const json_t *patch, struct fault *f)
{
    struct err e = ERR_INIT;
    json_t *out;

    if (type == PATCH_JSON) {
        if ((out = patch_json(old, patch, &e)) != NULL)
            return out;
        if (e.code == ERR_CONFLICT || e.code == ERR_NOT_FOUND)
            fault_set(
                f, 422, "Invalid",
                "the server rejected our request due to an error in our request: %s",
                e.text);
        else
            fault_bad_request(f, "%s", e.text);
        return NULL;
    }
    if (!json_is_object(patch)) {
        fault_bad_request(f, "the patch is not an object");
        return NULL;
    }
    if (type == PATCH_MERGE)
        return json_merge(old, patch);
    if ((out = patch_strategic(resource_schema(s->registry, t->resource), old, patch,
                               &e)) == NULL)
        fault_bad_request(f, "%s", e.text);
    return out;
}

/* The patched object may not become another one. */
static int
check_identity(const struct target *t, const json_t *obj, const json_t *old,
               struct fault *f)
{
    json_t *causes;

    if (strcmp(meta_str(obj, "name"), meta_str(old, "name")) != 0)
        return fault_bad_request(
            f, "the name of the object (%s) does not match the name on the URL (%s)",
            meta_str(obj, "name"), t->name);
    if (*meta_str(obj, "uid") == '\0' ||
        strcmp(meta_str(obj, "uid"), meta_str(old, "uid")) == 0)
        return 0;
    causes = json_array();
    causes_add(causes, "FieldValueInvalid", "metadata.uid",
               "Invalid value: \"%s\": field is immutable", meta_str(obj, "uid"));
    return fault_invalid(
        f,
        &(struct subject){.group = t->group, .kind = t->resource->kind, .name = t->name},
        causes);
}

static int
manager_missing(struct fault *f)
{
    json_t *causes = json_array();

    causes_add(causes, "FieldValueRequired", "fieldManager",
               "Required value: is required for apply patch");
    return fault_invalid(
        f, &(struct subject){.group = "meta.k8s.io", .kind = "PatchOptions"}, causes);
}

static int
apply(struct server *s, const struct call *c, const struct target *t, enum validation v,
      json_t *patch, struct reply *r, struct fault *f)
{
    const char *manager = call_param(c, "fieldManager");
    SCOPED(json) json_t *old = NULL;
    SCOPED(json) json_t *obj = NULL;

    if (manager == NULL || *manager == '\0')
        return manager_missing(f);
    if (admit_type(t->resource, patch, f) < 0)
        return -1;
    if (*meta_str(patch, "name") != '\0' && strcmp(meta_str(patch, "name"), t->name) != 0)
        return fault_bad_request(
            f, "metadata.name: Invalid value: \"%s\": must match the name on the URL",
            meta_str(patch, "name"));
    if (json_at(patch, "metadata.managedFields") != NULL)
        return fault_bad_request(f, "metadata.managedFields must be nil");
    json_object_set_new(meta_of(patch), "name", json_string(t->name));
    if (admit_fields(s, t->resource, patch, v, r, f) < 0)
        return -1;
    old = object_load(s, t->resource, t->ns, t->name, f);
    if (old == NULL && f->code != 0)
        return -1;
    if (old == NULL && *meta_str(patch, "uid") != '\0')
        return fault_set(f, 409, "Conflict",
                         "Operation cannot be fulfilled on %s \"%s\": uid mismatch: the "
                         "provided object "
                         "specified uid %s, and no existing object was found",
                         t->plural, t->name, meta_str(patch, "uid"));
    obj = apply_merge(s, t->resource, t->sub, manager, call_flag(c, "force"), patch, old,
                      f);
    if (obj == NULL)
        return -1;
    SCOPED(json) json_t *managed = json_incref(json_at(obj, "metadata.managedFields"));
    if (old == NULL) {
        if (t->sub != NULL)
            return fault_not_found(f, t->group, t->plural, t->name);
        bool dry;
        if (admit_dry_run(c, &dry, f) < 0 || write_namespace_open(s, t, f) < 0 ||
            admit_create(s, t->resource, t->ns, obj, f) < 0)
            return -1;
        json_object_set(meta_of(obj), "managedFields", managed);
        if (!dry && object_save(s, t->resource, obj, NULL, f) < 0)
            return -1;
        reply_object(s, c, t, 201, obj, r);
        return 0;
    }
    if (apply_over(s, c, t, obj, old, managed, r, f) < 0)
        return -1;
    reply_object(s, c, t, 200, obj, r);
    return 0;
}

static int
patch_into(struct server *s, const struct call *c, const struct target *t,
           struct reply *r, struct fault *f)
{
    enum patch_type type = patch_type(c->content_type);
    struct err e = ERR_INIT;
    enum validation v;

    if (type == PATCH_UNKNOWN || (type == PATCH_STRATEGIC && t->resource->custom))
        return fault_set(
            f, 415, "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types "
            "include: "
            "application/json-patch+json, application/merge-patch+json, "
            "%sapplication/apply-patch+yaml",
            t->resource->custom ? "" : "application/strategic-merge-patch+json, ");
    if (admit_validation(c, &v, f) < 0)
        return -1;
    SCOPED(json)
    json_t *patch = type == PATCH_APPLY
                        ? yaml_parse_one(c->body, c->size, "body", &e)
                        : json_parse(c->body, c->size, LIMIT_REQUEST_BODY_BYTES, &e);
    if (patch == NULL)
        return fault_bad_request(f, "error decoding patch: %s", e.text);
    if (type == PATCH_APPLY)
        return json_is_object(patch) ? apply(s, c, t, v, patch, r, f)
                                     : fault_bad_request(f, "the patch is not an object");
    SCOPED(json) json_t *old = object_load(s, t->resource, t->ns, t->name, f);
    if (old == NULL)
        return f->code != 0 ? -1 : fault_not_found(f, t->group, t->plural, t->name);
    SCOPED(json) json_t *obj = patched(s, t, type, old, patch, f);
    if (obj == NULL || check_identity(t, obj, old, f) < 0 ||
        write_over(s, c, t, obj, old, v, r, f) < 0)
        return -1;
    reply_object(s, c, t, 200, obj, r);
    return 0;
}

void
write_patch(struct server *s, const struct call *c, const struct target *t,
            struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;

    if (patch_into(s, c, t, r, &f) < 0)
        reply_fault(r, &f);
}
