/* test_cel.c - expressions with their values, from the language definition and from our CRDs. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "local/apiserver/cel/cel.h"
#include "tests/support/rows.h"

/* Evaluates over self (JSON text, NULL for none); "error: …" when it fails. */
static char *
value_of(const char *text, const char *self)
{
    struct err e = ERR_INIT;
    SCOPED(cel) struct cel_program *p = cel_compile(text, &e);
    SCOPED(json)
    json_t *obj = self != NULL ? json_loads(self, JSON_DECODE_ANY, NULL) : NULL;
    struct cel_var vars[] = {
        {"self", obj, false}, {"oldSelf", obj, false}, {"maybe", NULL, true}};
    char *out = NULL;

    if (p != NULL) {
        SCOPED(json) json_t *v = cel_eval(p, vars, ARRAY_LEN(vars), &e);

        if (v != NULL)
            return json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    }
    return asprintf(&out, "error: %s", e.text) < 0 ? NULL : out;
}

struct row_case {
    const char *text, *self, *wanted;
};

static void
check(const struct row_case *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        SCOPED(string) char *got = value_of(rows[i].text, rows[i].self);

        cr_expect_str_eq(got, rows[i].wanted, "%s: %s, not %s", rows[i].text, got,
                         rows[i].wanted);
    }
}

Test(cel, literals_and_arithmetic)
{
    static const struct row_case rows[] = {
        {"1 + 2 * 3", NULL, "7"},
        {"(1 + 2) * 3", NULL, "9"},
        {"7 / 2", NULL, "3"},
        {"-7 / 2", NULL, "-3"},
        {"7 % 3", NULL, "1"},
        {"-7 % 3", NULL, "-1"},
        {"0x1F", NULL, "31"},
        {"5u - 2u", NULL, "3"},
        {"1.5 + 2.5", NULL, "4.0"},
        {"'a' + \"b\"", NULL, "\"ab\""},
        {"[1] + [2, 3]", NULL, "[1,2,3]"},
        {"r'a\\n'", NULL, "\"a\\\\n\""},
        {"'\\u00e9\\x41'", NULL, "\"\u00e9A\""},
        {"'''a\nb'''", NULL, "\"a\\nb\""},
        {"-9223372036854775808", NULL, "-9223372036854775808"},
        {"{'a': 1, 'b': [true, null]}", NULL, "{\"a\":1,\"b\":[true,null]}"},
        {"1 / 0", NULL, "error: division by zero"},
        {"9223372036854775807 + 1", NULL, "error: integer overflow"},
        {"1 + 2.0", NULL, "error: no such overload: int + double"},
        {"3 - 5u == -2", NULL, "error: no such overload: int - uint"},
        {"2 > 1 ? 'y' : 'n'", NULL, "\"y\""},
        {"// comment\n1", NULL, "1"},
        {"1 +", NULL, "error: CEL: the expression ends too early at offset 3 of: 1 +"},
    };

    check(rows, ARRAY_LEN(rows));
}

Test(cel, comparison_and_logic)
{
    static const struct row_case rows[] = {
        {"1 == 1.0", NULL, "true"},
        {"1 < 1.5", NULL, "true"},
        {"2u > 1", NULL, "true"},
        {"'a' < 'b'", NULL, "true"},
        {"[1, 2] == [1, 2.0]", NULL, "true"},
        {"{'a': 1} == {'a': 1u}", NULL, "true"},
        {"1 == '1'", NULL, "false"},
        {"null == null", NULL, "true"},
        {"'b' in ['a', 'b']", NULL, "true"},
        {"'a' in {'a': 1}", NULL, "true"},
        {"3 in [1, 2]", NULL, "false"},
        {"false && 1 / 0 == 1", NULL, "false"},
        {"1 / 0 == 1 && false", NULL, "false"},
        {"true || 1 / 0 == 1", NULL, "true"},
        {"1 / 0 == 1 || true", NULL, "true"},
        {"1 / 0 == 1 || false", NULL, "error: division by zero"},
        {"!true", NULL, "false"},
        {"!!true", NULL, "true"},
        {"1 < 'a'", NULL, "error: no such overload: int < string"},
        {"true && 1", NULL, "error: no such overload: bool && int"},
    };

    check(rows, ARRAY_LEN(rows));
}

Test(cel, fields_and_macros)
{
    static const char self[] =
        "{\"a\":{\"b\":1},\"l\":[1,2,3],\"m\":{\"x\":1,\"y\":2},\"s\":\"t\",\"n\":[{"
        "\"name\":\"p\"},{\"name\":\"q\"}],\"d-e\":5}";
    static const struct row_case rows[] = {
        {"self.a.b", self, "1"},
        {"has(self.a.b)", self, "true"},
        {"has(self.a.c)", self, "false"},
        {"self.a.c", self, "error: no such key: c"},
        {"self.l[1]", self, "2"},
        {"self.l[9]", self, "error: index out of bounds: 9"},
        {"self['a']['b']", self, "1"},
        {"self.d__dash__e", self, "5"},
        {"self.l.all(x, x > 0)", self, "true"},
        {"self.l.exists(x, x == 2)", self, "true"},
        {"self.l.exists_one(x, x > 2)", self, "true"},
        {"self.l.exists_one(x, x > 1)", self, "false"},
        {"self.l.map(x, x * 2)", self, "[2,4,6]"},
        {"self.l.map(x, x > 1, x + 1)", self, "[3,4]"},
        {"self.l.filter(x, x % 2 == 1)", self, "[1,3]"},
        {"self.m.all(k, k.size() == 1)", self, "true"},
        {"self.m.exists(k, v, k == 'y' && v == 2)", self, "true"},
        {"self.n.all(r, self.n.exists_one(q, q.name == r.name))", self, "true"},
        {"size(self.l)", self, "3"},
        {"self.l.size() == 3 && self.s.size() == 1", self, "true"},
        {"[1, 0].exists(x, 1 / x == 1)", self, "true"},
        {"[0, 1].all(x, 1 / x > 5)", self, "false"},
        {"self.?a.?z.orValue(9)", self, "9"},
        {"self.?a.b.hasValue()", self, "true"},
        {"maybe.hasValue()", self, "false"},
        {"cel.bind(x, 2, x * x)", self, "4"},
        {"optional.of(3).optMap(v, v + 1).value()", self, "4"},
        {"nobody", self, "error: undeclared reference to 'nobody'"},
    };

    check(rows, ARRAY_LEN(rows));
}

Test(cel, functions)
{
    static const struct row_case rows[] = {
        {"'hello'.startsWith('he') && 'hello'.endsWith('lo') && 'hello'.contains('ell')",
         NULL, "true"},
        {"'a1b22'.matches('[0-9]{2}$')", NULL, "true"},
        {"'abc'.matches('^b')", NULL, "false"},
        {"'a1b22'.find('[0-9]+')", NULL, "\"1\""},
        {"'a1b22c3'.findAll('[0-9]+')", NULL, "[\"1\",\"22\",\"3\"]"},
        {"'h\u00e9llo'.size()", NULL, "5"},
        {"'h\u00e9llo'.charAt(1)", NULL, "\"\u00e9\""},
        {"'h\u00e9llo'.indexOf('l')", NULL, "2"},
        {"'hello'.lastIndexOf('l')", NULL, "3"},
        {"'hello'.indexOf('z')", NULL, "-1"},
        {"'a,b,c'.split(',')", NULL, "[\"a\",\"b\",\"c\"]"},
        {"'a,b,c'.split(',', 2)", NULL, "[\"a\",\"b,c\"]"},
        {"'abc'.split('')", NULL, "[\"a\",\"b\",\"c\"]"},
        {"['a', 'b'].join('-')", NULL, "\"a-b\""},
        {"'aXbX'.replace('X', '.')", NULL, "\"a.b.\""},
        {"'aXbX'.replace('X', '.', 1)", NULL, "\"a.bX\""},
        {"'hello'.substring(1, 3)", NULL, "\"el\""},
        {"'hello'.substring(3)", NULL, "\"lo\""},
        {"'  x '.trim()", NULL, "\"x\""},
        {"'AbC'.lowerAscii()", NULL, "\"abc\""},
        {"'AbC'.upperAscii()", NULL, "\"ABC\""},
        {"'abc'.reverse()", NULL, "\"cba\""},
        {"int('42') + int(1.9)", NULL, "43"},
        {"string(1.5) + string(true)", NULL, "\"1.5true\""},
        {"double('2.5')", NULL, "2.5"},
        {"type(1) == int", NULL, "true"},
        {"type('a') == string", NULL, "true"},
        {"[3, 1, 2].max() + [3, 1, 2].min()", NULL, "4"},
        {"[1, 2, 3].sum()", NULL, "6"},
        {"[1, 2].isSorted()", NULL, "true"},
        {"duration('1h') > duration('59m')", NULL, "true"},
        {"timestamp('2026-01-02T03:04:05Z').getFullYear()", NULL, "2026"},
        {"timestamp('2026-01-02T03:04:05Z') + duration('1h') == "
         "timestamp('2026-01-02T04:04:05Z')",
         NULL, "true"},
        {"quantity('1Gi').isGreaterThan(quantity('1000Mi'))", NULL, "true"},
        {"isQuantity('4 GB')", NULL, "false"},
        {"int('x')", NULL, "error: cannot convert \"x\" to int"},
        {"'a'.frob()", NULL, "error: no such overload: string.frob()"},
        {"'x'.matches('(')", NULL,
         "error: regular expression '(': missing ) at offset 1"},
    };

    check(rows, ARRAY_LEN(rows));
}

Test(cel, cost_is_bounded)
{
    SCOPED(string)
    char *deep = value_of("(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
                          "((((((((((((((((((((((((((((((((((((((((((((((1"
                          "))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))"
                          "))))))))))))))))))))))))))))))))))))))))))))))))))))",
                          NULL);
    SCOPED(string)
    char *costly = value_of("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20].all(a, "
                            "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20].all(b, "
                            "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20].all(c, "
                            "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20].all(d, "
                            "a + b + c + d > 0))))",
                            NULL);

    cr_expect(strstr(deep, "CEL_DEPTH") != NULL, "%s", deep);
    cr_expect(strstr(costly, "CEL_STEPS") != NULL, "%s", costly);
}
