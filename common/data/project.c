/* project.c - see project.h: whole documents and trees into projections. */
#include "common/data/project.h"

#include <string.h>
#include <yajl/yajl_parse.h>

#include "common/limits.h"
#include "common/data/projector.h"
#include "common/data/yajlfeed.h"

const struct projection project_all = {
    .drop =
        (const char *const[]){
            "metadata.managedFields",
            "metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]",
            NULL,
        },
};

static void
take_back(struct buf *out, size_t size)
{
    out->size = size;
    out->failed = false;
    if (out->data != NULL)
        out->data[size] = '\0';
}

/* ---- from text: one document, every event goes to the projector ---- */

struct whole {
    struct projector *pr;
    struct err *e;
};

/* clang-format off */
static int on_null(void *a) { struct whole *w = a; return projector_null(w->pr, w->e) == 0; }
static int on_bool(void *a, int v) { struct whole *w = a; return projector_bool(w->pr, v != 0, w->e) == 0; }
static int on_number(void *a, const char *s, size_t n) { struct whole *w = a; return projector_number(w->pr, s, n, w->e) == 0; }
static int on_string(void *a, const unsigned char *s, size_t n) { struct whole *w = a; return projector_string(w->pr, (const char *)s, n, w->e) == 0; }
static int on_key(void *a, const unsigned char *s, size_t n) { struct whole *w = a; return projector_key(w->pr, (const char *)s, n, w->e) == 0; }
static int on_map(void *a) { struct whole *w = a; return projector_open(w->pr, true, w->e) == 0; }
static int on_list(void *a) { struct whole *w = a; return projector_open(w->pr, false, w->e) == 0; }
static int on_end(void *a) { struct whole *w = a; return projector_close(w->pr, w->e) == 0; }
/* clang-format on */

static const yajl_callbacks whole_callbacks = {
    on_null, on_bool, NULL,   NULL,    on_number, on_string,
    on_map,  on_key,  on_end, on_list, on_end,
};

int
project_json(const char *bytes, size_t size, const struct projection *p, struct buf *out,
             struct object_id *id, struct err *e)
{
    struct err inner = ERR_INIT;
    size_t before = out->size;

    if (size > LIMIT_OBJECT_BYTES)
        return err_set(e, ERR_LIMIT,
                       "an object of %zu bytes is over the limit of %d (OBJECT_BYTES)",
                       size, LIMIT_OBJECT_BYTES);
    SCOPED(projector) struct projector *pr = projector_new(p);
    if (pr == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    struct whole w = {.pr = pr, .e = &inner};
    projector_begin(pr, out);
    SCOPED(yajl) yajl_handle h = yajl_feed_new(&whole_callbacks, &w);
    if (h == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if (yajl_feed(h, bytes, size, &inner) < 0 || yajl_feed_end(h, &inner) < 0) {
        take_back(out, before);
        return err_set(e, inner.code, "%s", inner.text);
    }
    if (id != NULL)
        *id = *projector_id(pr);
    return 0;
}

/* ---- from a tree ---- */

static int walk(struct projector *pr, const json_t *v, struct err *e);

static int
walk_map(struct projector *pr, const json_t *v, struct err *e)
{
    const char *key;
    size_t key_size;
    json_t *item;

    if (projector_open(pr, true, e) < 0)
        return -1;
    json_object_keylen_foreach((json_t *)v, key, key_size, item)
    {
        if (projector_key(pr, key, key_size, e) < 0 || walk(pr, item, e) < 0)
            return -1;
    }
    return projector_close(pr, e);
}

static int
walk_list(struct projector *pr, const json_t *v, struct err *e)
{
    if (projector_open(pr, false, e) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(v); i++)
        if (walk(pr, json_array_get(v, i), e) < 0)
            return -1;
    return projector_close(pr, e);
}

static int
walk(struct projector *pr, const json_t *v, struct err *e)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return walk_map(pr, v, e);
    case JSON_ARRAY:
        return walk_list(pr, v, e);
    case JSON_STRING:
        return projector_string(pr, json_string_value(v), json_string_length(v), e);
    case JSON_INTEGER:
        return projector_int(pr, json_integer_value(v), e);
    case JSON_REAL:
        return projector_real(pr, json_real_value(v), e);
    case JSON_TRUE:
    case JSON_FALSE:
        return projector_bool(pr, json_is_true(v), e);
    case JSON_NULL:
        break;
    }
    return projector_null(pr, e);
}

int
project_tree(const json_t *value, const struct projection *p, struct buf *out,
             struct object_id *id, struct err *e)
{
    size_t before = out->size;
    SCOPED(projector) struct projector *pr = projector_new(p);

    if (pr == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    projector_begin(pr, out);
    if (walk(pr, value, e) < 0) {
        take_back(out, before);
        return -1;
    }
    if (id != NULL)
        *id = *projector_id(pr);
    return 0;
}
