/* fuzz_apipatch.c - JSON patch, strategic merge patch and apply's sets of fields. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "local/apiserver/schema/builtin.h"
#include "local/apiserver/view/jsonpath.h"
#include "local/apiserver/patch/managed.h"
#include "local/apiserver/patch/patch.h"
#include "local/apiserver/schema/prune.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char pod[] =
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"finalizers\":"
    "[\"a/b\"]},\"spec\":{\"containers\":["
    "{\"name\":\"a\",\"image\":\"x\",\"env\":[{\"name\":\"E\",\"value\":\"1\"}]},{"
    "\"name\":\"b\"}],\"tolerations\":[{\"key\":\"t\"}]}}";

/* A set from outside must be usable as one. */
static void
try_fields(json_t *target, const json_t *patch)
{
    SCOPED(json) json_t *mine = fields_union(patch, patch);
    SCOPED(json) UNUSED json_t *rest = fields_minus(mine, patch);
    SCOPED(json) UNUSED json_t *both = fields_and(mine, patch);
    SCOPED(json) UNUSED json_t *changed = fields_changed(mine, target, patch);
    SCOPED(json) json_t *paths = json_array();

    fields_paths(mine, "", paths);
    fields_remove(target, patch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct schema_set *set;
    struct err e = ERR_INIT;

    if (size > 16384)
        return 0;
    if (set == NULL)
        set = schema_set_new();
    const struct schema *schema = builtin_schema(set, "Pod");
    SCOPED(json) json_t *target = json_loads(pod, 0, NULL);
    SCOPED(json) json_t *patch = json_parse((const char *)bytes, size, 16384, &e);
    SCOPED(string) char *text = strndup((const char *)bytes, size);

    if (text != NULL) {
        SCOPED(json) json_t *found = jsonpath_find(target, text);
        (void)found;
    }
    if (patch == NULL)
        return 0;
    SCOPED(json) json_t *one = patch_json(target, patch, &e);
    SCOPED(json) json_t *two = patch_strategic(schema, target, patch, &e);
    if (two != NULL) {
        SCOPED(json) json_t *unknown = json_array();

        prune_object(schema, two, unknown);
        defaults_object(schema, two);
    }
    if (json_is_object(patch))
        try_fields(target, patch);
    (void)one;
    return 0;
}
