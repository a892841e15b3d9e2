#include <criterion/criterion.h>
#include <string.h>

#include "common/flags.h"

struct values {
    const char *text;
    int64_t number;
    bool on;
    struct flag_list list;
};

static int
parse(struct values *v, const char *const *words, int *rest, struct err *e)
{
    const struct flag flags[] = {
        {"text", FLAG_TEXT, &v->text, "T", "a text"},
        {"number", FLAG_NUMBER, &v->number, "N", "a number"},
        {"on", FLAG_SWITCH, &v->on, NULL, "a switch"},
        {"list", FLAG_LIST, &v->list, "X", "a list"},
    };
    const struct flag *tables[] = {flags};
    const size_t counts[] = {ARRAY_LEN(flags)};
    char **argv = (char **)(uintptr_t)words;
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    return flags_parse(argc, argv, tables, counts, 1, rest, e);
}

Test(flags, takes_every_form)
{
    struct values v = {0};
    struct err e = ERR_INIT;
    const char *argv[] = {"p",      "--text", "a b",  "--number=-5", "--on", "--list=1",
                          "--list", "2",      "rest", "--on",        NULL};
    int rest;

    cr_assert_eq(parse(&v, argv, &rest, &e), 0, "%s", e.text);
    cr_expect_str_eq(v.text, "a b");
    cr_expect_eq(v.number, -5);
    cr_expect(v.on);
    cr_expect_eq(v.list.count, 2);
    cr_expect_str_eq(v.list.items[1], "2");
    cr_expect_eq(rest, 8);
}

Test(flags, a_switch_can_be_turned_off_and_two_dashes_end_the_flags)
{
    struct values v = {.on = true};
    struct err e = ERR_INIT;
    const char *argv[] = {"p", "--on=false", "--", "--text", NULL};
    int rest;

    cr_assert_eq(parse(&v, argv, &rest, &e), 0);
    cr_expect_not(v.on);
    cr_expect_eq(rest, 3);
}

Test(flags, bad_input_names_the_flag)
{
    static const char *const bads[][3] = {
        {"p", "--nope", NULL},     {"p", "--number=x", NULL},
        {"p", "--number=", NULL},  {"p", "--text", NULL},
        {"p", "--on=maybe", NULL}, {"p", "--number=99999999999999999999", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct values v = {0};
        struct err e = ERR_INIT;
        const char *argv[] = {bads[i][0], bads[i][1], NULL};
        int rest;

        cr_expect_eq(parse(&v, argv, &rest, &e), -1, "%zu", i);
        cr_expect_eq(e.code, ERR_INVALID);
        cr_expect_not_null(strstr(e.text, "--"), "%s", e.text);
    }
}

Test(flags, a_list_is_bounded)
{
    struct values v = {0};
    struct err e = ERR_INIT;
    const char *argv[FLAG_LIST_MAX + 3] = {"p"};
    int rest;

    for (int i = 1; i <= FLAG_LIST_MAX + 1; i++)
        argv[i] = "--list=x";
    cr_expect_eq(parse(&v, argv, &rest, &e), -1);
    cr_expect_eq(e.code, ERR_LIMIT);
}

Test(flags, help_is_told_apart)
{
    struct values v = {0};
    struct err e = ERR_INIT;
    const char *argv[] = {"p", "--help", NULL};
    int rest;

    cr_expect_eq(parse(&v, argv, &rest, &e), 1);
}
