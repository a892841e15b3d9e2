/* test_oldflags.c - flags of the original's controller. */
#include <criterion/criterion.h>

#include "supervisor/oldflags.h"

static struct flag rows[OLDFLAGS_N];
static char self[] = "kelos-supervisor";

/* Parses the flags; 0 or -1 with the text in *e. */
static int
map(char **argv, int argc, const char **level, const char **format, struct oldflags *o,
    struct err *e)
{
    const struct flag *tables[] = {rows};
    const size_t counts[] = {OLDFLAGS_N};
    int rest;

    *o = (struct oldflags){.devel = true};
    *level = "info";
    *format = "text";
    oldflags_table(o, rows);
    if (flags_parse(argc, argv, tables, counts, 1, &rest, e) != 0)
        return -1;
    return oldflags_map(o, level, format, e);
}

Test(oldflags, logging_is_mapped_and_telemetry_is_taken)
{
    static const struct {
        const char *flags[4], *level, *format;
    } cases[] = {
        {{NULL}, "info", "text"},
        {{"--zap-devel"}, "info", "text"},
        {{"--zap-devel=false"}, "info", "json"},
        {{"--zap-encoder=json", "--zap-log-level=debug"}, "debug", "json"},
        {{"--zap-devel=false", "--zap-encoder", "console"}, "info", "text"},
        {{"--zap-log-level", "5"}, "debug", "text"},
        {{"--zap-log-level=panic", "--zap-time-encoding=epoch"}, "error", "text"},
        {{"--zap-stacktrace-level", "error", "--telemetry-endpoint=https://x"},
         "info",
         "text"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *argv[6] = {self};
        const char *level, *format;
        struct oldflags o;
        struct err e = ERR_INIT;
        int argc = 1;
        while (argc < 5 && cases[i].flags[argc - 1] != NULL) {
            argv[argc] = (char *)cases[i].flags[argc - 1];
            argc++;
        }
        cr_assert_eq(map(argv, argc, &level, &format, &o, &e), 0, "%s", e.text);
        cr_assert_str_eq(level, cases[i].level, "case %zu", i);
        cr_assert_str_eq(format, cases[i].format, "case %zu", i);
        cr_assert_not(o.report);
    }
}

Test(oldflags, a_wrong_word_is_one_line_that_names_the_flag)
{
    static const char *const wrong[] = {"--zap-encoder=xml", "--zap-log-level=loud"};

    for (size_t i = 0; i < 2; i++) {
        char *argv[] = {self, (char *)wrong[i], NULL};
        const char *level, *format;
        struct oldflags o;
        struct err e = ERR_INIT;
        size_t name = strcspn(wrong[i], "=");
        cr_assert_eq(map(argv, 2, &level, &format, &o, &e), -1);
        cr_assert_eq(strncmp(e.text, wrong[i], name), 0, "%s", e.text);
    }
}
