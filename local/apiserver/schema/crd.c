/* crd.c - see crd.h. */
#include "local/apiserver/schema/crd.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "local/apiserver/object.h"
#include "local/apiserver/schema/schema.h"

static void
fill_names(json_t *obj)
{
    const char *kind = json_str_or(obj, "spec.names.kind", "");
    char text[256];
    size_t i;

    if (*json_str_or(obj, "spec.names.listKind", "") == '\0') {
        snprintf(text, sizeof text, "%.240sList", kind);
        json_put_str(obj, "spec.names.listKind", text);
    }
    if (*json_str_or(obj, "spec.names.singular", "") == '\0') {
        for (i = 0; kind[i] != '\0' && i < sizeof text - 1; i++)
            text[i] = (char)(kind[i] >= 'A' && kind[i] <= 'Z' ? kind[i] + 32 : kind[i]);
        text[i] = '\0';
        json_put_str(obj, "spec.names.singular", text);
    }
}

static json_t *
condition(const char *type, const char *reason, const char *message, const char *now)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", type, "status", "True",
                     "lastTransitionTime", now, "reason", reason, "message", message);
}

/* Served as soon as it is stored, so the conditions are true at once. */
void
crd_prepare(struct server *s, json_t *obj, const json_t *old)
{
    char now[RFC3339_SIZE];
    json_t *stored = json_array(), *version,
           *before = json_at(old, "status.storedVersions");
    size_t i;

    fill_names(obj);
    rfc3339_format(s->now_ms(), now);
    if (before != NULL)
        json_array_extend(stored, before);
    json_array_foreach(json_at(obj, "spec.versions"), i, version)
    {
        bool known = false;
        size_t k;
        json_t *name;

        json_array_foreach(stored, k, name) known |=
            strcmp(json_string_value(name), json_str_or(version, "name", "")) == 0;
        if (json_bool_or(version, "storage", false) && !known)
            json_array_append_new(stored, json_string(json_str_or(version, "name", "")));
    }
    json_t *conditions = json_at(old, "status.conditions");
    json_object_set_new(
        obj, "status",
        json_pack("{s:o, s:O?, s:o}", "conditions",
                  conditions != NULL
                      ? json_deep_copy(conditions)
                      : json_pack("[o, o]",
                                  condition("NamesAccepted", "NoConflicts",
                                            "no conflicts found", now),
                                  condition("Established", "InitialNamesAccepted",
                                            "the initial names have been accepted", now)),
                  "acceptedNames", json_at(obj, "spec.names"), "storedVersions", stored));
}

static void
check_versions(const json_t *obj, json_t *causes)
{
    json_t *list = json_at(obj, "spec.versions"), *version;
    size_t i, storage = 0;
    char path[128];

    json_array_foreach(list, i, version)
    {
        struct err e = ERR_INIT;
        json_t *schema = json_at(version, "schema.openAPIV3Schema");

        storage += json_bool_or(version, "storage", false);
        snprintf(path, sizeof path, "spec.versions[%zu].schema.openAPIV3Schema", i);
        if (schema == NULL) {
            causes_add(causes, "FieldValueRequired", path,
                       "Required value: schemas are required");
            continue;
        }
        SCOPED(schema) struct schema *compiled = schema_compile(schema, &e);
        if (compiled == NULL)
            causes_add(causes, "FieldValueInvalid", path, "Invalid value: \"object\": %s",
                       e.text);
        else if (compiled->type != ST_OBJECT)
            causes_add(causes, "FieldValueInvalid", path,
                       "Invalid value: \"%s\": must be object",
                       json_str_or(schema, "type", ""));
    }
    if (storage != 1)
        causes_add(
            causes, "FieldValueInvalid", "spec.versions",
            "Invalid value: must have exactly one version marked as storage version");
}

void
crd_validate(struct server *s, const json_t *obj, const json_t *old, json_t *causes)
{
    char name[600];
    const char *group = json_str_or(obj, "spec.group", ""),
               *plural = json_str_or(obj, "spec.names.plural", "");

    snprintf(name, sizeof name, "%s.%s", plural, group);
    if (strcmp(name, meta_str(obj, "name")) != 0)
        causes_add(causes, "FieldValueInvalid", "metadata.name",
                   "Invalid value: \"%s\": must be spec.names.plural+\".\"+spec.group",
                   meta_str(obj, "name"));
    for (size_t i = 0; i < registry_count(s->registry); i++) {
        struct resource *r = registry_at(s->registry, i);

        if (!r->custom && strcmp(r->group, group) == 0)
            causes_add(causes, "FieldValueInvalid", "spec.group",
                       "Invalid value: \"%s\": the group is built in", group);
        if (!r->custom && strcmp(r->group, group) == 0)
            break;
    }
    if (old != NULL && strcmp(json_str_or(obj, "spec.scope", ""),
                              json_str_or(old, "spec.scope", "")) != 0)
        causes_add(causes, "FieldValueInvalid", "spec.scope",
                   "Invalid value: \"%s\": field is immutable",
                   json_str_or(obj, "spec.scope", ""));
    check_versions(obj, causes);
}
