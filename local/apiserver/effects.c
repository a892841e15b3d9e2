/* effects.c - see effects.h. */
#include "local/apiserver/effects.h"

#include <string.h>

#include "common/data/json.h"
#include "local/apiserver/gc.h"
#include "local/apiserver/object.h"
#include "local/apiserver/podlog.h"
#include "local/apiserver/watch.h"

#define CRD_KEY "customresourcedefinitions.apiextensions.k8s.io"

static int
take_object(void *ctx, const struct row *row)
{
    json_t *obj = json_loadb(row->body, row->size, 0, NULL);

    return obj == NULL ? -1 : json_array_append_new(ctx, obj);
}

/* The objects of a type go with its definition: nobody could reach them any more. */
static int
remove_objects(struct server *s, const char *crd, struct fault *f)
{
    struct resource *r = registry_key(s->registry, crd);
    SCOPED(json) json_t *objects = json_array();
    struct span span = {.resource = crd};
    struct err e = ERR_INIT;
    size_t i;
    json_t *obj;

    if (r == NULL)
        return 0;
    if (store_list(s->store, &span, take_object, objects, &e) < 0)
        return fault_store(f, &e);
    json_array_foreach(objects, i, obj) if (object_remove(s, r, obj, f) < 0) return -1;
    return 0;
}

int
effects_after(struct server *s, const struct resource *r, char type, const json_t *obj,
              const json_t *old, struct fault *f)
{
    struct err e = ERR_INIT;

    if (s->hub != NULL)
        hub_mark(s->hub, r->key);
    if (s->logs != NULL && strcmp(r->key, "pods") == 0)
        podlogs_mark(s->logs);
    if (gc_note(s, r, type, obj, old, &e) < 0)
        return fault_store(f, &e);
    if (strcmp(r->key, CRD_KEY) != 0)
        return 0;
    if (type == 'D') {
        if (remove_objects(s, meta_str(obj, "name"), f) < 0)
            return -1;
        registry_drop_crd(s->registry, meta_str(obj, "name"));
        return 0;
    }
    if (old != NULL &&
        json_equal(json_object_get(obj, "spec"), json_object_get(old, "spec")))
        return 0;
    if (registry_add_crd(s->registry, obj, &e) < 0)
        return fault_set(f, 422, "Invalid", "%s", e.text);
    return 0;
}

static int
add_crd(void *ctx, const struct row *row)
{
    struct server *s = ctx;
    struct err e = ERR_INIT;
    SCOPED(json) json_t *crd = json_loadb(row->body, row->size, 0, NULL);

    return crd == NULL || registry_add_crd(s->registry, crd, &e) < 0 ? -1 : 0;
}

int
effects_reload(struct server *s, struct err *e)
{
    struct span span = {.resource = CRD_KEY};

    for (size_t i = registry_count(s->registry); i > 0; i--)
        if (i <= registry_count(s->registry) && registry_at(s->registry, i - 1)->custom)
            registry_drop_crd(s->registry, registry_at(s->registry, i - 1)->key);
    return store_list(s->store, &span, add_crd, s, e) < 0 ? -1 : 0;
}
