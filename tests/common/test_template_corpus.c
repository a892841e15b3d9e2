/* The template engine against what Go makes of the same templates: template/corpus.json,
 * written by template/generate.go. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "common/template/rune.h"
#include "common/template/template.h"
#include "tests/support/rows.h"

static const char *const object =
    "{\"ChangedFiles\":[\"a.go\",\"b.go\"],\"Empty\":[],\"Nil\":null,\"A\":{\"k\":\"v\"},"
    "\"L\":[\"1\",\"x\",null],\"Deep\":{\"data\":{\"s\":\"text\",\"yes\":true,\"no\":"
    "false,"
    "\"list\":[[\"a\",\"b\"],[]]}},\"Größe\":\"groß\",\"T\":\"t\",\"F\":2.5}";

static struct template_value
item(struct template_data *d)
{
    static const char *const fields[][2] = {
        {"Title", "Fix <b> & \"q\""}, {"Body", "Line1\nLine2"}, {"URL", "u?a=1&b=2"},
        {"Labels", "bug, p1"},        {"Comments", ""},         {"Kind", "Issue"}};
    struct template_value v = template_struct(d, "main.D");

    template_put(d, &v, "ID", template_string(d, "42"));
    template_put(d, &v, "Number", template_int(42));
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        template_put(d, &v, fields[i][0], template_string(d, fields[i][1]));
    return v;
}

static struct template_value
dep(struct template_data *d, const char *name, const char *const *outputs,
    const char *const *results)
{
    struct template_value v = template_map(d), lines = template_text_list(d),
                          map = template_text_map(d);

    for (; *outputs != NULL; outputs++)
        template_append(d, &lines, template_string(d, *outputs));
    for (; *results != NULL; results += 2)
        template_put(d, &map, results[0], template_string(d, results[1]));
    template_put(d, &v, "Name", template_string(d, name));
    template_put(d, &v, "Outputs", lines);
    template_put(d, &v, "Results", map);
    return v;
}

static struct template_value
deps(struct template_data *d)
{
    static const char *const none[] = {NULL},
                             *const ab_lines[] = {"branch: x", "pr: y", NULL},
                             *const ab[] = {"branch", "x", "pr", "y", NULL},
                             *const s_lines[] = {"o1", "o2", NULL},
                             *const s[] = {"branch", "feat", NULL};
    struct template_value all = template_map(d), v = template_map(d);

    template_put(d, &v, "plain", dep(d, "plain", none, none));
    template_put(d, &v, "a-b", dep(d, "a-b", ab_lines, ab));
    template_put(d, &v, "scaffold", dep(d, "scaffold", s_lines, s));
    template_put(d, &all, "Deps", v);
    return all;
}

static struct template_value
data_of(struct template_data *d, const char *set)
{
    struct template_value v;
    json_t *json;

    if (strcmp(set, "D") == 0)
        return item(d);
    if (strcmp(set, "deps") == 0)
        return deps(d);
    json = json_loads(object, 0, NULL);
    cr_assert_not_null(json);
    v = template_from_json(d, json);
    json_decref(json);
    return v;
}

/* JSON cannot hold broken UTF-8: Go wrote U+FFFD for each such byte. */
static void
repair(const struct buf *in, struct buf *out)
{
    size_t width;

    for (size_t i = 0; i < in->size; i += width) {
        uint32_t r = rune_decode(in->data + i, in->size - i, &width);
        if (r == RUNE_ERROR && width == 1)
            buf_add_str(out, "\xEF\xBF\xBD");
        else
            buf_add(out, in->data + i, width);
    }
}

static bool
check(json_t *c)
{
    const char *set = json_string_value(json_object_get(c, "data"));
    const char *text = json_string_value(json_object_get(c, "text"));
    const char *error = json_string_value(json_object_get(c, "err"));
    json_t *wanted = json_object_get(c, "out");
    bool strict = strcmp(set, "M") == 0 || strcmp(set, "deps") == 0;
    SCOPED(template_data) struct template_data *d = template_data_new();
    struct template_value v = data_of(d, set);
    SCOPED(buf) struct buf out = BUF_INIT;
    SCOPED(buf) struct buf clean = BUF_INIT;
    struct err e = ERR_INIT;
    int done = -1;
    bool good;

    SCOPED(template)
    struct template *t = template_parse(strict ? "prompt" : "tmpl", text, &e);
    if (t != NULL)
        done =
            template_execute(t, d, &v, strict ? TEMPLATE_MISSING_KEY_ERROR : 0, &out, &e);
    repair(&out, &clean);
    if (wanted != NULL)
        good = done == 0 && clean.size == json_string_length(wanted) &&
               memcmp(buf_str(&clean), json_string_value(wanted), clean.size) == 0;
    else
        good = done < 0 && out.size == 0 && strcmp(e.text, error) == 0;
    if (!good)
        fprintf(stderr, "%s: %s\n  ours: %s%s\n  Go's: %s%s\n", set, text,
                done < 0 ? "ERROR " : "", done < 0 ? e.text : buf_str(&clean),
                error != NULL ? "ERROR " : "",
                error != NULL ? error : json_string_value(wanted));
    return good;
}

Test(template_corpus, agrees_with_go)
{
    json_error_t why;
    json_t *all =
               json_load_file("tests/common/template/corpus.json", JSON_ALLOW_NUL, &why),
           *c;
    size_t i, bad = 0;

    cr_assert_not_null(all, "%s:%d: %s", why.source, why.line, why.text);
    cr_assert_geq(json_array_size(all), 400);
    json_array_foreach(all, i, c) bad += !check(c);
    json_decref(all);
    cr_expect_eq(bad, 0, "%zu of the templates differ", bad);
}
