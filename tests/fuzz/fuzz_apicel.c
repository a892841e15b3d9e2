/* fuzz_apicel.c - CEL rules and regular expressions, as a CRD may bring them. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "local/apiserver/cel/cel.h"
#include "local/apiserver/schema/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    SCOPED(string) char *text = strndup((const char *)bytes, size);
    struct err e = ERR_INIT;

    if (text == NULL || size > 4096)
        return 0;
    SCOPED(json)
    json_t *self = json_loads(
        "{\"a\":{\"b\":1},\"l\":[3,1,2],\"s\":\"text\",\"m\":{\"x\":\"1\"}}", 0, NULL);
    struct cel_var vars[] = {{"self", self, false}, {"oldSelf", self, true}};
    SCOPED(cel) struct cel_program *p = cel_compile(text, &e);
    if (p != NULL) {
        SCOPED(json) json_t *v = cel_eval(p, vars, 2, &e);
        (void)v;
    }
    SCOPED(regex) struct regex *r = regex_compile(text, &e);
    if (r != NULL) {
        size_t start, end;

        if (regex_find(r, "some text, 123 words\n\xc3\xa9", 23, 0, &start, &end) &&
            (start > end || end > 23))
            abort();
    }
    return 0;
}
