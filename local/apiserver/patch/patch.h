/* patch.h - JSON patch (RFC 6902) and Kubernetes' strategic merge patch. The merge patch of
 * RFC 7386 is json_merge in common/data/json.h. */
#ifndef KELOS_LOCAL_APISERVER_PATCH_H
#define KELOS_LOCAL_APISERVER_PATCH_H

#include <jansson.h>

#include "common/err.h"
#include "local/apiserver/schema/schema.h"

/* Both give a new tree that the caller owns and leave their arguments as they are; NULL with
 * *e: ERR_INVALID (the patch is malformed), ERR_NOT_FOUND (a path does not exist),
 * ERR_CONFLICT (a `test` failed). */
json_t *patch_json(const json_t *target, const json_t *patch, struct err *e);

/* Lists whose schema names a patch key are merged by it; $patch (replace, delete, merge),
 * $deleteFromPrimitiveList, $setElementOrder and $retainKeys are obeyed. */
json_t *patch_strategic(const struct schema *s, const json_t *target, const json_t *patch,
                        struct err *e);

#endif
