#include <criterion/criterion.h>
#include <string.h>

#include "common/macros.h"
#include "spawner/glob.h"
#include "tests/support/rows.h"

static const struct {
    const char *pattern, *path;
    bool fits;
} pairs[] = {
    {"*.go", "main.go", true},
    {"*.go", "cmd/main.go", false},
    {"**/*.go", "main.go", true},
    {"**/*.go", "a/b/main.go", true},
    {"a/**", "a", true},
    {"a/**", "a/b/c", true},
    {"a/**", "ab/c", false},
    {"**", "any/thing", true},
    {"a/**/z/**/m", "a/x/z/y/z/m", true},
    {"a/**/z/m", "a/z/x/z/m", true},
    {"a/**/z/m", "a/z/x/m", false},
    {"a**b", "axxb", true},
    {"a**b", "ax/xb", false},
    {"?.c", "x.c", true},
    {"?.c", "/.c", false},
    {"src/?/x", "src/a/x", true},
    {"[a-c]x", "bx", true},
    {"[!a-c]x", "bx", false},
    {"[^a-c]x", "dx", true},
    {"[]]x", "]x", true},
    {"[a-]x", "-x", true},
    {"a[/]b", "a/b", false},
    {"{a,b/c}/*.md", "b/c/x.md", true},
    {"{a,{b,c}}d", "cd", true},
    {"{a,b}d", "cd", false},
    {"x{,y}", "x", true},
    {"\\*.go", "*.go", true},
    {"\\*.go", "x.go", false},
    {"a\\{b", "a{b", true},
    {"a,b", "a,b", true},
    /* broken: they match nothing, not even themselves */
    {"[a", "[a", false},
    {"{a", "{a", false},
    {"a}", "a}", false},
    {"a\\", "a\\", false},
    {"", "a", false},
    {"*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    {"{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "x", false},
};

Test(glob, patterns_match_paths_as_described)
{
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        cr_expect_eq(glob_match(pairs[i].pattern, pairs[i].path), pairs[i].fits,
                     "%s over %s", pairs[i].pattern, pairs[i].path);
}

static const struct {
    const char *row, *files[4], *include[2], *exclude[2];
    bool wants;
} rows[] = {
    {"SP/Z1", {"foo.go", "bar.md"}, {NULL}, {NULL}, true},
    {"SP/Z2",
     {"internal/auth/handler.go", "README.md"},
     {"internal/auth/**"},
     {NULL},
     true},
    {"SP/Z3", {"docs/guide.md", "README.md"}, {"internal/**"}, {NULL}, false},
    {"SP/Z4", {"internal/auth/handler.go", "vendor/lib.go"}, {NULL}, {"vendor/**"}, true},
    {"SP/Z5",
     {"internal/a.go", "internal/a_test.go"},
     {"internal/**"},
     {"**/*_test.go"},
     true},
    {"SP/Z6", {"docs/guide.md", "README.md"}, {NULL}, {"docs/**", "*.md"}, false},
    {"SP/Z7",
     {"docs/guide.md", "internal/handler.go"},
     {NULL},
     {"docs/**", "*.md"},
     true},
    {"SP/Z8", {"vendor/x.go", "main.go"}, {"**/*.go"}, {"vendor/**"}, true},
    {"SP/Z8", {"vendor/x.go"}, {"**/*.go"}, {"vendor/**"}, false},
    {"SP/Z9", {NULL}, {"*.go"}, {NULL}, false},
    {"SP/Z9", {NULL}, {NULL}, {"*.md"}, false},
    {"SP/Z10", {"a/b/c/deep.go"}, {"a/**/deep.go"}, {NULL}, true},
};

static size_t
length(const char *const *list, size_t room)
{
    size_t n = 0;

    while (n < room && list[n] != NULL)
        n++;
    return n;
}

Test(glob, include_and_exclude_choose_by_the_files)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct texts include = {(const char **)rows[i].include,
                                      length(rows[i].include, 2)};
        const struct texts exclude = {(const char **)rows[i].exclude,
                                      length(rows[i].exclude, 2)};

        cr_assert_eq(
            glob_wants(&include, &exclude, rows[i].files, length(rows[i].files, 4)),
            rows[i].wants, "%s", rows[i].row);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        row_claim(rows[i].row);
}
