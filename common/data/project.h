/* project.h - Kubernetes objects as compact msgpack: made from the wire without a tree.
 *
 * A projection is the object's JSON as msgpack (map, array, str, int, float, bool, nil)
 * less what its table drops. project_* makes it, pview_* reads it in place,
 * project_to_json makes a tree of it. */
#ifndef KELOS_COMMON_PROJECT_H
#define KELOS_COMMON_PROJECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/scoped.h"

/* What is kept. Paths as in common/data/json.h; lists are transparent: `spec.containers.name`
 * is the name of each container. A path stands for all that is beneath it. `drop` wins.
 * Both end with NULL; keep == NULL keeps all. */
struct projection {
    const char *const *keep;
    const char *const *drop;
};

/* Drops managedFields and the last-applied annotation, and nothing else. */
extern const struct projection project_all;

/* What identifies an object, copied out while its bytes pass. Longer texts are an
 * error. */
struct object_id {
    char ns[64];
    char name[254];
    char uid[65];
    char version[129]; /* resourceVersion: an opaque text */
};

/* ---- making ---- */

/* Transcodes one complete JSON document of at most LIMIT_OBJECT_BYTES and adds its
 * msgpack to `out`. `id` (NULL is allowed) is filled from metadata. `p` NULL keeps
 * everything. Integers keep 64 bits; numbers beyond become floats; invalid UTF-8 becomes
 * U+FFFD. Returns 0, or -1: ERR_PROTO (not JSON), ERR_LIMIT. `out` is as before after a
 * failure. */
int project_json(const char *bytes, size_t size, const struct projection *p,
                 struct buf *out, struct object_id *id, struct err *e);

/* The same from a tree. */
int project_tree(const json_t *value, const struct projection *p, struct buf *out,
                 struct object_id *id, struct err *e);

/* ---- reading ---- */

/* One value inside a projection; {NULL, NULL} is "absent". Borrowed from the bytes. */
struct pview {
    const uint8_t *at;
    const uint8_t *end;
};

/* Walks the whole document once: 0 when it is one well-formed value of known types within
 * LIMIT_JSON_DEPTH and without trailing bytes; -1 with ERR_PROTO. All readers below are
 * safe on any bytes; on broken ones they say "absent". */
int project_check(const void *bytes, size_t size, struct err *e);

struct pview pview_root(const void *bytes, size_t size);
/* The value at a path (`[2]` is an item), absent when missing or nil. */
struct pview pview_at(struct pview v, const char *path);
static inline bool
pview_present(struct pview v)
{
    return v.at != NULL;
}

/* The text (not NUL-terminated) and its size, NULL when it is no string. */
const char *pview_text(struct pview v, size_t *size);
/* Copies into out[room], cut at room - 1: 0; -1 when absent, no string, or cut. */
int pview_copy(struct pview v, char *out, size_t room);
/* Whether v is exactly this string. */
bool pview_is(struct pview v, const char *text);
int64_t pview_int(struct pview v, int64_t dflt);
bool pview_bool(struct pview v, bool dflt);
/* Entries of a map or items of a list; 0 for anything else. */
size_t pview_count(struct pview v);

/* Walks a list or a map: `for (struct pview_iter it = pview_iter(v);
 * pview_next(&it);)`. */
struct pview_iter {
    struct pview key;   /* absent in a list */
    struct pview value; /* a nil value is absent */
    const uint8_t *next, *end;
    size_t left;
    bool map;
};
struct pview_iter pview_iter(struct pview v);
bool pview_next(struct pview_iter *it);

/* A tree of the whole projection or of one value; the caller owns it. NULL: ERR_PROTO. */
json_t *project_to_json(const void *bytes, size_t size, struct err *e);
json_t *pview_to_json(struct pview v, struct err *e);

#endif
