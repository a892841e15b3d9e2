/* openapi.c - see openapi.h. Documents are made when they are asked for; kubectl caches them by
 * the hash in the index. */
#include "local/apiserver/view/openapi.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "local/apiserver/schema/builtin.h"

#define V2 "/openapi/v2"
#define V3 "/openapi/v3"
/* What is asked for has an "@", which is none of a media type: clients refuse an answer with it. */
#define V2_PROTOBUF "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

/* FNV-1a: changes when the document may have changed. */
static unsigned long long
hash_text(unsigned long long h, const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211ULL;
    return h;
}

static unsigned long long
group_hash(struct server *s, const char *group, const char *version)
{
    unsigned long long h = hash_text(14695981039346656037ULL, "4");

    for (size_t i = 0; i < registry_count(s->registry); i++) {
        struct resource *r = registry_at(s->registry, i);

        if (strcmp(r->group, group) != 0 || strcmp(r->version, version) != 0)
            continue;
        h = hash_text(h, r->plural);
        if (r->openapi != NULL) {
            SCOPED(string) char *text = json_dumps(r->openapi, JSON_COMPACT);

            h = hash_text(h, text);
        }
    }
    return h;
}

static void
group_path(const struct resource *r, char *out, size_t size)
{
    if (*r->group == '\0')
        snprintf(out, size, "api/%s", r->version);
    else
        snprintf(out, size, "apis/%s/%s", r->group, r->version);
}

static json_t *
index_document(struct server *s)
{
    json_t *paths = json_object();
    char path[400], url[520];

    for (size_t i = 0; i < registry_count(s->registry); i++) {
        struct resource *r = registry_at(s->registry, i);

        group_path(r, path, sizeof path);
        if (json_object_get(paths, path) != NULL)
            continue;
        snprintf(url, sizeof url, V3 "/%s?hash=%016llX", path,
                 group_hash(s, r->group, r->version));
        json_object_set_new(paths, path, json_pack("{s:s}", "serverRelativeURL", url));
    }
    return json_pack("{s:o}", "paths", paths);
}

/* Adds a built-in type and all that it refers to. */
static void
add_component(json_t *schemas, const char *name)
{
    json_t *doc = json_object_get(builtin_components(), name);
    char *text, *p;

    if (doc == NULL || json_object_get(schemas, name) != NULL)
        return;
    json_object_set_new(schemas, name, json_deep_copy(doc));
    if ((text = json_dumps(doc, JSON_COMPACT)) == NULL)
        return;
    for (p = text; (p = strstr(p, "#/components/schemas/")) != NULL;) {
        p += strlen("#/components/schemas/");
        char *end = strchr(p, '"');

        if (end == NULL)
            break;
        *end = '\0';
        add_component(schemas, p);
        p = end + 1;
    }
    free(text);
}

static json_t *
gvk_of(const struct resource *r)
{
    return json_pack("[{s:s, s:s, s:s}]", "group", r->group, "kind", r->kind, "version",
                     r->version);
}

/* A CRD's schema with the members of every object put in front. */
static json_t *
custom_schema(const struct resource *r)
{
    json_t *doc = r->openapi != NULL
                      ? json_deep_copy(r->openapi)
                      : json_pack("{s:s, s:b}", "type", "object",
                                  "x-kubernetes-preserve-unknown-fields", 1);
    json_t *props = json_object_get(doc, "properties");

    if (props == NULL) {
        props = json_object();
        json_object_set_new(doc, "properties", props);
    }
    json_object_set_new(props, "apiVersion",
                        json_pack("{s:s, s:s}", "type", "string", "description",
                                  "Version of the schema of this object."));
    json_object_set_new(props, "kind",
                        json_pack("{s:s, s:s}", "type", "string", "description",
                                  "The resource this object represents."));
    json_object_set_new(props, "metadata",
                        json_pack("{s:[{s:s}], s:s}", "allOf", "$ref",
                                  "#/components/schemas/k8s.ObjectMeta", "description",
                                  "Standard metadata."));
    return doc;
}

static json_t *
parameters(bool apply)
{
    json_t *list = json_array();
    static const char *const names[] = {"dryRun", "fieldManager", "fieldValidation",
                                        "pretty"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:{s:s, s:b}}", "name",
                                              names[i], "in", "query", "schema", "type",
                                              "string", "uniqueItems", 1));
    if (apply)
        json_array_append_new(list, json_pack("{s:s, s:s, s:{s:s, s:b}}", "name", "force",
                                              "in", "query", "schema", "type", "boolean",
                                              "uniqueItems", 1));
    return list;
}

static json_t *
operation(const struct resource *r, const char *action, json_t *params)
{
    char id[400];
    json_t *gvk = gvk_of(r);
    json_t *op;

    snprintf(id, sizeof id, "%s%s%s", action, r->namespaced ? "Namespaced" : "", r->kind);
    op = json_pack("{s:s, s:s, s:o?, s:{s:{s:s}}, s:O}", "operationId", id,
                   "x-kubernetes-action", action, "parameters", params, "responses",
                   "200", "description", "OK", "x-kubernetes-group-version-kind",
                   json_array_get(gvk, 0));
    json_decref(gvk);
    return op;
}

static void
add_paths(json_t *paths, const struct resource *r)
{
    char base[700], one[760];

    group_path(r, one, sizeof one);
    snprintf(base, sizeof base, "/%.400s%s/%s", one,
             r->namespaced ? "/namespaces/{namespace}" : "", r->plural);
    snprintf(one, sizeof one, "%s/{name}", base);
    json_t *many = json_pack("{s:o}", "post", operation(r, "post", parameters(false)));
    json_object_set_new(paths, base, many);
    if (r->verbs == VERBS_CREATE)
        return;
    json_object_set_new(many, "get", operation(r, "list", NULL));
    json_object_set_new(many, "delete", operation(r, "deletecollection", NULL));
    json_object_set_new(paths, one,
                        json_pack("{s:o, s:o, s:o, s:o}", "get",
                                  operation(r, "get", NULL), "put",
                                  operation(r, "put", parameters(false)), "patch",
                                  operation(r, "patch", parameters(true)), "delete",
                                  operation(r, "delete", NULL)));
}

static json_t *
group_document(struct server *s, const char *group, const char *version)
{
    json_t *paths = json_object(), *schemas = json_object();
    char name[700];

    for (size_t i = 0; i < registry_count(s->registry); i++) {
        struct resource *r = registry_at(s->registry, i);

        if (strcmp(r->group, group) != 0 || strcmp(r->version, version) != 0)
            continue;
        add_paths(paths, r);
        if (r->custom) {
            snprintf(name, sizeof name, "%s.%s.%s", r->group, r->version, r->kind);
            json_object_set_new(schemas, name, custom_schema(r));
            add_component(schemas, "k8s.ObjectMeta");
        } else {
            snprintf(name, sizeof name, "k8s.%s", r->kind);
            add_component(schemas, name);
        }
        json_object_set_new(json_object_get(schemas, name),
                            "x-kubernetes-group-version-kind", gvk_of(r));
    }
    if (json_object_size(paths) == 0) {
        json_decref(paths);
        json_decref(schemas);
        return NULL;
    }
    return json_pack("{s:s, s:{s:s, s:s}, s:o, s:{s:o}}", "openapi", "3.0.0", "info",
                     "title", "Kelos local API server", "version", "v1", "paths", paths,
                     "components", "schemas", schemas);
}

static bool
answer_group(struct server *s, const char *rest, struct reply *r)
{
    char path[512], *slash;
    json_t *doc;

    snprintf(path, sizeof path, "%s", rest);
    if (strncmp(path, "api/", 4) == 0) {
        doc = group_document(s, "", path + 4);
    } else {
        if (strncmp(path, "apis/", 5) != 0 || (slash = strchr(path + 5, '/')) == NULL)
            return false;
        *slash = '\0';
        doc = group_document(s, path + 5, slash + 1);
    }
    if (doc == NULL)
        return false;
    reply_json(r, 200, doc);
    return true;
}

/* The older document, without a type: a kubectl reads it when it checks a List (which is what its
 * own `get -o yaml` writes of several objects), one before 1.27 for all that it checks, and both
 * leave to the server what does not stand in it. As protobuf: swagger (1) and info (2) with
 * title (1) and version (2). */
static void
answer_older(const struct call *c, struct reply *r)
{
    static const char bytes[] = "\x0a\x03"
                                "2.0"
                                "\x12\x1c"
                                "\x0a\x16"
                                "Kelos local API server"
                                "\x12\x02"
                                "v1";

    if (c->accept != NULL && strstr(c->accept, "protobuf") != NULL) {
        r->content_type = V2_PROTOBUF;
        buf_add(&r->body, bytes, sizeof bytes - 1);
        return;
    }
    reply_json(r, 200,
               json_pack("{s:s, s:{s:s, s:s}, s:{}, s:{}}", "swagger", "2.0", "info",
                         "title", "Kelos local API server", "version", "v1", "paths",
                         "definitions"));
}

bool
openapi_handle(struct server *s, const struct call *c, struct reply *r)
{
    if (strcmp(c->path, V2) == 0) {
        answer_older(c, r);
        return true;
    }
    if (strcmp(c->path, V3) == 0 || strcmp(c->path, V3 "/") == 0) {
        reply_json(r, 200, index_document(s));
        return true;
    }
    return strncmp(c->path, V3 "/", sizeof V3) == 0 &&
           answer_group(s, c->path + sizeof V3, r);
}
