#include "statuswriter/patch.h"

json_t *
patch_compose(const json_t *first, const json_t *second)
{
    SCOPED(json) json_t *out = NULL;
    const char *key;
    json_t *value;

    if (!json_is_object(first) || !json_is_object(second))
        return json_deep_copy(second);
    if ((out = json_copy((json_t *)first)) == NULL)
        return NULL;
    json_object_foreach((json_t *)second, key, value)
    {
        json_t *had = json_object_get(out, key);
        json_t *now = had != NULL ? patch_compose(had, value) : json_deep_copy(value);

        if (now == NULL || json_object_set_new(out, key, now) < 0)
            return NULL;
    }
    return TAKE(out);
}

int
patch_set_uid(json_t *patch, const char *uid)
{
    return json_put_str(patch, "metadata.uid", uid);
}

enum write_end
patch_end(const struct kube_result *r, unsigned conflicts)
{
    if (r->err.code == ERR_NONE)
        return WRITE_DONE;
    if (r->err.code == ERR_NOT_FOUND || r->err.code == ERR_GONE ||
        kube_status_names_field(&r->status, "metadata.uid"))
        return WRITE_GONE;
    switch (r->err.code) {
    case ERR_CONFLICT:
        return conflicts + 1 >= PATCH_CONFLICTS_MAX ? WRITE_GONE : WRITE_AGAIN;
    case ERR_INVALID:
    case ERR_FORBIDDEN:
    case ERR_LIMIT:
        return WRITE_REFUSED;
    default:
        break;
    }
    /* Any other 4xx but 401, 408 and 429 is our own mistake; all else may pass. */
    if (r->http_status >= 400 && r->http_status < 500 && r->http_status != 401 &&
        r->http_status != 408 && r->http_status != 429)
        return WRITE_REFUSED;
    return WRITE_AGAIN;
}
