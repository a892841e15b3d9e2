/* fuzz_view.c - what the reconciler reads of an object: each kind, as JSON and as the
 * projection on the bus. The first byte chooses kind and form. */
#include <stdint.h>
#include <string.h>

#include "common/data/json.h"
#include "common/data/project.h"
#include "proto/message.h"
#include "reconciler/view/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Readers in place are safe on any bytes. */
static void
walk(struct pview v, int depth)
{
    char text[16];

    (void)pview_copy(v, text, sizeof text);
    (void)pview_int(v, 0);
    (void)pview_bool(v, false);
    (void)pview_count(v);
    for (struct pview_iter it = pview_iter(v); depth < 8 && pview_next(&it);)
        walk(it.value, depth + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = ERR_INIT;
    unsigned kind = size > 0 ? data[0] % N_KINDS : 0;

    if (size < 2)
        return 0;
    if ((data[0] & 0x80) != 0) {
        walk(pview_root(data + 1, size - 1), 0);
        view_free(view_from_projection(kind, 0, data + 1, size - 1, &e));
        return 0;
    }
    SCOPED(json) json_t *object = json_parse((const char *)data + 1, size - 1, 0, &e);
    if (object == NULL)
        return 0;
    view_free(view_new(kind, 0, object, &e));
    view_free(view_wrong(kind, 0, object, "no", &e));
    return 0;
}
