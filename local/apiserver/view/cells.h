/* cells.h - the printed columns of the built-in types. */
#ifndef KELOS_LOCAL_APISERVER_CELLS_H
#define KELOS_LOCAL_APISERVER_CELLS_H

#include "common/buf.h"
#include "local/apiserver/resource.h"

#define CELLS_MAX 12

typedef void cells_fn(const json_t *obj, int64_t now_ms, struct buf *out);

/* Columns behind the name. */
struct cell_set {
    const char *type; /* of struct resource; NULL: all others (only an age) */
    struct column columns[CELLS_MAX];
    size_t count;
    cells_fn *add; /* adds ",cell" for each column */
};

const struct cell_set *cells_of(const struct resource *r);
void cells_add(const struct resource *r, const json_t *obj, int64_t now_ms,
               struct buf *out);

#endif
