/* fields.c - sets of fields, see managed.h. */
#include "local/apiserver/patch/managed.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "local/apiserver/schema/builtin.h"

const struct schema *
fields_schema(const struct schema *s, const char *name, int depth)
{
    return depth == 0 && strcmp(name, "metadata") == 0 ? builtin_meta()
                                                       : schema_field(s, name, NULL);
}

static json_t *fields_of(const struct schema *s, const json_t *v, int depth);

/* "k:{…}" with the keys in order of their names. */
static char *
key_name(const struct schema *s, const json_t *item)
{
    SCOPED(json) json_t *keys = json_object();
    SCOPED(string) char *text = NULL;
    size_t i;
    json_t *key;
    char *out = NULL;

    json_array_foreach(s->keys, i, key)
    {
        const char *name = json_string_value(key);
        json_t *value = json_object_get(item, name);

        if (value == NULL && s->items != NULL)
            for (size_t k = 0; k < s->items->prop_count; k++)
                if (strcmp(s->items->props[k].name, name) == 0)
                    value = (json_t *)s->items->props[k].dflt;
        if (value != NULL)
            json_object_set(keys, name, value);
    }
    text = json_dumps(keys, JSON_COMPACT | JSON_SORT_KEYS);
    return text == NULL || asprintf(&out, "k:%s", text) < 0 ? NULL : out;
}

static char *
value_name(const json_t *item)
{
    SCOPED(string) char *text = json_dumps(item, JSON_COMPACT | JSON_ENCODE_ANY);
    char *out = NULL;

    return text == NULL || asprintf(&out, "v:%s", text) < 0 ? NULL : out;
}

static json_t *
fields_of_list(const struct schema *s, const json_t *v)
{
    json_t *out = json_object(), *item;
    size_t i;

    if (s == NULL || s->list == LIST_ATOMIC)
        return out;
    json_array_foreach(v, i, item)
    {
        SCOPED(string)
        char *name = s->list == LIST_MAP ? key_name(s, item) : value_name(item);
        json_t *sub = s->list == LIST_MAP ? fields_of(s->items, item, 1) : json_object();

        if (s->list == LIST_MAP)
            json_object_set_new(sub, ".", json_object());
        if (name != NULL)
            json_object_set_new(out, name, sub);
        else
            json_decref(sub);
    }
    return out;
}

static json_t *
fields_of(const struct schema *s, const json_t *v, int depth)
{
    json_t *out = json_object(), *member;
    const char *key;
    char name[600];

    if (json_is_array(v)) {
        json_decref(out);
        return fields_of_list(s, v);
    }
    if (s != NULL && s->atomic_map)
        return out;
    json_object_foreach((json_t *)v, key, member)
    {
        snprintf(name, sizeof name, "f:%.590s", key);
        json_object_set_new(out, name,
                            fields_of(fields_schema(s, key, depth), member, depth + 1));
    }
    return out;
}

json_t *
fields_of_object(const struct resource *r, const struct schema *s, const json_t *obj,
                 const char *sub)
{
    static const char *const server_set[] = {"f:name",
                                             "f:namespace",
                                             "f:uid",
                                             "f:creationTimestamp",
                                             "f:generation",
                                             "f:resourceVersion",
                                             "f:managedFields",
                                             "f:selfLink",
                                             "f:deletionTimestamp",
                                             "f:deletionGracePeriodSeconds",
                                             "f:generateName"};
    json_t *out = fields_of(s, obj, 0), *meta;

    if (sub != NULL) {
        json_t *status = json_object_get(out, "f:status");
        json_t *only = json_object();

        if (status != NULL)
            json_object_set(only, "f:status", status);
        json_decref(out);
        return only;
    }
    json_object_del(out, "f:apiVersion");
    json_object_del(out, "f:kind");
    if (r->status)
        json_object_del(out, "f:status");
    meta = json_object_get(out, "f:metadata");
    for (size_t i = 0; meta != NULL && i < ARRAY_LEN(server_set); i++)
        json_object_del(meta, server_set[i]);
    if (meta != NULL && json_object_size(meta) == 0)
        json_object_del(out, "f:metadata");
    return out;
}

/* ---- algebra ---- */

static bool
is_leaf(const json_t *set)
{
    return json_object_size(set) == 0;
}

/* Is the place itself a member, besides what is below it? */
static bool
is_member(const json_t *set)
{
    return is_leaf(set) || json_object_get(set, ".") != NULL;
}

json_t *
fields_union(const json_t *a, const json_t *b)
{
    json_t *out = json_deep_copy(a), *sub;
    const char *key;

    json_object_foreach((json_t *)b, key, sub)
    {
        json_t *mine = json_object_get(out, key), *both;

        if (mine == NULL) {
            json_object_set_new(out, key, json_deep_copy(sub));
            continue;
        }
        both = fields_union(mine, sub);
        /* A leaf that gets children stays a member. */
        if (is_leaf(mine) != is_leaf(sub) && strcmp(key, ".") != 0)
            json_object_set_new(both, ".", json_object());
        json_object_set_new(out, key, both);
    }
    return out;
}

json_t *
fields_minus(const json_t *a, const json_t *b)
{
    json_t *out = json_object(), *sub;
    const char *key;

    json_object_foreach((json_t *)a, key, sub)
    {
        const json_t *other = json_object_get(b, key);
        json_t *rest;

        if (other == NULL) {
            json_object_set_new(out, key, json_deep_copy(sub));
            continue;
        }
        if (is_leaf(sub)) {
            if (!is_member(other))
                json_object_set_new(out, key, json_object());
            continue;
        }
        rest = fields_minus(sub, other);
        if (json_object_size(rest) > 0)
            json_object_set(out, key, rest);
        json_decref(rest);
    }
    return out;
}

json_t *
fields_and(const json_t *a, const json_t *b)
{
    json_t *out = json_object(), *sub;
    const char *key;

    json_object_foreach((json_t *)a, key, sub)
    {
        const json_t *other = json_object_get(b, key);
        json_t *both;

        if (other == NULL)
            continue;
        if (is_leaf(sub) || is_leaf(other)) {
            /* One of them owns all that is below. */
            json_object_set_new(out, key, json_deep_copy(is_leaf(sub) ? other : sub));
            continue;
        }
        both = fields_and(sub, other);
        if (json_object_size(both) > 0)
            json_object_set(out, key, both);
        json_decref(both);
    }
    return out;
}

/* ---- values ---- */

/* What stands behind "f:", "k:" and "v:". A set that a client sent may hold anything. */
static const char *
named(const char *key)
{
    return key[0] != '\0' && key[1] == ':' ? key + 2 : "";
}

static int
item_index(const json_t *list, const char *name)
{
    SCOPED(json) json_t *wanted = json_loads(named(name), JSON_DECODE_ANY, NULL);
    size_t i;
    json_t *item, *value;
    const char *key;

    json_array_foreach(list, i, item)
    {
        bool same = wanted != NULL;

        if (name[0] == 'v') {
            same = same && json_equal(item, wanted);
        } else {
            json_object_foreach(wanted, key, value)
            {
                json_t *own = json_object_get(item, key);

                /* A key that is absent has its default. */
                if (own != NULL && !json_equal(own, value))
                    same = false;
            }
        }
        if (same)
            return (int)i;
    }
    return -1;
}

static json_t *
value_of(const json_t *v, const char *name)
{
    int i;

    if (name[0] == 'f')
        return json_object_get(v, named(name));
    i = item_index(v, name);
    return i < 0 ? NULL : json_array_get(v, (size_t)i);
}

static bool
same_value(const json_t *a, const json_t *b)
{
    return a == NULL || b == NULL ? a == b : json_equal((json_t *)a, (json_t *)b);
}

json_t *
fields_changed(const json_t *set, const json_t *a, const json_t *b)
{
    json_t *out = json_object(), *sub;
    const char *key;

    json_object_foreach((json_t *)set, key, sub)
    {
        const json_t *x, *y;

        if (strcmp(key, ".") == 0)
            continue;
        x = value_of(a, key);
        y = value_of(b, key);
        if (is_leaf(sub)) {
            if (!same_value(x, y))
                json_object_set_new(out, key, json_object());
            continue;
        }
        json_t *below = fields_changed(sub, x, y);
        if (json_object_get(sub, ".") != NULL && (x == NULL) != (y == NULL))
            json_object_set_new(below, ".", json_object());
        if (json_object_size(below) > 0)
            json_object_set(out, key, below);
        json_decref(below);
    }
    return out;
}

void
fields_remove(json_t *obj, const json_t *set)
{
    const char *key;
    json_t *sub;

    json_object_foreach((json_t *)set, key, sub)
    {
        json_t *value;

        if (strcmp(key, ".") == 0 || (value = value_of(obj, key)) == NULL)
            continue;
        if (is_member(sub)) {
            if (key[0] == 'f')
                json_object_del(obj, named(key));
            else
                json_array_remove(obj, (size_t)item_index(obj, key));
            continue;
        }
        fields_remove(value, sub);
        /* A map or list that only existed for what is gone goes too. */
        if (key[0] == 'f' && ((json_is_object(value) && json_object_size(value) == 0) ||
                              (json_is_array(value) && json_array_size(value) == 0)))
            json_object_del(obj, named(key));
    }
}

static void
add_path_segment(const char *key, struct buf *out)
{
    SCOPED(json) json_t *keys = NULL;
    const char *name;
    json_t *value;
    bool first = true;

    if (key[0] == 'f') {
        buf_printf(out, ".%s", named(key));
    } else if (key[0] == 'v') {
        buf_printf(out, "[=%s]", named(key));
    } else {
        keys = json_loads(named(key), 0, NULL);
        buf_add_char(out, '[');
        json_object_foreach(keys, name, value)
        {
            SCOPED(string) char *text = json_dumps(value, JSON_ENCODE_ANY);

            buf_printf(out, "%s%s=%s", first ? "" : ",", name, text != NULL ? text : "");
            first = false;
        }
        buf_add_char(out, ']');
    }
}

void
fields_paths(const json_t *set, const char *prefix, json_t *out)
{
    const char *key;
    json_t *sub;

    json_object_foreach((json_t *)set, key, sub)
    {
        SCOPED(buf) struct buf path = BUF_INIT;

        buf_add_str(&path, prefix);
        if (strcmp(key, ".") != 0)
            add_path_segment(key, &path);
        if (is_leaf(sub))
            json_array_append_new(out, json_string(buf_str(&path)));
        else
            fields_paths(sub, buf_str(&path), out);
    }
}
