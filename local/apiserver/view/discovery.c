/* discovery.c - see discovery.h. */
#include "local/apiserver/view/discovery.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "local/apiserver/view/negotiate.h"

static const char *const verbs_all[] = {"create", "delete", "deletecollection", "get",
                                        "list",   "patch",  "update",           "watch"};

static json_t *
words(const char *text)
{
    json_t *list = json_array();

    while (*text != '\0') {
        size_t n = strcspn(text, ",");

        json_array_append_new(list, json_stringn(text, n));
        text += n + (text[n] == ',');
    }
    return list;
}

static json_t *
verbs_of(const struct resource *r, bool sub)
{
    json_t *list = json_array();

    if (r->verbs == VERBS_CREATE) {
        json_array_append_new(list, json_string("create"));
    } else if (sub) {
        json_array_append_new(list, json_string("get"));
        json_array_append_new(list, json_string("patch"));
        json_array_append_new(list, json_string("update"));
    } else {
        for (size_t i = 0; i < sizeof verbs_all / sizeof *verbs_all; i++)
            json_array_append_new(list, json_string(verbs_all[i]));
    }
    return list;
}

/* Subresources besides status, by key. */
static const char *
extra_sub(const struct resource *r)
{
    return strcmp(r->key, "pods") == 0 ? "log" : NULL;
}

static json_t *
kind_of(const struct resource *r)
{
    return json_pack("{s:s, s:s, s:s}", "group", r->group, "version", r->version, "kind",
                     r->kind);
}

/* ---- aggregated ---- */

static json_t *
sub_entry(const struct resource *r, const char *name)
{
    bool log = strcmp(name, "log") == 0;
    json_t *verbs = log ? json_pack("[s]", "get") : verbs_of(r, true);

    return json_pack("{s:s, s:o, s:o}", "subresource", name, "responseKind", kind_of(r),
                     "verbs", verbs);
}

static json_t *
aggregated_resource(const struct resource *r)
{
    json_t *out =
        json_pack("{s:s, s:o, s:s, s:s, s:o}", "resource", r->plural, "responseKind",
                  kind_of(r), "scope", r->namespaced ? "Namespaced" : "Cluster",
                  "singularResource", r->singular, "verbs", verbs_of(r, false));
    json_t *subs = json_array();

    if (*r->short_names != '\0')
        json_object_set_new(out, "shortNames", words(r->short_names));
    if (*r->categories != '\0')
        json_object_set_new(out, "categories", words(r->categories));
    if (r->status)
        json_array_append_new(subs, sub_entry(r, "status"));
    if (extra_sub(r) != NULL)
        json_array_append_new(subs, sub_entry(r, extra_sub(r)));
    if (json_array_size(subs) > 0)
        json_object_set(out, "subresources", subs);
    json_decref(subs);
    return out;
}

static json_t *
find_named(json_t *list, const char *key, const char *value)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) if (strcmp(json_str_or(item, key, ""), value) ==
                                          0) return item;
    return NULL;
}

/* Groups in the order of the table: core apart. */
static json_t *
aggregated(struct server *s, bool core, const char *version)
{
    char api[64];
    json_t *items = json_array();

    for (size_t i = 0; i < registry_count(s->registry); i++) {
        struct resource *r = registry_at(s->registry, i);
        json_t *group, *entry;

        if ((*r->group == '\0') != core)
            continue;
        if ((group = find_named(items, "metadata.name", r->group)) == NULL) {
            group = json_pack("{s:{s:s, s:n}, s:[]}", "metadata", "name", r->group,
                              "creationTimestamp", "versions");
            if (core)
                json_object_del(json_object_get(group, "metadata"), "name");
            json_array_append_new(items, group);
        }
        if ((entry = find_named(json_object_get(group, "versions"), "version",
                                r->version)) == NULL) {
            entry = json_pack("{s:s, s:s, s:[]}", "version", r->version, "freshness",
                              "Current", "resources");
            json_array_append_new(json_object_get(group, "versions"), entry);
        }
        json_array_append_new(json_object_get(entry, "resources"),
                              aggregated_resource(r));
        if (core && json_object_get(json_object_get(group, "metadata"), "name") == NULL &&
            json_array_size(items) > 1)
            json_array_remove(items, 1);
    }
    snprintf(api, sizeof api, "apidiscovery.k8s.io/%s", version);
    return json_pack("{s:s, s:s, s:{}, s:o}", "kind", "APIGroupDiscoveryList",
                     "apiVersion", api, "metadata", "items", items);
}

/* ---- plain ---- */

static json_t *
group_entry(struct server *s, const char *name)
{
    json_t *versions = json_array();
    char gv[330];

    for (size_t i = 0; i < registry_count(s->registry); i++) {
        struct resource *r = registry_at(s->registry, i);

        if (strcmp(r->group, name) != 0 ||
            find_named(versions, "version", r->version) != NULL)
            continue;
        resource_api_version(r, gv, sizeof gv);
        json_array_append_new(
            versions, json_pack("{s:s, s:s}", "groupVersion", gv, "version", r->version));
    }
    if (json_array_size(versions) == 0) {
        json_decref(versions);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:O}", "name", name, "versions", versions,
                     "preferredVersion", json_array_get(versions, 0));
}

static json_t *
group_list(struct server *s)
{
    json_t *groups = json_array();

    for (size_t i = 0; i < registry_count(s->registry); i++) {
        struct resource *r = registry_at(s->registry, i);

        if (*r->group != '\0' && find_named(groups, "name", r->group) == NULL)
            json_array_append_new(groups, group_entry(s, r->group));
    }
    return json_pack("{s:s, s:s, s:o}", "kind", "APIGroupList", "apiVersion", "v1",
                     "groups", groups);
}

static json_t *
plain_resource(const struct resource *r, const char *sub, json_t *verbs)
{
    char name[330];
    json_t *out;

    snprintf(name, sizeof name, "%s%s%s", r->plural, sub != NULL ? "/" : "",
             sub != NULL ? sub : "");
    out = json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", name, "singularName",
                    sub != NULL ? "" : r->singular, "namespaced", r->namespaced, "kind",
                    r->kind, "verbs", verbs);
    if (sub == NULL && *r->short_names != '\0')
        json_object_set_new(out, "shortNames", words(r->short_names));
    if (sub == NULL && *r->categories != '\0')
        json_object_set_new(out, "categories", words(r->categories));
    return out;
}

static json_t *
resource_list(struct server *s, const char *group, const char *version)
{
    json_t *list = json_array();
    char gv[330];

    for (size_t i = 0; i < registry_count(s->registry); i++) {
        struct resource *r = registry_at(s->registry, i);

        if (strcmp(r->group, group) != 0 || strcmp(r->version, version) != 0)
            continue;
        json_array_append_new(list, plain_resource(r, NULL, verbs_of(r, false)));
        if (r->status)
            json_array_append_new(list, plain_resource(r, "status", verbs_of(r, true)));
        if (extra_sub(r) != NULL)
            json_array_append_new(
                list, plain_resource(r, extra_sub(r), json_pack("[s]", "get")));
    }
    if (json_array_size(list) == 0) {
        json_decref(list);
        return NULL;
    }
    snprintf(gv, sizeof gv, "%s%s%s", group, *group != '\0' ? "/" : "", version);
    return json_pack("{s:s, s:s, s:s, s:o}", "kind", "APIResourceList", "apiVersion",
                     "v1", "groupVersion", gv, "resources", list);
}

static void
answer_root(struct server *s, const struct call *c, bool core, struct reply *r)
{
    char version[16];

    if (accept_discovery(c->accept, version, sizeof version)) {
        reply_json(r, 200, aggregated(s, core, version));
        r->content_type =
            strcmp(version, "v2") == 0
                ? "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
                : "application/"
                  "json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
    } else if (core) {
        reply_json(r, 200,
                   json_pack("{s:s, s:[s], s:[{s:s, s:s}]}", "kind", "APIVersions",
                             "versions", "v1", "serverAddressByClientCIDRs", "clientCIDR",
                             "0.0.0.0/0", "serverAddress",
                             s->address != NULL ? s->address : ""));
    } else {
        reply_json(r, 200, group_list(s));
    }
}

bool
discovery_handle(struct server *s, const struct call *c, struct reply *r)
{
    char path[512], *slash;
    size_t n = strlen(c->path);
    json_t *doc = NULL;

    while (n > 1 && c->path[n - 1] == '/')
        n--;
    if (n >= sizeof path)
        return false;
    memcpy(path, c->path, n);
    path[n] = '\0';
    if (strcmp(path, "/api") == 0 || strcmp(path, "/apis") == 0) {
        answer_root(s, c, strcmp(path, "/api") == 0, r);
        return true;
    }
    if (strncmp(path, "/api/", 5) == 0 && strchr(path + 5, '/') == NULL) {
        doc = resource_list(s, "", path + 5);
    } else if (strncmp(path, "/apis/", 6) == 0) {
        if ((slash = strchr(path + 6, '/')) == NULL) {
            if ((doc = group_entry(s, path + 6)) != NULL) {
                json_object_set_new(doc, "kind", json_string("APIGroup"));
                json_object_set_new(doc, "apiVersion", json_string("v1"));
            }
        } else if (strchr(slash + 1, '/') == NULL) {
            *slash = '\0';
            doc = resource_list(s, path + 6, slash + 1);
        }
    }
    if (doc == NULL)
        return false;
    reply_json(r, 200, doc);
    return true;
}
