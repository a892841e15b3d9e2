/* podspec.c - see podspec.h. */
#include "local/apiserver/schema/podspec.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "common/value/quantity.h"
#include "local/apiserver/fault.h"
#include "local/apiserver/names.h"

static const char *const lists[] = {"containers", "initContainers"};

/* An image without a tag, or with "latest", may change under its name. */
static const char *
pull_policy(const char *image)
{
    const char *slash = strrchr(image, '/'), *last = slash != NULL ? slash + 1 : image;
    const char *tag = strchr(last, ':');

    if (strchr(last, '@') != NULL)
        return "IfNotPresent";
    return tag == NULL || strcmp(tag, ":latest") == 0 ? "Always" : "IfNotPresent";
}

static void
container_defaults(json_t *c)
{
    json_t *limits = json_at(c, "resources.limits"),
           *requests = json_at(c, "resources.requests"), *value;
    const char *key, *image = json_str_or(c, "image", "");

    if (json_object_get(c, "imagePullPolicy") == NULL)
        json_object_set_new(c, "imagePullPolicy", json_string(pull_policy(image)));
    if (limits == NULL)
        return;
    if (requests == NULL) {
        requests = json_object();
        json_object_set_new(json_object_get(c, "resources"), "requests", requests);
    }
    json_object_foreach(limits, key, value) if (json_object_get(requests, key) == NULL)
        json_object_set(requests, key, value);
}

void
podspec_defaults(json_t *spec)
{
    size_t i;
    json_t *c;

    if (!json_is_object(spec))
        return;
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        json_array_foreach(json_object_get(spec, lists[k]), i, c) container_defaults(c);
    /* A volume without a source is an empty directory. */
    json_array_foreach(json_object_get(spec, "volumes"), i,
                       c) if (json_is_object(c) && json_object_size(c) == 1)
        json_object_set_new(c, "emptyDir", json_object());
    const char *account =
        json_str_or(spec, "serviceAccountName", json_str_or(spec, "serviceAccount", ""));
    if (*account != '\0') {
        json_t *name = json_string(account); /* `account` goes with the member it is of */

        json_object_set(spec, "serviceAccountName", name);
        json_object_set_new(spec, "serviceAccount", name);
    }
}

const char *
podspec_qos(const json_t *spec)
{
    bool any = false, all = true;
    size_t i;
    json_t *c;

    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        json_array_foreach(json_object_get(spec, lists[k]), i, c)
        {
            json_t *limits = json_at(c, "resources.limits"),
                   *requests = json_at(c, "resources.requests");

            any |= json_object_size(limits) > 0 || json_object_size(requests) > 0;
            all &= json_object_get(limits, "cpu") != NULL &&
                   json_object_get(limits, "memory") != NULL &&
                   json_equal(limits, requests);
        }
    return !any ? "BestEffort" : all ? "Guaranteed" : "Burstable";
}

/* ---- checks ---- */

static int
read_quantity(const json_t *v, struct quantity *q)
{
    char text[32];

    if (json_is_string(v))
        return quantity_parse(json_string_value(v), q);
    if (!json_is_integer(v))
        return -1;
    snprintf(text, sizeof text, "%lld", (long long)json_integer_value(v));
    return quantity_parse(text, q);
}

static void
check_resources(const json_t *c, const char *path, json_t *causes)
{
    json_t *limits = json_at(c, "resources.limits"), *value;
    const char *key;
    char sub[300];

    json_object_foreach(json_at(c, "resources.requests"), key, value)
    {
        struct quantity request, limit;

        snprintf(sub, sizeof sub, "%s.resources.requests", path);
        if (read_quantity(value, &request) < 0 || json_object_get(limits, key) == NULL ||
            read_quantity(json_object_get(limits, key), &limit) < 0)
            continue;
        if (quantity_compare(&request, &limit) > 0)
            causes_add(
                causes, "FieldValueInvalid", sub,
                "Invalid value: \"%s\": must be less than or equal to %s limit of %s",
                json_string_value(value) != NULL ? json_string_value(value) : "", key,
                json_string_value(json_object_get(limits, key)) != NULL
                    ? json_string_value(json_object_get(limits, key))
                    : "");
    }
}

static bool
env_name_good(const char *name)
{
    if (*name == '\0' || (*name >= '0' && *name <= '9'))
        return false;
    for (; *name != '\0'; name++)
        if (*name == '=' || (unsigned char)*name < 0x20 || (unsigned char)*name > 0x7e)
            return false;
    return true;
}

static void
check_env(const json_t *c, const char *path, json_t *causes)
{
    size_t i;
    json_t *e;
    char sub[300];

    json_array_foreach(json_object_get(c, "env"), i, e)
    {
        const char *name = json_str_or(e, "name", "");
        json_t *from = json_object_get(e, "valueFrom");

        snprintf(sub, sizeof sub, "%s.env[%zu].name", path, i);
        if (*name == '\0')
            causes_add(causes, "FieldValueRequired", sub, "Required value");
        else if (!env_name_good(name))
            causes_add(
                causes, "FieldValueInvalid", sub,
                "Invalid value: \"%.100s\": a valid environment variable name must "
                "consist of printable ASCII characters other than '=' and may not start "
                "with a digit",
                name);
        snprintf(sub, sizeof sub, "%s.env[%zu].valueFrom", path, i);
        if (from != NULL && *json_str_or(e, "value", "") != '\0')
            causes_add(
                causes, "FieldValueInvalid", sub,
                "Invalid value: \"\": may not be specified when `value` is not empty");
        if (from != NULL && json_object_size(from) != 1)
            causes_add(causes, "FieldValueInvalid", sub,
                       json_object_size(from) == 0
                           ? "Invalid value: \"\": must specify one of: `fieldRef`, "
                             "`resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
                           : "Invalid value: \"\": may not have more than one field "
                             "specified at a time");
    }
}

static bool
has_volume(const json_t *spec, const char *name)
{
    size_t i;
    json_t *v;

    json_array_foreach(json_object_get(spec, "volumes"), i,
                       v) if (strcmp(json_str_or(v, "name", ""), name) == 0) return true;
    return false;
}

static void
check_mounts(const json_t *spec, const json_t *c, const char *path, json_t *causes)
{
    size_t i;
    json_t *m;
    char sub[300];

    json_array_foreach(json_object_get(c, "volumeMounts"), i, m)
    {
        snprintf(sub, sizeof sub, "%s.volumeMounts[%zu].name", path, i);
        if (!has_volume(spec, json_str_or(m, "name", "")))
            causes_add(causes, "FieldValueNotFound", sub, "Not found: \"%s\"",
                       json_str_or(m, "name", ""));
        snprintf(sub, sizeof sub, "%s.volumeMounts[%zu].mountPath", path, i);
        if (*json_str_or(m, "mountPath", "") == '\0')
            causes_add(causes, "FieldValueRequired", sub, "Required value");
    }
}

static void
check_claims(const json_t *spec, const json_t *c, const char *path, json_t *causes)
{
    size_t i, k;
    json_t *claim, *known;
    char sub[300];

    json_array_foreach(json_at(c, "resources.claims"), i, claim)
    {
        bool found = false;

        json_array_foreach(json_object_get(spec, "resourceClaims"), k, known) found |=
            strcmp(json_str_or(known, "name", ""), json_str_or(claim, "name", "")) == 0;
        snprintf(sub, sizeof sub, "%s.resources.claims[%zu].name", path, i);
        if (!found)
            causes_add(causes, "FieldValueNotFound", sub, "Not found: \"%s\"",
                       json_str_or(claim, "name", ""));
    }
}

static void
check_container(const json_t *spec, const json_t *c, const char *path, json_t *causes)
{
    char sub[300];
    const char *name = json_str_or(c, "name", ""), *why = name_label(name);

    snprintf(sub, sizeof sub, "%s.name", path);
    if (*name == '\0')
        causes_add(causes, "FieldValueRequired", sub, "Required value");
    else if (why != NULL)
        causes_add(causes, "FieldValueInvalid", sub, "Invalid value: \"%.100s\": %s",
                   name, why);
    snprintf(sub, sizeof sub, "%s.image", path);
    if (*json_str_or(c, "image", "") == '\0')
        causes_add(causes, "FieldValueRequired", sub, "Required value");
    check_resources(c, path, causes);
    check_env(c, path, causes);
    check_mounts(spec, c, path, causes);
    check_claims(spec, c, path, causes);
}

static void
check_volumes(const json_t *spec, const char *path, json_t *causes)
{
    size_t i;
    json_t *v;
    char sub[300];

    json_array_foreach(json_object_get(spec, "volumes"), i, v)
    {
        const char *why = name_label(json_str_or(v, "name", ""));

        snprintf(sub, sizeof sub, "%s.volumes[%zu].name", path, i);
        if (why != NULL)
            causes_add(causes, "FieldValueInvalid", sub, "Invalid value: \"%.100s\": %s",
                       json_str_or(v, "name", ""), why);
        snprintf(sub, sizeof sub, "%s.volumes[%zu]", path, i);
        if (json_object_size(v) > 2)
            causes_add(causes, "FieldValueForbidden", sub,
                       "Forbidden: may not specify more than 1 volume type");
    }
}

/* What is wrong with a toleration, or NULL; *sub is its member. */
static const char *
toleration_fault(const json_t *t, const char **sub)
{
    const char *how = json_str_or(t, "operator", ""),
               *effect = json_str_or(t, "effect", "");
    bool exists = strcmp(how, "Exists") == 0;

    *sub = "operator";
    if (*json_str_or(t, "key", "") == '\0' && !exists)
        return "operator must be Exists when `key` is empty, which means \"match all "
               "values "
               "and all keys\"";
    if (exists && *json_str_or(t, "value", "") != '\0')
        return "value must be empty when `operator` is 'Exists'";
    if (*how != '\0' && !exists && strcmp(how, "Equal") != 0)
        return "supported values: \"Equal\", \"Exists\"";
    *sub = "effect";
    if (json_object_get(t, "tolerationSeconds") != NULL &&
        strcmp(effect, "NoExecute") != 0)
        return "effect must be 'NoExecute' when `tolerationSeconds` is set";
    if (*effect != '\0' && strcmp(effect, "NoSchedule") != 0 &&
        strcmp(effect, "PreferNoSchedule") != 0 && strcmp(effect, "NoExecute") != 0)
        return "supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"";
    return NULL;
}

static void
check_tolerations(const json_t *spec, const char *path, json_t *causes)
{
    size_t i;
    json_t *t;
    char sub[300];
    const char *member;

    json_array_foreach(json_object_get(spec, "tolerations"), i, t)
    {
        const char *why = toleration_fault(t, &member);

        snprintf(sub, sizeof sub, "%s.tolerations[%zu].%s", path, i, member);
        if (why != NULL)
            causes_add(causes, "FieldValueInvalid", sub, "Invalid value: \"%.100s\": %s",
                       json_str_or(t, member, ""), why);
    }
}

void
podspec_validate(const json_t *spec, const char *path, json_t *causes)
{
    char sub[200];
    size_t i;
    json_t *c;

    snprintf(sub, sizeof sub, "%s.containers", path);
    if (json_array_size(json_object_get(spec, "containers")) == 0)
        causes_add(causes, "FieldValueRequired", sub, "Required value");
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        json_array_foreach(json_object_get(spec, lists[k]), i, c)
        {
            snprintf(sub, sizeof sub, "%s.%s[%zu]", path, lists[k], i);
            check_container(spec, c, sub, causes);
        }
    check_volumes(spec, path, causes);
    check_tolerations(spec, path, causes);
}
