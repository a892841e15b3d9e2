/* subresource.c - see subresource.h. */
#include "local/apiserver/subresource.h"

#include <string.h>

#include "common/data/json.h"
#include "local/apiserver/admit.h"
#include "local/apiserver/object.h"

/* POST pods/NAME/binding: a Pod is placed on a node, once. */
static int
bind_pod(struct server *s, const struct target *t, const json_t *binding, struct reply *r,
         struct fault *f)
{
    SCOPED(json) json_t *pod = object_load(s, t->resource, t->ns, t->name, f);
    const char *node = json_str_or(binding, "target.name", "");

    if (pod == NULL)
        return f->code != 0 ? -1 : fault_not_found(f, t->group, t->plural, t->name);
    if (*json_str_or(pod, "spec.nodeName", "") != '\0' || *node == '\0')
        return fault_set(
            f, 409, "Conflict",
            "Operation cannot be fulfilled on pods/binding \"%s\": pod %s is already "
            "assigned to node \"%s\"",
            t->name, t->name, json_str_or(pod, "spec.nodeName", ""));
    SCOPED(json) json_t *old = json_deep_copy(pod);
    json_put_str(pod, "spec.nodeName", node);
    if (object_save(s, t->resource, pod, old, f) < 0)
        return -1;
    reply_json(r, 201,
               status_success(&(struct subject){.kind = "pods", .name = t->name}));
    return 0;
}

/* PUT namespaces/NAME/finalize: only spec.finalizers is taken. */
static int
finalize_namespace(struct server *s, const struct target *t, const json_t *body,
                   struct reply *r, struct fault *f)
{
    SCOPED(json) json_t *ns = object_load(s, t->resource, "", t->name, f);
    json_t *finalizers = json_at(body, "spec.finalizers");

    if (ns == NULL)
        return f->code != 0 ? -1 : fault_not_found(f, t->group, t->plural, t->name);
    SCOPED(json) json_t *old = json_deep_copy(ns);
    json_put(ns, "spec.finalizers",
             finalizers != NULL ? json_deep_copy(finalizers) : json_array());
    if (!json_equal(ns, old) && object_save(s, t->resource, ns, old, f) < 0)
        return -1;
    reply_json(r, 200, json_incref(ns));
    return 0;
}

void
subresource_handle(struct server *s, const struct call *c, const struct target *t,
                   struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;
    bool binding = strcmp(t->resource->key, "pods") == 0 &&
                   strcmp(t->sub, "binding") == 0 && strcmp(c->method, "POST") == 0;
    bool finalize = strcmp(t->resource->key, "namespaces") == 0 &&
                    strcmp(t->sub, "finalize") == 0 && strcmp(c->method, "PUT") == 0;
    struct err e = ERR_INIT;
    int rc;

    if (!binding && !finalize) {
        fault_set(&f, 404, "NotFound",
                  "the server could not find the requested resource");
        reply_fault(r, &f);
        return;
    }
    SCOPED(json) json_t *body = admit_decode(c, t->resource, VALIDATE_IGNORE, r, &f);
    if (body == NULL || store_mark(s->store, &e) < 0) {
        if (body != NULL)
            fault_store(&f, &e);
        reply_fault(r, &f);
        return;
    }
    rc = binding ? bind_pod(s, t, body, r, &f) : finalize_namespace(s, t, body, r, &f);
    store_release(s->store, rc < 0);
    if (rc < 0)
        reply_fault(r, &f);
}
