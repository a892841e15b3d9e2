/* fuzz_template.c - parses and executes any text over data of every kind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct template_value
make_data(struct template_data *d)
{
    static const char *const text =
        "{\"S\":\"t\xc3\xa9xt\",\"N\":3,\"F\":2.5,\"Nil\":null,\"B\":true,"
        "\"L\":[1,\"x\",null,[2]],\"M\":{\"k\":{\"k\":\"v\"}}}";
    json_t *json = json_loads(text, 0, NULL);
    struct template_value v = template_from_json(d, json), s = template_struct(d, "Item");
    struct template_value texts = template_text_map(d), lines = template_text_list(d);

    json_decref(json);
    template_put(d, &texts, "branch", template_string(d, "main"));
    template_append(d, &lines, template_string(d, "one"));
    template_put(d, &s, "Title", template_string(d, "<b>"));
    template_put(d, &s, "Number", template_int(42));
    template_put(d, &v, "Results", texts);
    template_put(d, &v, "Outputs", lines);
    template_put(d, &v, "Item", s);
    return v;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    SCOPED(template_data) struct template_data *d = template_data_new();
    SCOPED(string) char *text = strndup((const char *)bytes, size);
    SCOPED(buf) struct buf out = BUF_INIT;
    struct template_value v = make_data(d);
    struct err e = ERR_INIT;

    if (text != NULL)
        (void)template_render("fuzz", text, d, &v, size & 1, &out, &e);
    return 0;
}
