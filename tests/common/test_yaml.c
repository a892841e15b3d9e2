/* test_yaml.c - YAML means what kubectl makes of it. */
#include "common/data/yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "common/macros.h"
#include "tests/support/rows.h"

static const struct {
    const char *yaml, *json;
} same[] = {
    {"a: yes", "{\"a\":true}"},
    {"[y, n, on, Off, TRUE, False]", "[true,false,true,false,true,false]"},
    {"[~, null, Null, ]", "[null,null,null]"},
    {"a:", "{\"a\":null}"},
    {"[0x1F, 017, 0o17, 0b11, 1_000, -5, +7]", "[31,15,15,3,1000,-5,7]"},
    {"[1.5, 1e3, .5, 08, 1.]", "[1.5,1000,0.5,8,1]"},
    {"['yes', \"12\", 'null']", "[\"yes\",\"12\",\"null\"]"},
    {"[!!str 12, !!int \"3\", !!float 2, !!bool yes]", "[\"12\",3,2,true]"},
    {"[2024-01-02, 1:30, 1.2.3, v1, 1e, 0x, 0xzz, _1]",
     "[\"2024-01-02\",\"1:30\",\"1.2.3\",\"v1\",\"1e\",\"0x\",\"0xzz\",\"_1\"]"},
    {"12: a\ntrue: b\nnull: c", "{\"12\":\"a\",\"null\":\"c\",\"true\":\"b\"}"},
    {"x: &a {k: 1}\nz: *a", "{\"x\":{\"k\":1},\"z\":{\"k\":1}}"},
    {"y: 1", "{\"true\":1}"},
    {"b: &b {k: 1, l: 2}\nc:\n  <<: *b\n  k: 3",
     "{\"b\":{\"k\":1,\"l\":2},\"c\":{\"k\":3,\"l\":2}}"},
    {"b: &b {k: 1}\nd: &d {k: 2, m: 3}\nc:\n  <<: [*b, *d]",
     "{\"b\":{\"k\":1},\"c\":{\"k\":1,\"m\":3},\"d\":{\"k\":2,\"m\":3}}"},
    {"t: |\n  a\n   b\n", "{\"t\":\"a\\n b\\n\"}"},
    {"t: >-\n  a\n  b\n", "{\"t\":\"a b\"}"},
    {"{\"a\":\t1}", "{\"a\":1}"},
    {"l:\n- a\n-\n  b: 1\n", "{\"l\":[\"a\",{\"b\":1}]}"},
    {"# only a comment", "null"},
};

Test(yaml, means_what_kubectl_makes_of_it)
{
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct err e = ERR_INIT;
        SCOPED(json)
        json_t *v = yaml_parse_one(same[i].yaml, strlen(same[i].yaml), "f", &e);
        cr_assert(v != NULL, "%s: %s", same[i].yaml, e.text);
        SCOPED(string) char *text = json_dump_canonical(v);
        cr_expect_str_eq(text, same[i].json, "%s: %s", same[i].yaml, text);
    }
}

static const struct {
    const char *yaml, *error;
} bads[] = {
    {"a: 1\nb: 2\na: 3", "f:3: key \"a\" stands here again, first in line 1"},
    {"a: *none", "f:1: unknown anchor 'none'"},
    {"a: .inf", "f:1: .inf has no JSON form"},
    {"a: !!int x", "f:1: x is no !!int"},
    {"a:\n\tb: 1", "f:2: found character that cannot start any token while scanning for "
                   "the next token"},
    {"? [1]\n: 2", "f:1: a key must be a scalar"},
    {"a: [1", "f:2: did not find expected ',' or ']' while parsing a flow sequence"},
    {"<<: 1", "f:1: << needs a map or a list of maps"},
    {"a: 1\n---\nb: 2", "f:2: a second document; only one is expected"},
};

Test(yaml, names_the_line_of_what_is_wrong)
{
    for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        struct err e = ERR_INIT;
        cr_expect_eq(yaml_parse_one(bads[i].yaml, strlen(bads[i].yaml), "f", &e), NULL,
                     "%s", bads[i].yaml);
        cr_expect_str_eq(e.text, bads[i].error, "%s: %s", bads[i].yaml, e.text);
    }
}

Test(yaml, bounds_depth_and_what_aliases_expand_to)
{
    struct err e = ERR_INIT;
    struct buf text = BUF_INIT;

    for (int i = 0; i < LIMIT_YAML_DEPTH + 1; i++)
        buf_add_char(&text, '[');
    cr_assert_eq(yaml_parse(text.data, text.size, "f", &e), NULL);
    cr_assert_eq(e.code, ERR_LIMIT);
    cr_assert(strstr(e.text, "YAML_DEPTH") != NULL, "%s", e.text);
    buf_clear(&text);
    buf_add_str(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++)
        buf_printf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
                   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    cr_assert_eq(yaml_parse(text.data, text.size, "f", &e), NULL);
    cr_assert_eq(e.code, ERR_LIMIT);
    cr_assert(strstr(e.text, "YAML_NODES") != NULL, "%s", e.text);
    buf_free(&text);
}

Test(yaml, reads_several_documents_and_knows_their_lines)
{
    const char *text =
        "# c\n---\nkind: A\nspec:\n  l:\n  - x: 1\n  - z: 2\n---\n---\nkind: B\n";
    struct err e = ERR_INIT;
    SCOPED(yaml_docs) struct yaml_docs *d = yaml_parse(text, strlen(text), "f", &e);

    cr_assert(d != NULL, "%s", e.text);
    cr_assert_eq(d->count, 3);
    cr_assert_eq(d->docs[1].value, NULL);
    cr_assert_eq(yaml_line(&d->docs[0], "kind"), 3);
    cr_assert_eq(yaml_line(&d->docs[0], "spec.l[1].z"), 7);
    cr_assert_eq(yaml_line(&d->docs[0], "spec.l[1].none.at.all"), 7);
    cr_assert_eq(yaml_line(&d->docs[2], "kind"), 10);
    cr_assert_eq(d->docs[2].line, 9);
}

Test(yaml, splits_a_stream_into_its_documents)
{
    static const struct {
        const char *text, *names; /* of the documents that hold something, in order */
    } rows[] = {
        {"kind: A\n", "A"},
        {"---\nkind: A\n---\nkind: B\n---\nkind: C\n", "ABC"},
        {"---\n---\nkind: B\n---\n# nothing\n---\nkind: A\n---\n", "BA"},
        {"", ""},
        {"\n# only words\n", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        SCOPED(yaml_docs)
        struct yaml_docs *d = yaml_parse(rows[i].text, strlen(rows[i].text), "f", &e);
        SCOPED(buf) struct buf names = BUF_INIT;

        cr_assert(d != NULL, "%zu: %s", i, e.text);
        for (size_t k = 0; k < d->count; k++)
            if (d->docs[k].value != NULL && !json_is_null(d->docs[k].value))
                buf_add_str(&names,
                            json_string_value(json_object_get(d->docs[k].value, "kind")));
        cr_expect_str_eq(buf_str(&names), rows[i].names);
    }
    row_claim("CLI/N06");
}

Test(yaml, writes_what_it_reads_back)
{
    static const char *const values[] = {
        "{\"z\":1,\"a\":[\"x\",{\"k\":\"v\",\"l\":[1,2]}],\"e\":{},\"el\":[]}",
        "[\"yes\",\"12\",\"0x1f\",\"\",\" lead\",\"trail \",\"a: b\",\"- "
        "x\",\"#c\",\"~\",\"1:30\",\"2020-01-01\",\"<<\"]",
        "[\"two\\nlines\\n\",\"no end\\nline\",\"\\n\",\" "
        "indented\\nfirst\",\"tab\\there\",\"\\u00e9\\u2028\",\"nul\"]",
        "[1,-5,1.5,1e300,true,false,null,9223372036854775807]",
        "{\"key: odd\":{\"12\":\"n\",\"true\":1,\"\":2}}",
        "\"text\"",
    };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct err e = ERR_INIT;
        SCOPED(buf) struct buf out = BUF_INIT;
        SCOPED(json) json_t *v = json_parse(values[i], strlen(values[i]), 0, &e);
        cr_assert(v != NULL, "%s", e.text);
        cr_assert_eq(yaml_dump(v, &out, &e), 0, "%s", e.text);
        SCOPED(json) json_t *back = yaml_parse_one(out.data, out.size, "f", &e);
        cr_assert(back != NULL, "%s: %s", out.data, e.text);
        cr_expect(json_equal(v, back), "%s", out.data);
        cr_expect_eq(out.data[out.size - 1], '\n');
    }
}

Test(yaml, writes_the_shape_that_kubectl_writes)
{
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT;
    const char *text =
        "{\"spec\":{\"l\":[{\"b\":1,\"a\":\"x\"}],\"t\":\"a\\nb\\n\"},\"kind\":\"yes\"}";
    SCOPED(json) json_t *v = json_parse(text, strlen(text), 0, &e);

    cr_assert_eq(yaml_dump(v, &out, &e), 0);
    cr_assert_str_eq(
        out.data,
        "kind: \"yes\"\nspec:\n  l:\n  - a: x\n    b: 1\n  t: |\n    a\n    b\n");
    buf_free(&out);
}
