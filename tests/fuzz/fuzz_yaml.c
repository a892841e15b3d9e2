/* fuzz_yaml.c - any text as YAML; what could be read is written and must read back equal. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/data/json.h"
#include "common/data/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
round_trip(const json_t *value)
{
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT;

    if (yaml_dump(value, &out, &e) == 0) {
        json_t *back = yaml_parse_one(out.data, out.size, "again", &e);
        if (back == NULL || !json_equal(value, back)) {
            fprintf(stderr, "%s\n%s\n", e.text, out.data);
            abort();
        }
        json_decref(back);
    }
    buf_free(&out);
}

/* NUL and whole fractions have no form that comes back the same. */
static bool
comes_back(const json_t *v)
{
    const char *key;
    json_t *item;
    size_t i, size;

    if (json_is_string(v))
        return strlen(json_string_value(v)) == json_string_length(v);
    if (json_is_real(v))
        return false;
    json_object_keylen_foreach((json_t *)v, key, size, item)
    {
        if (strlen(key) != size || !comes_back(item))
            return false;
    }
    json_array_foreach(v, i, item) if (!comes_back(item)) return false;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = ERR_INIT;
    struct yaml_docs *d = yaml_parse((const char *)data, size, "f", &e);

    for (size_t i = 0; d != NULL && i < d->count; i++) {
        yaml_line(&d->docs[i], "spec.l[0].x");
        if (d->docs[i].value != NULL && comes_back(d->docs[i].value))
            round_trip(d->docs[i].value);
    }
    yaml_docs_free(d);
    return 0;
}
