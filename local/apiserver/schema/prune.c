/* prune.c - see prune.h. */
#include "local/apiserver/schema/prune.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/data/json.h"
#include "local/apiserver/schema/builtin.h"

#define UNKNOWN_MAX 100 /* paths that are told of */

static void prune(const struct schema *s, json_t *value, struct buf *path,
                  json_t *unknown);

static void
cut(struct buf *path, size_t size)
{
    path->size = size;
    if (path->data != NULL)
        path->data[size] = '\0';
}

static bool
part_of_every_object(const char *key)
{
    return strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0 ||
           strcmp(key, "metadata") == 0;
}

static void
prune_members(const struct schema *s, json_t *value, struct buf *path, json_t *unknown)
{
    const char *key;
    json_t *member;
    void *next;
    size_t size = path->size;

    json_object_foreach_safe(value, next, key, member)
    {
        bool free_form;
        const struct schema *field = schema_field(s, key, &free_form);

        buf_printf(path, "%s%s", size > 0 ? "." : "", key);
        if (field != NULL)
            prune(field, member, path, unknown);
        else if (!free_form && !(s->embedded && part_of_every_object(key))) {
            if (unknown != NULL && json_array_size(unknown) < UNKNOWN_MAX)
                json_array_append_new(unknown, json_string(buf_str(path)));
            json_object_del(value, key);
        }
        cut(path, size);
    }
}

static void
prune(const struct schema *s, json_t *value, struct buf *path, json_t *unknown)
{
    size_t i, size = path->size;
    json_t *item;

    if (json_is_object(value) && (s->type == ST_OBJECT || s->prop_count > 0)) {
        prune_members(s, value, path, unknown);
    } else if (json_is_array(value) && s->items != NULL) {
        json_array_foreach(value, i, item)
        {
            buf_printf(path, "[%zu]", i);
            prune(s->items, item, path, unknown);
            cut(path, size);
        }
    }
}

void
prune_object(const struct schema *s, json_t *obj, json_t *unknown)
{
    SCOPED(buf) struct buf path = BUF_INIT;
    SCOPED(json) json_t *kept = json_object();
    const char *key;
    json_t *value;
    void *next;
    const struct schema *meta = builtin_meta();

    if (json_is_object(json_object_get(obj, "metadata")) && meta != NULL) {
        buf_add_str(&path, "metadata");
        prune(meta, json_object_get(obj, "metadata"), &path, unknown);
        cut(&path, 0);
    }
    if (s == NULL)
        return;
    json_object_foreach_safe(obj, next, key, value)
    {
        if (!part_of_every_object(key))
            continue;
        json_object_set(kept, key, value);
        json_object_del(obj, key);
    }
    prune(s, obj, &path, unknown);
    /* Back in front, where readers expect them. */
    json_object_update(kept, obj);
    json_object_clear(obj);
    json_object_update(obj, kept);
}

static void
defaults(const struct schema *s, json_t *value)
{
    size_t i;
    json_t *item;

    if (json_is_object(value)) {
        const char *key;

        for (i = 0; i < s->prop_count; i++) {
            json_t *member = json_object_get(value, s->props[i].name);
            const struct schema *field = s->props[i].schema;

            /* A null where null is not allowed stands for "take the default". */
            if (s->props[i].dflt != NULL &&
                (member == NULL || (json_is_null(member) && !field->nullable)))
                json_object_set_new(value, s->props[i].name,
                                    json_deep_copy(s->props[i].dflt));
        }
        json_object_foreach(value, key, item)
        {
            const struct schema *field = schema_field(s, key, NULL);

            if (field != NULL)
                defaults(field, item);
        }
    } else if (json_is_array(value) && s->items != NULL) {
        json_array_foreach(value, i, item) defaults(s->items, item);
    }
}

/* Nulls for fields that cannot be null and have no default mean the same as absence. */
static void
drop_nulls(const struct schema *s, json_t *value)
{
    const char *key;
    json_t *item;
    void *next;
    size_t i;

    if (json_is_object(value)) {
        json_object_foreach_safe(value, next, key, item)
        {
            const struct schema *field = schema_field(s, key, NULL);

            if (field == NULL)
                continue;
            if (json_is_null(item) && !field->nullable)
                json_object_del(value, key);
            else
                drop_nulls(field, item);
        }
    } else if (json_is_array(value) && s->items != NULL) {
        json_array_foreach(value, i, item) drop_nulls(s->items, item);
    }
}

void
defaults_object(const struct schema *s, json_t *obj)
{
    json_t *meta = json_object_get(obj, "metadata");

    if (builtin_meta() != NULL && meta != NULL)
        drop_nulls(builtin_meta(), meta);
    if (s == NULL)
        return;
    defaults(s, obj);
    drop_nulls(s, obj);
}
