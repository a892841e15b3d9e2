/* apply.c - see apply.h. */
#include "local/apiserver/patch/apply.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "local/apiserver/admit.h"
#include "local/apiserver/patch/managed.h"
#include "local/apiserver/object.h"

/* One apply as it goes. */
struct apply {
    struct resource *r;
    const struct schema *schema;
    const char *manager, *sub;
    bool force;
    const json_t *config, *live;
    json_t *wanted; /* fields of the config */
    json_t *others; /* entries of all the other managers */
};

static int
item_of(const struct schema *s, const json_t *list, const json_t *item)
{
    size_t i, k;
    json_t *have, *key;

    json_array_foreach(list, i, have)
    {
        bool same =
            s->list == LIST_MAP ? json_array_size(s->keys) > 0 : json_equal(have, item);

        if (s->list == LIST_MAP)
            json_array_foreach(s->keys, k, key)
            {
                json_t *a = json_object_get(have, json_string_value(key)),
                       *b = json_object_get(item, json_string_value(key));

                /* A key left out has its default, which the stored item shows. */
                if (a != NULL && b != NULL && !json_equal(a, b))
                    same = false;
            }
        if (same)
            return (int)i;
    }
    return -1;
}

static json_t *merged(const struct schema *s, const json_t *live, const json_t *config,
                      int depth);

/* Items of the config in its order; items of others keep their place before what followed them. */
static json_t *
merged_list(const struct schema *s, const json_t *live, const json_t *config)
{
    json_t *out, *item;
    size_t i;

    if (s == NULL || s->list == LIST_ATOMIC || !json_is_array(live))
        return json_deep_copy(config);
    out = json_deep_copy(live);
    json_array_foreach(config, i, item)
    {
        int at = item_of(s, out, item);

        if (at < 0)
            json_array_append_new(out, json_deep_copy(item));
        else if (s->list == LIST_MAP)
            json_array_set_new(
                out, (size_t)at,
                merged(s->items, json_array_get(out, (size_t)at), item, 1));
    }
    return out;
}

static json_t *
merged(const struct schema *s, const json_t *live, const json_t *config, int depth)
{
    const char *key;
    json_t *value, *out;

    if (json_is_array(config))
        return merged_list(s, live, config);
    if (!json_is_object(config) || !json_is_object(live) || (s != NULL && s->atomic_map))
        return json_deep_copy(config);
    out = json_deep_copy(live);
    json_object_foreach((json_t *)config, key, value)
        json_object_set_new(out, key,
                            merged(fields_schema(s, key, depth),
                                   json_object_get(live, key), value, depth + 1));
    return out;
}

/* ---- conflicts ---- */

static void
describe(struct apply *a, const json_t *entry, json_t *paths, struct buf *text,
         json_t *causes)
{
    char message[600];
    size_t i;
    json_t *path;

    buf_printf(text, "%sconflict%s with \"%s\"%s%s:", text->size > 0 ? "\n" : "",
               json_array_size(paths) > 1 ? "s" : "", json_str_or(entry, "manager", ""),
               strcmp(json_str_or(entry, "operation", ""), "Update") == 0 ? " using "
                                                                          : "",
               strcmp(json_str_or(entry, "operation", ""), "Update") == 0
                   ? json_str_or(entry, "apiVersion", "")
                   : "");
    snprintf(message, sizeof message, "conflict with \"%.100s\"%s%.200s",
             json_str_or(entry, "manager", ""),
             strcmp(json_str_or(entry, "operation", ""), "Update") == 0 ? " using " : "",
             strcmp(json_str_or(entry, "operation", ""), "Update") == 0
                 ? json_str_or(entry, "apiVersion", "")
                 : "");
    json_array_foreach(paths, i, path)
    {
        buf_printf(text, "%s %s", json_array_size(paths) > 1 ? "\n-" : "",
                   json_string_value(path));
        json_array_append_new(causes, json_pack("{s:s, s:s, s:O}", "reason",
                                                "FieldManagerConflict", "message",
                                                message, "field", path));
    }
    (void)a;
}

/* Fields of others at which the config wants something else: refused, or taken from them. */
static int
settle_conflicts(struct apply *a, struct fault *f)
{
    SCOPED(buf) struct buf text = BUF_INIT;
    SCOPED(json) json_t *causes = json_array();
    size_t i, count = 0, k;
    json_t *entry, *cause;

    json_array_foreach(a->others, i, entry)
    {
        json_t *fields = json_object_get(entry, "fieldsV1");
        SCOPED(json) json_t *shared = fields_and(fields, a->wanted);
        SCOPED(json) json_t *differ = fields_changed(shared, a->config, a->live);
        SCOPED(json) json_t *paths = json_array();

        if (json_object_size(differ) == 0)
            continue;
        if (a->force) {
            json_object_set_new(entry, "fieldsV1", fields_minus(fields, differ));
            continue;
        }
        fields_paths(differ, "", paths);
        count += json_array_size(paths);
        describe(a, entry, paths, &text, causes);
    }
    if (count == 0)
        return 0;
    fault_set(f, 409, "Conflict", "Apply failed with %zu conflict%s: %.1500s", count,
              count > 1 ? "s" : "", buf_str(&text));
    json_array_foreach(causes, k, cause)
        fault_cause(f, json_str_or(cause, "reason", ""), json_str_or(cause, "field", ""),
                    json_str_or(cause, "message", ""));
    return -1;
}

/* What this manager applied before and does not want any more, and nobody else owns. */
static json_t *
given_up(struct apply *a, const json_t *mine)
{
    json_t *left = fields_minus(json_object_get(mine, "fieldsV1"), a->wanted), *entry;
    size_t i;

    json_array_foreach(a->others, i, entry)
    {
        json_t *rest = fields_minus(left, json_object_get(entry, "fieldsV1"));

        json_decref(left);
        left = rest;
    }
    return left;
}

/* An item that others own in part keeps its place: only our fields of it go. */
static void
keep_shared_items(json_t *set, const json_t *others)
{
    const char *key;
    json_t *sub, *entry;
    size_t i;

    json_object_foreach(set, key, sub)
    {
        SCOPED(json) json_t *below = json_array();

        json_array_foreach(others, i, entry) if (json_object_get(entry, key) != NULL)
            json_array_append(below, json_object_get(entry, key));
        if (json_array_size(below) > 0)
            json_object_del(sub, ".");
        keep_shared_items(sub, below);
    }
}

static json_t *
owned_lists(const json_t *others)
{
    json_t *out = json_array(), *entry;
    size_t i;

    json_array_foreach(others, i, entry) if (json_object_get(entry, "fieldsV1") != NULL)
        json_array_append(out, json_object_get(entry, "fieldsV1"));
    return out;
}

static void
split_managers(struct apply *a, json_t **mine, int64_t now_ms)
{
    json_t *list = json_at(a->live, "metadata.managedFields"), *entry;
    json_t *own = managed_entry(list, a->manager, "Apply", a->sub);
    size_t i;

    *mine = json_incref(own);
    json_array_foreach(list, i, entry) if (entry != own)
        json_array_append_new(a->others, json_deep_copy(entry));
    if (a->live != NULL && json_array_size(list) == 0) {
        json_t *fields = fields_of_object(a->r, a->schema, a->live, NULL);

        if (json_object_size(fields) > 0)
            json_array_append_new(a->others,
                                  managed_new("before-first-apply", "Update", NULL,
                                              json_str_or(a->live, "apiVersion", ""),
                                              now_ms, json_incref(fields)));
        json_decref(fields);
    }
}

static json_t *
new_managers(struct apply *a, int64_t now_ms)
{
    json_t *list = json_array(), *entry;
    size_t i;

    json_array_append_new(list, managed_new(a->manager, "Apply", a->sub,
                                            json_str_or(a->config, "apiVersion", ""),
                                            now_ms, json_incref(a->wanted)));
    json_array_foreach(
        a->others, i, entry) if (json_object_size(json_object_get(entry, "fieldsV1")) > 0)
        json_array_append(list, entry);
    return list;
}

json_t *
apply_merge(struct server *s, struct resource *r, const char *sub, const char *manager,
            bool force, const json_t *config, const json_t *old, struct fault *f)
{
    struct apply a = {.r = r,
                      .schema = resource_schema(s->registry, r),
                      .manager = manager,
                      .sub = sub,
                      .force = force,
                      .config = config,
                      .live = old};
    SCOPED(json) json_t *mine = NULL;
    SCOPED(json) json_t *wanted = fields_of_object(r, a.schema, config, sub);
    SCOPED(json) json_t *others = json_array();
    json_t *out;

    a.wanted = wanted;
    a.others = others;
    split_managers(&a, &mine, s->now_ms());
    if (old != NULL && settle_conflicts(&a, f) < 0)
        return NULL;
    if (old == NULL) {
        out = json_deep_copy(config);
    } else {
        SCOPED(json) json_t *gone = given_up(&a, mine);
        SCOPED(json) json_t *owned = owned_lists(others);

        keep_shared_items(gone, owned);
        out = merged(a.schema, old, config, 0);
        fields_remove(out, gone);
    }
    json_object_set_new(meta_of(out), "managedFields", new_managers(&a, s->now_ms()));
    return out;
}

/* Equal but for versions and times of managers. */
static bool
nothing_new(const json_t *a, const json_t *b)
{
    SCOPED(json) json_t *x = json_deep_copy(a);
    SCOPED(json) json_t *y = json_deep_copy(b);
    json_t *sides[2] = {x, y}, *entry;
    size_t i;

    for (int k = 0; k < 2; k++) {
        json_object_del(json_object_get(sides[k], "metadata"), "resourceVersion");
        json_array_foreach(json_at(sides[k], "metadata.managedFields"), i, entry)
            json_object_del(entry, "time");
    }
    return json_equal(x, y);
}

int
apply_over(struct server *s, const struct call *c, const struct target *t, json_t *obj,
           const json_t *old, json_t *managed, struct reply *r, struct fault *f)
{
    const char *version = meta_str(obj, "resourceVersion");
    bool dry;

    (void)r;
    if (admit_dry_run(c, &dry, f) < 0)
        return -1;
    if (*version != '\0' && strcmp(version, meta_str(old, "resourceVersion")) != 0) {
        fault_set(f, 409, "Conflict",
                  "Operation cannot be fulfilled on %s \"%s\": the object has been "
                  "modified; please apply your "
                  "changes to the latest version and try again",
                  t->plural, t->name);
        return fault_about(
            f, &(struct subject){.group = t->group, .kind = t->plural, .name = t->name});
    }
    if (admit_update(s, t->resource, t->sub, obj, old, f) < 0)
        return -1;
    json_object_set(meta_of(obj), "managedFields", managed);
    if (nothing_new(obj, old)) {
        json_object_set(meta_of(obj), "managedFields",
                        json_at(old, "metadata.managedFields"));
        json_object_set(meta_of(obj), "resourceVersion",
                        json_at(old, "metadata.resourceVersion"));
        return 0;
    }
    return dry ? 0 : object_save(s, t->resource, obj, old, f);
}
