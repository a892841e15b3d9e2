#include "statuswriter/versions.h"

#include <czmq.h>

#include "common/limits.h"

struct versions {
    zhashx_t *by_key; /* key -> version; both are copies */
};

static void
text_free(void **p)
{
    free(*p);
    *p = NULL;
}

struct versions *
versions_new(void)
{
    struct versions *v = calloc(1, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->by_key = zhashx_new();
    zhashx_set_duplicator(v->by_key, (zhashx_duplicator_fn *)strdup);
    zhashx_set_destructor(v->by_key, text_free);
    return v;
}

void
versions_free(struct versions *v)
{
    if (v == NULL)
        return;
    zhashx_destroy(&v->by_key);
    free(v);
}

const char *
versions_get(const struct versions *v, const char *key)
{
    const char *version = zhashx_lookup(v->by_key, key);

    return version != NULL ? version : "";
}

void
versions_put(struct versions *v, const char *key, const char *version)
{
    if (zhashx_size(v->by_key) >= LIMIT_STATUS_VERSIONS)
        zhashx_purge(v->by_key);
    zhashx_update(v->by_key, key, (void *)version);
}

void
versions_drop(struct versions *v, const char *key)
{
    zhashx_delete(v->by_key, key);
}
