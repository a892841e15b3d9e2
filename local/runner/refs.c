/* refs.c - see refs.h. */
#include "local/runner/refs.h"

#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/data/json.h"
#include "common/macros.h"

static int
add(struct refs *r, enum ref_kind kind, const char *name, struct err *e)
{
    if (name == NULL || *name == '\0')
        return 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].kind == kind && strcmp(r->items[i].name, name) == 0)
            return 0;
    if (r->count == REFS_MAX)
        return err_set(e, ERR_LIMIT,
                       "REFS_MAX: a Pod names more than %d Secrets and ConfigMaps",
                       REFS_MAX);
    r->items[r->count++] = (struct ref){kind, name};
    return 0;
}

int
refs_of_env(struct refs *r, const json_t *container, struct err *e)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(container, "envFrom"), i, item)
    {
        if (add(r, REF_SECRET, json_str_or(item, "secretRef.name", NULL), e) < 0 ||
            add(r, REF_CONFIG_MAP, json_str_or(item, "configMapRef.name", NULL), e) < 0)
            return -1;
    }
    json_array_foreach(json_object_get(container, "env"), i, item)
    {
        if (add(r, REF_SECRET, json_str_or(item, "valueFrom.secretKeyRef.name", NULL),
                e) < 0 ||
            add(r, REF_CONFIG_MAP,
                json_str_or(item, "valueFrom.configMapKeyRef.name", NULL), e) < 0)
            return -1;
    }
    return 0;
}

int
refs_of_volumes(struct refs *r, const json_t *pod, struct err *e)
{
    size_t i, k;
    json_t *volume, *source;

    json_array_foreach(json_at(pod, "spec.volumes"), i, volume)
    {
        if (add(r, REF_SECRET, json_str_or(volume, "secret.secretName", NULL), e) < 0 ||
            add(r, REF_CONFIG_MAP, json_str_or(volume, "configMap.name", NULL), e) < 0)
            return -1;
        json_array_foreach(json_at(volume, "projected.sources"), k, source)
        {
            if (add(r, REF_SECRET, json_str_or(source, "secret.name", NULL), e) < 0 ||
                add(r, REF_CONFIG_MAP, json_str_or(source, "configMap.name", NULL), e) <
                    0)
                return -1;
        }
    }
    return 0;
}

void
refs_key(enum ref_kind kind, const char *name, char *out, size_t room)
{
    snprintf(out, room, "%s/%s", kind == REF_SECRET ? "secret" : "configmap", name);
}

const json_t *
refs_object(const json_t *values, enum ref_kind kind, const char *name)
{
    char key[300];

    refs_key(kind, name, key, sizeof key);
    const json_t *o = json_object_get(values, key);
    return json_is_object(o) ? o : NULL;
}

/* ---- values ---- */

/* Where an object keeps its values, and whether they are base64 there. */
static const struct {
    enum ref_kind kind;
    const char *member;
    bool encoded;
} places[] = {
    {REF_SECRET, "data", true},
    {REF_CONFIG_MAP, "data", false},
    {REF_CONFIG_MAP, "binaryData", true},
};

static int
add_value(const json_t *value, bool encoded, struct buf *out)
{
    const char *s = json_string_value(value);
    size_t size = json_string_length(value);
    struct err ignored = ERR_INIT;

    if (s == NULL)
        return 0;
    if (!encoded)
        return buf_add(out, s, size) == 0;
    buf_add(out, "", 0); /* an empty value is a value */
    return base64_decode(out, s, size, &ignored) == 0;
}

int
refs_value(const json_t *object, enum ref_kind kind, const char *key, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        const json_t *v = json_object_get(json_object_get(object, places[i].member), key);
        if (places[i].kind == kind && v != NULL)
            return add_value(v, places[i].encoded, out);
    }
    return 0;
}

int
refs_each(const json_t *object, enum ref_kind kind,
          int (*fn)(void *arg, const char *key, const char *bytes, size_t size),
          void *arg)
{
    const char *key;
    json_t *v;

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (places[i].kind != kind)
            continue;
        json_object_foreach(json_object_get(object, places[i].member), key, v)
        {
            struct buf bytes = BUF_INIT;
            int rc = 0;
            if (add_value(v, places[i].encoded, &bytes))
                rc = fn(arg, key, buf_str(&bytes), bytes.size);
            buf_wipe(&bytes);
            if (rc < 0)
                return -1;
        }
    }
    return 0;
}
