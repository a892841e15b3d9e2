/* test_regex.c - the expressions that schemas use, and those that break backtrackers. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/macros.h"
#include "local/apiserver/schema/regex.h"

struct match_case {
    const char *pattern, *text;
    bool matches;
};

Test(regex, matches_what_re2_matches)
{
    static const struct match_case rows[] = {
        {"abc", "xabcx", true},
        {"^abc$", "abc", true},
        {"^abc$", "xabc", false},
        {"a.c", "a\nc", false},
        {"(?s)a.c", "a\nc", true},
        {"a|b|", "", true},
        {"^(ab|cd)+$", "abcdab", true},
        {"^(ab|cd)+$", "abc", false},
        {"^a{2,3}$", "aa", true},
        {"^a{2,3}$", "aaaa", false},
        {"^a{2}$", "aa", true},
        {"^a{2,}$", "aaaaa", true},
        {"^a{0,1}b$", "b", true},
        {"a{x", "a{x", true},
        {"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "a-b", true},
        {"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "a-", false},
        {"^[^/]+$", "a/b", false},
        {"^[]x]+$", "]x", true},
        {"^\\d+\\.\\d+$", "12.5", true},
        {"^\\w+$", "a_1", true},
        {"^\\S+$", "a b", false},
        {"\\bfoo\\b", "a foo b", true},
        {"\\bfoo\\b", "afoob", false},
        {"(?i)^HELLO$", "hello", true},
        {"^(?:a|b)c$", "bc", true},
        {"^[[:alpha:]]+$", "abC", true},
        {"^[[:^space:]]+$", "a b", false},
        {"^.$", "\u00e9", true},
        {"^[\u00e0-\u00ff]$", "\u00e9", true},
        {"^(a*)*$", "aaaa", true},
        {"^(a|aa)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false},
        {"x*", "", true},
        {"^\\x41\\x{42}$", "AB", true},
        {"^a\\.b$", "axb", false},
        {"^(https?|git)://[^/[:space:]]+/[^[:space:]]+$", "https://example.com/a/b.git",
         true},
        {"^(https?|git)://[^/[:space:]]+/[^[:space:]]+$", "https://", false},
        {"^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-"
         ")?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$",
         "500m", true},
        {"^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-"
         ")?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$",
         "4 GB", false},
        {"(?m)^b$", "a\nb\nc", true},
        {"a+?", "aa", true},
        {"(?P<n>a)b", "ab", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        SCOPED(regex) struct regex *r = regex_compile(rows[i].pattern, &e);

        cr_assert(r != NULL, "%s: %s", rows[i].pattern, e.text);
        cr_expect_eq(regex_match(r, rows[i].text, strlen(rows[i].text)), rows[i].matches,
                     "%s on %s", rows[i].pattern, rows[i].text);
    }
}

Test(regex, refuses_what_is_no_expression)
{
    static const char *const bads[] = {
        "(", ")", "[a", "a**", "*a", "\\", "a{2000}", "[z-a]", "(?x)", "\\q",
        "[[:nope:]]", "((((a{1000}){1000}){1000}){1000})", "\\p{Lu", "\\P",
        /* no code comes of these, but each level doubles the work, or makes it 1000 times as much */
        "((((((((((((((((((((((((((((((a{1}){1}){1}){1}){1}){1}){1}){1}){1}){1}){1}){1}){"
        "1}){1}){1})"
        "{1}){1}){1}){1}){1}){1}){1}){1}){1}){1}){1}){1}){1}){1}){1})",
        "((((([a]{0}){1000}){1000}){1000}){1000})"};

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct err e = ERR_INIT;
        SCOPED(regex) struct regex *r = regex_compile(bads[i], &e);

        cr_expect(r == NULL, "%s", bads[i]);
        cr_expect(e.text[0] != '\0', "%s", bads[i]);
    }
}

Test(regex, finds_the_leftmost_match)
{
    struct err e = ERR_INIT;
    SCOPED(regex) struct regex *r = regex_compile("[0-9]+", &e);
    size_t start, end;

    cr_assert(r != NULL);
    cr_assert(regex_find(r, "ab123c45", 8, 0, &start, &end));
    cr_expect_eq(start, 2u);
    cr_expect_eq(end, 5u);
    cr_assert(regex_find(r, "ab123c45", 8, 5, &start, &end));
    cr_expect_eq(start, 6u);
    cr_expect_eq(end, 8u);
    cr_expect_not(regex_find(r, "abc", 3, 0, &start, &end));
}
