/* kubewire.h - watch events and list pages, straight from the wire into projections. */
#ifndef KELOS_COMMON_KUBEWIRE_H
#define KELOS_COMMON_KUBEWIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/data/project.h"
#include "common/scoped.h"

/* ---- watch events ---- */

enum wire_event_type {
    WIRE_ADDED,
    WIRE_MODIFIED,
    WIRE_DELETED,
    WIRE_BOOKMARK,
    WIRE_ERROR,
    WIRE_UNKNOWN
};

struct wire_event {
    enum wire_event_type type;
    struct object_id id;
    bool has_object;
    bool initial_end; /* a bookmark that ends the initial events */
    struct buf doc;   /* the object's projection; owned by the caller's struct, reused */
};

#define WIRE_EVENT_INIT                                                                  \
    {                                                                                    \
        WIRE_UNKNOWN, {"", "", "", ""}, false, false, BUF_INIT                           \
    }

/* Reads one document {"type": …, "object": …}. Release ev->doc with buf_free at the end.
 * Returns 0, or -1: ERR_PROTO, ERR_LIMIT. */
int wire_event_read(const char *doc, size_t size, const struct projection *p,
                    struct wire_event *ev, struct err *e);

/* ---- list pages ---- */

struct wire_list;

/* Each object of "items" is given to fn while the page is read; -1 ends the reading. */
typedef int wire_item_fn(void *arg, const struct object_id *id, const void *doc,
                         size_t size, struct err *e);

/* The caller owns the result; NULL: no memory. */
struct wire_list *wire_list_new(const struct projection *p, wire_item_fn *fn, void *arg);
void wire_list_free(struct wire_list *l);
SCOPED_DEFINE(wire_list)

/* Bytes in any pieces. Returns 0, or -1: ERR_PROTO, ERR_LIMIT (LIST_PAGE_BYTES, OBJECT_BYTES)
 * or what fn set. */
int wire_list_feed(struct wire_list *l, const char *bytes, size_t size, struct err *e);
/* The body is complete: -1 when it is no whole list. */
int wire_list_end(struct wire_list *l, struct err *e);

/* metadata.resourceVersion and metadata.continue of the page; "" when absent; borrowed. */
const char *wire_list_version(const struct wire_list *l);
const char *wire_list_continue(const struct wire_list *l);

#endif
