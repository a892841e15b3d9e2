/* object.c - see object.h. */
#include "local/apiserver/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/limits.h"
#include "common/macros.h"
#include "local/apiserver/effects.h"
#include "local/apiserver/selector.h"

static int
parse_row(void *ctx, const struct row *row)
{
    json_t **out = ctx;

    *out = json_loadb(row->body, row->size, 0, NULL);
    return *out != NULL ? 0 : -1;
}

json_t *
object_load(struct server *s, const struct resource *r, const char *ns, const char *name,
            struct fault *f)
{
    struct err e = ERR_INIT;
    json_t *obj = NULL;

    if (store_get(s->store, r->key, ns, name, parse_row, &obj, &e) < 0)
        fault_store(f, &e);
    return obj;
}

struct with_key {
    json_t *obj;
    char *key;
    size_t size;
};

static int
parse_with_key(void *ctx, const struct row *row)
{
    struct with_key *w = ctx;

    snprintf(w->key, w->size, "%s", row->resource);
    return parse_row(&w->obj, row);
}

json_t *
object_load_uid(struct server *s, const char *uid, char *key, size_t key_size,
                struct fault *f)
{
    struct with_key w = {NULL, key, key_size};
    struct err e = ERR_INIT;

    if (store_get_uid(s->store, uid, parse_with_key, &w, &e) < 0)
        fault_store(f, &e);
    return w.obj;
}

static void
random_bytes(unsigned char *out, size_t size)
{
    while (getrandom(out, size, 0) != (ssize_t)size)
        continue;
}

void
uid_new(char *out)
{
    unsigned char b[16];

    random_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, UID_SIZE,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
             b[13], b[14], b[15]);
}

/* No vowels and no look-alikes, so that no words come out. */
void
suffix_new(char *out, size_t letters)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    unsigned char b[16];

    random_bytes(b, sizeof b);
    for (size_t i = 0; i < letters && i < sizeof b; i++)
        out[i] = alphabet[b[i] % (sizeof alphabet - 1)];
    out[letters] = '\0';
}

const char *
meta_str(const json_t *obj, const char *field)
{
    const char *v =
        json_string_value(json_object_get(json_object_get(obj, "metadata"), field));

    return v != NULL ? v : "";
}

json_t *
meta_of(json_t *obj)
{
    json_t *meta = json_object_get(obj, "metadata");

    if (!json_is_object(meta)) {
        meta = json_object();
        json_object_set_new(obj, "metadata", meta);
    }
    return meta;
}

static int
finalizer_index(const json_t *obj, const char *name)
{
    json_t *list = json_at(obj, "metadata.finalizers"), *item;
    size_t i;

    json_array_foreach(list, i, item) if (json_is_string(item) &&
                                          strcmp(json_string_value(item), name) ==
                                              0) return (int)i;
    return -1;
}

bool
meta_has_finalizer(const json_t *obj, const char *name)
{
    return finalizer_index(obj, name) >= 0;
}

void
meta_drop_finalizer(json_t *obj, const char *name)
{
    int i = finalizer_index(obj, name);
    json_t *list = json_at(obj, "metadata.finalizers");

    if (i < 0)
        return;
    json_array_remove(list, (size_t)i);
    if (json_array_size(list) == 0)
        json_object_del(json_object_get(obj, "metadata"), "finalizers");
}

void
meta_add_finalizer(json_t *obj, const char *name)
{
    json_t *meta = meta_of(obj), *list = json_object_get(meta, "finalizers");

    if (finalizer_index(obj, name) >= 0)
        return;
    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(meta, "finalizers", list);
    }
    json_array_append_new(list, json_string(name));
}

void
field_text(const json_t *obj, const char *path, char *out, size_t size)
{
    const json_t *v = json_at(obj, path);

    out[0] = '\0';
    if (json_is_string(v))
        snprintf(out, size, "%s", json_string_value(v));
    else if (json_is_integer(v))
        snprintf(out, size, "%lld", (long long)json_integer_value(v));
    else if (json_is_boolean(v))
        snprintf(out, size, "%s", json_is_true(v) ? "true" : "false");
}

struct subject
object_subject(const struct resource *r, const json_t *obj)
{
    return (struct subject){.group = r->group,
                            .kind = r->kind,
                            .name = meta_str(obj, "name"),
                            .uid = meta_str(obj, "uid")};
}

/* May a selector see a difference between the two states? */
static bool
selectable_differs(const struct resource *r, const json_t *a, const json_t *b)
{
    if (!json_equal(json_at(a, "metadata.labels"), json_at(b, "metadata.labels")))
        return !(json_at(a, "metadata.labels") == NULL &&
                 json_at(b, "metadata.labels") == NULL);
    for (size_t i = 0;; i++) {
        char path[128], left[512], right[512];

        if (!selector_field(r, i, path, sizeof path))
            return false;
        field_text(a, path, left, sizeof left);
        field_text(b, path, right, sizeof right);
        if (strcmp(left, right) != 0)
            return true;
    }
}

static size_t
owner_uids(const json_t *obj, const char **out, size_t max)
{
    json_t *list = json_at(obj, "metadata.ownerReferences"), *ref;
    size_t i, n = 0;

    json_array_foreach(list, i,
                       ref) if (n < max && json_is_string(json_object_get(ref, "uid")))
        out[n++] = json_string_value(json_object_get(ref, "uid"));
    return n;
}

static int
write_row(struct server *s, const struct resource *r, char type, json_t *obj,
          const json_t *old, struct fault *f)
{
    struct err e = ERR_INIT;
    const char *owners[64];
    char version[24];
    SCOPED(string) char *prev = NULL;
    bool keep = type == 'M' && selectable_differs(r, old, obj);
    struct row row = {.type = type,
                      .resource = r->key,
                      .ns = meta_str(obj, "namespace"),
                      .name = meta_str(obj, "name"),
                      .uid = meta_str(obj, "uid")};

    row.rv = store_next_version(s->store);
    snprintf(version, sizeof version, "%lld", (long long)row.rv);
    json_object_set_new(meta_of(obj), "resourceVersion", json_string(version));
    SCOPED(string) char *body = json_dumps(obj, JSON_COMPACT);
    if (type != 'A')
        prev = json_dumps(old != NULL ? old : obj, JSON_COMPACT);
    if (body == NULL || (type != 'A' && prev == NULL))
        return fault_set(f, 500, "InternalError", "out of memory");
    row.body = body;
    row.size = strlen(body);
    row.prev = prev;
    row.prev_size = prev != NULL ? strlen(prev) : 0;
    if (row.size > LIMIT_OBJECT_BYTES)
        return fault_set(f, 413, "RequestEntityTooLarge",
                         "object of %zu bytes is over the limit OBJECT_BYTES (%d)",
                         row.size, LIMIT_OBJECT_BYTES);
    if (store_write(s->store, &row, keep, s->now_ms(), owners,
                    owner_uids(obj, owners, ARRAY_LEN(owners)), &e) < 0) {
        s->degraded = "the state file cannot be written";
        return fault_store(f, &e);
    }
    return effects_after(s, r, type, obj, old, f);
}

int
object_save(struct server *s, const struct resource *r, json_t *obj, const json_t *old,
            struct fault *f)
{
    return write_row(s, r, old == NULL ? 'A' : 'M', obj, old, f);
}

int
object_remove(struct server *s, const struct resource *r, json_t *obj, struct fault *f)
{
    SCOPED(json) json_t *before = json_deep_copy(obj);

    return write_row(s, r, 'D', obj, before, f);
}
