/* read.c - see read.h. */
#include "local/apiserver/read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/data/json.h"
#include "common/limits.h"
#include "local/apiserver/object.h"
#include "local/apiserver/selector.h"
#include "local/apiserver/view/table.h"

/* Reads a number of a parameter; absent is 0. */
static int
number_param(const struct call *c, const char *name, int64_t *out, struct fault *f)
{
    const char *text = call_param(c, name);
    char *end;

    *out = 0;
    if (text == NULL || *text == '\0')
        return 0;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (*end != '\0' || errno != 0 || v < 0)
        return fault_bad_request(f, "%s: \"%s\" is not a number of 0 or more", name,
                                 text);
    *out = v;
    return 0;
}

static void
check_match(const struct list_options *o, const char *match, bool watch,
            bool initial_given, json_t *causes)
{
    if (match != NULL && o->token != NULL)
        causes_add(
            causes, "FieldValueForbidden", "resourceVersionMatch",
            "Forbidden: resourceVersionMatch is forbidden when continue is provided");
    if (match != NULL && !o->has_version && !initial_given)
        causes_add(causes, "FieldValueForbidden", "resourceVersionMatch",
                   "Forbidden: resourceVersionMatch is forbidden unless resourceVersion "
                   "is provided");
    if (match != NULL && o->match == MATCH_UNSET)
        causes_add(
            causes, "FieldValueNotSupported", "resourceVersionMatch",
            "Unsupported value: \"%s\": supported values: \"Exact\", \"NotOlderThan\"",
            match);
    if (o->match == MATCH_EXACT && o->has_version && o->version == 0)
        causes_add(causes, "FieldValueForbidden", "resourceVersionMatch",
                   "Forbidden: resourceVersionMatch \"Exact\" is forbidden for "
                   "resourceVersion \"0\"");
    if (initial_given && !watch)
        causes_add(causes, "FieldValueForbidden", "sendInitialEvents",
                   "Forbidden: sendInitialEvents is forbidden for list");
    if (initial_given && watch && o->match != MATCH_NOT_OLDER)
        causes_add(causes, "FieldValueForbidden", "resourceVersionMatch",
                   "Forbidden: sendInitialEvents requires setting resourceVersionMatch "
                   "to NotOlderThan");
    if (watch && match != NULL && !initial_given)
        causes_add(causes, "FieldValueForbidden", "resourceVersionMatch",
                   "Forbidden: resourceVersionMatch is forbidden for watch unless "
                   "sendInitialEvents is provided");
}

int
list_options_read(const struct call *c, bool watch, struct list_options *o,
                  struct fault *f)
{
    const char *version = call_param(c, "resourceVersion"),
               *match = call_param(c, "resourceVersionMatch");
    const char *rows = call_param(c, "includeObject");
    SCOPED(json) json_t *causes = json_array();

    *o = (struct list_options){.labels = call_param(c, "labelSelector"),
                               .fields = call_param(c, "fieldSelector")};
    if (number_param(c, "limit", &o->limit, f) < 0 ||
        number_param(c, "resourceVersion", &o->version, f) < 0 ||
        number_param(c, "timeoutSeconds", &o->timeout_s, f) < 0)
        return -1;
    o->has_version = version != NULL && *version != '\0';
    o->token = call_param(c, "continue");
    if (o->token != NULL && *o->token == '\0')
        o->token = NULL;
    if (match != NULL && *match == '\0')
        match = NULL;
    o->match = match == NULL                        ? MATCH_UNSET
               : strcmp(match, "Exact") == 0        ? MATCH_EXACT
               : strcmp(match, "NotOlderThan") == 0 ? MATCH_NOT_OLDER
                                                    : MATCH_UNSET;
    o->bookmarks = call_flag(c, "allowWatchBookmarks");
    o->initial_events = watch && call_flag(c, "sendInitialEvents");
    o->rows = rows == NULL                  ? ROWS_METADATA
              : strcmp(rows, "None") == 0   ? ROWS_NONE
              : strcmp(rows, "Object") == 0 ? ROWS_OBJECT
                                            : ROWS_METADATA;
    check_match(o, match, watch, call_param(c, "sendInitialEvents") != NULL, causes);
    if (o->token != NULL && o->has_version && o->version != 0)
        return fault_bad_request(
            f, "specifying resource version is not allowed when using continue");
    if (json_array_size(causes) > 0)
        return fault_invalid(
            f, &(struct subject){.group = "meta.k8s.io", .kind = "ListOptions"},
            json_incref(causes));
    return 0;
}

static enum include
include_of(const struct list_options *o)
{
    return o->rows == ROWS_NONE     ? INCLUDE_NONE
           : o->rows == ROWS_OBJECT ? INCLUDE_OBJECT
                                    : INCLUDE_METADATA;
}

/* An object of another served version of its CRD is shown under the version asked for. */
static json_t *
in_version(const struct resource *r, const json_t *obj)
{
    char version[300];
    json_t *copy;

    resource_api_version(r, version, sizeof version);
    if (strcmp(json_str_or(obj, "apiVersion", ""), version) == 0)
        return json_incref((json_t *)obj);
    copy = json_copy((json_t *)obj);
    json_object_set_new(copy, "apiVersion", json_string(version));
    return copy;
}

void
reply_object(struct server *s, const struct call *c, const struct target *t, int code,
             const json_t *obj, struct reply *r)
{
    struct list_options o;
    struct fault f = FAULT_INIT;
    struct accept accept;

    if (!accept_parse(c->accept, &accept)) {
        fault_set(&f, 406, "NotAcceptable",
                  "only the following media types are accepted: application/json");
        reply_fault(r, &f);
        return;
    }
    SCOPED(json) json_t *shown = in_version(t->resource, obj);
    if (accept.form == FORM_PARTIAL) {
        reply_json(r, code, partial_object(shown, accept.version));
        return;
    }
    if (accept.form == FORM_OBJECT || t->resource->verbs == VERBS_CREATE) {
        reply_json(r, code, json_incref(shown));
        return;
    }
    if (list_options_read(c, false, &o, &f) < 0) {
        reply_fault(r, &f);
        return;
    }
    r->code = code;
    buf_clear(&r->body);
    buf_printf(&r->body,
               "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/"
               "%s\",\"metadata\":{\"resourceVersion\":\"%s\"},"
               "\"columnDefinitions\":",
               accept.version, meta_str(obj, "resourceVersion"));
    table_columns(t->resource, &r->body);
    buf_add_str(&r->body, ",\"rows\":[");
    table_row(t->resource, shown, include_of(&o), accept.version, s->now_ms(), &r->body);
    buf_add_str(&r->body, "]}\n");
}

void
read_get(struct server *s, const struct call *c, const struct target *t, struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;
    SCOPED(json) json_t *obj = object_load(s, t->resource, t->ns, t->name, &f);

    if (obj != NULL) {
        reply_object(s, c, t, 200, obj, r);
        return;
    }
    if (f.code == 0)
        fault_not_found(&f, t->group, t->plural, t->name);
    reply_fault(r, &f);
}

/* ---- lists ---- */

struct listing {
    struct server *s;
    const struct target *t;
    const struct list_options *o;
    const struct selector *selector;
    struct accept accept;
    struct buf *out;
    int64_t count;
    char last_ns[64], last_name[254]; /* of the last item, for the continue token */
    bool more;
};

static bool
stored_version(const struct target *t)
{
    return t->resource->storage;
}

/* The item as text; objects are parsed only when something has to look into them. */
static int
add_item(void *ctx, const struct row *row)
{
    struct listing *l = ctx;
    SCOPED(json) json_t *obj = NULL;
    bool plain = l->accept.form == FORM_OBJECT && stored_version(l->t);

    if (!plain || !selector_empty(l->selector)) {
        if ((obj = json_loadb(row->body, row->size, 0, NULL)) == NULL)
            return -1;
        if (!selector_match(l->selector, obj))
            return 0;
    }
    if (l->o->limit > 0 && l->count == l->o->limit) {
        l->more = true;
        return 1;
    }
    if (l->count++ > 0)
        buf_add_char(l->out, ',');
    if (plain) {
        buf_add(l->out, row->body, row->size);
    } else {
        SCOPED(json) json_t *shown = in_version(l->t->resource, obj);

        if (l->accept.form == FORM_TABLE) {
            table_row(l->t->resource, shown, include_of(l->o), l->accept.version,
                      l->s->now_ms(), l->out);
        } else {
            SCOPED(json)
            json_t *part = l->accept.form == FORM_PARTIAL
                               ? partial_object(shown, l->accept.version)
                               : json_incref(shown);
            SCOPED(string) char *text = json_dumps(part, JSON_COMPACT);
            buf_add_str(l->out, text != NULL ? text : "null");
        }
    }
    snprintf(l->last_ns, sizeof l->last_ns, "%s", row->ns);
    snprintf(l->last_name, sizeof l->last_name, "%s", row->name);
    return l->out->failed ? -1 : 0;
}

static void
token_write(int64_t version, const char *ns, const char *name, struct buf *out)
{
    SCOPED(buf) struct buf plain = BUF_INIT;

    buf_printf(&plain, "%lld/%s/%s", (long long)version, ns, name);
    base64_encode(out, plain.data, plain.size);
}

/* Cuts a continue token into version, namespace and name (borrowed from plain). */
static int
token_read(const char *token, struct buf *plain, int64_t *version, const char **ns,
           const char **name)
{
    struct err ignored = ERR_INIT;
    char *end, *slash;

    if (base64_decode(plain, token, strlen(token), &ignored) < 0)
        return -1;
    buf_add_char(plain, '\0');
    *version = strtoll(plain->data, &end, 10);
    if (*version <= 0 || *end != '/' || (slash = strchr(end + 1, '/')) == NULL)
        return -1;
    *slash = '\0';
    *ns = end + 1;
    *name = slash + 1;
    return 0;
}

static int
expired(struct fault *f)
{
    return fault_set(f, 410, "Expired",
                     "The provided continue parameter is too old to display a consistent "
                     "list result: start a new list without the continue parameter");
}

/* Which version and from where: from the token or the options. */
static int
span_of(struct server *s, const struct target *t, const struct list_options *o,
        struct buf *token, struct span *span, int64_t *version, struct fault *f)
{
    *span = (struct span){.resource = t->resource->key,
                          .ns = t->all || !t->resource->namespaced ? NULL : t->ns};
    *version = store_version(s->store);
    if (o->token != NULL) {
        if (token_read(o->token, token, &span->at, &span->after_ns, &span->after) < 0)
            return fault_bad_request(f, "continue key is not valid");
        *version = span->at;
        return span->at < store_compacted(s->store) ? expired(f) : 0;
    }
    if (o->version > *version) {
        fault_set(f, 504, "Timeout", "Too large resource version: %lld, current: %lld",
                  (long long)o->version, (long long)*version);
        fault_retry_after(f, 1);
        return fault_cause(f, "ResourceVersionTooLarge", NULL,
                           "Too large resource version");
    }
    if (o->match == MATCH_EXACT) {
        if (o->version < store_compacted(s->store))
            return fault_set(f, 410, "Expired",
                             "The resourceVersion for the provided list is too old.");
        span->at = *version = o->version;
    }
    return 0;
}

static void
list_head(struct listing *l, int64_t version, const struct buf *tail, struct buf *out)
{
    char api[300];

    resource_api_version(l->t->resource, api, sizeof api);
    if (l->accept.form == FORM_TABLE)
        buf_printf(out, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/%s\"",
                   l->accept.version);
    else if (l->accept.form == FORM_PARTIAL)
        buf_printf(
            out,
            "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/%s\"",
            l->accept.version);
    else
        buf_printf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\"",
                   l->t->resource->list_kind, api);
    buf_printf(out, ",\"metadata\":{\"resourceVersion\":\"%lld\"%s}", (long long)version,
               buf_str(tail));
    if (l->accept.form == FORM_TABLE) {
        buf_add_str(out, ",\"columnDefinitions\":");
        table_columns(l->t->resource, out);
    }
    buf_add_str(out, l->accept.form == FORM_TABLE ? ",\"rows\":[" : ",\"items\":[");
}

/* The members of the list's metadata that follow from where the page ended. */
static void
list_tail(struct listing *l, const struct span *span, int64_t version, struct buf *tail)
{
    struct err e = ERR_INIT;

    if (!l->more)
        return;
    buf_add_str(tail, ",\"continue\":\"");
    token_write(version, l->last_ns, l->last_name, tail);
    buf_add_char(tail, '"');
    if (selector_empty(l->selector) && span->after == NULL) {
        int64_t all = store_count(l->s->store, span->resource, span->ns, &e);

        if (all > l->count)
            buf_printf(tail, ",\"remainingItemCount\":%lld", (long long)(all - l->count));
    }
}

static int
list_into(struct server *s, const struct call *c, const struct target *t, struct reply *r,
          struct fault *f)
{
    SCOPED(buf) struct buf items = BUF_INIT, token = BUF_INIT, tail = BUF_INIT;
    struct err e = ERR_INIT;
    struct list_options o;
    struct span span;
    int64_t version;
    struct listing l = {.s = s, .t = t, .o = &o, .out = &items};

    if (!accept_parse(c->accept, &l.accept))
        return fault_set(f, 406, "NotAcceptable",
                         "only the following media types are accepted: application/json");
    if (list_options_read(c, false, &o, f) < 0 ||
        span_of(s, t, &o, &token, &span, &version, f) < 0)
        return -1;
    SCOPED(selector)
    struct selector *selector = selector_parse(o.labels, o.fields, t->resource, &e);
    if (selector == NULL)
        return fault_bad_request(f, "%s", e.text);
    l.selector = selector;
    items.limit = LIMIT_LIST_PAGE_BYTES;
    if (store_list(s->store, &span, add_item, &l, &e) < 0) {
        if (items.failed)
            return fault_set(
                f, 413, "RequestEntityTooLarge",
                "list is over the limit LIST_PAGE_BYTES: ask with a smaller `limit`");
        return fault_store(f, &e);
    }
    list_tail(&l, &span, version, &tail);
    list_head(&l, version, &tail, &r->body);
    buf_add(&r->body, items.data, items.size);
    buf_add_str(&r->body, "]}\n");
    return 0;
}

void
read_list(struct server *s, const struct call *c, const struct target *t, struct reply *r)
{
    SCOPED(fault) struct fault f = FAULT_INIT;

    if (list_into(s, c, t, r, &f) < 0)
        reply_fault(r, &f);
}
