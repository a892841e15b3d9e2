/* fetch.c - see fetch.h. */
#include "local/runner/fetch.h"

#include <string.h>

#include "common/data/json.h"

struct item {
    struct fetch *fetch;
    char key[300];
    struct kube_call *call;
};

struct fetch {
    fetch_done_fn *done;
    void *arg;
    json_t *values;
    struct err why;
    size_t waiting, count;
    struct item items[REFS_MAX];
};

void
fetch_free(struct fetch *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].call != NULL)
            kube_cancel(f->items[i].call);
    json_decref(f->values);
    free(f);
}

static void
on_object(void *arg, const struct kube_result *r)
{
    struct item *it = arg;
    struct fetch *f = it->fetch;

    it->call = NULL;
    if (r->err.code == ERR_NONE)
        json_object_set(f->values, it->key, r->body);
    else if (r->err.code == ERR_NOT_FOUND)
        json_object_set_new(f->values, it->key, json_null());
    else
        f->why = r->err;
    if (--f->waiting > 0)
        return;
    f->done(f->arg, f->values, &f->why);
    fetch_free(f);
}

struct fetch *
fetch_start(struct kube *k, const char *ns, const struct refs *refs, fetch_done_fn *done,
            void *arg, struct err *e)
{
    SCOPED(fetch) struct fetch *f = calloc(1, sizeof *f);

    if (f == NULL || (f->values = json_object()) == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    f->done = done;
    f->arg = arg;
    if (refs->count == 0) {
        done(arg, f->values, &f->why);
        return NULL;
    }
    for (size_t i = 0; i < refs->count; i++) {
        struct item *it = &f->items[f->count++];
        const struct ref *ref = &refs->items[i];
        struct kube_request r = {
            .verb = KUBE_GET,
            .res = kube_res(ref->kind == REF_SECRET ? KUBE_SECRETS : KUBE_CONFIG_MAPS),
            .ns = ns,
            .name = ref->name,
            .secret = true};
        it->fetch = f;
        refs_key(ref->kind, ref->name, it->key, sizeof it->key);
        if ((it->call = kube_call(k, &r, on_object, it, e)) == NULL)
            return NULL;
        f->waiting++;
    }
    return TAKE(f);
}
