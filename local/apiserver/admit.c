/* admit.c - see admit.h. */
#include "local/apiserver/admit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/data/yaml.h"
#include "local/apiserver/schema/builtin.h"
#include "local/apiserver/names.h"
#include "local/apiserver/object.h"
#include "local/apiserver/protobuf.h"
#include "local/apiserver/schema/prune.h"
#include "local/apiserver/schema/strategy.h"
#include "local/apiserver/schema/validate.h"

int
admit_validation(const struct call *c, enum validation *v, struct fault *f)
{
    const char *text = call_param(c, "fieldValidation");

    *v = VALIDATE_WARN;
    if (text == NULL || *text == '\0' || strcmp(text, "Warn") == 0)
        return 0;
    if (strcmp(text, "Strict") == 0 || strcmp(text, "Ignore") == 0) {
        *v = *text == 'S' ? VALIDATE_STRICT : VALIDATE_IGNORE;
        return 0;
    }
    json_t *causes = json_array();
    causes_add(
        causes, "FieldValueNotSupported", "fieldValidation",
        "Unsupported value: \"%s\": supported values: \"Ignore\", \"Strict\", \"Warn\"",
        text);
    return fault_invalid(
        f, &(struct subject){.group = "meta.k8s.io", .kind = "CreateOptions"}, causes);
}

int
admit_dry_run(const struct call *c, bool *dry, struct fault *f)
{
    const char *text = call_param(c, "dryRun");

    *dry = text != NULL && strcmp(text, "All") == 0;
    if (text == NULL || *text == '\0' || *dry)
        return 0;
    json_t *causes = json_array();
    causes_add(causes, "FieldValueNotSupported", "dryRun",
               "Unsupported value: \"%s\": supported values: \"All\"", text);
    return fault_invalid(
        f, &(struct subject){.group = "meta.k8s.io", .kind = "CreateOptions"}, causes);
}

static bool
type_is(const char *content_type, const char *wanted)
{
    size_t n = strlen(wanted);

    return content_type != NULL && strncasecmp(content_type, wanted, n) == 0 &&
           (content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' ');
}

/* JSON in which the last of duplicate keys wins, unless that is to be told. */
static json_t *
decode_json(const struct call *c, enum validation v, struct reply *reply, struct fault *f)
{
    struct err e = ERR_INIT;
    json_error_t why;
    json_t *obj;

    if (v != VALIDATE_IGNORE && json_check_depth(c->body, c->size, &e) == 0) {
        if ((obj = json_loadb(c->body, c->size, JSON_REJECT_DUPLICATES, &why)) != NULL)
            return obj;
        if (json_error_code(&why) == json_error_duplicate_key) {
            if (v == VALIDATE_STRICT) {
                fault_bad_request(f, "strict decoding error: line %d: %s", why.line,
                                  why.text);
                return NULL;
            }
            reply_warn(reply, "line %d: %s", why.line, why.text);
        }
    }
    if ((obj = json_parse(c->body, c->size, LIMIT_REQUEST_BODY_BYTES, &e)) == NULL)
        fault_bad_request(f, "the object provided cannot be read: %s", e.text);
    return obj;
}

json_t *
admit_decode(const struct call *c, const struct resource *r, enum validation v,
             struct reply *reply, struct fault *f)
{
    struct err e = ERR_INIT;
    json_t *obj = NULL;
    const char *type = c->content_type;

    if (type_is(type, "application/vnd.kubernetes.protobuf")) {
        if (r->custom || (obj = protobuf_decode(c->body, c->size, r->kind, &e)) == NULL)
            fault_set(f, 415, "UnsupportedMediaType",
                      "the body of the request was in protobuf, which cannot be read for "
                      "%s%s%s",
                      r->plural, e.text[0] != '\0' ? ": " : "", e.text);
        return obj;
    }
    if (type_is(type, "application/yaml") ||
        type_is(type, "application/apply-patch+yaml")) {
        if ((obj = yaml_parse_one(c->body, c->size, "body", &e)) == NULL)
            fault_bad_request(f, "error decoding YAML: %s", e.text);
    } else if (type == NULL || *type == '\0' || type_is(type, "application/json") ||
               type_is(type, "text/plain")) {
        obj = decode_json(c, v, reply, f);
    } else {
        fault_set(
            f, 415, "UnsupportedMediaType",
            "the body of the request was in an unknown format (%s) - accepted media "
            "types include: "
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
            type);
    }
    if (obj != NULL && !json_is_object(obj)) {
        json_decref(obj);
        obj = NULL;
        fault_bad_request(f, "the object provided is not an object");
    }
    return obj;
}

int
admit_type(const struct resource *r, json_t *obj, struct fault *f)
{
    char wanted[330];
    const char *version = json_string_value(json_object_get(obj, "apiVersion"));
    const char *kind = json_string_value(json_object_get(obj, "kind"));

    resource_api_version(r, wanted, sizeof wanted);
    if (version != NULL && *version != '\0' && strcmp(version, wanted) != 0)
        return fault_bad_request(f,
                                 "the API version in the data (%s) does not match the "
                                 "expected API version (%s)",
                                 version, wanted);
    if (kind != NULL && *kind != '\0' && strcmp(kind, r->kind) != 0)
        return fault_bad_request(
            f, "the kind in the data (%s) does not match the expected kind (%s)", kind,
            r->kind);
    if (json_object_get(obj, "metadata") != NULL &&
        !json_is_object(json_object_get(obj, "metadata")))
        return fault_bad_request(f, "metadata: must be an object");
    json_object_set_new(obj, "apiVersion", json_string(wanted));
    json_object_set_new(obj, "kind", json_string(r->kind));
    return 0;
}

int
admit_fields(struct server *s, struct resource *r, json_t *obj, enum validation v,
             struct reply *reply, struct fault *f)
{
    const struct schema *schema = resource_schema(s->registry, r);
    SCOPED(json) json_t *unknown = json_array();
    SCOPED(buf) struct buf text = BUF_INIT;
    size_t i;
    json_t *path;

    prune_object(schema, obj, unknown);
    if (v == VALIDATE_IGNORE || json_array_size(unknown) == 0)
        return 0;
    json_array_foreach(unknown, i, path)
    {
        if (v == VALIDATE_STRICT)
            buf_printf(&text, "%sunknown field \"%s\"", i > 0 ? ", " : "",
                       json_string_value(path));
        else
            reply_warn(reply, "unknown field \"%s\"", json_string_value(path));
    }
    return v == VALIDATE_STRICT
               ? fault_bad_request(f, "strict decoding error: %s", buf_str(&text))
               : 0;
}

/* ---- metadata ---- */

static void
check_map(const json_t *meta, const char *field, bool values, json_t *causes)
{
    char path[64];
    const char *key, *why;
    json_t *map = json_object_get(meta, field), *value;

    snprintf(path, sizeof path, "metadata.%s", field);
    json_object_foreach(map, key, value)
    {
        if ((why = name_qualified(key)) != NULL)
            causes_add(causes, "FieldValueInvalid", path, "Invalid value: \"%.300s\": %s",
                       key, why);
        if (!json_is_string(value))
            causes_add(causes, "FieldValueTypeInvalid", path,
                       "Invalid value: \"%.300s\": must be a string", key);
        else if (values && (why = name_label_value(json_string_value(value))) != NULL)
            causes_add(causes, "FieldValueInvalid", path, "Invalid value: \"%.300s\": %s",
                       json_string_value(value), why);
    }
}

static void
check_owners(const json_t *meta, json_t *causes)
{
    static const char *const fields[] = {"apiVersion", "kind", "name", "uid"};
    json_t *list = json_object_get(meta, "ownerReferences"), *ref;
    size_t i, controllers = 0;
    char path[96];

    json_array_foreach(list, i, ref)
    {
        for (size_t k = 0; k < 4; k++) {
            const char *text = json_string_value(json_object_get(ref, fields[k]));

            snprintf(path, sizeof path, "metadata.ownerReferences[%zu].%s", i, fields[k]);
            if (text == NULL || *text == '\0')
                causes_add(causes, "FieldValueInvalid", path,
                           "Invalid value: \"\": must not be empty");
        }
        controllers += json_is_true(json_object_get(ref, "controller"));
    }
    if (controllers > 1)
        causes_add(causes, "FieldValueInvalid", "metadata.ownerReferences",
                   "Invalid value: only one reference can have controller set to true");
}

static void
check_meta(const struct resource *r, const json_t *obj, json_t *causes)
{
    const json_t *meta = json_object_get(obj, "metadata");
    const char *name = meta_str(obj, "name"), *why;
    bool rbac = strcmp(r->group, "rbac.authorization.k8s.io") == 0;

    if (*name == '\0')
        causes_add(causes, "FieldValueRequired", "metadata.name",
                   "Required value: name or generateName is required");
    else if ((why = rbac                                ? name_path_segment(name)
                    : strcmp(r->key, "namespaces") == 0 ? name_label(name)
                                                        : name_subdomain(name)) != NULL)
        causes_add(causes, "FieldValueInvalid", "metadata.name",
                   "Invalid value: \"%.300s\": %s", name, why);
    check_map(meta, "labels", true, causes);
    check_map(meta, "annotations", false, causes);
    check_owners(meta, causes);
    size_t i, total = 0;
    const char *key;
    json_t *item;
    json_array_foreach(json_object_get(meta, "finalizers"), i,
                       item) if (json_is_string(item) &&
                                 (why = name_qualified(json_string_value(item))) != NULL)
        causes_add(causes, "FieldValueInvalid", "metadata.finalizers",
                   "Invalid value: \"%.300s\": %s", json_string_value(item), why);
    json_object_foreach(json_object_get(meta, "annotations"), key, item) total +=
        strlen(key) + json_string_length(item);
    if (total > LIMIT_ANNOTATION_BYTES)
        causes_add(causes, "FieldValueTooLong", "metadata.annotations",
                   "Too long: may not be more than %d bytes (limit ANNOTATION_BYTES)",
                   LIMIT_ANNOTATION_BYTES);
}

/* Namespace of the request and of the body must agree; cluster-scoped objects have none. */
static int
settle_namespace(const struct resource *r, const char *ns, json_t *obj, struct fault *f)
{
    const char *own = meta_str(obj, "namespace");

    if (!r->namespaced) {
        json_object_del(meta_of(obj), "namespace");
        return 0;
    }
    if (*own != '\0' && strcmp(own, ns) != 0)
        return fault_bad_request(f, "the namespace of the provided object does not match "
                                    "the namespace sent on the request");
    json_object_set_new(meta_of(obj), "namespace", json_string(ns));
    return 0;
}

static void
settle_name(json_t *obj)
{
    const char *prefix = meta_str(obj, "generateName");
    char name[300], suffix[8];

    if (*meta_str(obj, "name") != '\0' || *prefix == '\0')
        return;
    suffix_new(suffix, 5);
    snprintf(name, sizeof name, "%.58s%s", prefix, suffix);
    json_object_set_new(meta_of(obj), "name", json_string(name));
}

static int
finish(struct server *s, struct resource *r, json_t *obj, const json_t *old,
       const char *sub, struct fault *f)
{
    SCOPED(json) json_t *causes = json_array();
    const struct schema *schema = resource_schema(s->registry, r);
    struct subject about = object_subject(r, obj);

    check_meta(r, obj, causes);
    validate_object(schema, obj, old, sub, causes);
    if (sub == NULL && json_array_size(causes) == 0)
        strategy_validate(s, r, obj, old, causes);
    about.uid = NULL;
    return json_array_size(causes) > 0 ? fault_invalid(f, &about, json_incref(causes))
                                       : 0;
}

int
admit_create(struct server *s, struct resource *r, const char *ns, json_t *obj,
             struct fault *f)
{
    static const char *const system_fields[] = {
        "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
        "selfLink",          "generation",        "resourceVersion",
        "managedFields"};
    char uid[UID_SIZE], now[RFC3339_SIZE];
    json_t *meta = meta_of(obj);

    if (*meta_str(obj, "resourceVersion") != '\0')
        return fault_bad_request(
            f, "resourceVersion should not be set on objects to be created");
    for (size_t i = 0; i < sizeof system_fields / sizeof *system_fields; i++)
        json_object_del(meta, system_fields[i]);
    if (settle_namespace(r, ns, obj, f) < 0)
        return -1;
    settle_name(obj);
    if (r->status && !strategy_keeps_status(r))
        json_object_del(obj, "status");
    uid_new(uid);
    rfc3339_format(s->now_ms(), now);
    json_object_set_new(meta, "uid", json_string(uid));
    json_object_set_new(meta, "creationTimestamp", json_string(now));
    defaults_object(resource_schema(s->registry, r), obj);
    if (r->custom || strategy_generation_moves(r, obj, NULL))
        json_object_set_new(meta, "generation", json_integer(1));
    strategy_prepare(s, r, obj, NULL);
    return finish(s, r, obj, NULL, NULL, f);
}

/* On the status subresource only the status is taken; elsewhere all but the status. */
static void
split_status(const struct resource *r, const char *sub, json_t *obj, const json_t *old)
{
    const char *key;
    json_t *value;
    void *next;

    if (!r->status)
        return;
    if (sub == NULL) {
        json_object_del(obj, "status");
        if (json_object_get(old, "status") != NULL)
            json_object_set(obj, "status", json_object_get(old, "status"));
        return;
    }
    json_object_foreach_safe(obj, next, key, value) if (strcmp(key, "status") != 0)
        json_object_del(obj, key);
    json_object_foreach((json_t *)old, key, value) if (strcmp(key, "status") != 0)
        json_object_set_new(obj, key, json_deep_copy(value));
}

static int
keep_system_fields(const struct resource *r, json_t *obj, const json_t *old,
                   struct fault *f)
{
    static const char *const kept[] = {"uid",
                                       "creationTimestamp",
                                       "deletionTimestamp",
                                       "deletionGracePeriodSeconds",
                                       "generation",
                                       "namespace",
                                       "name",
                                       "managedFields"};
    json_t *meta = meta_of(obj), *before = json_object_get(old, "metadata"), *item;
    const struct subject about = {
        .group = r->group, .kind = r->plural, .name = meta_str(old, "name")};
    size_t i;

    if (*meta_str(obj, "uid") != '\0' &&
        strcmp(meta_str(obj, "uid"), meta_str(old, "uid")) != 0) {
        fault_set(f, 409, "Conflict",
                  "Operation cannot be fulfilled on %s%s%s \"%s\": Precondition failed: "
                  "UID in precondition: %s, "
                  "UID in object meta: %s",
                  r->plural, *r->group != '\0' ? "." : "", r->group,
                  meta_str(old, "name"), meta_str(obj, "uid"), meta_str(old, "uid"));
        return fault_about(f, &about);
    }
    for (i = 0; i < sizeof kept / sizeof *kept; i++) {
        json_object_del(meta, kept[i]);
        if (json_object_get(before, kept[i]) != NULL)
            json_object_set(meta, kept[i], json_object_get(before, kept[i]));
    }
    if (json_object_get(before, "deletionTimestamp") == NULL)
        return 0;
    json_array_foreach(json_object_get(meta, "finalizers"), i, item)
    {
        if (!json_is_string(item) || meta_has_finalizer(old, json_string_value(item)))
            continue;
        json_t *causes = json_array();
        causes_add(causes, "FieldValueForbidden", "metadata.finalizers",
                   "Forbidden: no new finalizers can be added if the object is being "
                   "deleted, found new finalizers "
                   "[]string{\"%s\"}",
                   json_string_value(item));
        return fault_invalid(f, &about, causes);
    }
    return 0;
}

int
admit_update(struct server *s, struct resource *r, const char *sub, json_t *obj,
             const json_t *old, struct fault *f)
{
    char version[330];

    split_status(r, sub, obj, old);
    resource_api_version(r, version, sizeof version);
    if (keep_system_fields(r, obj, old, f) < 0)
        return -1;
    if (r->storage)
        json_object_set_new(obj, "apiVersion", json_string(version));
    defaults_object(resource_schema(s->registry, r), obj);
    strategy_prepare(s, r, obj, old);
    if (strategy_generation_moves(r, obj, old))
        json_object_set_new(meta_of(obj), "generation",
                            json_integer(json_int_or(old, "metadata.generation", 0) + 1));
    return finish(s, r, obj, old, sub, f);
}
