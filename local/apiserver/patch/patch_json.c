/* patch_json.c - RFC 6902, see patch.h. */
#include "local/apiserver/patch/patch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"

#define OPERATIONS_MAX 10000

/* Where a pointer leads: a member of an object or an item of an array. */
struct place {
    json_t *parent; /* NULL: the whole document */
    char key[512];
    size_t index; /* of arrays; the size for "-" */
    bool end;     /* it was "-" */
};

/* Reads the next segment behind a slash, with ~0 and ~1 undone. */
static const char *
segment(const char *p, char *out, size_t size)
{
    size_t n = 0;

    for (; *p != '\0' && *p != '/'; p++) {
        char c = *p;

        if (c == '~' && (p[1] == '0' || p[1] == '1'))
            c = *++p == '0' ? '~' : '/';
        if (n + 1 >= size)
            return NULL;
        out[n++] = c;
    }
    out[n] = '\0';
    return p;
}

static int
array_index(const json_t *array, const char *key, size_t *index, bool *end)
{
    char *stop;

    *end = strcmp(key, "-") == 0;
    *index = json_array_size(array);
    if (*end)
        return 0;
    if (*key == '\0' || (key[0] == '0' && key[1] != '\0') || *key < '0' || *key > '9')
        return -1;
    *index = (size_t)strtoull(key, &stop, 10);
    return *stop == '\0' ? 0 : -1;
}

static int
missing(const char *path, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "the path \"%.400s\" does not exist", path);
}

static int
find_place(json_t *root, const char *path, struct place *at, struct err *e)
{
    const char *p = path;
    json_t *here = root;

    *at = (struct place){.parent = NULL};
    if (*p == '\0')
        return 0;
    while (*p != '\0') {
        if (*p != '/')
            return err_set(e, ERR_INVALID, "path \"%.400s\": must start with a slash",
                           path);
        if ((p = segment(p + 1, at->key, sizeof at->key)) == NULL)
            return err_set(e, ERR_INVALID, "path \"%.400s\": a segment is too long",
                           path);
        at->parent = here;
        if (json_is_array(here)) {
            if (array_index(here, at->key, &at->index, &at->end) < 0)
                return missing(path, e);
            here = json_array_get(here, at->index);
        } else if (json_is_object(here)) {
            here = json_object_get(here, at->key);
        } else {
            return missing(path, e);
        }
    }
    return 0;
}

static json_t *
value_at(const struct place *at, json_t *root)
{
    if (at->parent == NULL)
        return root;
    if (json_is_array(at->parent))
        return at->end ? NULL : json_array_get(at->parent, at->index);
    return json_object_get(at->parent, at->key);
}

static int
put(json_t **root, const struct place *at, const char *path, json_t *value, bool insert,
    struct err *e)
{
    if (at->parent == NULL) {
        json_decref(*root);
        *root = value;
        return 0;
    }
    if (json_is_object(at->parent))
        return json_object_set_new(at->parent, at->key, value);
    if (insert ? at->index > json_array_size(at->parent)
               : at->index >= json_array_size(at->parent)) {
        json_decref(value);
        return missing(path, e);
    }
    return insert ? json_array_insert_new(at->parent, at->index, value)
                  : json_array_set_new(at->parent, at->index, value);
}

static int
take_away(json_t *root, const struct place *at, const char *path, struct err *e)
{
    if (at->parent == NULL || value_at(at, root) == NULL)
        return missing(path, e);
    if (json_is_array(at->parent))
        return json_array_remove(at->parent, at->index);
    return json_object_del(at->parent, at->key);
}

static int
run_from(json_t **root, bool move, const char *from, const char *path, struct err *e)
{
    struct place source, at;
    json_t *value;
    size_t n = strlen(from);

    if (find_place(*root, from, &source, e) < 0)
        return -1;
    if ((value = value_at(&source, *root)) == NULL)
        return missing(from, e);
    if (move && strncmp(path, from, n) == 0 && path[n] == '/')
        return err_set(e, ERR_INVALID, "cannot move \"%.200s\" into itself", from);
    SCOPED(json) json_t *copy = json_deep_copy(value);
    if (move && take_away(*root, &source, from, e) < 0)
        return -1;
    if (find_place(*root, path, &at, e) < 0)
        return -1;
    return put(root, &at, path, json_incref(copy), true, e);
}

static int
run_operation(json_t **root, const json_t *op, struct err *e)
{
    const char *name = json_string_value(json_object_get(op, "op")),
               *path = json_string_value(json_object_get(op, "path"));
    const char *from = json_string_value(json_object_get(op, "from"));
    json_t *value = json_object_get(op, "value"), *there;
    struct place at;

    if (name == NULL || path == NULL)
        return err_set(e, ERR_INVALID, "an operation needs \"op\" and \"path\"");
    if (strcmp(name, "move") == 0 || strcmp(name, "copy") == 0)
        return from == NULL ? err_set(e, ERR_INVALID, "%s: needs \"from\"", name)
                            : run_from(root, *name == 'm', from, path, e);
    if (find_place(*root, path, &at, e) < 0)
        return -1;
    if (strcmp(name, "remove") == 0)
        return take_away(*root, &at, path, e);
    there = value_at(&at, *root);
    if (strcmp(name, "test") == 0) {
        if (there == NULL ? value != NULL && !json_is_null(value)
                          : value == NULL || !json_equal(there, value))
            return err_set(e, ERR_CONFLICT, "testing value %.400s failed", path);
        return 0;
    }
    if (value == NULL)
        return err_set(e, ERR_INVALID, "%.40s: needs \"value\"", name);
    if (strcmp(name, "add") == 0)
        return put(root, &at, path, json_deep_copy(value), true, e);
    if (strcmp(name, "replace") == 0)
        return there == NULL ? missing(path, e)
                             : put(root, &at, path, json_deep_copy(value), false, e);
    return err_set(e, ERR_INVALID, "unknown operation \"%.40s\"", name);
}

json_t *
patch_json(const json_t *target, const json_t *patch, struct err *e)
{
    SCOPED(json) json_t *root = json_deep_copy(target);
    size_t i;
    json_t *op;

    if (!json_is_array(patch)) {
        err_set(e, ERR_INVALID, "a JSON patch is a list of operations");
        return NULL;
    }
    if (json_array_size(patch) > OPERATIONS_MAX) {
        err_set(e, ERR_INVALID, "a JSON patch may have %d operations", OPERATIONS_MAX);
        return NULL;
    }
    json_array_foreach(patch, i, op) if (run_operation(&root, op, e) < 0)
    {
        if (e->code == ERR_NONE)
            err_set(e, ERR_INVALID, "operation %zu cannot be done", i);
        return NULL;
    }
    if (!json_is_object(root)) {
        err_set(e, ERR_INVALID, "the patch makes no object");
        return NULL;
    }
    return TAKE(root);
}
