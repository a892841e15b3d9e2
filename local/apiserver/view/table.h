/* table.h - server-side printing: objects as rows of a meta.k8s.io Table. */
#ifndef KELOS_LOCAL_APISERVER_TABLE_H
#define KELOS_LOCAL_APISERVER_TABLE_H

#include <jansson.h>
#include <stdint.h>

#include "common/buf.h"
#include "local/apiserver/resource.h"

/* columnDefinitions of a type as JSON text. */
void table_columns(const struct resource *r, struct buf *out);

enum include { INCLUDE_NONE, INCLUDE_METADATA, INCLUDE_OBJECT };

/* One row {"cells":[…],"object":…} as JSON text. */
void table_row(const struct resource *r, const json_t *obj, enum include include,
               const char *version, int64_t now_ms, struct buf *out);

/* {"kind":"PartialObjectMetadata",…} with the object's metadata: new reference. */
json_t *partial_object(const json_t *obj, const char *version);

/* "5s", "3m12s", "4h", "2d": how kubectl writes ages. out holds 24 bytes. */
void age_text(int64_t ms, char *out);

#endif
