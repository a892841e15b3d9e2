/* The template language row by row, and where ours differs from Go on purpose. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "common/limits.h"
#include "common/template/template.h"
#include "tests/support/rows.h"

/* What a template must give: a text, or an error that holds the text. */
enum want { GIVES, FAILS };

struct sample {
    const char *row; /* several samples in a row may share one */
    const char *text;
    enum want want;
    const char *expected;
};

static struct template_value
item(struct template_data *d)
{
    static const char *const fields[][2] = {
        {"ID", "42"},         {"Title", "Fix <b> & \"q\""}, {"Body", "Line1\nLine2"},
        {"URL", "u?a=1&b=2"}, {"Labels", "bug, p1"},        {"Comments", ""},
        {"Kind", "Issue"}};
    struct template_value v = template_struct(d, "WorkItem");

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        template_put(d, &v, fields[i][0], template_string(d, fields[i][1]));
    template_put(d, &v, "Number", template_int(42));
    return v;
}

static bool
holds(const struct sample *s, const char *name, unsigned flags, struct template_data *d,
      const struct template_value *data)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    struct err e = ERR_INIT;
    int done = template_render(name, s->text, d, data, flags, &out, &e);
    bool good = s->want == GIVES
                    ? done == 0 && strcmp(buf_str(&out), s->expected) == 0
                    : done < 0 && strstr(e.text, s->expected) != NULL && out.size == 0;

    cr_expect(good, "%s: %s: got %s", s->row, s->text, done < 0 ? e.text : buf_str(&out));
    return good;
}

/* Checks the samples; a row is claimed once all of its own held. */
static void
check(const struct sample *samples, size_t n, const char *name, unsigned flags,
      struct template_data *d, const struct template_value *data)
{
    bool good = true;

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(samples[i].row, samples[i - 1].row) != 0)
            good = true;
        good &= holds(&samples[i], name, flags, d, data);
        if (good && (i + 1 == n || strcmp(samples[i + 1].row, samples[i].row) != 0))
            row_claim(samples[i].row);
    }
}

#define DEFAULT_PROMPT                                                                   \
    "{{.Kind}} #{{.Number}}: {{.Title}}\n\n{{.Body}}{{if .Comments}}\n\nComments:\n"     \
    "{{.Comments}}{{end}}"

/* clang-format off */
static const struct sample items[] = {
    {"SP/T1", "{{.ID}} {{.Number}} {{.Kind}}", GIVES, "42 42 Issue"},
    {"SP/T2", "kelos-task-{{.Number}}", GIVES, "kelos-task-42"},
    {"SP/T3", "my-branch", GIVES, "my-branch"},
    {"SP/T4", "{{.Nope}}", FAILS, "template: tmpl:1:2: executing \"tmpl\" at <.Nope>: can't evaluate field Nope in type "},
    {"SP/T5", "x\ny{{.Nope}}", FAILS, "tmpl:2:3"},
    {"SP/T6", "{{.Title.Foo}}", FAILS, "tmpl:1:8: executing \"tmpl\" at <.Title.Foo>: can't evaluate field Foo in type string"},
    {"SP/T7", "{{.Bad", FAILS, "template: tmpl:1: unclosed action"},
    {"SP/T8", "{{.Title\n", FAILS, "template: tmpl:2: unclosed action started at tmpl:1"},
    {"SP/T9", "{{}}", FAILS, "missing value for command"},
    {"SP/T10", "{{if}}", FAILS, "missing value for if"},
    {"SP/T10", "{{with}}x{{end}}", FAILS, "missing value for with"},
    {"SP/T10", "{{range}}x{{end}}", FAILS, "missing value for range"},
    {"SP/T11", "{{if .Title}}x", FAILS, "unexpected EOF"},
    {"SP/T12", "{{end}}", FAILS, "unexpected {{end}}"},
    {"SP/T12", "{{else}}", FAILS, "unexpected {{else}}"},
    {"SP/T13", "{{foo}}", FAILS, "function \"foo\" not defined"},
    {"SP/T14", "a {{- /* c */ -}} b", GIVES, "ab"},
    {"SP/T14", "a {{/* c */ -}} b", GIVES, "a b"},
    {"SP/T15", "{{ /* c */ }}", FAILS, "unexpected \"/\" in command"},
    {"SP/T16", "{{/* x", FAILS, "unclosed comment"},
    {"SP/T17", "a {{- 3 -}} b", GIVES, "a3b"},
    {"SP/T17", "a {{-3}} b", GIVES, "a -3 b"},
    {"SP/T18", "{{- .Title -}}", GIVES, "Fix <b> & \"q\""},
    {"SP/T18", "{{-.Title}}", FAILS, "bad number syntax: \"-.T\""},
    {"SP/T19", "{{\"}}\"}}", GIVES, "}}"},
    {"SP/T20", "{{\"unterm", FAILS, "unterminated quoted string"},
    {"SP/T21", "{{'a'}} {{'\\n'}}", GIVES, "97 10"},
    {"SP/T21", "{{'ab'}}", FAILS, "malformed character constant: 'ab'"},
    {"SP/T22", "{{1_000}} {{0x1F}} {{0b11}} {{0o17}} {{1e3}} {{1.5}} {{017}} {{-1}} {{+1}}", GIVES, "1000 31 3 15 1000 1.5 15 -1 1"},
    {"SP/T23", "{{1__0}}", FAILS, "illegal number syntax: \"1__0\""},
    {"SP/T23", "{{0b2}}", FAILS, "bad number syntax: \"0b2\""},
    {"SP/T23", "{{99999999999999999999}}", FAILS, "integer overflow: \"99999999999999999999\""},
    {"SP/T24", "{{nil}}", FAILS, "nil is not a command"},
    {"SP/T24", "{{nil.x}}", FAILS, "unexpected . after term \"nil\""},
    {"SP/T25", "{{$x := .Number}}{{$x}}{{$x = 7}}{{$x}}", GIVES, "427"},
    {"SP/T26", "{{$y}}", FAILS, "undefined variable \"$y\""},
    {"SP/T27", "{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}", GIVES, "1"},
    {"SP/T27", "{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", GIVES, "2"},
    {"SP/T28", "{{if $x := .Number}}{{$x}}{{end}}{{$x}}", FAILS, "undefined variable \"$x\""},
    {"SP/T29", "{{with .Comments}}{{.}}{{else}}none{{end}}", GIVES, "none"},
    {"SP/T30", "{{with .Title}}{{$.Number}}{{end}}", GIVES, "42"},
    {"SP/T31", "{{if .Comments}}c{{else if eq .Kind \"Issue\"}}i{{else}}o{{end}}", GIVES, "i"},
    {"SP/T32", "{{and 1 0 2}} {{or 0 \"\" \"z\"}} {{not 0}} {{not \"a\"}}", GIVES, "0 z true false"},
    {"SP/T33", "{{and 0 (index .Title 100)}}", GIVES, "0"},
    {"SP/T33", "{{and (index .Title 100) 0}}", FAILS, "error calling index: index out of range: 100"},
    {"SP/T34", "{{eq .Number 42}}", GIVES, "true"},
    {"SP/T34", "{{eq .Number \"42\"}}", FAILS, "error calling eq: incompatible types for comparison"},
    {"SP/T34", "{{eq .Number 42.0}}", FAILS, "error calling eq: incompatible types for comparison"},
    {"SP/T35", "{{eq .Kind \"PR\" \"Issue\"}}", GIVES, "true"},
    {"SP/T36", "{{eq 1}}", FAILS, "missing argument for comparison"},
    {"SP/T36", "{{lt 1 \"a\"}}", FAILS, "incompatible types for comparison"},
    {"SP/T36", "{{lt true false}}", FAILS, "invalid type for comparison"},
    {"SP/T37", "{{le 1 1}} {{ge 2 1}} {{ne 1 2}} {{lt \"a\" \"b\"}} {{eq nil nil}}", GIVES, "true true true true true"},
    {"SP/T38", "{{len \"日本\"}}", GIVES, "6"},
    {"SP/T38", "{{len 3}}", FAILS, "error calling len: len of type int"},
    {"SP/T39", "{{index .Title 0}}", GIVES, "70"},
    {"SP/T39", "{{index \"abc\" -1}}", FAILS, "index out of range: -1"},
    {"SP/T39", "{{index .Title \"a\"}}", FAILS, "cannot index slice/array with type string"},
    {"SP/T39", "{{index 3 1}}", FAILS, "can't index item of type int"},
    {"SP/T40", "{{slice .Title 0 3}}", GIVES, "Fix"},
    {"SP/T40", "{{slice .Title 5 2}}", FAILS, "invalid slice index: 5 > 2"},
    {"SP/T40", "{{slice \"abc\" 1 2 3}}", FAILS, "cannot 3-index slice a string"},
    {"SP/T41", "{{printf \"%05d|%s|%q|%v|%x|%%|%T\" .Number .Kind .Kind true 255 .Number}}", GIVES, "00042|Issue|\"Issue\"|true|ff|%|int"},
    {"SP/T42", "{{printf \"%6.2f|%-5s|%5s|%+d|%x|%X|%c|%U|%e|%t|%08b|%o|%#x|%q\" 3.14159 \"ab\" \"cd\" 5 \"hi\" 255 65 65 12345.678 true 5 8 255 65}}", GIVES,
     "  3.14|ab   |   cd|+5|6869|FF|A|U+0041|1.234568e+04|true|00000101|10|0xff|'A'"},
    {"SP/T43", "{{printf \"%[2]d %[1]d\" 1 2}}", GIVES, "2 1"},
    {"SP/T43", "{{printf \"%*d\" 5 1}}", GIVES, "    1"},
    {"SP/T44", "{{printf \"%d\" \"x\"}}", GIVES, "%!d(string=x)"},
    {"SP/T44", "{{printf \"%s\"}}", GIVES, "%!s(MISSING)"},
    {"SP/T44", "{{printf \"%s\" \"a\" \"b\"}}", GIVES, "a%!(EXTRA string=b)"},
    {"SP/T44", "{{printf \"%d%\"}}", GIVES, "%!d(MISSING)%!(NOVERB)"},
    {"SP/T44", "{{printf \"%z\" 1}}", GIVES, "%!z(int=1)"},
    {"SP/T45", "{{printf 1}}", FAILS, "expected string; found 1"},
    {"SP/T46", "{{print 1 2 \"a\" \"b\" 3}}", GIVES, "1 2ab3"},
    {"SP/T46", "{{println \"a\" 1}}", GIVES, "a 1\n"},
    {"SP/T47", "{{print 1.0 1e6 123456.0 1e-5 0.0001 1e20}}", GIVES, "1 1e+06 123456 1e-05 0.0001 1e+20"},
    {"SP/T48", "{{html .Title}}", GIVES, "Fix &lt;b&gt; &amp; &#34;q&#34;"},
    {"SP/T49", "{{js .Title}}", GIVES, "Fix \\u003Cb\\u003E \\u0026 \\\"q\\\""},
    {"SP/T49", "{{js \"a'b\\n=é\"}}", GIVES, "a\\'b\\u000A\\u003Dé"},
    {"SP/T50", "{{urlquery .URL}}", GIVES, "u%3Fa%3D1%26b%3D2"},
    {"SP/T50", "{{urlquery \"a b\" \"/é~-_.\"}}", GIVES, "a+b%2F%C3%A9~-_."},
    {"SP/T51", "{{.Title | printf \"%s-%s\" \"x\" | html}}", GIVES, "x-Fix &lt;b&gt; &amp; &#34;q&#34;"},
    {"SP/T52", "{{.Title | len | printf \"%03d\"}}", GIVES, "013"},
    {"SP/T52", "{{\"a\" | eq \"a\"}}", GIVES, "true"},
    {"SP/T53", "{{3 | 4}}", FAILS, "non executable command in pipeline stage 2"},
    {"SP/T53", "{{|len}}", FAILS, "unexpected \"|\" in command"},
    {"SP/T53", "{{.Title|}}", GIVES, "Fix <b> & \"q\""},
    {"SP/T54", "{{range .Labels}}x{{end}}", FAILS, "range can't iterate over bug, p1"},
    {"SP/T55", "{{range 3}}{{.}}{{end}}", GIVES, "012"},
    {"SP/T56", "{{range $a, $b, $c := .Labels}}x{{end}}", FAILS, "too many declarations in range"},
    {"SP/T57", "{{break}}", FAILS, "{{break}} outside {{range}}"},
    {"SP/T57", "{{continue}}", FAILS, "{{continue}} outside {{range}}"},
    {"SP/T58", "{{template \"missing\"}}", FAILS, "template \"missing\" not defined"},
    {"SP/T59", "{{define \"T\"}}<{{.}}>{{end}}{{template \"T\" .Number}}", GIVES, "<42>"},
    {"SP/T59", "{{define \"T\"}}<{{.}}>{{end}}{{template \"T\"}}", GIVES, "<<no value>>"},
    {"SP/T60", "{{block \"B\" .Number}}b{{.}}{{end}}", GIVES, "b42"},
    {"SP/T60", "{{block \"B\"}}x{{end}}", FAILS, "missing value for block clause"},
    {"SP/T61", "{{define \"A\"}}1{{end}}{{define \"A\"}}2{{end}}", FAILS, "multiple definition of template \"A\""},
    {"SP/T61", "{{define \"A\"}}{{end}}{{define \"A\"}}2{{end}}{{template \"A\"}}", GIVES, "2"},
    {"SP/T62", "{{define x}}", FAILS, "unexpected \"x\" in define clause"},
    {"SP/T62", "{{if true}}{{define \"x\"}}{{end}}{{end}}", FAILS, "unexpected <define> in command"},
    {"SP/T63", "{{call .Title}}", FAILS, "error calling call: non-function"},
    {"SP/T63", "{{call .Title}}", FAILS, "of type string"},
    {"SP/T64", "{{.Title 1}}", FAILS, "Title has arguments but cannot be invoked as function"},
    {"SP/T64", "{{\"a\" \"b\"}}", FAILS, "can't give argument to non-function \"a\""},
    {"SP/T64", "{{1 2}}", FAILS, "can't give argument to non-function 1"},
    {"SP/T65", "{{.Title.}}", FAILS, "unexpected <.> in operand"},
    {"SP/T65", "{{.title}}", FAILS, "can't evaluate field title"},
    {"SP/T66", "plain } text }} { ok", GIVES, "plain } text }} { ok"},
    {"SP/T67", "{{{.Title}}}", FAILS, "unexpected \"{\" in command"},
    {"SP/T68", "{{ \"{{\" }}.Number{{ \"}}\" }}", GIVES, "{{.Number}}"},
    {"SP/T69", "a\n{{- \"b\" -}}\nc", GIVES, "abc"},
    {"SP/T70", "{{if .Title}}a{{else}}b{{else}}c{{end}}", FAILS, "expected end; found {{else}}"},
    {"SP/T71", "{{if 0.0}}t{{else}}f{{end}}{{if \"0\"}}t{{else}}f{{end}}", GIVES, "ft"},
    {"SP/T72", "{{\"\\q\"}}", FAILS, "invalid syntax"},
    {"SP/T72", "{{\"\\u00e9\\x41\\101\"}}", GIVES, "éAA"},
    {"SP/T72", "{{`a\\nb`}}", GIVES, "a\\nb"},
    {"SP/T73", "{{index}}", FAILS, "wrong number of args for index: want at least 1 got 0"},
    {"SP/T73", "{{len}}", FAILS, "wrong number of args for len: want 1 got 0"},
    {"SP/T73", "{{not}}", FAILS, "wrong number of args for not: want 1 got 0"},
    {"SP/T73", "{{slice}}", FAILS, "want at least 1 got 0"},
    {"SP/T74", "{{\n.Title\n}}", GIVES, "Fix <b> & \"q\""},
    {"SP/T75", "{{if not .Comments}}none{{end}}", GIVES, "none"},
    {"SP/T76", "{{end x}}", FAILS, "unexpected \"x\" in end"},
    {"SP/T76", "{{@}}", FAILS, "unexpected \"@\" in command"},
    {"SP/T76", "{{.a.#}}", FAILS, "bad character U+0023 '#'"},
};

static const struct sample objects[] = {
    {"SP/M1", "{{.Missing}}", FAILS, "template: prompt:1:2: executing \"prompt\" at <.Missing>: map has no entry for key \"Missing\""},
    {"SP/M2", "{{index . \"Missing\"}}", GIVES, "<no value>"},
    {"SP/M3", "{{with index . \"Missing\"}}x{{else}}none{{end}}", GIVES, "none"},
    {"SP/M4", "{{if .Missing}}x{{end}}", FAILS, "map has no entry for key"},
    {"SP/M4", "{{with .Missing}}x{{end}}", FAILS, "map has no entry for key"},
    {"SP/M5", "{{.Nil}}", GIVES, "<no value>"},
    {"SP/M5", "{{print .Nil}}", GIVES, "<nil>"},
    {"SP/M5", "{{html .Nil}}", GIVES, "&lt;no value&gt;"},
    {"SP/M6", "{{.Nil.x}}", FAILS, "nil pointer evaluating interface {}.x"},
    {"SP/M7", "{{len .Nil}}", FAILS, "error calling len: len of nil pointer"},
    {"SP/M8", "{{range .Nil}}x{{else}}e{{end}}", GIVES, "e"},
    {"SP/M9", "{{.ChangedFiles}} {{.Empty}}", GIVES, "[a.go b.go] []"},
    {"SP/M10", "{{range $i, $f := .ChangedFiles}}{{if $i}}, {{end}}{{$i}}={{$f}}{{end}}", GIVES, "0=a.go, 1=b.go"},
    {"SP/M11", "{{range .ChangedFiles}}{{if eq . \"b.go\"}}{{break}}{{end}}{{.}};{{end}}", GIVES, "a.go;"},
    {"SP/M12", "{{range $k, $v := .A}}{{$k}}={{$v}}{{end}} {{.A}} {{len .A}}", GIVES, "k=v map[k:v] 1"},
    {"SP/M13", "{{.L}}", GIVES, "[1 x <nil>]"},
    {"SP/M13", "{{index .L 5}}", FAILS, "index out of range: 5"},
    {"SP/M13", "{{slice .L 1 2}}", GIVES, "[x]"},
    {"SP/M14", "{{.Payload.data.absent}}", FAILS, "prompt:1:10: executing \"prompt\" at <.Payload.data.absent>: map has no entry for key \"absent\""},
    {"SP/M15", "{{.Payload.data.n.x}}", FAILS, "can't evaluate field x in type interface {}"},
    {"SP/M16", "{{index .Payload \"nope\" \"deep\"}}", FAILS, "error calling index: index of nil pointer"},
    {"SP/M17", "{{.Payload.data.hyphen-key}}", FAILS, "bad character U+002D '-'"},
    {"SP/M18", "{{eq .Payload.data.n 3}} {{eq .Payload.data.n 3.0}} {{eq 3.0 .Payload.data.n}}", GIVES, "true true true"},
    {"SP/M19", "{{.Big}} {{.Huge}} {{.Half}}", GIVES, "1000000 1e+300 0.5"},
    {"SP/M20", "{{$c := index . \"Context\"}}[{{$c}}]", GIVES, "[<no value>]"},
    {"SP/M21", "{{eq .Nil nil}} {{eq .Nil \"x\"}} {{not .Empty}}", GIVES, "true false true"},
};

static const struct sample plain_options[] = {{"SP/M22", "{{.Missing}}", GIVES, "<no value>"}};

static const struct sample prompts[] = {
    {"SP/M23", "{{.Deps.scaffold.Results.branch}}={{index .Deps \"scaffold\" \"Results\" \"branch\"}}", GIVES, "feat=feat"},
    {"SP/M24", "{{index .Deps \"nope\" \"Results\" \"branch\"}}", FAILS, "index of nil pointer"},
    {"SP/M25", "[{{index .Deps \"scaffold\" \"Results\" \"nokey\"}}]", GIVES, "[]"},
    {"SP/M25", "{{.Deps.scaffold.Results.nokey}}", FAILS, "map has no entry for key"},
    {"SP/M26", "{{index .Deps \"scaffold\" \"Outputs\"}}", GIVES, "[o1 o2]"},
    {"SP/M26", "{{index .Deps \"scaffold\" \"Outputs\" 1}}", GIVES, "o2"},
    {"SP/M27", "{{.Title}}", FAILS, "map has no entry for key \"Title\""},
    {"TE/PR1", "Review branch {{ index .Deps \"a-b\" \"Results\" \"branch\" }}", GIVES, "Review branch x"},
    {"TE/PR2", "{{ index .Deps \"a-b\" \"Outputs\" }}", GIVES, "[branch: x pr: y]"},
    {"TE/PR3", "{{index .Deps \"a-b\" \"Name\"}}", GIVES, "a-b"},
    {"TE/PR4", "{{index .Deps \"a-b\" \"Results\" \"nokey\"}}", GIVES, ""},
    {"TE/PR5", "{{index .Deps \"plain\" \"Results\" \"pr\"}}", GIVES, ""},
    {"TE/PR8", "{{index .Deps \"zzz\"}}", GIVES, "<no value>"},
    {"TE/PR11", "{{index .Deps \"a-b\" \"Results\"}}", GIVES, "map[branch:x pr:y]"},
    {"TE/PR11", "{{index .Deps \"plain\" \"Outputs\"}}", GIVES, "[]"},
    {"TE/PR12", "{{range $k,$v := index .Deps \"a-b\" \"Results\"}}{{$k}}={{$v}};{{end}}", GIVES, "branch=x;pr=y;"},
    {"TE/PR13", "{{if index .Deps \"plain\" \"Results\" \"pr\"}}yes{{else}}no{{end}}", GIVES, "no"},
};

/* The reconciler uses the raw prompt after these; its own test claims those rows. */
static const struct sample raw_prompts[] = {
    {"PR6", "{{.Deps.plain.Results.nokey}}", FAILS, "map has no entry for key"},
    {"PR7", "{{index .Deps \"zzz\" \"Results\" \"k\"}}", FAILS, "index of nil pointer"},
    {"PR9", "{{.Deps.a-b.Results}}", FAILS, "bad character U+002D '-'"},
    {"PR10", "{{index .Deps \"a-b\" \"Outputs\" 5}}", FAILS, "index out of range: 5"},
    {"PR14", "${{ github.token }}", FAILS, "function \"github\" not defined"},
    {"PR14", "{{name}}", FAILS, "function \"name\" not defined"},
    {"PR16", "{{.Foo}}", FAILS, "map has no entry for key \"Foo\""},
};
/* clang-format on */

Test(template, renders_work_items_as_go_does)
{
    SCOPED(template_data) struct template_data *d = template_data_new();
    struct template_value v = item(d);

    check(items, ARRAY_LEN(items), "tmpl", 0, d, &v);
}

Test(template, renders_the_default_prompt)
{
    static const struct sample with = {
        "SP/T77", DEFAULT_PROMPT, GIVES,
        "Issue #42: Fix <b> & \"q\"\n\nLine1\nLine2\n\nComments:\nA comment"};
    SCOPED(template_data) struct template_data *d = template_data_new();
    SCOPED(buf) struct buf out = BUF_INIT;
    struct template_value v = item(d);
    struct err e = ERR_INIT;

    template_put(d, &v, "Comments", template_string(d, "A comment"));
    if (holds(&with, "tmpl", 0, d, &v))
        row_claim("SP/T77");
    template_put(d, &v, "Comments", template_string(d, ""));
    template_put(d, &v, "Number", template_int(5));
    cr_assert_eq(template_render("tmpl", DEFAULT_PROMPT, d, &v, 0, &out, &e), 0);
    cr_assert(strncmp(out.data, "Issue #5: ", 10) == 0 &&
              strstr(out.data, "Comments:") == NULL);
    row_claim("SP/T78");
}

Test(template, renders_objects_with_missing_keys_as_errors)
{
    SCOPED(template_data) struct template_data *d = template_data_new();
    json_t *json =
        json_loads("{\"ChangedFiles\":[\"a.go\",\"b.go\"],\"Empty\":[],\"Nil\":null,"
                   "\"A\":{\"k\":\"v\"},\"L\":[1.0,\"x\",null],\"Payload\":{\"data\":"
                   "{\"n\":3.0}},\"Big\":1000000.0,\"Huge\":1e300,\"Half\":0.5}",
                   0, NULL);
    struct template_value v = template_from_json(d, json);

    json_decref(json);
    check(objects, ARRAY_LEN(objects), "prompt", TEMPLATE_MISSING_KEY_ERROR, d, &v);
    check(plain_options, ARRAY_LEN(plain_options), "prompt", 0, d, &v);
}

static struct template_value
dependency(struct template_data *d, const char *name, size_t n,
           const char *const *outputs, const char *const *results)
{
    struct template_value v = template_map(d), lines = template_text_list(d),
                          map = template_text_map(d);

    for (size_t i = 0; i < n; i++) {
        template_append(d, &lines, template_string(d, outputs[i]));
        if (results[2 * i] != NULL)
            template_put(d, &map, results[2 * i], template_string(d, results[2 * i + 1]));
    }
    template_put(d, &v, "Name", template_string(d, name));
    template_put(d, &v, "Outputs", lines);
    template_put(d, &v, "Results", map);
    return v;
}

Test(template, renders_prompts_with_the_results_of_dependencies)
{
    SCOPED(template_data) struct template_data *d = template_data_new();
    struct template_value deps = template_map(d), v = template_map(d);

    template_put(d, &deps, "plain", dependency(d, "plain", 0, NULL, NULL));
    template_put(d, &deps, "a-b",
                 dependency(d, "a-b", 2, (const char *[]){"branch: x", "pr: y"},
                            (const char *[]){"branch", "x", "pr", "y"}));
    template_put(d, &deps, "scaffold",
                 dependency(d, "scaffold", 2, (const char *[]){"o1", "o2"},
                            (const char *[]){"branch", "feat", NULL, NULL}));
    template_put(d, &v, "Deps", deps);
    check(prompts, ARRAY_LEN(prompts), "prompt", TEMPLATE_MISSING_KEY_ERROR, d, &v);
    for (size_t i = 0; i < ARRAY_LEN(raw_prompts); i++)
        holds(&raw_prompts[i], "prompt", TEMPLATE_MISSING_KEY_ERROR, d, &v);
}

/* ---- limits ---- */

static enum err_code
failure(const char *text, struct err *e)
{
    SCOPED(template_data) struct template_data *d = template_data_new();
    SCOPED(buf) struct buf out = BUF_INIT;
    struct template_value v = item(d);

    *e = (struct err)ERR_INIT;
    cr_expect_eq(template_render("tmpl", text, d, &v, 0, &out, e), -1);
    cr_expect_eq(out.size, 0);
    return e->code;
}

Test(template, names_the_limit_that_it_hits)
{
    struct err e;

    cr_expect_eq(
        failure("{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}", &e),
        ERR_LIMIT);
    cr_expect(strstr(e.text, "exceeded maximum template depth") &&
                  strstr(e.text, "TEMPLATE_DEPTH"),
              "%s", e.text);
    cr_expect_eq(failure("{{range 100000000}}{{end}}", &e), ERR_LIMIT);
    cr_expect(strstr(e.text, "TEMPLATE_STEPS"), "%s", e.text);
    cr_expect_eq(failure("{{range 100}}{{printf \"%20000d\" 1}}{{end}}", &e), ERR_LIMIT);
    cr_expect(strstr(e.text, "TEMPLATE_OUTPUT_BYTES"), "%s", e.text);
    cr_expect_eq(failure("{{$x := \"ab\"}}{{range 40}}{{$x = print $x $x}}{{end}}", &e),
                 ERR_LIMIT);
    cr_expect(strstr(e.text, "TEMPLATE_OUTPUT_BYTES"), "%s", e.text);
    cr_expect_eq(failure("{{range 90}}{{$x := printf \"%900000d\" 1}}{{end}}", &e),
                 ERR_LIMIT);
    cr_expect(strstr(e.text, "TEMPLATE_MEMORY_BYTES"), "%s", e.text);
}

Test(template, refuses_deep_nesting_while_parsing)
{
    struct err e;
    char text[8192] = "";

    for (int i = 0; i <= LIMIT_TEMPLATE_DEPTH; i++)
        strcat(text, "{{if .ID}}");
    cr_expect_eq(failure(text, &e), ERR_LIMIT);
    strcpy(text, "{{");
    for (int i = 0; i <= LIMIT_TEMPLATE_DEPTH; i++)
        strcat(text, "(");
    cr_expect_eq(failure(text, &e), ERR_LIMIT);
    cr_expect(strstr(e.text, "TEMPLATE_DEPTH"), "%s", e.text);
}

Test(template, keeps_what_was_in_the_buffer_when_it_fails)
{
    SCOPED(template_data) struct template_data *d = template_data_new();
    SCOPED(buf) struct buf out = BUF_INIT;
    struct template_value v = item(d);
    struct err e = ERR_INIT;

    buf_add_str(&out, "before ");
    cr_assert_eq(template_render("tmpl", "abc{{.Nope}}", d, &v, 0, &out, &e), -1);
    cr_assert_str_eq(out.data, "before ");
    cr_assert_eq(template_render("tmpl", "{{.ID}}", d, &v, 0, &out, &e), 0);
    cr_assert_str_eq(out.data, "before 42");
}

Test(template, says_which_step_failed)
{
    struct err e;

    failure("{{", &e);
    cr_expect(strncmp(e.text, "parsing template: template: tmpl:1:", 35) == 0, "%s",
              e.text);
    failure("{{.Nope}}", &e);
    cr_expect(strncmp(e.text, "executing template: template: tmpl:1:2:", 39) == 0, "%s",
              e.text);
}
