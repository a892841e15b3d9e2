/* json.c - see json.h. */
#include "common/data/json.h"

#include <string.h>

#include "common/limits.h"
#include "common/path.h"
#include "common/utf8.h"

int
json_check_depth(const char *bytes, size_t size, struct err *e)
{
    int depth = 0;
    size_t nodes = 0;
    bool in_string = false;

    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (nodes > LIMIT_JSON_NODES)
            return err_set(e, ERR_LIMIT, "JSON holds more than %d values (JSON_NODES)",
                           LIMIT_JSON_NODES);
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == ',') {
            nodes++;
        } else if (c == '{' || c == '[') {
            nodes++;
            if (++depth > LIMIT_JSON_DEPTH)
                return err_set(e, ERR_LIMIT,
                               "JSON is nested deeper than %d levels (JSON_DEPTH)",
                               LIMIT_JSON_DEPTH);
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 0;
}

json_t *
json_parse(const char *bytes, size_t size, size_t limit, struct err *e)
{
    SCOPED(buf) struct buf repaired = BUF_INIT;
    json_error_t at;

    if (limit == 0)
        limit = LIMIT_HTTP_BODY_BYTES;
    if (size > limit) {
        err_set(e, ERR_LIMIT, "JSON of %zu bytes is over the limit of %zu", size, limit);
        return NULL;
    }
    if (json_check_depth(bytes, size, e) < 0)
        return NULL;
    if (!utf8_valid(bytes, size)) {
        if (utf8_add_clean(&repaired, bytes, size) < 0) {
            err_set(e, ERR_SYSTEM, "JSON: out of memory");
            return NULL;
        }
        bytes = repaired.data;
        size = repaired.size;
    }
    json_t *v = json_loadb(bytes, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &at);
    if (v == NULL)
        err_set(e, ERR_INVALID, "JSON, line %d column %d: %s", at.line, at.column,
                at.text);
    return v;
}

static json_t *
step_into(const json_t *node, const struct path_step *s)
{
    if (json_is_array(node))
        return s->index ? json_array_get(node, s->number) : NULL;
    return json_object_getn(node, s->text, s->size);
}

json_t *
json_at(const json_t *root, const char *path)
{
    const json_t *node = root;
    struct path_step s;

    while (node != NULL && path_next(&path, &s))
        node = step_into(node, &s);
    if (node == NULL || json_is_null(node))
        return NULL;
    return (json_t *)node;
}

/* ---- getters: one table of types ---- */

static const char *
type_name(const json_t *v)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",
        [JSON_STRING] = "a string",  [JSON_INTEGER] = "a number",
        [JSON_REAL] = "a fraction",  [JSON_TRUE] = "a boolean",
        [JSON_FALSE] = "a boolean",  [JSON_NULL] = "null",
    };
    return names[json_typeof(v)];
}

static int
wrong_type(const char *path, const json_t *v, const char *wanted, struct err *e)
{
    return err_set(e, ERR_INVALID, "%s: is %s, must be %s", path, type_name(v), wanted);
}

static int
missing(const char *path, struct err *e)
{
    return err_set(e, ERR_INVALID, "%s: is missing", path);
}

int
json_opt_str(const json_t *root, const char *path, const char **out, struct err *e)
{
    json_t *v = json_at(root, path);

    if (v == NULL)
        return 0;
    if (!json_is_string(v))
        return wrong_type(path, v, "a string", e);
    *out = json_string_value(v);
    return 1;
}

int
json_opt_int(const json_t *root, const char *path, int64_t *out, struct err *e)
{
    json_t *v = json_at(root, path);

    if (v == NULL)
        return 0;
    if (!json_is_integer(v))
        return wrong_type(path, v, "a whole number", e);
    *out = json_integer_value(v);
    return 1;
}

int
json_opt_bool(const json_t *root, const char *path, bool *out, struct err *e)
{
    json_t *v = json_at(root, path);

    if (v == NULL)
        return 0;
    if (!json_is_boolean(v))
        return wrong_type(path, v, "true or false", e);
    *out = json_is_true(v);
    return 1;
}

int
json_opt_obj(const json_t *root, const char *path, json_t **out, struct err *e)
{
    json_t *v = json_at(root, path);

    if (v == NULL)
        return 0;
    if (!json_is_object(v))
        return wrong_type(path, v, "an object", e);
    *out = v;
    return 1;
}

int
json_opt_arr(const json_t *root, const char *path, json_t **out, struct err *e)
{
    json_t *v = json_at(root, path);

    if (v == NULL)
        return 0;
    if (!json_is_array(v))
        return wrong_type(path, v, "a list", e);
    *out = v;
    return 1;
}

/* What a required getter makes of an optional one's answer. */
static int
required(int found, const char *path, struct err *e)
{
    if (found == 0)
        return missing(path, e);
    return found < 0 ? -1 : 0;
}

int
json_get_str(const json_t *root, const char *path, const char **out, struct err *e)
{
    return required(json_opt_str(root, path, out, e), path, e);
}

int
json_get_int(const json_t *root, const char *path, int64_t *out, struct err *e)
{
    return required(json_opt_int(root, path, out, e), path, e);
}

int
json_get_obj(const json_t *root, const char *path, json_t **out, struct err *e)
{
    return required(json_opt_obj(root, path, out, e), path, e);
}

int
json_get_arr(const json_t *root, const char *path, json_t **out, struct err *e)
{
    return required(json_opt_arr(root, path, out, e), path, e);
}

const char *
json_str_or(const json_t *root, const char *path, const char *dflt)
{
    json_t *v = json_at(root, path);
    return json_is_string(v) ? json_string_value(v) : dflt;
}

int64_t
json_int_or(const json_t *root, const char *path, int64_t dflt)
{
    json_t *v = json_at(root, path);
    return json_is_integer(v) ? json_integer_value(v) : dflt;
}

bool
json_bool_or(const json_t *root, const char *path, bool dflt)
{
    json_t *v = json_at(root, path);
    return json_is_boolean(v) ? json_is_true(v) : dflt;
}

/* ---- changing ---- */

static int
set_step(json_t *node, const struct path_step *s, json_t *value)
{
    if (json_is_array(node) && s->index)
        return json_array_set_new(node, s->number, value);
    if (json_is_object(node))
        return json_object_setn_new(node, s->text, s->size, value);
    json_decref(value);
    return -1;
}

int
json_put(json_t *root, const char *path, json_t *value)
{
    struct path_step s, next;
    json_t *node = root;

    if (value == NULL || !path_next(&path, &s)) {
        json_decref(value);
        return -1;
    }
    while (path_next(&path, &next)) {
        json_t *child = step_into(node, &s);
        if (child == NULL || json_is_null(child)) {
            if (set_step(node, &s, json_object()) < 0) {
                json_decref(value);
                return -1;
            }
            child = step_into(node, &s);
        }
        node = child;
        s = next;
    }
    return set_step(node, &s, value);
}

int
json_put_str(json_t *root, const char *path, const char *value)
{
    return json_put(root, path, json_string(value));
}

int
json_put_int(json_t *root, const char *path, int64_t value)
{
    return json_put(root, path, json_integer(value));
}

int
json_put_bool(json_t *root, const char *path, bool value)
{
    return json_put(root, path, json_boolean(value));
}

void
json_drop(json_t *root, const char *path)
{
    struct path_step s, next;
    json_t *node = root;

    if (!path_next(&path, &s))
        return;
    while (node != NULL && path_next(&path, &next)) {
        node = step_into(node, &s);
        s = next;
    }
    if (json_is_array(node) && s.index)
        json_array_remove(node, s.number);
    else if (json_is_object(node))
        json_object_deln(node, s.text, s.size);
}

json_t *
json_merge(const json_t *target, const json_t *patch)
{
    const char *key;
    json_t *value;

    if (!json_is_object(patch))
        return json_deep_copy(patch);
    SCOPED(json)
    json_t *out = json_is_object(target) ? json_deep_copy(target) : json_object();
    if (out == NULL)
        return NULL;
    json_object_foreach((json_t *)patch, key, value)
    {
        if (json_is_null(value)) {
            json_object_del(out, key);
            continue;
        }
        json_t *merged = json_merge(json_object_get(out, key), value);
        if (merged == NULL || json_object_set_new(out, key, merged) < 0)
            return NULL;
    }
    return TAKE(out);
}

/* ---- dumps ---- */

char *
json_dump_compact(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

char *
json_dump_canonical(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

char *
json_dump_pretty(const json_t *value)
{
    return json_dumps(value, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

int
json_add_quoted(struct buf *out, const char *text, size_t size)
{
    SCOPED(buf) struct buf repaired = BUF_INIT;

    if (!utf8_valid(text, size)) {
        if (utf8_add_clean(&repaired, text, size) < 0)
            return -1;
        text = repaired.data;
        size = repaired.size;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_add_str(out, "\\n");
        else if (c == '\t')
            buf_add_str(out, "\\t");
        else if (c == '\r')
            buf_add_str(out, "\\r");
        else if (c < 0x20)
            buf_printf(out, "\\u%04x", c);
        else
            buf_add_char(out, (char)c);
    }
    return buf_add_char(out, '"');
}
