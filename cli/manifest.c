/* manifest.c - see manifest.h. */
#include "cli/manifest.h"

#include <stdio.h>
#include <string.h>

#include "cli/suggest.h"
#include "common/data/json.h"

static int
fail_at(const struct manifest *m, const char *path, struct err *e)
{
    return err_wrap(e, "%s:%d", m->file, yaml_line(m->doc, path));
}

/* Kinds that are written alike, or served by another version, are named. */
static int
unknown_kind(const struct manifest *m, const char *version, const char *kind,
             struct err *e)
{
    const char *known[KUBE_RES_COUNT];
    char other[128];

    for (int i = 0; i < KUBE_RES_COUNT; i++) {
        known[i] = kube_res((enum kube_res)i)->kind;
        if (strcmp(known[i], kind) == 0) {
            err_set(e, ERR_INVALID, "kind \"%s\" in apiVersion \"%s\" is unknown; use %s",
                    kind, version,
                    kube_api_version(kube_res((enum kube_res)i), other, sizeof(other)));
            return fail_at(m, "apiVersion", e);
        }
    }
    const char *near = suggest_best(kind, known, KUBE_RES_COUNT);
    err_set(e, ERR_INVALID, "kind \"%s\" in apiVersion \"%s\" is unknown%s%s%s", kind,
            version, near != NULL ? "; did you mean " : "", near != NULL ? near : "",
            near != NULL ? "?" : "");
    return fail_at(m, "kind", e);
}

static int
read_namespace(struct manifest *m, const char *ns, bool fixed, struct err *e)
{
    const char *own = json_str_or(m->doc->value, "metadata.namespace", "");

    if (!m->res->namespaced) {
        m->ns = NULL;
        return 0;
    }
    if (own[0] == '\0') {
        json_put_str(m->doc->value, "metadata.namespace", ns);
    } else if (fixed && strcmp(own, ns) != 0) {
        err_set(e, ERR_INVALID, "metadata.namespace is %s, but -n says %s", own, ns);
        return fail_at(m, "metadata.namespace", e);
    }
    m->ns = json_str_or(m->doc->value, "metadata.namespace", ns);
    return 0;
}

int
manifest_read(const char *file, struct yaml_doc *doc, const char *ns, bool fixed,
              struct manifest *out, struct err *e)
{
    const char *version, *kind;

    *out = (struct manifest){.file = file, .doc = doc};
    if (!json_is_object(doc->value)) {
        err_set(e, ERR_INVALID, "expected an object with apiVersion and kind");
        return fail_at(out, "", e);
    }
    if (json_get_str(doc->value, "apiVersion", &version, e) < 0 ||
        json_get_str(doc->value, "kind", &kind, e) < 0)
        return fail_at(out, "", e);
    if ((out->res = kube_res_of(version, kind)) == NULL)
        return unknown_kind(out, version, kind, e);
    if (json_get_str(doc->value, "metadata.name", &out->name, e) < 0)
        return fail_at(out, "metadata", e);
    if (kube_check_name(out->name, e) < 0)
        return fail_at(out, "metadata.name", e);
    return read_namespace(out, ns, fixed, e);
}

/* ---- fields that the server left out ---- */

struct comparing {
    void (*fn)(void *arg, const char *path);
    void *arg;
};

static void
compare(const struct comparing *c, const json_t *mine, const json_t *theirs,
        const char *path)
{
    const char *key;
    json_t *value;
    char inner[512];

    if (json_is_array(mine) && json_array_size(mine) == json_array_size(theirs)) {
        for (size_t i = 0; i < json_array_size(mine); i++) {
            snprintf(inner, sizeof(inner), "%s[%zu]", path, i);
            compare(c, json_array_get(mine, i), json_array_get(theirs, i), inner);
        }
        return;
    }
    if (!json_is_object(mine) || !json_is_object(theirs))
        return;
    json_object_foreach((json_t *)mine, key, value)
    {
        const json_t *there = json_object_get(theirs, key);
        bool dotted = strchr(key, '.') != NULL;

        snprintf(inner, sizeof(inner), dotted ? "%s[%s]" : "%s.%s", path, key);
        /* What is null or empty may be left out by right. */
        if (there == NULL && !json_is_null(value) &&
            !(json_is_object(value) && json_object_size(value) == 0) &&
            !(json_is_array(value) && json_array_size(value) == 0))
            c->fn(c->arg, path[0] == '\0' ? key : inner);
        else if (there != NULL)
            compare(c, value, there, path[0] == '\0' ? key : inner);
    }
}

void
manifest_unknown_fields(const struct manifest *m, const json_t *answer,
                        void (*fn)(void *arg, const char *path), void *arg)
{
    static const char *const checked[] = {"spec"};
    struct comparing c = {fn, arg};

    if (m->res->group == NULL || strcmp(m->res->group, "kelos.dev") != 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(checked); i++) {
        const json_t *mine = json_object_get(m->doc->value, checked[i]);
        const json_t *theirs = json_object_get(answer, checked[i]);

        if (mine != NULL && theirs != NULL)
            compare(&c, mine, theirs, checked[i]);
    }
    const char *key;
    json_t *value;
    json_object_foreach(m->doc->value, key,
                        value) if (json_object_get(answer, key) == NULL &&
                                   strcmp(key, "status") != 0) fn(arg, key);
}
