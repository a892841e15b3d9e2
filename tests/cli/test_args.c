/* Flags and words of the command line. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/command.h"
#include "common/macros.h"
#include "tests/support/rows.h"

static const struct flag flags[] = {
    {.name = "output", .letter = 'o', .type = FLAG_STRING, .value = "FORMAT", .help = ""},
    {.name = "detail", .letter = 'd', .type = FLAG_BOOL, .help = ""},
    {.name = "all", .letter = 'A', .type = FLAG_BOOL, .help = ""},
    {.name = "env", .type = FLAG_ARRAY, .value = "NAME=VALUE", .help = ""},
    {.name = "phase", .type = FLAG_SLICE, .value = "PHASE", .help = ""},
    {.name = "help", .letter = 'h', .type = FLAG_BOOL, .help = ""},
};
static const struct flag needed[] = {
    {.name = "repo", .type = FLAG_STRING, .value = "URL", .help = "", .required = true},
};
static const struct flag_set sets[] = {FLAGS(flags)};

static struct args *
parse(const char *line, struct err *e)
{
    static char copy[512];
    char *words[32];
    size_t count = 0;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        words[count++] = strcmp(word, "''") == 0 ? (char *)"" : word;
    return args_parse(sets, 1, words, count, e);
}

Test(args, string_flags_take_their_value_in_every_form)
{
    static const char *const lines[] = {
        "--output yaml",
        "--output=yaml",
        "-o yaml",
        "-oyaml",
        "-o=yaml",
        "-o json -o yaml",
        "-do yaml",
        "-doyaml",
        "-d -A --output yaml",
        "word --output yaml",
    };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct err e = ERR_INIT;
        SCOPED(args) struct args *a = parse(lines[i], &e);

        cr_assert_not_null(a, "%s: %s", lines[i], e.text);
        cr_expect_str_eq(args_string(a, "output"), "yaml", "%s", lines[i]);
        cr_expect(args_given(a, "output"));
    }
}

Test(args, booleans_never_take_the_next_word)
{
    static const struct {
        const char *line;
        bool on;
        size_t words;
    } rows[] = {
        {"--detail", true, 0},     {"--detail=true", true, 0},
        {"--detail=0", false, 0},  {"--detail false", true, 1},
        {"-d", true, 0},           {"-d=F", false, 0},
        {"-dA", true, 0},          {"", false, 0},
        {"-- --detail", false, 1}, {"a b c", false, 3},
        {"a -d b", true, 2},       {"-", false, 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        SCOPED(args) struct args *a = parse(rows[i].line, &e);

        cr_assert_not_null(a, "%s: %s", rows[i].line, e.text);
        cr_expect_eq(args_bool(a, "detail"), rows[i].on, "%s", rows[i].line);
        cr_expect_eq(args_count(a), rows[i].words, "%s", rows[i].line);
    }
}

Test(args, mistakes_name_the_flag)
{
    static const struct {
        const char *line, *mentions;
    } rows[] = {
        {"--bogus", "--bogus"},     {"-x", "-x"},
        {"-dx", "-x in -dx"},       {"--output", "--output needs a value"},
        {"-o", "-o needs a value"}, {"--detail=maybe", "--detail=maybe"},
        {"--outp yaml", "--outp"},  {"--phase a,\"b", "not closed"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;

        cr_expect_null(parse(rows[i].line, &e), "%s", rows[i].line);
        cr_expect_not_null(strstr(e.text, rows[i].mentions), "%s: %s", rows[i].line,
                           e.text);
    }
}

Test(args, help_comes_before_mistakes)
{
    struct err e = ERR_INIT;
    SCOPED(args) struct args *a = parse("-h --bogus", &e);

    cr_assert_not_null(a);
    cr_expect(args_bool(a, "help"));
}

Test(args, arrays_are_verbatim_and_slices_are_split)
{
    struct err e = ERR_INIT;
    char *const *values;
    SCOPED(args)
    struct args *a =
        parse("--env A=1,2 --env B= --phase a,b --phase \"c,d\",e --phase ''", &e);

    cr_assert_not_null(a, "%s", e.text);
    cr_assert_eq(args_list(a, "env", &values), 2);
    cr_expect_str_eq(values[0], "A=1,2");
    cr_expect_str_eq(values[1], "B=");
    cr_assert_eq(args_list(a, "phase", &values), 4);
    cr_expect_str_eq(values[1], "b");
    cr_expect_str_eq(values[2], "c,d");
    cr_expect_str_eq(values[3], "e");
}

Test(args, an_empty_value_counts_as_given)
{
    struct err e = ERR_INIT;
    SCOPED(args) struct args *a = parse("--output ''", &e);

    cr_assert_not_null(a);
    cr_expect(args_given(a, "output"));
    cr_expect_str_eq(args_string(a, "output"), "");
    cr_expect_not(args_given(a, "env"));
}

Test(args, missing_required_flags_are_named)
{
    static const struct flag_set required[] = {FLAGS(needed)};
    struct err e = ERR_INIT;
    SCOPED(args) struct args *a = args_parse(required, 1, NULL, 0, &e);

    cr_assert_eq(args_required(a, &e), -1);
    cr_expect_not_null(strstr(e.text, "--repo"));
}

/* ---- finding the command ---- */

static const char *
find(const char *line, struct command_path *path, size_t *left)
{
    static char copy[512], name[128];
    char *words[32], *rest[32];
    size_t count = 0;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        words[count++] = word;
    *left = command_find(words, count, path, rest);
    return command_full_name(path, name, sizeof(name));
}

Test(command, words_lead_to_their_command)
{
    static const struct {
        const char *line, *name;
        size_t left;
    } rows[] = {
        {"", "kelos", 0},
        {"get tasks", "kelos get task", 0},
        {"get ws shop", "kelos get workspace", 1},
        {"-n team get task x", "kelos get task", 3},
        {"--namespace=team get ts -o yaml", "kelos get taskspawner", 3},
        {"get -A task", "kelos get task", 1},
        {"suspend ts a b", "kelos suspend taskspawner", 2},
        {"get foo", "kelos get", 1},
        {"foo get", "kelos", 2},
        {"help get task", "kelos help", 2},
        {"create ac x", "kelos create agentconfig", 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct command_path path;
        size_t left;

        cr_expect_str_eq(find(rows[i].line, &path, &left), rows[i].name, "%s",
                         rows[i].line);
        cr_expect_eq(left, rows[i].left, "%s: %zu", rows[i].line, left);
    }
}

static void
walk(const struct command *command, const struct command *parent)
{
    cr_expect_not_null(command->summary, "%s", command->name);
    cr_expect((command->run != NULL) != (command->children != NULL), "%s", command->name);
    for (size_t i = 0; i < command->flags.count; i++) {
        const struct flag *f = &command->flags.flags[i];

        cr_expect_not_null(f->help, "--%s of %s", f->name, command->name);
        cr_expect_eq(f->value == NULL, f->type == FLAG_BOOL, "--%s of %s", f->name,
                     command->name);
        for (size_t j = 0; j < i; j++) {
            cr_expect_str_neq(f->name, command->flags.flags[j].name);
            cr_expect(f->letter == 0 || f->letter != command->flags.flags[j].letter,
                      "-%c of %s twice", f->letter, command->name);
        }
    }
    for (size_t i = 0; command->children != NULL && command->children[i] != NULL; i++) {
        if (i > 0 && !command->children[i]->hidden)
            cr_expect_lt(
                strcmp(command->children[i - 1]->name, command->children[i]->name), 0,
                "order of %s", command->children[i]->name);
        walk(command->children[i], command);
    }
    if (parent != NULL && parent->run == NULL && command->run == NULL)
        cr_expect_not_null(command->choices, "%s", command->name);
}

Test(command, every_row_of_the_table_is_whole)
{
    walk(&command_root, NULL);
}

Test(command, get_has_the_flags_of_a_detail_view)
{
    static const char *const kinds[] = {"task", "taskspawner", "workspace",
                                        "agentconfig"};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct command_path path;
        struct flag_set found[MAX_FLAG_SETS];
        char line[64];
        size_t left;

        snprintf(line, sizeof(line), "get %s", kinds[i]);
        find(line, &path, &left);
        size_t n = command_flag_sets(&path, found);
        const struct flag *detail = args_find(found, n, "detail", 6);
        cr_assert_not_null(detail);
        cr_expect_eq(detail->letter, 'd');
        cr_expect_eq(detail->type, FLAG_BOOL);
        cr_expect_eq(args_find(found, n, "phase", 5) != NULL, i <= 1);
    }
    row_claim("CLI/A18");
}
