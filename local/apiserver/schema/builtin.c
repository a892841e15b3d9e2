/* builtin.c - see builtin.h: turns the rows of builtin.def into OpenAPI schemas. */
#include "local/apiserver/schema/builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"

#define QUANTITY_PATTERN                                                                 \
    "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(" \
    "([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$"

/* A row: a type (field NULL) or a field of the type before it. */
struct row_def {
    const char *type, *field, *kind, *options, *text;
};

/* clang-format off */
#define TYPE(n, d) {#n, NULL, NULL, NULL, d},
#define FIELD(n, t, o, d) {NULL, #n, t, o, d},
static const struct row_def rows[] = {
#include "local/apiserver/schema/builtin.def"
};
#undef TYPE
#undef FIELD
/* clang-format on */

/* Made once per process: the table never changes. */
static json_t *components;
static struct schema_set *meta_set;

static json_t *
of_type(const char *kind)
{
    /* clang-format off */
    static const struct { const char *name, *json; } simple[] = {
        {"string", "{\"type\":\"string\"}"}, {"bool", "{\"type\":\"boolean\"}"},
        {"int32", "{\"type\":\"integer\",\"format\":\"int32\"}"}, {"int64", "{\"type\":\"integer\",\"format\":\"int64\"}"},
        {"number", "{\"type\":\"number\"}"}, {"time", "{\"type\":\"string\",\"format\":\"date-time\"}"},
        {"microtime", "{\"type\":\"string\",\"format\":\"date-time\"}"}, {"byte", "{\"type\":\"string\",\"format\":\"byte\"}"},
        {"intstr", "{\"x-kubernetes-int-or-string\":true}"}, {"any", "{\"x-kubernetes-preserve-unknown-fields\":true}"},
        {"object", "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}"},
    };
    /* clang-format on */
    char ref[128];

    if (strncmp(kind, "[]", 2) == 0)
        return json_pack("{s:s, s:o}", "type", "array", "items", of_type(kind + 2));
    if (strncmp(kind, "map:", 4) == 0)
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                         of_type(kind + 4));
    if (strcmp(kind, "quantity") == 0)
        return json_pack("{s:b, s:s}", "x-kubernetes-int-or-string", 1, "pattern",
                         QUANTITY_PATTERN);
    for (size_t i = 0; i < ARRAY_LEN(simple); i++)
        if (strcmp(simple[i].name, kind) == 0)
            return json_loads(simple[i].json, 0, NULL);
    snprintf(ref, sizeof ref, "#/components/schemas/k8s.%s", kind);
    return json_pack("{s:s}", "$ref", ref);
}

static json_t *
split(const char *text, size_t size, char at)
{
    json_t *list = json_array();
    const char *end = text + size;

    while (text < end) {
        const char *cut = memchr(text, at, (size_t)(end - text));
        size_t n = cut != NULL ? (size_t)(cut - text) : (size_t)(end - text);

        json_array_append_new(list, json_stringn(text, n));
        text += n + 1;
    }
    return list;
}

static void
merged_by(json_t *schema, const char *keys, size_t size)
{
    json_t *list = split(keys, size, '+');

    json_object_set_new(schema, "x-kubernetes-list-type", json_string("map"));
    json_object_set(schema, "x-kubernetes-patch-merge-key", json_array_get(list, 0));
    json_object_set_new(schema, "x-kubernetes-patch-strategy", json_string("merge"));
    json_object_set_new(schema, "x-kubernetes-list-map-keys", list);
}

/* One option of a field: its text is option[0..size). */
static void
take_option(json_t *schema, const char *option, size_t size)
{
    const char *eq = memchr(option, '=', size);
    const char *value = eq != NULL ? eq + 1 : "";
    size_t n = eq != NULL ? size - (size_t)(value - option) : 0;

#define IS(name) (strncmp(option, name, sizeof name - 1) == 0)
    if (IS("def="))
        json_object_set_new(schema, "default",
                            json_loadb(value, n, JSON_DECODE_ANY, NULL));
    else if (IS("enum="))
        json_object_set_new(schema, "enum", split(value, n, '|'));
    else if (IS("min="))
        json_object_set_new(schema, "minimum", json_integer(atoll(value)));
    else if (IS("max="))
        json_object_set_new(schema, "maximum", json_integer(atoll(value)));
    else if (IS("key=") || IS("keys="))
        merged_by(schema, value, n);
    else if (IS("set")) {
        json_object_set_new(schema, "x-kubernetes-list-type", json_string("set"));
        json_object_set_new(schema, "x-kubernetes-patch-strategy", json_string("merge"));
    } else if (IS("atomic"))
        json_object_set_new(schema, "x-kubernetes-list-type", json_string("atomic"));
    else if (IS("null"))
        json_object_set_new(schema, "nullable", json_true());
    else if (IS("retain"))
        json_object_set_new(schema, "x-kubernetes-patch-strategy",
                            json_string("merge,retainKeys"));
#undef IS
}

static void
add_field(json_t *type, const struct row_def *row)
{
    json_t *field = of_type(row->kind), *props = json_object_get(type, "properties");
    const char *p = row->options;

    /* A reference may carry nothing beside it: what belongs to the field stands around. */
    if (json_object_get(field, "$ref") != NULL)
        field = json_pack("{s:[o]}", "allOf", field);
    json_object_set_new(field, "description", json_string(row->text));
    while (*p != '\0') {
        size_t n = strcspn(p, " ");

        if (strncmp(p, "req", n) == 0) {
            if (json_object_get(type, "required") == NULL)
                json_object_set_new(type, "required", json_array());
            json_array_append_new(json_object_get(type, "required"),
                                  json_string(row->field));
        } else {
            take_option(field, p, n);
        }
        p += n + (p[n] == ' ');
    }
    json_object_set_new(props, row->field, field);
}

json_t *
builtin_components(void)
{
    json_t *type = NULL;
    char name[96];

    if (components != NULL)
        return components;
    components = json_object();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].field != NULL) {
            add_field(type, &rows[i]);
            continue;
        }
        snprintf(name, sizeof name, "k8s.%s", rows[i].type);
        type = json_pack("{s:s, s:s, s:{}}", "type", "object", "description",
                         rows[i].text, "properties");
        json_object_set_new(components, name, type);
    }
    return components;
}

struct schema *
builtin_schema(struct schema_set *set, const char *type)
{
    struct err e = ERR_INIT;
    char name[96];

    snprintf(name, sizeof name, "k8s.%s", type);
    return schema_named(set, builtin_components(), name, &e);
}

const struct schema *
builtin_meta(void)
{
    if (meta_set == NULL)
        meta_set = schema_set_new();
    return meta_set != NULL ? builtin_schema(meta_set, "ObjectMeta") : NULL;
}

void
builtin_release(void)
{
    schema_set_free(meta_set);
    json_decref(components);
    meta_set = NULL;
    components = NULL;
}
