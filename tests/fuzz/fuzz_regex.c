/* fuzz_regex.c - a pattern of a schema (up to the first newline) and a text that it is asked of. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "local/apiserver/schema/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const uint8_t *newline = memchr(bytes, '\n', size);
    size_t length = newline != NULL ? (size_t)(newline - bytes) : size;
    SCOPED(string) char *pattern = strndup((const char *)bytes, length);
    const char *text = newline != NULL ? (const char *)newline + 1 : "";
    size_t text_size = newline != NULL ? size - length - 1 : 0, start, end;
    struct err e = ERR_INIT;

    if (pattern == NULL || text_size > 4096)
        return 0;
    SCOPED(regex) struct regex *r = regex_compile(pattern, &e);
    if (r == NULL)
        return 0;
    bool matches = regex_match(r, text, text_size);
    bool found = regex_find(r, text, text_size, 0, &start, &end);
    if (matches != found || (found && (start > end || end > text_size)))
        abort();
    return 0;
}
