/* template_value.c - building and asking values. */
#include "common/template/template_value.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct template_data *
template_data_new(void)
{
    return calloc(1, sizeof(struct template_data));
}

void
template_data_free(struct template_data *d)
{
    if (d == NULL)
        return;
    arena_free(&d->arena);
    free(d);
}

struct template_value
template_nil(void)
{
    return (struct template_value){.kind = TEMPLATE_NIL};
}

struct template_value
template_bool(bool b)
{
    return (struct template_value){.kind = TEMPLATE_BOOL, .as.truth = b};
}

struct template_value
template_int(int64_t i)
{
    return (struct template_value){.kind = TEMPLATE_INT, .as.integer = i};
}

struct template_value
template_float(double f)
{
    return (struct template_value){.kind = TEMPLATE_FLOAT, .as.real = f};
}

struct template_value
template_bytes(struct template_data *d, const void *bytes, size_t size)
{
    struct template_value v = {.kind = TEMPLATE_STRING, .as.string = {"", 0}};
    const char *copy = d != NULL && size > 0 ? arena_copy(&d->arena, bytes, size) : NULL;

    if (copy != NULL) {
        v.as.string.bytes = copy;
        v.as.string.size = size;
    }
    return v;
}

struct template_value
template_string(struct template_data *d, const char *s)
{
    return template_bytes(d, s, s != NULL ? strlen(s) : 0);
}

static struct template_value
new_list(struct template_data *d, bool texts)
{
    struct template_list *list = d != NULL ? arena_alloc(&d->arena, sizeof *list) : NULL;

    if (list == NULL)
        return template_nil();
    list->texts = list->is_nil = texts;
    return (struct template_value){.kind = TEMPLATE_LIST, .as.list = list};
}

struct template_value
template_list(struct template_data *d)
{
    return new_list(d, false);
}

struct template_value
template_text_list(struct template_data *d)
{
    return new_list(d, true);
}

static struct template_value
new_map(struct template_data *d, bool texts, const char *type_name)
{
    struct template_map *map = d != NULL ? arena_alloc(&d->arena, sizeof *map) : NULL;

    if (map == NULL)
        return template_nil();
    map->texts = map->is_nil = texts;
    map->type_name = type_name;
    return (struct template_value){
        .kind = type_name != NULL ? TEMPLATE_STRUCT : TEMPLATE_MAP, .as.map = map};
}

struct template_value
template_map(struct template_data *d)
{
    return new_map(d, false, NULL);
}

struct template_value
template_text_map(struct template_data *d)
{
    return new_map(d, true, NULL);
}

struct template_value
template_struct(struct template_data *d, const char *type_name)
{
    return new_map(d, false, type_name);
}

void
template_allow_index(struct template_value *v)
{
    if (v->kind == TEMPLATE_STRUCT)
        v->as.map->indexed = true;
}

void
template_append(struct template_data *d, struct template_value *list,
                struct template_value v)
{
    struct template_list *l = list->as.list;

    if (list->kind == TEMPLATE_NIL)
        return; /* memory ran out before; template_execute says so */
    assert(list->kind == TEMPLATE_LIST && (!l->texts || v.kind == TEMPLATE_STRING));
    struct template_value *items =
        arena_grow(&d->arena, l->items, l->count, sizeof *items);
    if (items == NULL)
        return;
    v.boxed = !l->texts;
    l->is_nil = false;
    l->items = items;
    l->items[l->count++] = v;
}

static int
compare_keys(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);

    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* Where a key is, or belongs; *found says which. */
static size_t
locate(const struct template_map *m, const char *key, size_t size, bool *found)
{
    size_t low = 0, high = m->count;

    *found = false;
    if (m->type_name != NULL) {
        for (size_t i = 0; i < m->count; i++) {
            if (m->entries[i].key_size == size &&
                memcmp(m->entries[i].key, key, size) == 0) {
                *found = true;
                return i;
            }
        }
        return m->count;
    }
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order =
            compare_keys(m->entries[mid].key, m->entries[mid].key_size, key, size);
        if (order == 0) {
            *found = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct template_entry *
value_find(const struct template_map *m, const char *key, size_t size)
{
    bool found;
    size_t at = locate(m, key, size, &found);

    return found ? &m->entries[at] : NULL;
}

static void
put_bytes(struct template_data *d, struct template_map *m, const char *key, size_t size,
          struct template_value v)
{
    struct template_entry *entries;
    const char *copy;
    bool found;
    size_t at = locate(m, key, size, &found);

    /* A struct's field has a type of its own; a map's slot has the map's. */
    v.boxed = m->type_name == NULL && !m->texts;
    if (found) {
        m->entries[at].value = v;
        return;
    }
    entries = arena_grow(&d->arena, m->entries, m->count, sizeof *entries);
    copy = arena_copy(&d->arena, key, size);
    if (entries == NULL || copy == NULL)
        return;
    memmove(entries + at + 1, entries + at, (m->count - at) * sizeof *entries);
    entries[at] = (struct template_entry){copy, size, v};
    m->entries = entries;
    m->is_nil = false;
    m->count++;
}

void
template_put(struct template_data *d, struct template_value *map, const char *key,
             struct template_value v)
{
    if (map->kind == TEMPLATE_NIL)
        return;
    assert(map->kind == TEMPLATE_MAP || map->kind == TEMPLATE_STRUCT);
    assert(!map->as.map->texts || v.kind == TEMPLATE_STRING);
    put_bytes(d, map->as.map, key, strlen(key), v);
}

static struct template_value
number_from_json(const json_t *json)
{
    struct template_value v;

    if (json_is_integer(json)) {
        v = template_int(json_integer_value(json));
    } else {
        double f = json_real_value(json);
        v = f == floor(f) && f >= -9223372036854775808.0 && f < 9223372036854775808.0
                ? template_int((int64_t)f)
                : template_float(f);
    }
    v.loose = true;
    return v;
}

struct template_value
template_from_json(struct template_data *d, const json_t *json)
{
    struct template_value v = template_nil();
    const char *key;
    json_t *item;
    size_t i;

    if (json == NULL || d == NULL)
        return v;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        v = template_map(d);
        for (void *at = json_object_iter((json_t *)json);
             at != NULL && v.kind == TEMPLATE_MAP;
             at = json_object_iter_next((json_t *)json, at)) {
            key = json_object_iter_key(at);
            put_bytes(d, v.as.map, key, strlen(key),
                      template_from_json(d, json_object_iter_value(at)));
        }
        return v;
    case JSON_ARRAY:
        v = template_list(d);
        json_array_foreach((json_t *)json, i, item)
            template_append(d, &v, template_from_json(d, item));
        return v;
    case JSON_STRING:
        return template_bytes(d, json_string_value(json), json_string_length(json));
    case JSON_INTEGER:
    case JSON_REAL:
        return number_from_json(json);
    case JSON_TRUE:
    case JSON_FALSE:
        return template_bool(json_is_true(json));
    default:
        return v;
    }
}

const char *
value_type_name(const struct template_value *v)
{
    static const char *const names[] = {
        [TEMPLATE_NIL] = "<nil>",     [TEMPLATE_BOOL] = "bool",
        [TEMPLATE_INT] = "int",       [TEMPLATE_BYTE] = "uint8",
        [TEMPLATE_FLOAT] = "float64", [TEMPLATE_COMPLEX] = "complex128",
        [TEMPLATE_STRING] = "string",
    };

    if (v->kind == TEMPLATE_LIST)
        return v->as.list->texts ? "[]string" : "[]interface {}";
    if (v->kind == TEMPLATE_MAP)
        return v->as.map->texts ? "map[string]string" : "map[string]interface {}";
    if (v->kind == TEMPLATE_STRUCT)
        return v->as.map->type_name;
    return names[v->kind];
}

const char *
value_slot_type(const struct template_value *v)
{
    return v->boxed ? "interface {}" : value_type_name(v);
}

bool
value_is_nil(const struct template_value *v)
{
    return v->kind == TEMPLATE_NIL || (v->kind == TEMPLATE_LIST && v->as.list->is_nil) ||
           (v->kind == TEMPLATE_MAP && v->as.map->is_nil);
}

bool
value_is_true(const struct template_value *v)
{
    switch (v->kind) {
    case TEMPLATE_NIL:
        return false;
    case TEMPLATE_BOOL:
        return v->as.truth;
    case TEMPLATE_INT:
    case TEMPLATE_BYTE:
        return v->as.integer != 0;
    case TEMPLATE_FLOAT:
        return v->as.real != 0;
    case TEMPLATE_COMPLEX:
        return v->as.complex.re != 0 || v->as.complex.im != 0;
    case TEMPLATE_STRING:
        return v->as.string.size > 0;
    case TEMPLATE_LIST:
        return v->as.list->count > 0;
    case TEMPLATE_MAP:
        return v->as.map->count > 0;
    case TEMPLATE_STRUCT:
        return true;
    }
    return false;
}

struct template_value
value_slice(struct template_data *d, const struct template_list *list, size_t from,
            size_t to)
{
    struct template_value v = new_list(d, list->texts);

    if (v.kind == TEMPLATE_LIST) {
        v.as.list->is_nil = list->is_nil;
        v.as.list->items = list->items + from;
        v.as.list->count = to - from;
    }
    return v;
}
