/* strategy.c - see strategy.h. */
#include "local/apiserver/schema/strategy.h"

#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"
#include "local/apiserver/schema/crd.h"
#include "local/apiserver/object.h"
#include "local/apiserver/schema/workload.h"

/* ---- Secrets, ConfigMaps ---- */

static void
secret_prepare(struct server *s, json_t *obj, const json_t *old)
{
    json_t *text = json_object_get(obj, "stringData"), *value;
    const char *key;

    (void)s;
    (void)old;
    json_object_foreach(text, key, value)
    {
        SCOPED(buf) struct buf data = BUF_INIT;
        json_t *map = json_object_get(obj, "data");

        if (!json_is_object(map)) {
            map = json_object();
            json_object_set_new(obj, "data", map);
        }
        base64_encode(&data, json_string_value(value), json_string_length(value));
        json_object_set_new(map, key, json_string(buf_str(&data)));
        buf_wipe(&data);
    }
    json_object_del(obj, "stringData");
}

static bool
data_key(const char *key)
{
    size_t n =
        strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    return n > 0 && n <= 253 && key[n] == '\0' && strcmp(key, ".") != 0 &&
           strcmp(key, "..") != 0;
}

static void
data_validate(struct server *s, const json_t *obj, const json_t *old, json_t *causes)
{
    static const char *const fields[] = {"data", "binaryData"};
    const char *key;
    json_t *value;
    size_t total = 0;
    char path[320];

    (void)s;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        json_object_foreach(json_object_get(obj, fields[i]), key, value)
        {
            total += json_string_length(value);
            snprintf(path, sizeof path, "%s[%.250s]", fields[i], key);
            if (!data_key(key))
                causes_add(
                    causes, "FieldValueInvalid", path,
                    "Invalid value: \"%.250s\": a valid config key must consist of "
                    "alphanumeric characters, '-', '_' or '.'",
                    key);
        }
    if (total > 1400000)
        causes_add(causes, "FieldValueTooLong", "data",
                   "Too long: may not be more than 1048576 bytes");
    if (old == NULL || !json_bool_or(old, "immutable", false))
        return;
    if (!json_bool_or(obj, "immutable", false))
        causes_add(causes, "FieldValueForbidden", "immutable",
                   "Forbidden: field is immutable when `immutable` is set");
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (!json_equal(json_object_get(obj, fields[i]),
                        json_object_get(old, fields[i])) &&
            (json_object_get(obj, fields[i]) != NULL ||
             json_object_get(old, fields[i]) != NULL))
            causes_add(causes, "FieldValueForbidden", fields[i],
                       "Forbidden: field is immutable when `immutable` is set");
}

static void
secret_validate(struct server *s, const json_t *obj, const json_t *old, json_t *causes)
{
    if (old != NULL &&
        strcmp(json_str_or(obj, "type", ""), json_str_or(old, "type", "")) != 0)
        causes_add(causes, "FieldValueInvalid", "type",
                   "Invalid value: \"%.100s\": field is immutable",
                   json_str_or(obj, "type", ""));
    data_validate(s, obj, old, causes);
}

/* ---- Namespaces ---- */

static void
namespace_prepare(struct server *s, json_t *obj, const json_t *old)
{
    (void)s;
    json_put_str(obj, "metadata.labels[kubernetes.io/metadata.name]",
                 meta_str(obj, "name"));
    if (old != NULL) {
        json_t *spec = json_object_get(old, "spec");

        if (spec != NULL)
            json_object_set(obj, "spec", spec);
        return;
    }
    json_object_set_new(obj, "spec", json_pack("{s:[s]}", "finalizers", "kubernetes"));
    json_object_set_new(obj, "status", json_pack("{s:s}", "phase", "Active"));
}

/* ---- Events ---- */

static void
event_validate(struct server *s, const json_t *obj, const json_t *old, json_t *causes)
{
    const char *ns = json_str_or(obj, "involvedObject.namespace", "");

    (void)s;
    (void)old;
    if (*ns == '\0' ? strcmp(meta_str(obj, "namespace"), "default") != 0 &&
                          strcmp(meta_str(obj, "namespace"), "kube-system") != 0
                    : strcmp(ns, meta_str(obj, "namespace")) != 0)
        causes_add(causes, "FieldValueInvalid", "involvedObject.namespace",
                   "Invalid value: \"%s\": does not match event.namespace", ns);
}

/* ---- the table ---- */

/* clang-format off */
static const struct strategy {
    const char *type;
    void (*prepare)(struct server *, json_t *, const json_t *);
    void (*validate)(struct server *, const json_t *, const json_t *, json_t *);
    bool generation, keeps_status;
} strategies[] = {
    {"Secret",     secret_prepare,     secret_validate,     false, false},
    {"ConfigMap",  NULL,               data_validate,       false, false},
    {"Namespace",  namespace_prepare,  NULL,                false, false},
    {"Event",      NULL,               event_validate,      false, false},
    {"Pod",        pod_prepare,        pod_validate,        true,  false},
    {"Job",        job_prepare,        job_validate,        true,  false},
    {"CronJob",    cronjob_prepare,    cronjob_validate,    true,  false},
    {"Deployment", deployment_prepare, deployment_validate, true,  false},
    {"ReplicaSet", NULL,               deployment_validate, true,  false},
    {"Node",       NULL,               NULL,                false, true},
    {"CustomResourceDefinition", crd_prepare, crd_validate, true,  false},
};
/* clang-format on */

static const struct strategy *
find(const struct resource *r)
{
    for (size_t i = 0; r->type != NULL && i < ARRAY_LEN(strategies); i++)
        if (strcmp(strategies[i].type, r->type) == 0)
            return &strategies[i];
    return NULL;
}

void
strategy_prepare(struct server *s, const struct resource *r, json_t *obj,
                 const json_t *old)
{
    const struct strategy *st = find(r);

    if (st != NULL && st->prepare != NULL)
        st->prepare(s, obj, old);
}

void
strategy_validate(struct server *s, const struct resource *r, const json_t *obj,
                  const json_t *old, json_t *causes)
{
    const struct strategy *st = find(r);

    if (st != NULL && st->validate != NULL)
        st->validate(s, obj, old, causes);
}

static bool
differs(const json_t *a, const json_t *b)
{
    return (a != NULL || b != NULL) &&
           (a == NULL || b == NULL || !json_equal((json_t *)a, (json_t *)b));
}

/* Custom resources: anything but metadata and, where it is a subresource, status. */
static bool
custom_moves(const struct resource *r, const json_t *obj, const json_t *old)
{
    const char *key;
    json_t *value;
    size_t members = 0;

    json_object_foreach((json_t *)obj, key, value)
    {
        if (strcmp(key, "metadata") == 0 || strcmp(key, "apiVersion") == 0 ||
            strcmp(key, "kind") == 0 || (r->status && strcmp(key, "status") == 0))
            continue;
        members++;
        if (differs(value, json_object_get(old, key)))
            return true;
    }
    json_object_foreach((json_t *)old, key,
                        value) if (strcmp(key, "metadata") != 0 &&
                                   strcmp(key, "apiVersion") != 0 &&
                                   strcmp(key, "kind") != 0 &&
                                   !(r->status && strcmp(key, "status") == 0)) members--;
    return members != 0;
}

bool
strategy_generation_moves(const struct resource *r, const json_t *obj, const json_t *old)
{
    const struct strategy *st = find(r);

    if (r->custom)
        return old == NULL || custom_moves(r, obj, old);
    if (st == NULL || !st->generation)
        return false;
    return old == NULL ||
           differs(json_object_get(obj, "spec"), json_object_get(old, "spec"));
}

bool
strategy_keeps_status(const struct resource *r)
{
    const struct strategy *st = find(r);

    return st != NULL && st->keeps_status;
}

bool
strategy_orphans(const struct resource *r)
{
    return strcmp(r->key, "jobs.batch") == 0;
}

int64_t
strategy_grace(const struct resource *r, const json_t *obj, int64_t asked)
{
    const char *phase = json_str_or(obj, "status.phase", "");

    if (strcmp(r->key, "pods") != 0 || *json_str_or(obj, "spec.nodeName", "") == '\0')
        return 0;
    if (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)
        return 0;
    return asked >= 0 ? asked
                      : json_int_or(obj, "spec.terminationGracePeriodSeconds", 30);
}
