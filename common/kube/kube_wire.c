/* kube_wire.c - see kube_client.h: a Kubernetes request as URL, headers and body. */
#include "common/kube/kube_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"

enum { ANNOTATIONS_BYTES = 256 << 10, DATA_BYTES = 1 << 20 };

static const struct {
    const char *method, *content_type;
} verbs[] = {
    [KUBE_GET] = {"GET", NULL},
    [KUBE_LIST] = {"GET", NULL},
    [KUBE_WATCH] = {"GET", NULL},
    [KUBE_CREATE] = {"POST", "application/json"},
    [KUBE_UPDATE] = {"PUT", "application/json"},
    [KUBE_PATCH_MERGE] = {"PATCH", "application/merge-patch+json"},
    [KUBE_PATCH_JSON] = {"PATCH", "application/json-patch+json"},
    [KUBE_APPLY] = {"PATCH", "application/apply-patch+yaml"},
    [KUBE_DELETE] = {"DELETE", "application/json"},
};

static void
add_segment(struct buf *url, const char *text)
{
    buf_add_char(url, '/');
    http_escape(url, text);
}

static void
add_param(struct buf *url, const char *name, const char *value)
{
    buf_add_char(url, strchr(buf_str(url), '?') == NULL ? '?' : '&');
    http_escape(url, name);
    buf_add_char(url, '=');
    http_escape(url, value);
}

/* A name goes into the path of everything but a collection and a create. */
static bool
names_one(const struct kube_request *r)
{
    return r->verb != KUBE_LIST && r->verb != KUBE_WATCH &&
           (r->verb != KUBE_CREATE || r->subresource != NULL);
}

static int
build_url(const struct kube *k, const struct kube_request *r, char **out, struct err *e)
{
    SCOPED(buf) struct buf url = BUF_INIT;
    const struct kube_resource *res = r->res;

    buf_add_str(&url, k->server);
    buf_add_str(&url, res->group[0] == '\0' ? "/api" : "/apis");
    if (res->group[0] != '\0')
        add_segment(&url, res->group);
    add_segment(&url, res->version);
    if (res->namespaced && r->ns != NULL && *r->ns != '\0') {
        if (kube_check_label(r->ns, e) < 0)
            return err_wrap(e, "namespace");
        add_segment(&url, "namespaces");
        add_segment(&url, r->ns);
    } else if (res->namespaced && (names_one(r) || r->verb == KUBE_CREATE)) {
        return err_set(e, ERR_INVALID, "%s: a namespace is missing", res->plural);
    }
    add_segment(&url, res->plural);
    if (names_one(r)) {
        if (kube_check_name(r->name, e) < 0)
            return err_wrap(e, "%s", res->plural);
        add_segment(&url, r->name);
        if (r->subresource != NULL && *r->subresource != '\0')
            add_segment(&url, r->subresource);
    }
    for (const struct kube_param *p = r->params; p != NULL && p->name != NULL; p++)
        add_param(&url, p->name, p->value);
    if (r->field_manager != NULL)
        add_param(&url, "fieldManager", r->field_manager);
    if (r->verb == KUBE_APPLY && r->force)
        add_param(&url, "force", "true");
    if (url.failed)
        return err_set(e, ERR_SYSTEM, "out of memory");
    *out = buf_take(&url);
    return 0;
}

static size_t
text_bytes(const json_t *map)
{
    const char *key;
    json_t *value;
    size_t n = 0;

    json_object_foreach((json_t *)map, key, value) n +=
        strlen(key) + json_string_length(value);
    return n;
}

/* Told before sending: the server would refuse it with less to go by. */
static int
check_sizes(const struct kube_request *r, size_t size, struct err *e)
{
    if (size > LIMIT_REQUEST_BODY_BYTES)
        return err_set(e, ERR_LIMIT,
                       "a body of %zu bytes is over the limit of %d (REQUEST_BODY_BYTES)",
                       size, LIMIT_REQUEST_BODY_BYTES);
    if (r->body == NULL || r->verb == KUBE_PATCH_JSON)
        return 0;
    size_t notes = text_bytes(json_at(r->body, "metadata.annotations"));
    if (notes > ANNOTATIONS_BYTES)
        return err_set(e, ERR_LIMIT, "annotations of %zu bytes; Kubernetes allows %d",
                       notes, ANNOTATIONS_BYTES);
    bool holds_data = strcmp(r->res->plural, "secrets") == 0 ||
                      strcmp(r->res->plural, "configmaps") == 0;
    size_t data =
        text_bytes(json_at(r->body, "data")) + text_bytes(json_at(r->body, "stringData"));
    if (holds_data && data > DATA_BYTES * 4 / 3)
        return err_set(e, ERR_LIMIT, "data of %zu bytes; a %s holds at most %d", data,
                       r->res->kind, DATA_BYTES);
    return 0;
}

static json_t *
delete_options(const struct kube_request *r)
{
    json_t *o = json_pack("{s:s, s:s, s:s}", "kind", "DeleteOptions", "apiVersion", "v1",
                          "propagationPolicy",
                          r->propagation != NULL ? r->propagation : "Background");

    if (o != NULL && r->uid != NULL)
        json_put_str(o, "preconditions.uid", r->uid);
    if (o != NULL && r->resource_version != NULL)
        json_put_str(o, "preconditions.resourceVersion", r->resource_version);
    return o;
}

static int
build_body(const struct kube_request *r, struct kube_wire *out, struct err *e)
{
    SCOPED(json) json_t *options = NULL;
    const json_t *body = r->body;

    if (r->verb == KUBE_DELETE && body == NULL)
        body = options = delete_options(r);
    if (verbs[r->verb].content_type == NULL)
        return 0;
    if (body == NULL)
        return err_set(e, ERR_INVALID, "%s %s: a body is missing", verbs[r->verb].method,
                       r->res->plural);
    out->body = json_dump_compact(body);
    if (out->body == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    out->body_size = strlen(out->body);
    return check_sizes(r, out->body_size, e);
}

int
kube_wire_build(const struct kube *k, const struct kube_request *r, struct kube_wire *out,
                struct err *e)
{
    *out = (struct kube_wire){
        .method = verbs[r->verb].method,
        .content_type = verbs[r->verb].content_type,
        .secret = r->secret || strcmp(r->res->plural, "secrets") == 0,
    };
    if (r->verb == KUBE_APPLY &&
        (r->field_manager == NULL || strlen(r->field_manager) > 128))
        return err_set(e, ERR_INVALID,
                       "apply needs a field manager of at most 128 characters");
    out->accept = strdup(r->accept != NULL ? r->accept
                         : r->text         ? "*/*"
                                           : "application/json");
    if (out->accept == NULL || build_url(k, r, &out->url, e) < 0 ||
        build_body(r, out, e) < 0) {
        kube_wire_free(out);
        return -1;
    }
    return 0;
}

void
kube_wire_free(struct kube_wire *w)
{
    if (w->body != NULL && w->secret)
        explicit_bzero(w->body, w->body_size);
    free(w->body);
    free(w->url);
    free(w->accept);
    w->body = w->url = w->accept = NULL;
}
