/* owner.c - see owner.h. */
#include "reconciler/owner.h"

#include <string.h>

#include "common/data/json.h"

bool
owner_controls(const json_t *object, const char *uid)
{
    const json_t *owners = json_at(object, "metadata.ownerReferences");

    for (size_t i = 0; i < json_array_size(owners); i++) {
        const json_t *owner = json_array_get(owners, i);

        if (json_bool_or(owner, "controller", false) &&
            strcmp(json_str_or(owner, "uid", ""), uid) == 0)
            return true;
    }
    return false;
}
