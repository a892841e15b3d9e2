/* fuzz_status.c - the command line reads the supervisor's report and a user's JSONPath: the
 * path, a zero byte, then the JSON. */
#include <stdint.h>
#include <string.h>

#include "cli/jsonpath.h"
#include "cli/statusview.h"
#include "common/data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = memchr(data, '\0', size);
    struct err e = ERR_INIT;
    SCOPED(buf) struct buf report = BUF_INIT;
    SCOPED(buf) struct buf found = {.limit = 1 << 20};

    if (zero == NULL)
        return 0;
    SCOPED(json)
    json_t *value =
        json_parse((const char *)zero + 1, size - (size_t)(zero + 1 - data), 0, &e);
    if (value == NULL)
        return 0;
    (void)statusview_write(value, &report);
    (void)jsonpath_write((const char *)data, value, &found, &e);
    return 0;
}
