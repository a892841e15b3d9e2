/* resource.c - see resource.h. */
#include "local/apiserver/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "local/apiserver/schema/builtin.h"
#include "local/apiserver/schema/schema.h"

struct registry {
    struct resource **all; /* owned */
    size_t count, capacity;
    struct schema_set
        *builtin; /* schemas of the built-in types, filled as they are asked for */
};

/* clang-format off */
#define RESOURCE(g, v, k, p, s, sh, cat, ns, st, vb) \
    {.group = g, .version = v, .kind = #k, .list_kind = #k "List", .plural = p, .singular = s, \
     .short_names = sh, .categories = cat, .type = #k, .namespaced = ns, .status = st, .verbs = vb, .storage = true},
static const struct resource builtins[] = {
#include "local/apiserver/resources.def"
};
#undef RESOURCE
/* clang-format on */

static void
resource_free(struct resource *r)
{
    if (r == NULL)
        return;
    if (r->custom) {
        schema_free(r->schema);
        for (size_t i = 0; i < r->column_count; i++)
            free((char *)r->columns[i].path);
        free(r->columns);
        free((char *)r->short_names);
        free((char *)r->categories);
        json_decref(r->crd);
    }
    free((char *)r->key);
    free(r);
}

static char *
key_of(const char *group, const char *plural)
{
    char *key = NULL;

    if (asprintf(&key, "%s%s%s", plural, *group != '\0' ? "." : "", group) < 0)
        return NULL;
    return key;
}

static int
add(struct registry *r, struct resource *res, struct err *e)
{
    if (r->count == r->capacity) {
        size_t more = r->capacity == 0 ? 64 : r->capacity * 2;
        struct resource **all = realloc(r->all, more * sizeof *all);

        if (all == NULL) {
            resource_free(res);
            return err_set(e, ERR_SYSTEM, "out of memory");
        }
        r->all = all;
        r->capacity = more;
    }
    r->all[r->count++] = res;
    return 0;
}

struct registry *
registry_new(struct err *e)
{
    SCOPED(registry) struct registry *r = calloc(1, sizeof *r);

    if (r == NULL || (r->builtin = schema_set_new()) == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(builtins); i++) {
        struct resource *res = malloc(sizeof *res);

        if (res != NULL) {
            *res = builtins[i];
            res->key = key_of(res->group, res->plural);
        }
        if (res == NULL || res->key == NULL || add(r, res, e) < 0) {
            err_set(e, ERR_SYSTEM, "out of memory");
            return NULL;
        }
    }
    return TAKE(r);
}

void
registry_free(struct registry *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; i++)
        resource_free(r->all[i]);
    free(r->all);
    schema_set_free(r->builtin);
    free(r);
}

struct resource *
registry_find(struct registry *r, const char *group, const char *version,
              const char *plural)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->all[i]->plural, plural) == 0 &&
            strcmp(r->all[i]->group, group) == 0 &&
            strcmp(r->all[i]->version, version) == 0)
            return r->all[i];
    return NULL;
}

struct resource *
registry_kind(struct registry *r, const char *group, const char *version,
              const char *kind)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->all[i]->kind, kind) == 0 && strcmp(r->all[i]->group, group) == 0 &&
            (version == NULL || strcmp(r->all[i]->version, version) == 0))
            return r->all[i];
    return NULL;
}

struct resource *
registry_key(struct registry *r, const char *key)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->all[i]->storage && strcmp(r->all[i]->key, key) == 0)
            return r->all[i];
    return NULL;
}

size_t
registry_count(const struct registry *r)
{
    return r->count;
}

struct resource *
registry_at(struct registry *r, size_t i)
{
    return r->all[i];
}

void
resource_api_version(const struct resource *r, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", r->group, *r->group != '\0' ? "/" : "", r->version);
}

const struct schema *
resource_schema(struct registry *reg, struct resource *r)
{
    if (r->schema == NULL && r->type != NULL)
        r->schema = builtin_schema(reg->builtin, r->type);
    return r->schema;
}

static char *
joined(const json_t *list)
{
    SCOPED(buf) struct buf b = BUF_INIT;
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
        buf_printf(&b, "%s%s", i > 0 ? "," : "", json_string_value(item));
    return strdup(buf_str(&b));
}

/* "priority" 0 columns are shown always; a CRD without columns shows its age. */
static int
take_columns(struct resource *res, const json_t *list)
{
    static const struct column age = {"Age", "date", "", "", NULL, 0};
    size_t n = json_array_size(list), i;
    json_t *item;

    res->columns = calloc(n + 1, sizeof *res->columns);
    if (res->columns == NULL)
        return -1;
    json_array_foreach(list, i, item) res->columns[i] = (struct column){
        .name = json_str_or(item, "name", ""),
        .type = json_str_or(item, "type", "string"),
        .format = json_str_or(item, "format", ""),
        .description = json_str_or(item, "description", ""),
        .path = strdup(json_str_or(item, "jsonPath", "")),
        .priority = (int)json_int_or(item, "priority", 0),
    };
    res->column_count = n;
    if (n == 0) {
        res->columns[0] = age;
        res->columns[0].path = strdup(".metadata.creationTimestamp");
        res->column_count = 1;
    }
    return 0;
}

static struct resource *
resource_of_crd(const json_t *crd, const json_t *version, struct err *e)
{
    struct resource *res = calloc(1, sizeof *res);
    json_t *schema = json_at(version, "schema.openAPIV3Schema");

    if (res == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    res->custom = true;
    res->crd = json_deep_copy(crd);
    res->group = json_str_or(res->crd, "spec.group", "");
    res->kind = json_str_or(res->crd, "spec.names.kind", "");
    res->list_kind = json_str_or(res->crd, "spec.names.listKind", "");
    res->plural = json_str_or(res->crd, "spec.names.plural", "");
    res->singular = json_str_or(res->crd, "spec.names.singular", "");
    res->namespaced = strcmp(json_str_or(res->crd, "spec.scope", ""), "Namespaced") == 0;
    res->short_names = joined(json_at(res->crd, "spec.names.shortNames"));
    res->categories = joined(json_at(res->crd, "spec.names.categories"));
    res->key = key_of(res->group, res->plural);

    size_t i;
    json_t *own, *versions = json_at(res->crd, "spec.versions");
    json_array_foreach(versions, i, own)
    {
        if (strcmp(json_str_or(own, "name", ""), json_str_or(version, "name", "")) != 0)
            continue;
        res->version = json_str_or(own, "name", "");
        res->storage = json_bool_or(own, "storage", false);
        res->status = json_at(own, "subresources.status") != NULL;
        res->selectable = json_at(own, "selectableFields");
        res->openapi = json_at(own, "schema.openAPIV3Schema");
        if (take_columns(res, json_at(own, "additionalPrinterColumns")) < 0)
            err_set(e, ERR_SYSTEM, "out of memory");
    }
    if (schema != NULL && (res->schema = schema_compile(res->openapi, e)) == NULL) {
        resource_free(res);
        return NULL;
    }
    return res;
}

int
registry_add_crd(struct registry *r, const json_t *crd, struct err *e)
{
    json_t *versions = json_at(crd, "spec.versions"), *version;
    struct resource *fresh[16];
    size_t n = 0, i;

    json_array_foreach(versions, i, version)
    {
        if (!json_bool_or(version, "served", false) || n == ARRAY_LEN(fresh))
            continue;
        if ((fresh[n] = resource_of_crd(crd, version, e)) == NULL) {
            while (n > 0)
                resource_free(fresh[--n]);
            return -1;
        }
        n++;
    }
    registry_drop_crd(r, json_str_or(crd, "metadata.name", ""));
    for (i = 0; i < n; i++)
        if (add(r, fresh[i], e) < 0)
            return -1;
    return 0;
}

void
registry_drop_crd(struct registry *r, const char *name)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->count; i++) {
        if (r->all[i]->custom && strcmp(r->all[i]->key, name) == 0)
            resource_free(r->all[i]);
        else
            r->all[kept++] = r->all[i];
    }
    r->count = kept;
}
