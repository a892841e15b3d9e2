/* kubewire.c - see kubewire.h: one router of yajl's events for both shapes. What belongs to an
 * object goes to the projector; of the rest only a few texts count. */
#include "common/kube/kubewire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/data/projector.h"
#include "common/data/yajlfeed.h"

enum { CONTINUE_BYTES = 65536 };

enum top_key { KEY_OTHER, KEY_TYPE, KEY_OBJECT, KEY_METADATA, KEY_ITEMS };

struct router {
    bool is_list;
    struct projector *pr;
    struct buf *out; /* the projection being made */
    int level;       /* containers open outside of objects */
    enum top_key key;
    bool inside; /* an object's events go to the projector */
    bool has_object;
    unsigned tokens;  /* seen since it was last set to 0 */
    struct buf *text; /* where the next string goes, NULL: nowhere */
    struct buf type, version, token;
    wire_item_fn *fn;
    void *fn_arg;
    struct err *e;
};

/* An object that is complete is handed on (lists) or kept (events). */
static int
after_inner(struct router *r)
{
    if (!projector_complete(r->pr))
        return 1;
    r->inside = false;
    r->has_object = true;
    if (!r->is_list)
        return 1;
    int rc = r->fn(r->fn_arg, projector_id(r->pr), r->out->data, r->out->size, r->e);
    buf_clear(r->out);
    return rc == 0;
}

static int
inner(struct router *r, int rc)
{
    return rc < 0 ? 0 : after_inner(r);
}

static int
on_null(void *arg)
{
    struct router *r = arg;

    r->tokens++;
    r->text = NULL;
    return r->inside ? inner(r, projector_null(r->pr, r->e)) : 1;
}

static int
on_bool(void *arg, int value)
{
    struct router *r = arg;

    r->tokens++;
    return r->inside ? inner(r, projector_bool(r->pr, value != 0, r->e)) : 1;
}

static int
on_number(void *arg, const char *text, size_t size)
{
    struct router *r = arg;

    r->tokens++;
    return r->inside ? inner(r, projector_number(r->pr, text, size, r->e)) : 1;
}

static int
on_string(void *arg, const unsigned char *text, size_t size)
{
    struct router *r = arg;

    r->tokens++;
    if (r->inside)
        return inner(r, projector_string(r->pr, (const char *)text, size, r->e));
    if (r->text != NULL) {
        buf_clear(r->text);
        if (buf_add(r->text, text, size) < 0) {
            err_set(r->e, ERR_LIMIT, "a text of the list's metadata is over %d bytes",
                    CONTINUE_BYTES);
            return 0;
        }
        r->text = NULL;
    }
    return 1;
}

static bool
is(const unsigned char *text, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(text, word, size) == 0;
}

static int
on_key(void *arg, const unsigned char *text, size_t size)
{
    struct router *r = arg;

    r->tokens++;
    if (r->inside)
        return inner(r, projector_key(r->pr, (const char *)text, size, r->e));
    r->text = NULL;
    if (r->level == 1) {
        r->key = r->is_list ? (is(text, size, "metadata") ? KEY_METADATA
                               : is(text, size, "items")  ? KEY_ITEMS
                                                          : KEY_OTHER)
                            : (is(text, size, "type")     ? KEY_TYPE
                               : is(text, size, "object") ? KEY_OBJECT
                                                          : KEY_OTHER);
        if (r->key == KEY_TYPE)
            r->text = &r->type;
    } else if (r->level == 2 && r->key == KEY_METADATA) {
        if (is(text, size, "resourceVersion"))
            r->text = &r->version;
        else if (is(text, size, "continue"))
            r->text = &r->token;
    }
    return 1;
}

static int
on_open(struct router *r, bool map)
{
    bool object = map && ((!r->is_list && r->level == 1 && r->key == KEY_OBJECT) ||
                          (r->is_list && r->level == 2 && r->key == KEY_ITEMS));

    r->tokens++;
    r->text = NULL;
    if (!r->inside && object) {
        buf_clear(r->out);
        projector_begin(r->pr, r->out);
        r->inside = true;
    }
    if (r->inside)
        return inner(r, projector_open(r->pr, map, r->e));
    if (++r->level > LIMIT_JSON_DEPTH) {
        err_set(r->e, ERR_LIMIT, "JSON is nested deeper than %d levels (JSON_DEPTH)",
                LIMIT_JSON_DEPTH);
        return 0;
    }
    return 1;
}

static int
on_map(void *arg)
{
    return on_open(arg, true);
}

static int
on_array(void *arg)
{
    return on_open(arg, false);
}

static int
on_close(void *arg)
{
    struct router *r = arg;

    r->tokens++;
    if (r->inside)
        return inner(r, projector_close(r->pr, r->e));
    r->level--;
    return 1;
}

static const yajl_callbacks callbacks = {
    on_null, on_bool, NULL,     NULL,     on_number, on_string,
    on_map,  on_key,  on_close, on_array, on_close,
};

static void
router_free(struct router *r)
{
    projector_free(r->pr);
    buf_free(&r->type);
    buf_free(&r->version);
    buf_free(&r->token);
}

/* ---- watch events ---- */

static enum wire_event_type
type_of(const char *text)
{
    static const char *const names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK",
                                        "ERROR"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], text) == 0)
            return (enum wire_event_type)i;
    return WIRE_UNKNOWN;
}

int
wire_event_read(const char *doc, size_t size, const struct projection *p,
                struct wire_event *ev, struct err *e)
{
    struct err inner_error = ERR_INIT;
    struct router r = {.pr = projector_new(p), .out = &ev->doc, .e = &inner_error};
    SCOPED(yajl) yajl_handle h = yajl_feed_new(&callbacks, &r);

    buf_clear(&ev->doc);
    ev->doc.limit = LIMIT_OBJECT_BYTES;
    r.type.limit = 64;
    if (r.pr == NULL || h == NULL) {
        router_free(&r);
        return err_set(e, ERR_SYSTEM, "out of memory");
    }
    int rc = yajl_feed(h, doc, size, &inner_error);
    if (rc == 0)
        rc = yajl_feed_end(h, &inner_error);
    if (rc < 0) {
        err_set(e, inner_error.code, "%s", inner_error.text);
    } else {
        ev->type = type_of(buf_str(&r.type));
        ev->has_object = r.has_object;
        ev->initial_end = r.has_object && projector_initial_end(r.pr);
        ev->id = r.has_object ? *projector_id(r.pr) : (struct object_id){0};
    }
    router_free(&r);
    return rc;
}

/* ---- list pages ---- */

struct wire_list {
    struct router router;
    struct buf doc;
    yajl_handle yajl;
    struct err why;
    size_t bytes;
    size_t seen; /* of them before the last token: yajl holds the rest */
};

struct wire_list *
wire_list_new(const struct projection *p, wire_item_fn *fn, void *arg)
{
    SCOPED(wire_list) struct wire_list *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->doc.limit = LIMIT_OBJECT_BYTES;
    l->router = (struct router){
        .is_list = true, .out = &l->doc, .fn = fn, .fn_arg = arg, .e = &l->why};
    l->router.version.limit = l->router.token.limit = CONTINUE_BYTES;
    l->router.pr = projector_new(p);
    l->yajl = yajl_feed_new(&callbacks, &l->router);
    return l->router.pr != NULL && l->yajl != NULL ? TAKE(l) : NULL;
}

void
wire_list_free(struct wire_list *l)
{
    if (l == NULL)
        return;
    router_free(&l->router);
    buf_free(&l->doc);
    if (l->yajl != NULL)
        yajl_free(l->yajl);
    free(l);
}

int
wire_list_feed(struct wire_list *l, const char *bytes, size_t size, struct err *e)
{
    l->bytes += size;
    if (l->bytes > LIMIT_LIST_PAGE_BYTES)
        return err_set(e, ERR_LIMIT,
                       "a list page is over the limit of %d bytes (LIST_PAGE_BYTES)",
                       LIMIT_LIST_PAGE_BYTES);
    l->router.tokens = 0;
    if (yajl_feed(l->yajl, bytes, size, &l->why) < 0)
        return err_set(e, l->why.code, "%s", l->why.text);
    if (l->router.tokens > 0)
        l->seen = l->bytes;
    if (l->bytes - l->seen > LIMIT_OBJECT_BYTES)
        return err_set(e, ERR_LIMIT,
                       "a text is over the limit of %d bytes (OBJECT_BYTES)",
                       LIMIT_OBJECT_BYTES);
    return 0;
}

int
wire_list_end(struct wire_list *l, struct err *e)
{
    if (yajl_feed_end(l->yajl, &l->why) < 0)
        return err_set(e, l->why.code, "%s", l->why.text);
    if (l->router.version.size == 0)
        return err_set(e, ERR_PROTO,
                       "the answer is no list: it has no metadata.resourceVersion");
    return 0;
}

const char *
wire_list_version(const struct wire_list *l)
{
    return buf_str(&l->router.version);
}

const char *
wire_list_continue(const struct wire_list *l)
{
    return buf_str(&l->router.token);
}
