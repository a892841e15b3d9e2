/* api.c - objects, versions, finalizers, owners: as much of an API server as Tasks need. */
#include "tests/reconciler/model/model.h"

#include "common/clock.h"

const char *
object_key(unsigned kind, const char *name)
{
    static char key[NAME_SPACE + 16];

    snprintf(key, sizeof key, "%u/%s", kind, name);
    return key;
}

const char *
doc_text(const json_t *doc, const char *path)
{
    return doc != NULL ? json_str_or(doc, path, "") : "";
}

int64_t
doc_time(const json_t *doc, const char *path)
{
    int64_t ms = 0;

    return rfc3339_parse(doc_text(doc, path), &ms) == 0 ? ms : 0;
}

const char *
owner_uid(const json_t *doc)
{
    return doc_text(json_array_get(json_at(doc, "metadata.ownerReferences"), 0), "uid");
}

void
stamp(json_t *object, const char *key, int64_t wall_ms)
{
    char text[RFC3339_SIZE];

    rfc3339_format(wall_ms, text);
    json_object_set_new(object, key, json_string(text));
}

json_t *
api_get(unsigned kind, const char *name)
{
    return zhashx_lookup(model.objects, object_key(kind, name));
}

static void
tell(unsigned kind, const char *name, const char *uid, const json_t *doc)
{
    struct change *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    c->kind = kind;
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(c->uid, sizeof c->uid, "%s", uid);
    c->doc = doc != NULL ? json_deep_copy(doc) : NULL;
    zlistx_add_end(model.changes[kind], c);
}

void
api_put(unsigned kind, const char *name, json_t *doc)
{
    json_t *meta = json_object_get(doc, "metadata"),
           *old = json_incref(api_get(kind, name));
    char text[32];

    if (*doc_text(meta, "uid") == '\0') {
        snprintf(text, sizeof text, "uid-%llu", (unsigned long long)++model.uids);
        json_object_set_new(meta, "uid", json_string(text));
        stamp(meta, "creationTimestamp", model.wall_ms);
    }
    snprintf(text, sizeof text, "%llu", (unsigned long long)++model.version);
    json_object_set_new(meta, "resourceVersion", json_string(text));
    zhashx_delete(model.objects, object_key(kind, name));
    zhashx_insert(model.objects, object_key(kind, name), doc);
    tell(kind, name, doc_text(meta, "uid"), doc);
    if (kind == KIND_TASK)
        check_task_change(old, doc);
    json_decref(old);
}

void
api_remove(unsigned kind, const char *name)
{
    json_t *old = json_incref(api_get(kind, name));

    if (old == NULL)
        return;
    zhashx_delete(model.objects, object_key(kind, name));
    model.version++;
    tell(kind, name, doc_text(old, "metadata.uid"), NULL);
    if (kind == KIND_TASK)
        check_task_removed(old);
    json_decref(old);
}

void
api_delete(unsigned kind, const char *name)
{
    json_t *old = api_get(kind, name);

    if (old == NULL || *doc_text(old, "metadata.deletionTimestamp") != '\0')
        return;
    if (json_array_size(json_at(old, "metadata.finalizers")) == 0) {
        api_remove(kind, name);
        return;
    }
    json_t *doc = json_deep_copy(old);
    stamp(json_object_get(doc, "metadata"), "deletionTimestamp", model.wall_ms);
    api_put(kind, name, doc);
}

size_t
api_count(unsigned kind)
{
    char prefix[16];
    size_t n = 0;

    snprintf(prefix, sizeof prefix, "%u/", kind);
    for (json_t *d = zhashx_first(model.objects); d != NULL;
         d = zhashx_next(model.objects))
        n += strncmp(zhashx_cursor(model.objects), prefix, strlen(prefix)) == 0;
    return n;
}

json_t *
api_random(unsigned kind)
{
    char prefix[16];
    size_t n = api_count(kind), want = n > 0 ? pick(n) : 0;

    snprintf(prefix, sizeof prefix, "%u/", kind);
    for (json_t *d = zhashx_first(model.objects); d != NULL;
         d = zhashx_next(model.objects))
        if (strncmp(zhashx_cursor(model.objects), prefix, strlen(prefix)) == 0 &&
            want-- == 0)
            return d;
    return NULL;
}

static bool
uid_exists(unsigned kind, const char *uid)
{
    char prefix[16];

    snprintf(prefix, sizeof prefix, "%u/", kind);
    for (json_t *d = zhashx_first(model.objects); d != NULL;
         d = zhashx_next(model.objects))
        if (strncmp(zhashx_cursor(model.objects), prefix, strlen(prefix)) == 0 &&
            strcmp(doc_text(d, "metadata.uid"), uid) == 0)
            return true;
    return false;
}

static bool
remove_one_orphan(unsigned kind, unsigned owner_kind)
{
    char prefix[16], name[NAME_SPACE];
    zlistx_t *keys = zhashx_keys(model.objects);
    bool removed = false;

    snprintf(prefix, sizeof prefix, "%u/", kind);
    for (const char *key = zlistx_first(keys); key != NULL && !removed;
         key = zlistx_next(keys)) {
        json_t *d = strncmp(key, prefix, strlen(prefix)) == 0
                        ? zhashx_lookup(model.objects, key)
                        : NULL;
        if (d == NULL || *owner_uid(d) == '\0' || uid_exists(owner_kind, owner_uid(d)))
            continue;
        snprintf(name, sizeof name, "%s", doc_text(d, "metadata.name"));
        api_remove(kind, name);
        removed = true;
    }
    zlistx_destroy(&keys);
    return removed;
}

void
api_collect_garbage(void)
{
    if (!remove_one_orphan(KIND_JOB, KIND_TASK))
        remove_one_orphan(KIND_POD, KIND_JOB);
}
