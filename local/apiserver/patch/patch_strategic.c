/* patch_strategic.c - strategic merge patch, see patch.h. */
#include "local/apiserver/patch/patch.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"

#define ORDER "$setElementOrder/"
#define DROP "$deleteFromPrimitiveList/"

static int merge_object(const struct schema *s, json_t *target, const json_t *patch,
                        struct err *e);

static bool
is_directive(const char *key)
{
    return key[0] == '$';
}

static const char *
directive(const json_t *patch)
{
    const char *d = json_string_value(json_object_get(patch, "$patch"));

    return d != NULL ? d : "";
}

/* A copy of a value without directives: what is put where nothing was. */
static json_t *
plain(const struct schema *s, const json_t *patch, struct err *e)
{
    json_t *out;
    size_t i;
    json_t *item;

    if (json_is_object(patch)) {
        out = json_object();
        if (merge_object(s, out, patch, e) < 0) {
            json_decref(out);
            return NULL;
        }
        return out;
    }
    if (!json_is_array(patch))
        return json_deep_copy(patch);
    out = json_array();
    json_array_foreach(patch, i, item)
    {
        json_t *copy;

        if (strcmp(directive(item), "delete") == 0 ||
            (json_is_object(item) && json_object_size(item) == 1 &&
             *directive(item) != '\0'))
            continue;
        if ((copy = plain(s != NULL ? s->items : NULL, item, e)) == NULL) {
            json_decref(out);
            return NULL;
        }
        json_array_append_new(out, copy);
    }
    return out;
}

static int
find_item(const json_t *list, const char *key, const json_t *value)
{
    size_t i;
    json_t *item;

    json_array_foreach(
        list, i, item) if (value != NULL && json_object_get(item, key) != NULL &&
                           json_equal(json_object_get(item, key), value)) return (int)i;
    return -1;
}

static int
merge_keyed(const struct schema *s, json_t *target, const json_t *patch, struct err *e)
{
    const char *key = s->patch_key;
    size_t i;
    json_t *item;

    json_array_foreach(patch, i, item)
    {
        const char *d = directive(item);
        json_t *value = json_object_get(item, key);
        int at = find_item(target, key, value);

        if (strcmp(d, "replace") == 0 && value == NULL) {
            json_array_clear(target);
            continue;
        }
        if (value == NULL)
            return err_set(e, ERR_INVALID,
                           "map: an item of a list has no merge key \"%s\"", key);
        if (strcmp(d, "delete") == 0) {
            for (; at >= 0; at = find_item(target, key, value))
                json_array_remove(target, (size_t)at);
        } else if (at >= 0 && strcmp(d, "replace") != 0) {
            if (merge_object(s->items, json_array_get(target, (size_t)at), item, e) < 0)
                return -1;
        } else {
            json_t *copy = plain(s->items, item, e);

            if (copy == NULL)
                return -1;
            if (at >= 0)
                json_array_set_new(target, (size_t)at, copy);
            else
                json_array_append_new(target, copy);
        }
    }
    return 0;
}

static bool
contains(const json_t *list, const json_t *value)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) if (json_equal(item, value)) return true;
    return false;
}

/* Puts the items that `order` names in its order; others keep their place relative to those
 * before them. */
static void
reorder(json_t *list, const json_t *order, const char *key)
{
    SCOPED(json) json_t *sorted = json_array();
    SCOPED(json) json_t *rest = json_copy(list);
    size_t i;
    json_t *wanted;

    json_array_foreach(order, i, wanted)
    {
        json_t *value = key != NULL ? json_object_get(wanted, key) : wanted;

        for (size_t k = 0; k < json_array_size(rest); k++) {
            json_t *item = json_array_get(rest, k),
                   *own = key != NULL ? json_object_get(item, key) : item;

            if (own == NULL || value == NULL || !json_equal(own, value))
                continue;
            json_array_append(sorted, item);
            json_array_remove(rest, k);
            break;
        }
    }
    json_array_extend(sorted, rest);
    json_array_clear(list);
    json_array_extend(list, sorted);
}

static int
merge_list(const struct schema *s, json_t *target, const char *name, json_t *have,
           const json_t *patch, struct err *e)
{
    bool keyed = s != NULL && s->patch_key != NULL,
         set = s != NULL && s->list == LIST_SET;
    size_t i;
    json_t *item;

    if (!json_is_array(have) || (!keyed && !set)) {
        json_t *copy = plain(s, patch, e);

        return copy == NULL ? -1 : json_object_set_new(target, name, copy);
    }
    if (keyed)
        return merge_keyed(s, have, patch, e);
    json_array_foreach(patch, i, item) if (!contains(have, item))
        json_array_append_new(have, json_deep_copy(item));
    return 0;
}

/* The directives that stand beside the fields of an object. */
static void
run_directives(const struct schema *s, json_t *target, const json_t *patch)
{
    const char *key;
    json_t *value;
    size_t i;
    json_t *item;

    json_object_foreach((json_t *)patch, key, value)
    {
        if (strncmp(key, DROP, sizeof DROP - 1) == 0) {
            json_t *list = json_object_get(target, key + sizeof DROP - 1);

            json_array_foreach(
                value, i,
                item) for (size_t k = json_array_size(list); k > 0;
                           k--) if (json_equal(json_array_get(list, k - 1), item))
                json_array_remove(list, k - 1);
        } else if (strncmp(key, ORDER, sizeof ORDER - 1) == 0) {
            const char *name = key + sizeof ORDER - 1;
            const struct schema *field = schema_field(s, name, NULL);
            json_t *list = json_object_get(target, name);

            if (json_is_array(list))
                reorder(list, value, field != NULL ? field->patch_key : NULL);
        }
    }
}

static void
retain_keys(json_t *target, const json_t *keys)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(target, next, key, value)
    {
        SCOPED(json) json_t *name = json_string(key);

        if (!contains(keys, name))
            json_object_del(target, key);
    }
}

static int
merge_member(const struct schema *s, json_t *target, const char *key, const json_t *value,
             struct err *e)
{
    const struct schema *field = schema_field(s, key, NULL);
    json_t *have = json_object_get(target, key), *copy;

    if (json_is_null(value))
        return json_object_get(target, key) != NULL ? json_object_del(target, key) : 0;
    if (json_is_array(value))
        return merge_list(field, target, key, have, value, e);
    if (json_is_object(value) && json_is_object(have)) {
        if (strcmp(directive(value), "delete") == 0)
            return json_object_del(target, key);
        return merge_object(field, have, value, e);
    }
    if ((copy = plain(field, value, e)) == NULL)
        return -1;
    return json_object_set_new(target, key, copy);
}

static int
merge_object(const struct schema *s, json_t *target, const json_t *patch, struct err *e)
{
    const char *key, *d = directive(patch);
    json_t *value, *keep = json_object_get(patch, "$retainKeys");

    if (*d != '\0' && strcmp(d, "replace") != 0 && strcmp(d, "merge") != 0 &&
        strcmp(d, "delete") != 0)
        return err_set(e, ERR_INVALID, "unknown $patch directive \"%.100s\"", d);
    if (strcmp(d, "replace") == 0 || strcmp(d, "delete") == 0)
        json_object_clear(target);
    if (strcmp(d, "delete") == 0)
        return 0;
    if (json_is_array(keep))
        retain_keys(target, keep);
    json_object_foreach((json_t *)patch, key,
                        value) if (!is_directive(key) &&
                                   merge_member(s, target, key, value, e) <
                                       0) return e->code != ERR_NONE
        ? -1
        : err_set(e, ERR_INVALID, "field \"%.100s\" cannot be merged", key);
    run_directives(s, target, patch);
    return 0;
}

json_t *
patch_strategic(const struct schema *s, const json_t *target, const json_t *patch,
                struct err *e)
{
    SCOPED(json) json_t *out = json_deep_copy(target);

    if (!json_is_object(patch) || !json_is_object(out)) {
        err_set(e, ERR_INVALID, "a strategic merge patch is an object");
        return NULL;
    }
    return merge_object(s, out, patch, e) < 0 ? NULL : TAKE(out);
}
