/* validate.c - see validate.h. */
#include "local/apiserver/schema/validate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"
#include "local/apiserver/cel/cel.h"
#include "local/apiserver/fault.h"
#include "local/apiserver/schema/format.h"
#include "local/apiserver/schema/regex.h"

static void check(const struct schema *s, const json_t *value, const json_t *old,
                  bool has_old, const char *path, json_t *causes);

/* How a value stands in messages: quoted text, plain number, or the type. */
static void
shown(const json_t *value, char *out, size_t size)
{
    SCOPED(string) char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    snprintf(out, size, "%.200s", text != NULL ? text : "");
}

static void
invalid(json_t *causes, const char *path, const json_t *value, const char *why)
{
    char text[256];

    shown(value, text, sizeof text);
    causes_add(causes, "FieldValueInvalid", path, "Invalid value: %s: %s", text, why);
}

static const char *
json_type_name(const json_t *v)
{
    static const char *const names[] = {"object", "array",   "string",  "integer",
                                        "number", "boolean", "boolean", "null"};

    return names[json_typeof(v)];
}

static bool
type_fits(const struct schema *s, const json_t *v)
{
    if (s->int_or_string)
        return json_is_integer(v) || json_is_string(v);
    switch (s->type) {
    case ST_OBJECT:
        return json_is_object(v);
    case ST_ARRAY:
        return json_is_array(v);
    case ST_STRING:
        return json_is_string(v);
    case ST_INTEGER:
        return json_is_integer(v) ||
               (json_is_real(v) && floor(json_real_value(v)) == json_real_value(v));
    case ST_NUMBER:
        return json_is_number(v);
    case ST_BOOLEAN:
        return json_is_boolean(v);
    default:
        return true;
    }
}

static bool
check_type(const struct schema *s, const json_t *v, const char *path, json_t *causes)
{
    static const char *const names[] = {"",        "object", "array",  "string",
                                        "integer", "number", "boolean"};

    if (json_is_null(v) && s->nullable)
        return false; /* nothing more to check */
    if (type_fits(s, v))
        return true;
    causes_add(causes, "FieldValueTypeInvalid", path,
               "Invalid value: \"%s\": %s in body must be of type %s: \"%s\"",
               json_type_name(v), path,
               s->int_or_string ? "integer,string" : names[s->type], json_type_name(v));
    return false;
}

static void
check_enum(const struct schema *s, const json_t *v, const char *path, json_t *causes)
{
    SCOPED(buf) struct buf list = BUF_INIT;
    size_t i;
    json_t *item;
    char text[256];

    if (s->enums == NULL)
        return;
    json_array_foreach(s->enums, i, item)
    {
        if (json_equal(item, (json_t *)v))
            return;
        shown(item, text, sizeof text);
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", text);
    }
    shown(v, text, sizeof text);
    causes_add(causes, "FieldValueNotSupported", path,
               "Unsupported value: %s: supported values: %s", text, buf_str(&list));
}

static size_t
characters(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void
check_string(const struct schema *s, const json_t *v, const char *path, json_t *causes)
{
    const char *text = json_string_value(v), *why;
    size_t n = characters(text);
    char said[600];

    if (s->max_length >= 0 && n > (size_t)s->max_length)
        causes_add(causes, "FieldValueTooLong", path,
                   "Too long: may not be more than %lld bytes", (long long)s->max_length);
    if (s->min_length >= 0 && n < (size_t)s->min_length) {
        snprintf(said, sizeof said, "%s in body should be at least %lld chars long", path,
                 (long long)s->min_length);
        invalid(causes, path, v, said);
    }
    if (s->pattern != NULL && !regex_match(s->pattern, text, strlen(text))) {
        snprintf(said, sizeof said, "%s in body should match '%.400s'", path,
                 s->pattern_text);
        invalid(causes, path, v, said);
    }
    if (s->format != NULL && (why = format_check(s->format, text)) != NULL) {
        snprintf(said, sizeof said, "%s in body must be of type %s: %s", path, s->format,
                 why);
        invalid(causes, path, v, said);
    }
}

static void
check_number(const struct schema *s, const json_t *v, const char *path, json_t *causes)
{
    double x = json_number_value(v);
    char said[400];

    if (s->has_min && (s->exclusive_min ? x <= s->min : x < s->min)) {
        snprintf(said, sizeof said, "%s in body should be greater than %s%.15g", path,
                 s->exclusive_min ? "" : "or equal to ", s->min);
        invalid(causes, path, v, said);
    }
    if (s->has_max && (s->exclusive_max ? x >= s->max : x > s->max)) {
        snprintf(said, sizeof said, "%s in body should be less than %s%.15g", path,
                 s->exclusive_max ? "" : "or equal to ", s->max);
        invalid(causes, path, v, said);
    }
    if (s->multiple_of > 0 && fabs(remainder(x, s->multiple_of)) > 1e-9) {
        snprintf(said, sizeof said, "%s in body should be a multiple of %.15g", path,
                 s->multiple_of);
        invalid(causes, path, v, said);
    }
}

/* ---- lists ---- */

static bool
same_item(const struct schema *s, const json_t *a, const json_t *b)
{
    size_t i;
    json_t *key;

    if (s->list != LIST_MAP)
        return json_equal((json_t *)a, (json_t *)b);
    json_array_foreach(s->keys, i, key)
    {
        const json_t *x = json_object_get(a, json_string_value(key)),
                     *y = json_object_get(b, json_string_value(key));

        if (x == NULL || y == NULL ? x != y : !json_equal((json_t *)x, (json_t *)y))
            return false;
    }
    return json_array_size(s->keys) > 0;
}

/* The item of the old list that stands for this one: by key, else none. */
static const json_t *
old_item(const struct schema *s, const json_t *old, const json_t *item)
{
    size_t i;
    json_t *candidate;

    if (s->list != LIST_MAP || !json_is_array(old))
        return NULL;
    json_array_foreach(old, i,
                       candidate) if (same_item(s, candidate, item)) return candidate;
    return NULL;
}

static void
key_text(const struct schema *s, const json_t *item, char *out, size_t size)
{
    SCOPED(json) json_t *keys = json_object();
    size_t i;
    json_t *key;

    if (s->list != LIST_MAP) {
        shown(item, out, size);
        return;
    }
    json_array_foreach(s->keys, i,
                       key) if (json_object_get(item, json_string_value(key)) != NULL)
        json_object_set(keys, json_string_value(key),
                        json_object_get(item, json_string_value(key)));
    shown(keys, out, size);
}

static void
check_unique(const struct schema *s, const json_t *v, const char *path, json_t *causes)
{
    char sub[600], text[256];

    if (s->list == LIST_ATOMIC && !s->unique)
        return;
    for (size_t i = 1; i < json_array_size(v); i++) {
        for (size_t k = 0; k < i; k++) {
            if (!same_item(s, json_array_get(v, i), json_array_get(v, k)))
                continue;
            snprintf(sub, sizeof sub, "%s[%zu]", path, i);
            key_text(s, json_array_get(v, i), text, sizeof text);
            causes_add(causes, "FieldValueDuplicate", sub, "Duplicate value: %s", text);
            break;
        }
    }
}

static void
check_array(const struct schema *s, const json_t *v, const json_t *old, const char *path,
            json_t *causes)
{
    char sub[600], said[400];
    size_t i, n = json_array_size(v);
    json_t *item;

    if (s->max_items >= 0 && n > (size_t)s->max_items)
        causes_add(causes, "FieldValueTooMany", path,
                   "Too many: %zu: must have at most %lld items", n,
                   (long long)s->max_items);
    if (s->min_items >= 0 && n < (size_t)s->min_items) {
        snprintf(said, sizeof said, "%s in body should have at least %lld items", path,
                 (long long)s->min_items);
        causes_add(causes, "FieldValueInvalid", path, "Invalid value: %zu: %s", n, said);
    }
    if (n <= 10000)
        check_unique(s, v, path, causes);
    if (s->items == NULL)
        return;
    json_array_foreach(v, i, item)
    {
        const json_t *before = old_item(s, old, item);

        snprintf(sub, sizeof sub, "%s[%zu]", path, i);
        check(s->items, item, before, before != NULL, sub, causes);
    }
}

/* ---- objects ---- */

static void
member_path(const char *path, const char *key, bool known, char *out, size_t size)
{
    snprintf(out, size, known ? "%s%s%s" : "%s%s%s", path, *path != '\0' ? "." : "", key);
}

static void
check_object(const struct schema *s, const json_t *v, const json_t *old, const char *path,
             json_t *causes)
{
    char sub[600], said[400];
    const char *key;
    json_t *item;
    size_t i, n = json_object_size(v);

    json_array_foreach(s->required, i, item)
    {
        if (json_object_get(v, json_string_value(item)) != NULL)
            continue;
        member_path(path, json_string_value(item), true, sub, sizeof sub);
        causes_add(causes, "FieldValueRequired", sub, "Required value");
    }
    if (s->min_props >= 0 && n < (size_t)s->min_props) {
        snprintf(said, sizeof said, "%s in body should have at least %lld properties",
                 path, (long long)s->min_props);
        causes_add(causes, "FieldValueInvalid", path, "Invalid value: %zu: %s", n, said);
    }
    if (s->max_props >= 0 && n > (size_t)s->max_props)
        causes_add(causes, "FieldValueTooMany", path,
                   "Too many: %zu: must have at most %lld items", n,
                   (long long)s->max_props);
    json_object_foreach((json_t *)v, key, item)
    {
        const struct schema *field = schema_field(s, key, NULL);
        const json_t *before = json_is_object(old) ? json_object_get(old, key) : NULL;

        if (field == NULL)
            continue;
        member_path(path, key, true, sub, sizeof sub);
        check(field, item, before, before != NULL, sub, causes);
    }
}

/* ---- branches and rules ---- */

static size_t
problems(const struct schema *s, const json_t *v, const char *path)
{
    SCOPED(json) json_t *found = json_array();

    check(s, v, NULL, false, path, found);
    return json_array_size(found);
}

static void
check_branches(const struct schema *s, const json_t *v, const char *path, json_t *causes)
{
    size_t good = 0;

    for (size_t i = 0; i < s->all_count; i++)
        check(s->all_of[i], v, NULL, false, path, causes);
    for (size_t i = 0; i < s->any_count; i++)
        good += problems(s->any_of[i], v, path) == 0;
    if (s->any_count > 0 && good == 0)
        invalid(causes, path, v, "must validate at least one schema (anyOf)");
    good = 0;
    for (size_t i = 0; i < s->one_count; i++)
        good += problems(s->one_of[i], v, path) == 0;
    if (s->one_count > 0 && good != 1)
        invalid(causes, path, v, "must validate one and only one schema (oneOf)");
    if (s->not_of != NULL && problems(s->not_of, v, path) == 0)
        invalid(causes, path, v, "must not validate the schema (not)");
}

static void
rule_failed(const struct schema_rule *rule, const struct cel_var *vars, size_t count,
            const json_t *v, const char *path, json_t *causes)
{
    char where[700];
    struct err e = ERR_INIT;
    SCOPED(json)
    json_t *text =
        rule->message != NULL ? cel_eval(rule->message, vars, count, &e) : NULL;
    const char *said = json_is_string(text) && json_string_length(text) > 0
                           ? json_string_value(text)
                           : rule->text;

    snprintf(where, sizeof where, "%s%s", path,
             rule->field_path != NULL ? rule->field_path : "");
    if (strcmp(rule->reason, "FieldValueRequired") == 0)
        causes_add(causes, rule->reason, where, "Required value: %s",
                   said != NULL ? said : rule->source);
    else if (strcmp(rule->reason, "FieldValueForbidden") == 0)
        causes_add(causes, rule->reason, where, "Forbidden: %s",
                   said != NULL ? said : rule->source);
    else if (said != NULL)
        causes_add(causes, rule->reason, where, "Invalid value: \"%s\": %s",
                   json_type_name(v), said);
    else
        causes_add(causes, rule->reason, where, "Invalid value: \"%s\": failed rule: %s",
                   json_type_name(v), rule->source);
}

static void
check_rules(const struct schema *s, const json_t *v, const json_t *old, bool has_old,
            const char *path, json_t *causes)
{
    for (size_t i = 0; i < s->rule_count; i++) {
        const struct schema_rule *rule = &s->rules[i];
        struct cel_var vars[2] = {{"self", v, false},
                                  {"oldSelf", old, rule->optional_old}};
        size_t count = rule->transition ? 2 : 1;
        struct err e = ERR_INIT;

        if (rule->transition && !has_old && !rule->optional_old)
            continue;
        SCOPED(json) json_t *verdict = cel_eval(rule->rule, vars, count, &e);
        if (verdict == NULL)
            causes_add(causes, "FieldValueInvalid", path,
                       "Invalid value: \"%s\": %s evaluating rule: %s", json_type_name(v),
                       e.text, rule->text != NULL ? rule->text : rule->source);
        else if (!json_is_true(verdict))
            rule_failed(rule, vars, count, v, path, causes);
    }
}

static void
check(const struct schema *s, const json_t *v, const json_t *old, bool has_old,
      const char *path, json_t *causes)
{
    size_t before = json_array_size(causes);

    if (before >= 50 || !check_type(s, v, path, causes))
        return;
    check_enum(s, v, path, causes);
    if (json_is_string(v))
        check_string(s, v, path, causes);
    else if (json_is_number(v))
        check_number(s, v, path, causes);
    else if (json_is_array(v))
        check_array(s, v, old, path, causes);
    else if (json_is_object(v))
        check_object(s, v, old, path, causes);
    check_branches(s, v, path, causes);
    /* Rules may rely on what the schema promises. */
    if (s->rule_count > 0 && json_array_size(causes) == before)
        check_rules(s, v, old, has_old, *path != '\0' ? path : "<nil>", causes);
}

void
validate_value(const struct schema *s, const json_t *value, const json_t *old,
               bool has_old, const char *path, json_t *causes)
{
    check(s, value, old, has_old, path, causes);
}

void
validate_object(const struct schema *s, const json_t *obj, const json_t *old,
                const char *sub, json_t *causes)
{
    const struct schema *status;

    if (s == NULL)
        return;
    if (sub == NULL) {
        check(s, obj, old, old != NULL, "", causes);
        return;
    }
    status = schema_field(s, "status", NULL);
    if (status != NULL && json_object_get(obj, "status") != NULL) {
        const json_t *before = json_object_get(old, "status");

        check(status, json_object_get(obj, "status"), before, before != NULL, "status",
              causes);
    }
}
