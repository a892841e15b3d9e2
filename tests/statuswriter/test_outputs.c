/* test_outputs.c - the marker block, read from logs and written. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "common/macros.h"
#include "common/utf8.h"
#include "statuswriter/outputs.h"
#include "tests/support/rows.h"

#define S OUTPUTS_START "\n"
#define E OUTPUTS_END "\n"

/* Reads `log` in pieces of `step` bytes. */
static int
read_log(const char *log, size_t size, size_t step, struct outputs *out)
{
    SCOPED(outputs_reader) struct outputs_reader *r = outputs_reader_new();
    struct err e = ERR_INIT;

    for (size_t i = 0; i < size; i += step)
        outputs_reader_feed(r, log + i, size - i < step ? size - i : step);
    return outputs_reader_end(r, out, &e);
}

static int
read_text(const char *log, struct outputs *out)
{
    return read_log(log, strlen(log), strlen(log) + 1, out);
}

Test(outputs, finds_nothing_where_nothing_is_complete)
{
    static const char *const logs[] = {
        "", "no markers\n", S E, S "  \n\t\n" E, S "a: b\n", "a: b\n" E, E "a: b\n" S,
    };
    for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
        struct outputs o = {0};
        cr_expect_eq(read_text(logs[i], &o), 0, "log %zu", i);
        cr_expect_eq(o.line_count, 0);
    }
    row_claim("TE/OP1");
}

Test(outputs, gives_lines_in_order_and_the_last_of_equal_keys)
{
    SCOPED(outputs) struct outputs one = {0};
    cr_assert_eq(read_text(S "branch: kelos-task-123\n" E, &one), 1);
    cr_assert_eq(one.line_count, 1);
    cr_assert_str_eq(one.lines[0], "branch: kelos-task-123");
    cr_assert_eq(one.result_count, 1);
    cr_assert_str_eq(outputs_result(&one, "branch"), "kelos-task-123");
    row_claim("TE/OP2");

    SCOPED(outputs) struct outputs two = {0};
    cr_assert_eq(read_text(S "branch: b\npr: https://x/1\npr: https://x/2\n" E, &two), 1);
    cr_assert_eq(two.line_count, 3);
    cr_assert_str_eq(two.lines[1], "pr: https://x/1");
    cr_assert_eq(two.result_count, 2);
    cr_assert_str_eq(outputs_result(&two, "pr"), "https://x/2");
    row_claim("TE/OP3");
}

Test(outputs, takes_only_the_block_from_a_noisy_log)
{
    SCOPED(outputs) struct outputs o = {0};
    cr_assert_eq(read_text("{\"x\": 1}\nbranch: wrong\n" S "  branch: right  \r\n\n" E
                           "pr: wrong\n",
                           &o),
                 1);
    cr_assert_eq(o.line_count, 1);
    cr_assert_str_eq(o.lines[0], "branch: right");
    row_claim("TE/OP4");
}

Test(outputs, knows_the_seven_keys_and_any_other)
{
    static const char *const keys[] = {"branch",       "pr",       "commit",
                                       "base-branch",  "cost-usd", "input-tokens",
                                       "output-tokens"};
    SCOPED(outputs) struct outputs o = {0};
    cr_assert_eq(read_text(S "branch: b\npr: u\ncommit: c\nbase-branch: m\ncost-usd: "
                             "0.5\ninput-tokens: 1\n"
                             "output-tokens: 2\n" E,
                           &o),
                 1);
    cr_assert_eq(o.line_count, 7);
    cr_assert_eq(o.result_count, 7);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        cr_expect_str_eq(o.results[i].key, keys[i]);
    row_claim("TE/OP5");

    SCOPED(outputs) struct outputs odd = {0};
    cr_assert_eq(read_text(S "no-separator-here\n" E, &odd), 1);
    cr_assert_eq(odd.line_count, 1);
    cr_assert_eq(odd.result_count, 0);
    row_claim("TE/OP6");

    SCOPED(outputs) struct outputs colons = {0};
    cr_assert_eq(read_text(S "message: hello: world\n: no key\nurl:none\n" E, &colons),
                 1);
    cr_assert_eq(colons.line_count, 3);
    cr_assert_eq(colons.result_count, 1);
    cr_assert_str_eq(outputs_result(&colons, "message"), "hello: world");
    row_claim("TE/OP7");
}

Test(outputs, has_no_results_without_lines)
{
    SCOPED(outputs) struct outputs o = {0};
    cr_assert_eq(read_text("nothing\n", &o), 0);
    cr_assert_eq(o.result_count, 0);
    cr_assert_null(outputs_result(&o, "branch"));
    row_claim("TE/OP8");
}

Test(outputs, believes_the_last_complete_block_and_whole_lines_only)
{
    static const struct {
        const char *log, *want;
    } rows[] = {
        {S "a: 1\n" E S "a: 2\n" E "after\n", "2"},
        {S "a: 1\n" E S "a: 2\n", "1"},
        {S "a: 1\n" S "a: 2\n" E, "2"},
        {S "a: 1\n" E "a: 2\n" E, "1"},
        {"I will print " OUTPUTS_START " later\n" S "a: 1\n" E "and " OUTPUTS_END "\n",
         "1"},
        {"---AXON_OUTPUTS_START---\na: 1\n---AXON_OUTPUTS_END---\n", "1"},
        {S "a: 1\n---AXON_OUTPUTS_END---\n" E, "1"},
        {S "a: 1\n" OUTPUTS_END, "1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(outputs) struct outputs o = {0};
        cr_assert_eq(read_text(rows[i].log, &o), 1, "row %zu", i);
        cr_expect_str_eq(outputs_result(&o, "a"), rows[i].want, "row %zu", i);
    }
    row_claim("ADD/SA8");
    row_claim("TE/W-O2");
}

Test(outputs, reads_a_stream_cut_anywhere)
{
    static const char log[] = "noise\n" S "branch: b\npr: u\n" E "tail\n";
    for (size_t step = 1; step < sizeof log; step++) {
        SCOPED(outputs) struct outputs o = {0};
        cr_assert_eq(read_log(log, sizeof log - 1, step, &o), 1, "step %zu", step);
        cr_assert_eq(o.line_count, 2, "step %zu", step);
    }
}

Test(outputs, stays_within_its_limits_and_says_so)
{
    SCOPED(buf) struct buf log = BUF_INIT;
    SCOPED(outputs) struct outputs o = {0};

    buf_add_str(&log, S);
    for (int i = 0; i < LIMIT_OUTPUTS_LINES + 50; i++)
        buf_printf(&log, "k%d: v\n", i);
    buf_add_str(&log, E);
    cr_assert_eq(read_log(log.data, log.size, 4096, &o), 1);
    cr_assert_eq(o.line_count, LIMIT_OUTPUTS_LINES);
    cr_assert(o.truncated);

    SCOPED(outputs) struct outputs big = {0};
    buf_clear(&log);
    buf_add_str(&log, S "a: 1\nlong: ");
    for (int i = 0; i < LIMIT_OUTPUTS_LINE_BYTES; i++)
        buf_add_char(&log, 'x');
    buf_add_str(&log, "\nb: 2\n" E);
    cr_assert_eq(read_log(log.data, log.size, 1000, &big), 1);
    cr_assert_eq(big.line_count, 2);
    cr_assert(big.truncated);
    cr_assert_str_eq(outputs_result(&big, "b"), "2");
}

Test(outputs, counts_what_its_lines_are_as_json)
{
    SCOPED(buf) struct buf log = BUF_INIT;
    SCOPED(outputs) struct outputs o = {0};
    size_t json = 0;

    buf_add_str(&log, S);
    for (int i = 0; i < 70; i++) {
        buf_printf(&log, "k%d: ", i);
        for (int n = 0; n < 7400; n++)
            buf_add_char(&log, "\"\\\t\x01"[n % 4]);
        buf_add_str(&log, "x\n");
    }
    buf_add_str(&log, E);
    cr_assert_eq(read_log(log.data, log.size, 4096, &o), 1);
    cr_assert(o.truncated);
    cr_assert_gt(o.line_count, 10);
    cr_assert_lt(o.line_count, 70);
    for (size_t i = 0; i < o.line_count; i++) {
        json_t *line = json_string(o.lines[i]);
        char *text = json_dump_compact(line);
        json += strlen(text) + 1;
        free(text);
        json_decref(line);
    }
    cr_assert_leq(json, LIMIT_OUTPUTS_BYTES);
}

Test(outputs, gives_utf8_whatever_the_log_held)
{
    static const char log[] = S "a: \xff\xfe ok\0x\nb: \xc3\xa4\n" E;
    SCOPED(outputs) struct outputs o = {0};
    cr_assert_eq(read_log(log, sizeof log - 1, 7, &o), 1);
    for (size_t i = 0; i < o.line_count; i++)
        cr_expect(utf8_valid(o.lines[i], strlen(o.lines[i])));
    cr_assert_str_eq(outputs_result(&o, "b"), "\xc3\xa4");
}

Test(outputs, keeps_the_last_lines_as_a_tail)
{
    SCOPED(outputs_reader) struct outputs_reader *r = outputs_reader_new();
    outputs_reader_feed(r, "first\nsecond", 12);
    cr_assert_str_eq(outputs_reader_tail(r), "first\nsecond");
    for (int i = 0; i < 4000; i++)
        outputs_reader_feed(r, "0123456\n", 8);
    const char *tail = outputs_reader_tail(r);
    cr_assert_leq(strlen(tail), OUTPUTS_TAIL_BYTES);
    cr_assert_eq(strncmp(tail, "0123456\n", 8), 0);
}

Test(outputs, reads_usage_only_from_plausible_numbers)
{
    static const struct {
        const char *cost, *in, *out;
        double want_cost, want_in, want_out;
        const char *row;
    } rows[] = {
        {"2.35", "15000", "3000", 2.35, 15000, 3000, "TE/US1"},
        {"2.35", NULL, NULL, 2.35, 0, 0, "TE/US2"},
        {"not-a-number", "1000", NULL, 0, 1000, 0, "TE/US4"},
        {"-1", "-5", "-6", 0, 0, 0, "TE/US5"},
        {"+Inf", "nan", "1e400", 0, 0, 0, NULL},
        {"1e9", "12x", "", 0, 0, 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(buf) struct buf log = BUF_INIT;
        SCOPED(outputs) struct outputs o = {0};
        struct outputs_usage u;
        buf_add_str(&log, S "x: y\n");
        if (rows[i].cost != NULL)
            buf_printf(&log, "cost-usd: %s\n", rows[i].cost);
        if (rows[i].in != NULL)
            buf_printf(&log, "input-tokens: %s\n", rows[i].in);
        if (rows[i].out != NULL)
            buf_printf(&log, "output-tokens: %s\n", rows[i].out);
        buf_add_str(&log, E);
        cr_assert_eq(read_text(log.data, &o), 1);
        bool any = outputs_usage(&o, &u);
        cr_expect_float_eq(u.cost_usd, rows[i].want_cost, 1e-12, "row %zu", i);
        cr_expect_float_eq(u.input_tokens, rows[i].want_in, 1e-12, "row %zu", i);
        cr_expect_float_eq(u.output_tokens, rows[i].want_out, 1e-12, "row %zu", i);
        cr_expect_eq(any, rows[i].want_cost + rows[i].want_in + rows[i].want_out > 0);
    }
}

Test(outputs, writes_what_it_reads)
{
    char *lines[] = {(char *)"branch: b", (char *)"odd: two\nlines"};
    SCOPED(buf) struct buf out = BUF_INIT;
    SCOPED(outputs) struct outputs o = {0};

    cr_assert_eq(outputs_write(&out, lines, 0), 0);
    cr_assert_eq(out.size, 0);
    cr_assert_eq(outputs_write(&out, lines, 2), 0);
    cr_assert_eq(read_text(out.data, &o), 1);
    cr_assert_eq(o.line_count, 2);
    cr_assert_str_eq(o.lines[1], "odd: two lines");
}

static struct outputs_signs
signs_of(const char *log)
{
    SCOPED(outputs_reader) struct outputs_reader *r = outputs_reader_new();
    struct outputs o = {0};
    struct err e = ERR_INIT;

    for (; *log != '\0'; log++)
        outputs_reader_feed(r, log, 1);
    outputs_reader_end(r, &o, &e);
    outputs_clear(&o);
    return outputs_reader_signs(r);
}

Test(outputs, knows_what_the_image_says_of_itself)
{
    static const struct {
        const char *log;
        unsigned level;
        bool setup;
    } cases[] = {
        {"", 0, false},
        {OUTPUTS_INTERFACE "1\n" OUTPUTS_SETUP "\nx\n", 1, true},
        {OUTPUTS_INTERFACE "12", 12, false},
        {OUTPUTS_SETUP, 0, true},
        {OUTPUTS_INTERFACE "\n" OUTPUTS_INTERFACE "x\n", 0, false},
        {OUTPUTS_INTERFACE "99999999999\n", 0, false},
        {"says " OUTPUTS_SETUP "\nand " OUTPUTS_INTERFACE "1\n", 0, false},
        {S OUTPUTS_SETUP "\n" OUTPUTS_INTERFACE "1\n" E, 0, false}, /* what a run made */
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct outputs_signs s = signs_of(cases[i].log);
        cr_expect_eq(s.level, cases[i].level, "%zu", i);
        cr_expect_eq(s.setup, cases[i].setup, "%zu", i);
    }
}

Test(outputs, a_tail_is_without_the_line_about_the_interface)
{
    static const struct {
        const char *log, *tail;
    } cases[] = {
        {OUTPUTS_INTERFACE "1\none\ntwo\n", "one\ntwo\n"},
        {"one\n" OUTPUTS_INTERFACE "1\ntwo", "one\ntwo"},
        {OUTPUTS_INTERFACE "1", ""},
        {"x " OUTPUTS_INTERFACE "1\n", "x " OUTPUTS_INTERFACE "1\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(outputs_reader) struct outputs_reader *r = outputs_reader_new();
        outputs_reader_feed(r, cases[i].log, strlen(cases[i].log));
        cr_expect_str_eq(outputs_reader_tail(r), cases[i].tail, "%zu", i);
    }
}
