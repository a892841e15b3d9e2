/* fuzz_apirequest.c - selectors, paths, Accept headers, continue tokens and protobuf bodies. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "local/apiserver/view/negotiate.h"
#include "local/apiserver/protobuf.h"
#include "local/apiserver/route.h"
#include "local/apiserver/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void
try_selector(const char *labels, const char *fields)
{
    struct err e = ERR_INIT;
    SCOPED(json)
    json_t *obj = json_loads(
        "{\"metadata\":{\"name\":\"a\",\"labels\":{\"app\":\"x\",\"n\":\"5\"}}}", 0,
        NULL);
    SCOPED(selector) struct selector *sel = selector_parse(labels, fields, NULL, &e);

    if (sel != NULL)
        (void)selector_match(sel, obj);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const kinds[] = {
        "Secret", "ConfigMap", "Job", "Pod", "SelfSubjectAccessReview", "Namespace"};
    static struct registry *registry;
    SCOPED(string) char *text = strndup((const char *)bytes, size);
    struct err e = ERR_INIT;
    struct fault f = FAULT_INIT;
    struct target t;
    struct accept accept;
    char version[16];

    if (text == NULL || size > 16384)
        return 0;
    if (registry == NULL)
        registry = registry_new(&e);
    try_selector(text, NULL);
    try_selector(NULL, text);
    (void)accept_parse(text, &accept);
    (void)accept_discovery(text, version, sizeof version);
    (void)route_resource(registry, text, &t, &f);
    fault_clear(&f);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        SCOPED(json)
        json_t *obj = protobuf_decode((const char *)bytes, size, kinds[i], &e);
        (void)obj;
    }
    return 0;
}
