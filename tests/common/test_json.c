/* test_json.c - getters that name the path, bounded parsing, dumps. */
#include "common/data/json.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/limits.h"
#include "tests/support/rows.h"

static json_t *
parse(const char *text)
{
    struct err e = ERR_INIT;
    json_t *v = json_parse(text, strlen(text), 0, &e);

    cr_assert(v != NULL, "%s", e.text);
    return v;
}

Test(json, finds_values_by_path)
{
    SCOPED(json)
    json_t *v = parse("{\"a\":{\"b\":[1,{\"c\":\"x\"}],\"k.e/y\":true,\"n\":null}}");

    cr_assert_str_eq(json_str_or(v, "a.b[1].c", ""), "x");
    cr_assert_eq(json_int_or(v, "a.b[0]", 7), 1);
    cr_assert(json_bool_or(v, "a[k.e/y]", false));
    cr_assert_eq(json_at(v, "a.n"), NULL);
    cr_assert_eq(json_at(v, "a.b[9].c.d"), NULL);
    cr_assert_str_eq(json_str_or(v, "a.b", "no text"), "no text");
}

Test(json, names_the_path_that_is_wrong)
{
    SCOPED(json) json_t *v = parse("{\"spec\":{\"n\":\"x\",\"s\":1,\"o\":[],\"b\":0}}");
    struct err e = ERR_INIT;
    const char *s;
    int64_t n;
    json_t *o;
    bool b;

    cr_assert_eq(json_get_str(v, "spec.type", &s, &e), -1);
    cr_assert_str_eq(e.text, "spec.type: is missing");
    cr_assert_eq(json_get_str(v, "spec.s", &s, &e), -1);
    cr_assert_str_eq(e.text, "spec.s: is a number, must be a string");
    cr_assert_eq(json_get_int(v, "spec.n", &n, &e), -1);
    cr_assert_eq(json_get_obj(v, "spec.o", &o, &e), -1);
    cr_assert_str_eq(e.text, "spec.o: is a list, must be an object");
    cr_assert_eq(json_opt_bool(v, "spec.b", &b, &e), -1);
    cr_assert_eq(json_opt_str(v, "spec.none", &s, &e), 0);
    cr_assert_eq(json_get_arr(v, "spec.o", &o, &e), 0);
}

Test(json, puts_and_drops_by_path)
{
    SCOPED(json) json_t *v = json_object();

    cr_assert_eq(json_put_str(v, "status.phase", "Running"), 0);
    cr_assert_eq(json_put_int(v, "metadata.labels[a.b/c]", 3), 0);
    cr_assert_eq(json_put_str(v, "status.phase.deeper", "x"), -1);
    json_drop(v, "metadata.labels[a.b/c]");
    char *text = json_dump_canonical(v);
    cr_assert_str_eq(text,
                     "{\"metadata\":{\"labels\":{}},\"status\":{\"phase\":\"Running\"}}");
    free(text);
}

Test(json, merges_as_rfc_7386_says)
{
    SCOPED(json) json_t *target = parse("{\"a\":{\"b\":1,\"c\":2},\"l\":[1,2],\"x\":1}");
    SCOPED(json)
    json_t *patch =
        parse("{\"a\":{\"b\":null,\"d\":{\"e\":null,\"f\":1}},\"l\":[3],\"y\":null}");
    SCOPED(json) json_t *out = json_merge(target, patch);
    char *text = json_dump_canonical(out);

    cr_assert_str_eq(text, "{\"a\":{\"c\":2,\"d\":{\"f\":1}},\"l\":[3],\"x\":1}");
    free(text);
}

Test(json, refuses_what_is_too_deep_or_too_long_and_repairs_text)
{
    struct err e = ERR_INIT;
    char deep[2 * LIMIT_JSON_DEPTH + 16];
    size_t n = 0;

    for (int i = 0; i <= LIMIT_JSON_DEPTH; i++)
        deep[n++] = '[';
    for (int i = 0; i <= LIMIT_JSON_DEPTH; i++)
        deep[n++] = ']';
    cr_assert_eq(json_parse(deep, n, 0, &e), NULL);
    cr_assert_eq(e.code, ERR_LIMIT);
    cr_assert(strstr(e.text, "JSON_DEPTH") != NULL);
    cr_assert_eq(json_parse("[1,2]", 5, 4, &e), NULL);
    cr_assert_eq(e.code, ERR_LIMIT);
    SCOPED(json) json_t *v = parse("{\"a\":1,\"a\":2,\"t\":\"x\xff\"}");
    cr_assert_eq(json_int_or(v, "a", 0), 2, "the last of duplicate keys wins");
    cr_assert_str_eq(json_str_or(v, "t", ""), "x\xef\xbf\xbd");
    SCOPED(json) json_t *big = parse("9223372036854775807");
    cr_assert_eq(json_integer_value(big), INT64_MAX);
    cr_assert_eq(json_parse("{\"a\":", 5, 0, &e), NULL);
    cr_assert_eq(e.code, ERR_INVALID);
    row_claim("KC/OBJ-10");
}

Test(json, quotes_text)
{
    struct buf out = BUF_INIT;

    json_add_quoted(&out, "a\"b\\\n\x01\xff", 7);
    cr_assert_str_eq(out.data, "\"a\\\"b\\\\\\n\\u0001\xef\xbf\xbd\"");
    buf_free(&out);
}
