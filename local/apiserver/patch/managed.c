/* managed.c - the entries of metadata.managedFields, see managed.h. */
#include "local/apiserver/patch/managed.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "local/apiserver/object.h"

json_t *
managed_entry(const json_t *list, const char *manager, const char *operation,
              const char *sub)
{
    size_t i;
    json_t *entry;

    json_array_foreach(
        list, i, entry) if (strcmp(json_str_or(entry, "manager", ""), manager) == 0 &&
                            strcmp(json_str_or(entry, "operation", ""), operation) == 0 &&
                            strcmp(json_str_or(entry, "subresource", ""),
                                   sub != NULL ? sub : "") == 0) return entry;
    return NULL;
}

json_t *
managed_new(const char *manager, const char *operation, const char *sub,
            const char *api_version, int64_t now_ms, json_t *fields)
{
    char now[RFC3339_SIZE];
    json_t *entry;

    rfc3339_format(now_ms, now);
    entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "manager", manager, "operation",
                      operation, "apiVersion", api_version, "time", now, "fieldsType",
                      "FieldsV1", "fieldsV1", fields);
    if (sub != NULL && *sub != '\0')
        json_object_set_new(entry, "subresource", json_string(sub));
    return entry;
}

/* "kubectl/v1.32 (linux/amd64)" is kubectl. */
static void
manager_name(const char *manager, const char *user_agent, char *out, size_t size)
{
    if (manager != NULL && *manager != '\0')
        snprintf(out, size, "%s", manager);
    else if (user_agent != NULL && *user_agent != '\0')
        snprintf(out, size, "%.*s", (int)strcspn(user_agent, "/ "), user_agent);
    else
        snprintf(out, size, "unknown");
}

void
managed_after_update(const struct resource *r, const struct schema *s,
                     const char *manager, const char *user_agent, const char *sub,
                     int64_t now_ms, json_t *obj, const json_t *old)
{
    json_t *before = json_at(old, "metadata.managedFields"), *entry, *own;
    SCOPED(json) json_t *list = json_array();
    char name[130];
    size_t i;

    if (json_array_size(before) == 0)
        return;
    SCOPED(json) json_t *now = fields_of_object(r, s, obj, sub);
    SCOPED(json) json_t *was = fields_of_object(r, s, old, sub);
    SCOPED(json) json_t *all = fields_union(now, was);
    SCOPED(json) json_t *changed = fields_changed(all, obj, old);
    if (json_object_size(changed) == 0)
        return;
    manager_name(manager, user_agent, name, sizeof name);
    SCOPED(json) json_t *mine = fields_and(changed, now);
    json_array_foreach(before, i, entry)
    {
        SCOPED(json) json_t *copy = json_copy(entry);
        json_t *rest = fields_minus(json_object_get(entry, "fieldsV1"), changed);

        json_object_set_new(copy, "fieldsV1", rest);
        if (json_object_size(rest) > 0 ||
            managed_entry(before, name, "Update", sub) == entry)
            json_array_append(list, copy);
    }
    own = managed_entry(list, name, "Update", sub);
    if (own != NULL) {
        char stamp[RFC3339_SIZE];

        rfc3339_format(now_ms, stamp);
        json_object_set_new(own, "fieldsV1",
                            fields_union(json_object_get(own, "fieldsV1"), mine));
        json_object_set_new(own, "time", json_string(stamp));
    } else if (json_object_size(mine) > 0) {
        json_array_append_new(list, managed_new(name, "Update", sub,
                                                json_str_or(obj, "apiVersion", ""),
                                                now_ms, json_incref(mine)));
    }
    json_object_set(meta_of(obj), "managedFields", list);
}
