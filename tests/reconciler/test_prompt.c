/* test_prompt.c - prompts with the results of dependencies. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/task/prompt.h"

static struct task_view *deps[3];

static const struct task_view *
lookup(void *arg, const struct task_view *of, const char *name)
{
    (void)arg;
    (void)of;
    for (size_t i = 0; deps[i] != NULL; i++)
        if (strcmp(deps[i]->view.meta.name, name) == 0)
            return deps[i];
    return NULL;
}

#define RAW NULL /* the prompt comes back as it is, with an error */

static const struct {
    const char *row, *prompt, *want;
} rows[] = {
    {"TE/PR1", "Review branch {{ index .Deps \"a-b\" \"Results\" \"branch\" }}",
     "Review branch x"},
    {"TE/PR2", "{{ index .Deps \"a-b\" \"Outputs\" }}", "[branch: x pr: y]"},
    {"TE/PR3", "{{index .Deps \"a-b\" \"Name\"}}", "a-b"},
    {"TE/PR4", "{{index .Deps \"a-b\" \"Results\" \"nokey\"}}", ""},
    {"TE/PR5", "{{index .Deps \"plain\" \"Results\" \"pr\"}}", ""},
    {"TE/PR6", "{{.Deps.plain.Results.nokey}}", RAW},
    {"TE/PR7", "{{index .Deps \"zzz\" \"Results\" \"k\"}}", RAW},
    {"TE/PR8", "{{index .Deps \"zzz\"}}", "<no value>"},
    {"TE/PR9", "{{.Deps.a-b.Results}}", RAW},
    {"TE/PR10", "{{index .Deps \"a-b\" \"Outputs\" 1}}", "pr: y"},
    {"TE/PR10", "{{index .Deps \"a-b\" \"Outputs\" 5}}", RAW},
    {"TE/PR11", "{{index .Deps \"a-b\" \"Results\"}}", "map[branch:x pr:y]"},
    {"TE/PR11", "{{index .Deps \"plain\" \"Outputs\"}}", "[]"},
    {"TE/PR12", "{{range $k,$v := index .Deps \"a-b\" \"Results\"}}{{$k}}={{$v}};{{end}}",
     "branch=x;pr=y;"},
    {"TE/PR13", "{{if index .Deps \"plain\" \"Results\" \"pr\"}}yes{{else}}no{{end}}",
     "no"},
    {"TE/PR14", "${{ github.token }}", RAW},
    {"TE/PR14", "{{name}}", RAW},
    {"TE/PR16", "{{.Foo}}", RAW},
};

Test(prompt, is_rendered_over_its_dependencies)
{
    deps[0] = make_task("a-b", "", "",
                        "'phase':'Succeeded','outputs':['branch: x','pr: y'],"
                        "'results':{'branch':'x','pr':'y'}");
    deps[1] = make_task("plain", "", "", "'phase':'Succeeded'");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        SCOPED(buf) struct buf out = BUF_INIT;
        struct err e = ERR_INIT;
        struct task_view *t = make_task("c", "", "'dependsOn':['a-b','plain']", "");
        t->prompt = rows[i].prompt;
        int result = prompt_render(t, lookup, NULL, &out, &e);
        cr_assert_eq(result, rows[i].want != NULL ? 0 : -1, "%s: %s", rows[i].prompt,
                     e.text);
        cr_assert_str_eq(buf_str(&out),
                         rows[i].want != NULL ? rows[i].want : rows[i].prompt, "%s",
                         rows[i].prompt);
        row_claim(rows[i].row);
    }
}

Test(prompt, of_a_task_without_dependencies_is_verbatim)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        SCOPED(buf) struct buf out = BUF_INIT;
        struct err e = ERR_INIT;
        struct task_view *t = make_task("c", "", "", "");
        t->prompt = rows[i].prompt;
        cr_assert_eq(prompt_render(t, lookup, NULL, &out, &e), 0);
        cr_assert_str_eq(buf_str(&out), rows[i].prompt);
    }
    row_claim("TE/PR15");
}
