/* schema.c - see schema.h. */
#include "local/apiserver/schema/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "common/macros.h"
#include "local/apiserver/cel/cel.h"
#include "local/apiserver/schema/regex.h"

struct named {
    char *name;
    struct schema *schema;
};

struct schema_set {
    struct schema *all; /* every schema made, by `next` */
    struct named *names;
    size_t name_count;
    json_t *doc;        /* reference that keeps the sources alive */
    json_t *components; /* borrowed */
    int depth;
};

static struct schema *compile(struct schema_set *set, const json_t *doc, const char *path,
                              struct err *e);

struct schema_set *
schema_set_new(void)
{
    return calloc(1, sizeof(struct schema_set));
}

static void
schema_release(struct schema *s)
{
    for (size_t i = 0; i < s->rule_count; i++) {
        cel_free(s->rules[i].rule);
        cel_free(s->rules[i].message);
    }
    free(s->rules);
    regex_free(s->pattern);
    free(s->props);
    free(s->all_of);
    free(s->any_of);
    free(s->one_of);
    free(s);
}

void
schema_set_free(struct schema_set *set)
{
    if (set == NULL)
        return;
    for (struct schema *s = set->all, *next; s != NULL; s = next) {
        next = s->next;
        schema_release(s);
    }
    for (size_t i = 0; i < set->name_count; i++)
        free(set->names[i].name);
    free(set->names);
    json_decref(set->doc);
    free(set);
}

static struct schema *
schema_new(struct schema_set *set, const json_t *doc, struct err *e)
{
    struct schema *s = calloc(1, sizeof *s);

    if (s == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    s->doc = doc;
    s->min_length = s->max_length = s->min_items = s->max_items = s->min_props =
        s->max_props = -1;
    s->next = set->all;
    set->all = s;
    return s;
}

/* ---- members ---- */

static int
read_type(struct schema *s, const json_t *doc, const char *path, struct err *e)
{
    static const char *const names[] = {"",        "object", "array",  "string",
                                        "integer", "number", "boolean"};
    const char *type = json_string_value(json_object_get(doc, "type"));

    for (size_t i = 1; type != NULL && i < ARRAY_LEN(names); i++)
        if (strcmp(type, names[i]) == 0)
            s->type = (enum schema_type)i;
    if (type != NULL && *type != '\0' && s->type == ST_ANY)
        return err_set(e, ERR_INVALID, "%s.type: \"%s\" is no type", path, type);
    return 0;
}

static void
read_size(const json_t *doc, const char *key, int64_t *out)
{
    const json_t *v = json_object_get(doc, key);

    if (json_is_number(v))
        *out = (int64_t)json_number_value(v);
}

static void
read_limits(struct schema *s, const json_t *doc)
{
    const json_t *min = json_object_get(doc, "minimum"),
                 *max = json_object_get(doc, "maximum");
    const json_t *multiple = json_object_get(doc, "multipleOf");

    s->has_min = json_is_number(min);
    s->has_max = json_is_number(max);
    s->min = json_number_value(min);
    s->max = json_number_value(max);
    s->exclusive_min = json_is_true(json_object_get(doc, "exclusiveMinimum"));
    s->exclusive_max = json_is_true(json_object_get(doc, "exclusiveMaximum"));
    s->multiple_of = json_is_number(multiple) ? json_number_value(multiple) : 0;
    read_size(doc, "minLength", &s->min_length);
    read_size(doc, "maxLength", &s->max_length);
    read_size(doc, "minItems", &s->min_items);
    read_size(doc, "maxItems", &s->max_items);
    read_size(doc, "minProperties", &s->min_props);
    read_size(doc, "maxProperties", &s->max_props);
    s->unique = json_is_true(json_object_get(doc, "uniqueItems"));
    s->nullable = json_is_true(json_object_get(doc, "nullable"));
    s->format = json_string_value(json_object_get(doc, "format"));
    s->required = json_object_get(doc, "required");
    s->enums = json_object_get(doc, "enum");
}

static void
read_extensions(struct schema *s, const json_t *doc)
{
    const char *list = json_string_value(json_object_get(doc, "x-kubernetes-list-type"));
    const char *map = json_string_value(json_object_get(doc, "x-kubernetes-map-type"));
    const char *strategy =
        json_string_value(json_object_get(doc, "x-kubernetes-patch-strategy"));

    s->preserve =
        json_is_true(json_object_get(doc, "x-kubernetes-preserve-unknown-fields"));
    s->int_or_string = json_is_true(json_object_get(doc, "x-kubernetes-int-or-string"));
    s->embedded = json_is_true(json_object_get(doc, "x-kubernetes-embedded-resource"));
    s->list = list != NULL && strcmp(list, "map") == 0   ? LIST_MAP
              : list != NULL && strcmp(list, "set") == 0 ? LIST_SET
                                                         : LIST_ATOMIC;
    s->atomic_map = map != NULL && strcmp(map, "atomic") == 0;
    s->keys = json_object_get(doc, "x-kubernetes-list-map-keys");
    s->patch_key =
        json_string_value(json_object_get(doc, "x-kubernetes-patch-merge-key"));
    s->patch_retain = strategy != NULL && strstr(strategy, "retainKeys") != NULL;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct schema_prop *)a)->name,
                  ((const struct schema_prop *)b)->name);
}

static int
read_props(struct schema_set *set, struct schema *s, const json_t *doc, const char *path,
           struct err *e)
{
    json_t *props = json_object_get(doc, "properties"), *value;
    const char *name;
    char sub[512];

    if (json_object_size(props) == 0)
        return 0;
    if ((s->props = calloc(json_object_size(props), sizeof *s->props)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    json_object_foreach(props, name, value)
    {
        snprintf(sub, sizeof sub, "%s.properties[%s]", path, name);
        if ((s->props[s->prop_count].schema = compile(set, value, sub, e)) == NULL)
            return -1;
        s->props[s->prop_count].dflt = json_object_get(value, "default");
        s->props[s->prop_count++].name = name;
    }
    qsort(s->props, s->prop_count, sizeof *s->props, by_name);
    return 0;
}

static int
read_nested(struct schema_set *set, struct schema *s, const json_t *doc, const char *path,
            struct err *e)
{
    const json_t *items = json_object_get(doc, "items"),
                 *extra = json_object_get(doc, "additionalProperties");
    char sub[512];

    snprintf(sub, sizeof sub, "%s.items", path);
    if (json_is_object(items) && (s->items = compile(set, items, sub, e)) == NULL)
        return -1;
    snprintf(sub, sizeof sub, "%s.additionalProperties", path);
    if (json_is_object(extra) && (s->additional = compile(set, extra, sub, e)) == NULL)
        return -1;
    s->additional_any = json_is_true(extra);
    return 0;
}

static int
read_branches(struct schema_set *set, const json_t *doc, const char *key,
              const char *path, struct schema ***out, size_t *count, struct err *e)
{
    json_t *list = json_object_get(doc, key), *item;
    char sub[512];
    size_t i;

    if (json_array_size(list) == 0)
        return 0;
    if ((*out = calloc(json_array_size(list), sizeof **out)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    json_array_foreach(list, i, item)
    {
        snprintf(sub, sizeof sub, "%s.%s[%zu]", path, key, i);
        if (((*out)[i] = compile(set, item, sub, e)) == NULL)
            return -1;
        (*count)++;
    }
    return 0;
}

static int
read_rule(struct schema_rule *rule, const json_t *doc, const char *path, struct err *e)
{
    const char *message = json_string_value(json_object_get(doc, "messageExpression"));

    rule->source = json_str_or(doc, "rule", "");
    rule->text = json_string_value(json_object_get(doc, "message"));
    rule->reason = json_str_or(doc, "reason", "FieldValueInvalid");
    rule->field_path = json_string_value(json_object_get(doc, "fieldPath"));
    rule->optional_old = json_bool_or(doc, "optionalOldSelf", false);
    if ((rule->rule = cel_compile(rule->source, e)) == NULL)
        return err_wrap(e, "%s.rule", path);
    if (message != NULL && (rule->message = cel_compile(message, e)) == NULL)
        return err_wrap(e, "%s.messageExpression", path);
    rule->transition = cel_uses(rule->rule, "oldSelf");
    return 0;
}

static int
read_rules(struct schema *s, const json_t *doc, const char *path, struct err *e)
{
    json_t *list = json_object_get(doc, "x-kubernetes-validations"), *item;
    char sub[512];
    size_t i;

    if (json_array_size(list) == 0)
        return 0;
    if ((s->rules = calloc(json_array_size(list), sizeof *s->rules)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    json_array_foreach(list, i, item)
    {
        s->rule_count = i + 1;
        snprintf(sub, sizeof sub, "%s.x-kubernetes-validations[%zu]", path, i);
        if (read_rule(&s->rules[i], item, sub, e) < 0)
            return -1;
    }
    return 0;
}

static int
read_pattern(struct schema *s, const json_t *doc, const char *path, struct err *e)
{
    s->pattern_text = json_string_value(json_object_get(doc, "pattern"));
    if (s->pattern_text == NULL)
        return 0;
    if ((s->pattern = regex_compile(s->pattern_text, e)) == NULL)
        return err_wrap(e, "%s.pattern", path);
    return 0;
}

/* "#/components/schemas/NAME", bare or as the only item of allOf. */
static const char *
ref_of(const json_t *doc)
{
    static const char prefix[] = "#/components/schemas/";
    const char *ref = json_string_value(json_object_get(doc, "$ref"));

    if (ref == NULL)
        ref = json_string_value(
            json_object_get(json_array_get(json_object_get(doc, "allOf"), 0), "$ref"));
    return ref != NULL && strncmp(ref, prefix, sizeof prefix - 1) == 0
               ? ref + sizeof prefix - 1
               : NULL;
}

static struct schema *
compile(struct schema_set *set, const json_t *doc, const char *path, struct err *e)
{
    const char *ref = ref_of(doc);
    struct schema *s;
    int rc;

    if (!json_is_object(doc)) {
        err_set(e, ERR_INVALID, "%s: must be an object", path);
        return NULL;
    }
    if (ref != NULL && set->components != NULL)
        return schema_named(set, set->components, ref, e);
    if (set->depth >= LIMIT_JSON_DEPTH) {
        err_set(e, ERR_LIMIT, "%s: nested deeper than the limit JSON_DEPTH", path);
        return NULL;
    }
    if ((s = schema_new(set, doc, e)) == NULL)
        return NULL;
    set->depth++;
    read_limits(s, doc);
    read_extensions(s, doc);
    rc = read_type(s, doc, path, e) < 0 || read_pattern(s, doc, path, e) < 0 ||
         read_props(set, s, doc, path, e) < 0 || read_nested(set, s, doc, path, e) < 0 ||
         read_rules(s, doc, path, e) < 0 ||
         read_branches(set, doc, "allOf", path, &s->all_of, &s->all_count, e) < 0 ||
         read_branches(set, doc, "anyOf", path, &s->any_of, &s->any_count, e) < 0 ||
         read_branches(set, doc, "oneOf", path, &s->one_of, &s->one_count, e) < 0;
    if (!rc && json_object_get(doc, "not") != NULL)
        rc = (s->not_of = compile(set, json_object_get(doc, "not"), path, e)) == NULL;
    set->depth--;
    return rc ? NULL : s;
}

struct schema *
schema_compile(json_t *doc, struct err *e)
{
    SCOPED(schema_set) struct schema_set *set = schema_set_new();
    struct schema *root;

    if (set == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    set->doc = json_incref(doc);
    if ((root = compile(set, doc, "openAPIV3Schema", e)) == NULL)
        return NULL;
    root->set = TAKE(set);
    return root;
}

void
schema_free(struct schema *root)
{
    if (root != NULL)
        schema_set_free(root->set);
}

struct schema *
schema_named(struct schema_set *set, json_t *components, const char *name, struct err *e)
{
    const json_t *doc = json_object_get(components, name);
    struct named *names;
    struct schema *s;

    for (size_t i = 0; i < set->name_count; i++)
        if (strcmp(set->names[i].name, name) == 0)
            return set->names[i].schema;
    if (doc == NULL) {
        err_set(e, ERR_INVALID, "no schema \"%s\"", name);
        return NULL;
    }
    /* The name is known before its fields are read: types may contain themselves. */
    if ((names = realloc(set->names, (set->name_count + 1) * sizeof *names)) == NULL ||
        (s = schema_new(set, doc, e)) == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    set->names = names;
    set->names[set->name_count++] = (struct named){strdup(name), s};
    set->components = components;
    read_limits(s, doc);
    read_extensions(s, doc);
    if (read_type(s, doc, name, e) < 0 || read_pattern(s, doc, name, e) < 0 ||
        read_props(set, s, doc, name, e) < 0 || read_nested(set, s, doc, name, e) < 0)
        return NULL;
    return s;
}

const struct schema *
schema_field(const struct schema *s, const char *name, bool *free_form)
{
    const struct schema_prop wanted = {.name = name}, *found;

    if (free_form != NULL)
        *free_form = s == NULL || s->preserve || s->additional_any;
    if (s == NULL)
        return NULL;
    if (s->prop_count > 0 && (found = bsearch(&wanted, s->props, s->prop_count,
                                              sizeof wanted, by_name)) != NULL)
        return found->schema;
    return s->additional;
}
