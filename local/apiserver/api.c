/* api.c - which function answers which request. */
#include "local/apiserver/api.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "common/metrics/metrics.h"
#include "local/apiserver/delete.h"
#include "local/apiserver/view/discovery.h"
#include "local/apiserver/view/openapi.h"
#include "local/apiserver/podlog.h"
#include "local/apiserver/read.h"
#include "local/apiserver/route.h"
#include "local/apiserver/subresource.h"
#include "local/apiserver/watch.h"
#include "local/apiserver/write.h"

typedef void handler(struct server *s, const struct call *c, const struct target *t,
                     struct reply *r);

enum shape { COLLECTION, OBJECT };

/* clang-format off */
static const struct verb {
    const char *method;
    enum shape shape;
    handler *run;
    bool writes;
    const char *name;
} verbs[] = {
    {"GET",    COLLECTION, read_list,         false, "list"},
    {"POST",   COLLECTION, write_create,      true,  "create"},
    {"DELETE", COLLECTION, delete_collection, true,  "deletecollection"},
    {"GET",    OBJECT,     read_get,          false, "get"},
    {"PUT",    OBJECT,     write_put,         true,  "update"},
    {"PATCH",  OBJECT,     write_patch,       true,  "patch"},
    {"DELETE", OBJECT,     delete_object,     true,  "delete"},
};
/* clang-format on */

static void
answer_version(struct reply *r)
{
    reply_json(r, 200,
               json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "major", "1",
                         "minor", "32", "gitVersion", "v1.32.0+kelos", "gitCommit", "",
                         "gitTreeState", "clean", "buildDate", "1970-01-01T00:00:00Z",
                         "goVersion", "", "compiler", "", "platform", "linux"));
}

/* What is asked outside the resources: true when answered. */
static bool
answer_plain(struct server *s, const struct call *c, struct reply *r)
{
    if (strcmp(c->method, "GET") != 0 && strcmp(c->method, "HEAD") != 0)
        return false;
    if (strcmp(c->path, "/version") == 0 || strcmp(c->path, "/version/") == 0) {
        answer_version(r);
        return true;
    }
    if (strcmp(c->path, "/healthz") == 0 || strcmp(c->path, "/readyz") == 0 ||
        strcmp(c->path, "/livez") == 0) {
        struct err e = ERR_INIT;
        bool good =
            s->degraded == NULL && store_count(s->store, "namespaces", NULL, &e) >= 0;

        reply_text(r, good ? 200 : 500,
                   good                  ? "ok"
                   : s->degraded != NULL ? s->degraded
                                         : e.text);
        return true;
    }
    if (strcmp(c->path, "/") == 0) {
        reply_json(r, 200,
                   json_pack("{s:[s,s,s,s,s,s,s]}", "paths", "/api", "/apis", "/healthz",
                             "/livez", "/openapi/v3", "/readyz", "/version"));
        return true;
    }
    return discovery_handle(s, c, r) || openapi_handle(s, c, r);
}

static void
not_allowed(struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;

    fault_set(&f, 405, "MethodNotAllowed",
              "the server does not allow this method on the requested resource");
    reply_fault(r, &f);
}

/* A write that was refused leaves nothing behind: not even half of its rows. */
static void
run_verb(struct server *s, const struct verb *v, const struct call *c,
         const struct target *t, struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;
    struct err e = ERR_INIT;

    if (!v->writes) {
        v->run(s, c, t, r);
        return;
    }
    if (store_mark(s->store, &e) < 0) {
        fault_store(&f, &e);
        reply_fault(r, &f);
        return;
    }
    v->run(s, c, t, r);
    store_release(s->store, r->code >= 400);
}

static bool
is_watch(const struct call *c, const struct target *t)
{
    return strcmp(c->method, "GET") == 0 && call_flag(c, "watch") && t->sub == NULL &&
           t->resource->verbs == VERBS_ALL;
}

static const char *
verb_name(const struct call *c, const struct target *t)
{
    if (is_watch(c, t))
        return "watch";
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(verbs[i].method, c->method) == 0 &&
            (verbs[i].shape == OBJECT) == (t->name != NULL))
            return verbs[i].name;
    return "other";
}

static void
answer_target(struct server *s, const struct call *c, const struct target *t,
              struct reply *r)
{
    bool read = strcmp(c->method, "GET") == 0;

    if (t->sub != NULL && !(t->resource->status && strcmp(t->sub, "status") == 0)) {
        if (strcmp(t->sub, "log") == 0 && strcmp(t->resource->key, "pods") == 0 && read)
            podlog_start(s, c, t, r);
        else
            subresource_handle(s, c, t, r);
        return;
    }
    if (is_watch(c, t)) {
        watch_start(s, c, t, r);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].method, c->method) != 0 ||
            (verbs[i].shape == OBJECT) != (t->name != NULL))
            continue;
        if (t->resource->verbs == VERBS_CREATE && strcmp(c->method, "POST") != 0)
            break;
        if (t->sub != NULL && strcmp(c->method, "DELETE") == 0)
            break;
        if (t->all && strcmp(c->method, "POST") == 0)
            break;
        run_verb(s, &verbs[i], c, t, r);
        return;
    }
    not_allowed(r);
}

static void
answer_resource(struct server *s, const struct call *c, struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;
    struct target t;
    const char *verb;
    char key[320], code[16];

    if (route_resource(s->registry, c->path, &t, &f) < 0) {
        reply_fault(r, &f);
        return;
    }
    /* Before the answer: the write of a CRD may take the resource itself away. */
    verb = verb_name(c, &t);
    snprintf(key, sizeof key, "%s", t.resource->key);
    answer_target(s, c, &t, r);
    snprintf(code, sizeof code, "%d", r->code);
    metric_add(s->metrics, METRIC_APISERVER_REQUESTS, 1, verb, key, code);
}

void
api_handle(struct server *s, const struct call *c, struct reply *r)
{
    if (answer_plain(s, c, r))
        return;
    if (strncmp(c->path, "/api", 4) == 0) {
        answer_resource(s, c, r);
        return;
    }
    SCOPED(fault) struct fault f = FAULT_INIT;
    fault_set(&f, 404, "NotFound", "the server could not find the requested resource");
    reply_fault(r, &f);
}
