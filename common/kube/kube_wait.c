/* kube_wait.c - see kube.h: the blocking forms, for programs that have no loop of their own. */
#include "common/kube/kube_client.h"

#include <stdio.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"

struct waiting {
    json_t **body;
    struct kube_status *status;
    struct err *e;
    bool done;
};

static void
on_done(void *arg, const struct kube_result *r)
{
    struct waiting *w = arg;

    w->done = true;
    if (w->status != NULL)
        *w->status = r->status;
    if (r->err.code != ERR_NONE) {
        *w->e = r->err;
        return;
    }
    if (w->body != NULL)
        *w->body = json_incref(r->body);
}

static int
wait_for(struct kube *k, const struct kube_request *r, struct waiting *w, struct err *e)
{
    struct err inner = ERR_INIT;

    w->e = &inner;
    struct kube_call *c = kube_call(k, r, on_done, w, e);
    if (c == NULL)
        return -1;
    int rc = loop_poll_run(k->loop, &w->done, -1, e);
    if (rc != 1) {
        kube_cancel(c);
        return rc < 0 ? -1 : err_set(e, ERR_SYSTEM, "the event loop ended too early");
    }
    if (inner.code != ERR_NONE) {
        *e = inner;
        return -1;
    }
    return 0;
}

int
kube_call_wait(struct kube *k, const struct kube_request *r, json_t **body,
               struct kube_status *status, struct err *e)
{
    struct waiting w = {.body = body, .status = status};

    if (body != NULL)
        *body = NULL;
    return wait_for(k, r, &w, e);
}

/* ---- streams ---- */

struct watching {
    const struct kube_stream_request *r;
    struct kube_stream_end *end;
    bool done;
};

static int
on_data(void *arg, const char *bytes, size_t size)
{
    struct watching *w = arg;
    return w->r->on_data(w->r->arg, bytes, size);
}

static void
on_open(void *arg)
{
    struct watching *w = arg;

    if (w->r->on_open != NULL)
        w->r->on_open(w->r->arg);
}

static void
on_end(void *arg, const struct kube_stream_end *end)
{
    struct watching *w = arg;

    w->done = true;
    *w->end = *end;
}

int
kube_stream_wait(struct kube *k, const struct kube_stream_request *r,
                 struct kube_stream_end *end, struct err *e)
{
    struct kube_stream_end local;
    struct watching w = {.r = r, .end = end != NULL ? end : &local};
    struct kube_stream_request copy = *r;

    copy.on_data = on_data;
    copy.on_open = on_open;
    copy.on_end = on_end;
    copy.arg = &w;
    struct kube_stream *s = kube_stream(k, &copy, e);
    if (s == NULL)
        return -1;
    int rc = loop_poll_run(k->loop, &w.done, -1, e);
    if (rc != 1) {
        kube_stream_cancel(s);
        return rc < 0 ? -1 : err_set(e, ERR_SYSTEM, "the event loop ended too early");
    }
    if (w.end->err.code != ERR_NONE) {
        *e = w.end->err;
        return -1;
    }
    return 0;
}

/* ---- whole lists ---- */

/* Items of a typed list may omit what they are. */
static void
fill_kind(json_t *item, const struct kube_resource *res)
{
    char version[128];

    if (json_object_get(item, "kind") == NULL)
        json_object_set_new(item, "kind", json_string(res->kind));
    if (json_object_get(item, "apiVersion") == NULL)
        json_object_set_new(item, "apiVersion",
                            json_string(kube_api_version(res, version, sizeof version)));
}

/* Fetches one page and moves its items over. Returns 1 when there are more, 0, or -1. */
static int
list_page(struct kube *k, struct kube_request *r, json_t *all, char **token,
          struct kube_status *s, struct err *e)
{
    SCOPED(json) json_t *page = NULL;
    json_t *item;
    size_t i;

    if (kube_call_wait(k, r, &page, s, e) < 0)
        return -1;
    json_array_foreach(json_object_get(page, "items"), i, item)
    {
        fill_kind(item, r->res);
        json_array_append(json_object_get(all, "items"), item);
    }
    json_t *meta = json_object_get(page, "metadata");
    if (json_object_get(all, "metadata") == NULL && meta != NULL)
        json_object_set(all, "metadata",
                        meta); /* of the first page: where a watch starts */
    free(*token);
    *token = strdup(json_str_or(page, "metadata.continue", ""));
    return *token != NULL && **token != '\0' ? 1 : 0;
}

/* Lists with or without a limit. -2: the history of a later page is gone. */
static int
list_all(struct kube *k, struct kube_request *r, const char *selector, bool paged,
         json_t *all, struct kube_status *s, struct err *e)
{
    SCOPED(string) char *token = NULL;
    char limit[16];
    int more = 1;

    snprintf(limit, sizeof limit, "%d", LIMIT_LIST_PAGE_ITEMS);
    while (more == 1) {
        struct kube_param params[4] = {{NULL, NULL}};
        int n = 0;
        bool later = token != NULL;
        if (paged)
            params[n++] = (struct kube_param){"limit", limit};
        if (selector != NULL && *selector != '\0')
            params[n++] = (struct kube_param){"labelSelector", selector};
        if (later)
            params[n++] = (struct kube_param){"continue", token};
        r->params = params;
        more = list_page(k, r, all, &token, s, e);
        if (more < 0 && later && e->code == ERR_GONE)
            return -2;
    }
    return more;
}

json_t *
kube_list_wait(struct kube *k, const struct kube_resource *res, const char *ns,
               const char *selector, int64_t page_ms, struct kube_status *status,
               struct err *e)
{
    struct kube_request r = {.verb = KUBE_LIST,
                             .res = res,
                             .ns = ns,
                             .body_limit = LIMIT_LIST_PAGE_BYTES,
                             .deadline_ms = page_ms};
    struct kube_status local;
    struct err why = ERR_INIT;
    SCOPED(json) json_t *all = json_pack("{s:[]}", "items");

    if (status == NULL)
        status = &local;
    int rc = list_all(k, &r, selector, true, all, status, &why);
    if (rc == -2) {
        json_decref(all);
        all = json_pack("{s:[]}", "items");
        why = (struct err)ERR_INIT;
        rc = list_all(k, &r, selector, false, all, status, &why);
    }
    if (rc < 0) {
        *e = why;
        return NULL;
    }
    return TAKE(all);
}
